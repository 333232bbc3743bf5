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

/// The names a pickle may mention: all that genuine checkpoints use, and no other.
enum class Global {
  ordered_dict,
  set,
  namespace_,
  easy_dict,
  latin1_encode,
  persistent_object,  // torch_utils.persistence._reconstruct_persistent_obj
  tf_network,         // dnnlib.tflib.network.Network
  rebuild_tensor,     // torch._utils._rebuild_tensor_v2
  rebuild_parameter,  // torch._utils._rebuild_parameter
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
  script_class,  // of a __torch__ module: on no list, TorchScript archives alone may name one
};

struct GlobalName {
  const char* module;
  const char* name;
  Global global;
};
/// The allow-list; several spellings may stand for one meaning.
std::span<const GlobalName> allowed_globals();
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
  call,        // REDUCE or NEWOBJ: callee, arguments; then items (SETITEMS) and state (BUILD)
  persistent,  // BINPERSID: its tuple is `arguments`
};

struct PickleValue {
  PickleKind kind = PickleKind::none;
  Global global{};                         // kind global: itself; kind call: the callee
  uint64_t offset = 0;                     // of its opcode, from the start of the file
  int64_t integer = 0;                     // integer, boolean
  double real = 0;                         // real
  std::span<const std::byte> bytes;        // bytes, big_integer, text (UTF-8, checked)
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

/// dict, OrderedDict or EasyDict?
bool is_mapping(const PickleValue& value);
/// The value under a text key, or null; the last one wins, as in Python. `value` must be a mapping.
const PickleValue* find(const PickleValue& value, std::string_view key);

/// The value as what it must be. Throw ParseError at its offset: "<what>: expected an integer, got
/// a list". Numbers may also be numpy scalars.
int64_t to_integer(const PickleValue& value, const std::string& what);
double to_number(const PickleValue& value, const std::string& what);
bool to_boolean(const PickleValue& value, const std::string& what);
/// A view into the document: a file may name one long text many times, so it is not copied for the
/// asking.
std::string_view to_text(const PickleValue& value, const std::string& what);
const PickleValue& to_mapping(const PickleValue& value, const std::string& what);
/// A tuple or a list.
std::span<const PickleValue* const> to_sequence(const PickleValue& value, const std::string& what);

}  // namespace vernissage
