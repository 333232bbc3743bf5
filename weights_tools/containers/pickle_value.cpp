#include "weights_tools/containers/pickle_value.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/error.h"
#include "weights_tools/containers/numpy_value.h"

namespace vernissage {
namespace {

constexpr std::array kKnown{
    GlobalName{"collections", "OrderedDict", Global::ordered_dict},
    GlobalName{"collections", "defaultdict", Global::default_dict},
    GlobalName{"builtins", "set", Global::set},
    GlobalName{"__builtin__", "set", Global::set},
    GlobalName{"builtins", "frozenset", Global::set},
    GlobalName{"__builtin__", "frozenset", Global::set},
    GlobalName{"builtins", "bytes", Global::byte_string},
    GlobalName{"__builtin__", "bytes", Global::byte_string},
    GlobalName{"builtins", "bytearray", Global::byte_string},
    GlobalName{"__builtin__", "bytearray", Global::byte_string},
    GlobalName{"copyreg", "_reconstructor", Global::reconstructor},
    GlobalName{"copy_reg", "_reconstructor", Global::reconstructor},
    GlobalName{"argparse", "Namespace", Global::namespace_},
    GlobalName{"dnnlib.util", "EasyDict", Global::easy_dict},
    GlobalName{"_codecs", "encode", Global::latin1_encode},
    GlobalName{"torch_utils.persistence", "_reconstruct_persistent_obj", Global::persistent_object},
    GlobalName{"dnnlib.tflib.network", "Network", Global::tf_network},
    GlobalName{"torch._utils", "_rebuild_tensor_v2", Global::rebuild_tensor},
    GlobalName{"torch._utils", "_rebuild_parameter", Global::rebuild_parameter},
    GlobalName{"torch._utils", "_rebuild_parameter_with_state", Global::rebuild_parameter},
    GlobalName{"torch.storage", "_load_from_bytes", Global::load_from_bytes},
    GlobalName{"torch", "Size", Global::torch_size},
    GlobalName{"torch", "device", Global::torch_device},
    GlobalName{"torch", "FloatStorage", Global::float_storage},
    GlobalName{"torch", "HalfStorage", Global::half_storage},
    GlobalName{"torch", "BFloat16Storage", Global::bfloat16_storage},
    GlobalName{"torch", "DoubleStorage", Global::double_storage},
    GlobalName{"torch", "LongStorage", Global::long_storage},
    GlobalName{"torch", "IntStorage", Global::int_storage},
    GlobalName{"torch", "ShortStorage", Global::short_storage},
    GlobalName{"torch", "CharStorage", Global::char_storage},
    GlobalName{"torch", "ByteStorage", Global::byte_storage},
    GlobalName{"torch", "BoolStorage", Global::bool_storage},
    GlobalName{"numpy", "ndarray", Global::numpy_ndarray},
    GlobalName{"numpy", "dtype", Global::numpy_dtype},
    GlobalName{"numpy.core.multiarray", "scalar", Global::numpy_scalar},
    GlobalName{"numpy._core.multiarray", "scalar", Global::numpy_scalar},
    GlobalName{"numpy.core.multiarray", "_reconstruct", Global::numpy_reconstruct},
    GlobalName{"numpy._core.multiarray", "_reconstruct", Global::numpy_reconstruct},
    GlobalName{"numpy.core.numeric", "_frombuffer", Global::numpy_frombuffer},
    GlobalName{"numpy._core.numeric", "_frombuffer", Global::numpy_frombuffer},
};

/// Modules of which no checkpoint needs anything: they start programs and load code.
constexpr std::array<std::string_view, 14> kRunningModules{
    "os",        "posix",  "nt",   "subprocess", "sys",      "pty", "runpy",
    "importlib", "ctypes", "code", "socket",     "commands", "pip", "webbrowser"};
/// The interpreter's own functions that do; its types are data like any other.
constexpr std::array<std::string_view, 9> kRunningFunctions{
    "eval", "exec", "execfile", "compile", "open", "__import__", "input", "breakpoint", "apply"};

constexpr size_t kShownMax = 60;  // characters of a string in a message

[[noreturn]] void wrong(const PickleValue& value, const std::string& what, const char* expected) {
  throw ParseError(value.offset, what + ": expected " + expected + ", got " + describe(value));
}

}  // namespace

std::span<const GlobalName> known_globals() {
  return kKnown;
}

bool runs_code(std::string_view module, std::string_view name) {
  if (module == "builtins" || module == "__builtin__") {
    return std::ranges::find(kRunningFunctions, name) != kRunningFunctions.end();
  }
  const std::string_view package = module.substr(0, module.find('.'));
  return std::ranges::find(kRunningModules, package) != kRunningModules.end();
}

std::string global_text(Global global) {
  for (const GlobalName& entry : kKnown) {
    if (entry.global == global) return std::string(entry.module) + "." + entry.name;
  }
  if (global == Global::script_class) return "TorchScript class";
  if (global == Global::unknown) return "object of an unknown class";
  VERNISSAGE_ASSERT(false);
  return {};
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kShownMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      char escape[5];
      std::snprintf(escape, sizeof(escape), "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  if (text.size() > kShownMax) out += "...";
  return out;
}

std::string describe(const PickleValue& value) {
  switch (value.kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return value.integer ? "True" : "False";
    case PickleKind::integer:
      return "the integer " + std::to_string(value.integer);
    case PickleKind::big_integer:
      return "an integer beyond 64 bits";
    case PickleKind::real:
      return "the number " + std::to_string(value.real);
    case PickleKind::text:
      return "the text \"" + printable(value.text()) + "\"";
    case PickleKind::bytes:
      return std::to_string(value.bytes.size()) + " bytes";
    case PickleKind::tuple:
      return "a tuple of " + std::to_string(value.items.size());
    case PickleKind::list:
      return "a list of " + std::to_string(value.items.size());
    case PickleKind::dict:
      return "a dict of " + std::to_string(value.entries.size());
    case PickleKind::set:
      return "a set";
    case PickleKind::global:
      return value.global == Global::unknown ? printable(value.text()) : global_text(value.global);
    case PickleKind::call:
      return "a " + (value.global == Global::unknown ? printable(value.text())
                                                     : global_text(value.global));
    case PickleKind::persistent:
      return "a persistent id";
  }
  return "a value";
}

bool is_mapping(const PickleValue& value) {
  return value.kind == PickleKind::dict || value.is_call(Global::ordered_dict) ||
         value.is_call(Global::easy_dict) || value.is_call(Global::default_dict);
}

const PickleValue* find(const PickleValue& value, std::string_view key) {
  for (auto entry = value.entries.rbegin(); entry != value.entries.rend(); ++entry) {
    if (entry->first->kind == PickleKind::text && entry->first->text() == key) return entry->second;
  }
  return nullptr;
}

int64_t to_integer(const PickleValue& value, const std::string& what) {
  if (value.kind == PickleKind::integer) return value.integer;
  if (is_numpy(value)) return numpy_integer(value, what);
  wrong(value, what, "an integer");
}

double to_number(const PickleValue& value, const std::string& what) {
  if (value.kind == PickleKind::integer) return static_cast<double>(value.integer);
  if (value.kind == PickleKind::real) return value.real;
  if (is_numpy(value)) return numpy_number(value, what);
  wrong(value, what, "a number");
}

bool to_boolean(const PickleValue& value, const std::string& what) {
  if (value.kind == PickleKind::boolean) return value.integer != 0;
  if (value.kind == PickleKind::integer || is_numpy(value)) {
    const int64_t truth =
        value.kind == PickleKind::integer ? value.integer : numpy_integer(value, what);
    if (truth == 0 || truth == 1) return truth == 1;
  }
  wrong(value, what, "True or False");
}

std::string_view to_text(const PickleValue& value, const std::string& what) {
  if (value.kind == PickleKind::text) return value.text();
  wrong(value, what, "a text");
}

const PickleValue& to_mapping(const PickleValue& value, const std::string& what) {
  if (is_mapping(value)) return value;
  wrong(value, what, "a dict");
}

std::span<const PickleValue* const> to_sequence(const PickleValue& value, const std::string& what) {
  if (value.kind == PickleKind::tuple || value.kind == PickleKind::list) return value.items;
  if (value.is_call(Global::torch_size) && value.arguments->items.size() == 1 &&
      value.arguments->items[0]->kind == PickleKind::tuple) {
    return value.arguments->items[0]->items;
  }
  wrong(value, what, "a tuple");
}

}  // namespace vernissage
