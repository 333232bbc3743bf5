// What a pickle says, as plain data: a graph of values. Nothing here can run anything; a "call" is
// a note that the file asks for one, and the readers of each format decide what it means.
//
// The graph may share values and may contain cycles (the memo of a pickle allows both), so nobody
// walks it blindly: readers follow the fixed paths of their format, and values are freed as one
// flat pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vernissage {

/// What the names that a pickle mentions stand for. Those on the list below have a meaning here;
/// any other is `unknown`: its object stays opaque, and whoever needs it refuses it by its name.
enum class Global {
  unknown,
  ordered_dict,
  set,
  namespace_,
  easy_dict,
  default_dict,
  byte_string,  // bytes, bytearray
  latin1_encode,
  reconstructor,      // copyreg._reconstructor: how protocols 0 and 1 make objects
  persistent_object,  // torch_utils.persistence._reconstruct_persistent_obj
  tf_network,         // dnnlib.tflib.network.Network
  rebuild_tensor,     // torch._utils._rebuild_tensor_v2
  rebuild_parameter,  // torch._utils._rebuild_parameter, _rebuild_parameter_with_state
  load_from_bytes,    // torch.storage._load_from_bytes
  torch_size,
  torch_device,
  float_storage,
  half_storage,
  bfloat16_storage,
  double_storage,
  long_storage,
  int_storage,
  short_storage,
  char_storage,
  byte_storage,
  bool_storage,
  numpy_ndarray,
  numpy_dtype,
  numpy_scalar,
  numpy_reconstruct,
  numpy_frombuffer,
  script_class,  // of a __torch__ module: on no list, TorchScript archives alone may name one
};

struct GlobalName {
  const char* module;
  const char* name;
  Global global;
};
/// The names that have a meaning; several spellings may stand for one.
std::span<const GlobalName> known_globals();
/// Whether a name is one of those that run programs, code or commands: os.system, builtins.eval. No
/// weights need them, so a file that mentions one is refused.
bool runs_code(std::string_view module, std::string_view name);
/// "torch._utils._rebuild_tensor_v2", for messages.
std::string global_text(Global global);

enum class PickleKind {
  none,
  boolean,
  integer,
  big_integer,  // beyond 64 bits: kept as its bytes
  real,
  text,
  bytes,
  tuple,
  list,
  dict,
  set,
  global,
  call,        // REDUCE or NEWOBJ: callee, arguments; then items, entries and state (BUILD)
  persistent,  // BINPERSID: its tuple is `arguments`
};

struct PickleValue {
  PickleKind kind = PickleKind::none;
  Global global{};      // kind global: itself; kind call: the callee
  uint64_t offset = 0;  // of its opcode, from the start of the file
  int64_t integer = 0;  // integer, boolean
  double real = 0;      // real
  // bytes, big_integer, text (UTF-8, checked); of an unknown global or its call: "module.name"
  std::span<const std::byte> bytes;
  const PickleValue* arguments = nullptr;  // call: a tuple; persistent: its id
  const PickleValue* state = nullptr;      // call: what BUILD gave, or null
  std::vector<const PickleValue*> items;   // tuple, list, set
  std::vector<std::pair<const PickleValue*, const PickleValue*>>
      entries;  // dict, call of a mapping

  bool is_none() const { return kind == PickleKind::none; }
  bool is_call(Global callee) const { return kind == PickleKind::call && global == callee; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

/// "a list", "the text \"relu6\"", "a call of numpy.dtype": for messages; short whatever the value.
std::string describe(const PickleValue& value);
/// A string of the file made fit for one line of a terminal: control characters escaped, shortened.
std::string printable(std::string_view text);

/// dict, OrderedDict, EasyDict or defaultdict?
bool is_mapping(const PickleValue& value);
/// The value under a text key, or null; the last one wins, as in Python. `value` must be a mapping.
const PickleValue* find(const PickleValue& value, std::string_view key);

/// The value as what it must be. Throw ParseError at its offset: "<what>: expected an integer, got
/// a list". Numbers may also be numpy scalars.
int64_t to_integer(const PickleValue& value, const std::string& what);
double to_number(const PickleValue& value, const std::string& what);
/// Also of 0 and 1, as Python takes them.
bool to_boolean(const PickleValue& value, const std::string& what);
/// A view into the document: a file may name one long text many times, so it is not copied for the
/// asking.
std::string_view to_text(const PickleValue& value, const std::string& what);
const PickleValue& to_mapping(const PickleValue& value, const std::string& what);
/// A tuple or a list.
std::span<const PickleValue* const> to_sequence(const PickleValue& value, const std::string& what);

}  // namespace vernissage
