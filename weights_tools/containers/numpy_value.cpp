#include "weights_tools/containers/numpy_value.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"

namespace vernissage {
namespace {

[[noreturn]] void wrong(const PickleValue& value, const std::string& what,
                        const std::string& reason) {
  throw ParseError(value.offset, what + ": " + reason);
}

/// A numpy element type as its dtype spells it: "f4" is kind 'f', 4 bytes.
struct ElementType {
  std::string_view name;
  bool swapped = false;  // big-endian
};

// dtype('f4', False, True) with state (3, '<', None, None, None, -1, -1, 0): the first argument is
// kind and size, the second item of the state the byte order ('|' where a single byte has none).
ElementType to_element_type(const PickleValue& value, const std::string& what) {
  if (!value.is_call(Global::numpy_dtype) || value.arguments->items.empty()) {
    wrong(value, what, "expected a numpy.dtype, got " + describe(value));
  }
  ElementType type;
  type.name = to_text(*value.arguments->items[0], what + ": dtype");
  if (value.state == nullptr) wrong(value, what, "a numpy.dtype without state");
  const auto state = to_sequence(*value.state, what + ": dtype state");
  if (state.size() < 2) wrong(value, what, "a numpy.dtype with a short state");
  const std::string_view order = to_text(*state[1], what + ": byte order");
  if (order != "<" && order != "|" && order != ">") {
    wrong(value, what, "byte order \"" + printable(order) + "\", expected \"<\"");
  }
  type.swapped = order == ">";
  return type;
}

DType to_dtype(const PickleValue& value, const std::string& what) {
  const auto [name, swapped] = to_element_type(value, what);
  if (swapped) wrong(value, what, "byte order \">\", expected \"<\"");
  if (name == "f8") return DType::f64;
  if (name == "f4") return DType::f32;
  if (name == "f2") return DType::f16;
  if (name == "i8") return DType::i64;
  if (name == "i4") return DType::i32;
  if (name == "i2") return DType::i16;
  if (name == "i1") return DType::i8;
  if (name == "u1") return DType::u8;
  if (name == "b1") return DType::boolean;
  wrong(value, what, "numpy dtype \"" + printable(name) + "\" is not read");
}

std::span<const std::byte> to_bytes(const PickleValue& value, const std::string& what) {
  if (value.kind != PickleKind::bytes) wrong(value, what, "expected bytes, got " + describe(value));
  return value.bytes;
}

NumpyArray checked(const PickleValue& value, const std::string& what, NumpyArray array) {
  const TensorView& view = array.view;
  const auto bytes = static_cast<uint64_t>(dtype_bytes(view.dtype));
  uint64_t expected = bytes;
  for (const int64_t size : view.shape) {
    if (size < 0) wrong(value, what, "negative size in shape " + shape_text(view.shape));
    if (__builtin_mul_overflow(expected, static_cast<uint64_t>(size), &expected)) {
      wrong(value, what, "shape " + shape_text(view.shape) + " overflows");
    }
  }
  if (expected != view.bytes.size()) {
    wrong(value, what,
          std::string(dtype_name(view.dtype)) + " " + shape_text(view.shape) + " needs " +
              std::to_string(expected) + " bytes, got " + std::to_string(view.bytes.size()));
  }
  return array;
}

}  // namespace

NumpyArray to_numpy_array(const PickleValue& value, const std::string& what) {
  constexpr size_t kRankMax = 32;  // numpy's own
  if (value.is_call(Global::numpy_scalar)) {
    const auto& arguments = value.arguments->items;
    if (arguments.size() != 2) wrong(value, what, "a numpy scalar without its bytes");
    NumpyArray array;
    array.view.dtype = to_dtype(*arguments[0], what);
    array.view.bytes = to_bytes(*arguments[1], what);
    return checked(value, what, std::move(array));
  }
  const auto read_shape = [&](const PickleValue& from) {
    std::vector<int64_t> shape;
    const auto sizes = to_sequence(from, what + ": shape");
    if (sizes.size() > kRankMax) wrong(value, what, "rank " + std::to_string(sizes.size()));
    for (const PickleValue* size : sizes) shape.push_back(to_integer(*size, what + ": shape"));
    return shape;
  };
  if (value.is_call(Global::numpy_frombuffer)) {
    const auto& arguments = value.arguments->items;  // (buffer, dtype, shape, order)
    if (arguments.size() != 4) {
      wrong(value, what,
            "an array of a buffer with " + std::to_string(arguments.size()) +
                " arguments, expected 4");
    }
    NumpyArray array;
    array.view.bytes = to_bytes(*arguments[0], what);
    array.view.dtype = to_dtype(*arguments[1], what);
    array.view.shape = read_shape(*arguments[2]);
    const std::string_view order = to_text(*arguments[3], what + ": order");
    if (order != "C" && order != "F") {
      wrong(value, what, "order \"" + printable(order) + "\", expected \"C\" or \"F\"");
    }
    array.column_major = order == "F";
    return checked(value, what, std::move(array));
  }
  if (!value.is_call(Global::numpy_reconstruct)) {
    wrong(value, what, "expected a numpy array, got " + describe(value));
  }
  if (value.state == nullptr) wrong(value, what, "a numpy array without state");
  const auto state = to_sequence(*value.state, what + ": array state");
  if (state.size() != 5)
    wrong(value, what, "array state of " + std::to_string(state.size()) + " items");
  NumpyArray array;
  array.view.shape = read_shape(*state[1]);
  array.view.dtype = to_dtype(*state[2], what);
  array.column_major = to_boolean(*state[3], what + ": fortran order");
  array.view.bytes = to_bytes(*state[4], what);
  return checked(value, what, std::move(array));
}

namespace {

/// The one element of a scalar or of an array of size 1, least significant byte first.
struct Element {
  std::string_view type;
  std::array<std::byte, 16> bytes{};

  template <class T>
  T as() const {
    T number{};
    std::memcpy(&number, bytes.data(), sizeof(number));
    return number;
  }
};

Element to_element(const PickleValue& value, const std::string& what) {
  std::span<const std::byte> from;
  const PickleValue* dtype = nullptr;
  const auto take = [&](const PickleValue* type, const PickleValue* bytes) {
    dtype = type;
    from = to_bytes(*bytes, what);
  };
  if (value.is_call(Global::numpy_scalar) && value.arguments->items.size() == 2) {
    take(value.arguments->items[0], value.arguments->items[1]);
  } else if (value.is_call(Global::numpy_frombuffer) && value.arguments->items.size() == 4) {
    take(value.arguments->items[1], value.arguments->items[0]);
  } else if (value.is_call(Global::numpy_reconstruct) && value.state != nullptr &&
             to_sequence(*value.state, what).size() == 5) {
    const auto state = to_sequence(*value.state, what);
    take(state[2], state[4]);
  } else {
    wrong(value, what, "a numpy number without its bytes");
  }
  const auto [name, swapped] = to_element_type(*dtype, what);
  Element element{name};
  constexpr std::string_view kRead[] = {"f8", "f4", "f2", "f16", "i8", "i4", "i2",
                                        "i1", "u8", "u4", "u2",  "u1", "b1"};
  if (std::ranges::find(kRead, name) == std::end(kRead)) {
    wrong(value, what, "expected a number, got numpy dtype \"" + printable(name) + "\"");
  }
  const size_t size = name == "f16" ? 16 : static_cast<size_t>(name[1] - '0');
  if (from.size() != size) {
    wrong(value, what,
          "expected one number of " + std::to_string(size) + " bytes, got " +
              std::to_string(from.size()) + " bytes");
  }
  std::ranges::copy(from, element.bytes.begin());
  if (swapped) std::reverse(element.bytes.begin(), element.bytes.begin() + size);
  return element;
}

}  // namespace

bool is_numpy(const PickleValue& value) {
  return value.is_call(Global::numpy_scalar) || value.is_call(Global::numpy_reconstruct) ||
         value.is_call(Global::numpy_frombuffer);
}

double numpy_number(const PickleValue& value, const std::string& what) {
  const Element element = to_element(value, what);
  if (element.type == "f8") return element.as<double>();
  if (element.type == "f4") return element.as<float>();
  if (element.type == "f2") {
    return TensorView{DType::f16, {}, std::span(element.bytes).first(2)}.to_f32()[0];
  }
  // x86's extended precision, whose last six bytes are padding.
  if (element.type == "f16") return static_cast<double>(element.as<long double>());
  return static_cast<double>(numpy_integer(value, what));
}

int64_t numpy_integer(const PickleValue& value, const std::string& what) {
  const Element element = to_element(value, what);
  if (element.type == "b1" || element.type == "u1") return element.as<uint8_t>();
  if (element.type == "i1") return element.as<int8_t>();
  if (element.type == "i2") return element.as<int16_t>();
  if (element.type == "u2") return element.as<uint16_t>();
  if (element.type == "i4") return element.as<int32_t>();
  if (element.type == "u4") return element.as<uint32_t>();
  if (element.type == "i8") return element.as<int64_t>();
  if (element.type == "u8" && element.as<uint64_t>() <= INT64_MAX) {
    return static_cast<int64_t>(element.as<uint64_t>());
  }
  wrong(value, what, "expected an integer, got a numpy " + std::string(element.type));
}

std::string numpy_text(const PickleValue& value, const std::string& what) {
  const auto& arguments = value.arguments->items;
  if (arguments.size() != 2) wrong(value, what, "a numpy text without its bytes");
  const auto [name, swapped] = to_element_type(*arguments[0], what);
  const auto bytes = to_bytes(*arguments[1], what);
  if (!name.starts_with('U') || bytes.size() % 4 != 0) {
    wrong(value, what, "expected a text, got numpy dtype \"" + printable(name) + "\"");
  }
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 4) {
    uint32_t code;
    std::memcpy(&code, bytes.data() + at, sizeof(code));
    if (swapped) code = __builtin_bswap32(code);
    if (code >= 0x80) wrong(value, what, "a numpy text beyond ASCII");
    if (code != 0) text += static_cast<char>(code);  // padded with zeros
  }
  return text;
}

}  // namespace vernissage
