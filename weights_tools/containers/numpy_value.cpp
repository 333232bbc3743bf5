#include "weights_tools/containers/numpy_value.h"

#include <cstring>

#include "base/error.h"

namespace vernissage {
namespace {

[[noreturn]] void wrong(const PickleValue& value, const std::string& what,
                        const std::string& reason) {
  throw ParseError(value.offset, what + ": " + reason);
}

// dtype('f4', False, True) with state (3, '<', None, None, None, -1, -1, 0): the first argument is
// kind and size, the second item of the state the byte order ('|' where a single byte has none).
DType to_dtype(const PickleValue& value, const std::string& what) {
  if (!value.is_call(Global::numpy_dtype) || value.arguments->items.empty()) {
    wrong(value, what, "expected a numpy.dtype, got " + describe(value));
  }
  const std::string_view name = to_text(*value.arguments->items[0], what + ": dtype");
  if (value.state == nullptr) wrong(value, what, "a numpy.dtype without state");
  const auto state = to_sequence(*value.state, what + ": dtype state");
  if (state.size() < 2) wrong(value, what, "a numpy.dtype with a short state");
  const std::string_view order = to_text(*state[1], what + ": byte order");
  if (order != "<" && order != "|") {
    wrong(value, what, "byte order \"" + printable(order) + "\", expected \"<\"");
  }
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
  if (!value.is_call(Global::numpy_reconstruct)) {
    wrong(value, what, "expected a numpy array, got " + describe(value));
  }
  if (value.state == nullptr) wrong(value, what, "a numpy array without state");
  const auto state = to_sequence(*value.state, what + ": array state");
  if (state.size() != 5)
    wrong(value, what, "array state of " + std::to_string(state.size()) + " items");
  NumpyArray array;
  const auto shape = to_sequence(*state[1], what + ": shape");
  if (shape.size() > kRankMax) wrong(value, what, "rank " + std::to_string(shape.size()));
  for (const PickleValue* size : shape)
    array.view.shape.push_back(to_integer(*size, what + ": shape"));
  array.view.dtype = to_dtype(*state[2], what);
  array.column_major = to_boolean(*state[3], what + ": fortran order");
  array.view.bytes = to_bytes(*state[4], what);
  return checked(value, what, std::move(array));
}

double numpy_number(const PickleValue& value, const std::string& what) {
  const TensorView view = to_numpy_array(value, what).view;
  if (view.dtype == DType::f64) {
    double number;
    std::memcpy(&number, view.bytes.data(), sizeof(number));
    return number;
  }
  if (view.dtype == DType::f32 || view.dtype == DType::f16) return view.to_f32()[0];
  return static_cast<double>(numpy_integer(value, what));
}

int64_t numpy_integer(const PickleValue& value, const std::string& what) {
  const TensorView view = to_numpy_array(value, what).view;
  const auto as = [&]<class T>(T number) {
    std::memcpy(&number, view.bytes.data(), sizeof(number));
    return static_cast<int64_t>(number);
  };
  switch (view.dtype) {
    case DType::i64:
      return as(int64_t{});
    case DType::i32:
      return as(int32_t{});
    case DType::i16:
      return as(int16_t{});
    case DType::i8:
      return as(int8_t{});
    case DType::u8:
      return as(uint8_t{});
    default:
      wrong(value, what, std::string("expected an integer, got a numpy ") + dtype_name(view.dtype));
  }
}

}  // namespace vernissage
