#include "engine/formats/tensor.h"

#include <bit>
#include <cstring>

#include "base/error.h"

namespace vernissage {

namespace {

/// IEEE 754 binary16, exactly: every half is a float.
float f32_from_f16(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {  // zero and the subnormals, which count in units of 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

float f32_from_bf16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

/// Elements may lie at any address in a file, so each is copied out before it is looked at.
template <class Stored, class Convert>
std::vector<float> convert_all(std::span<const std::byte> bytes, const Convert& convert) {
  std::vector<float> values(bytes.size() / sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "files are little-endian and are mapped");

int64_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
      return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
      return 1;
  }
  assertion_failed(__FILE__, __LINE__, "a known dtype");
}

const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return "F64";
    case DType::f32:
      return "F32";
    case DType::f16:
      return "F16";
    case DType::bf16:
      return "BF16";
    case DType::i64:
      return "I64";
    case DType::i32:
      return "I32";
    case DType::i16:
      return "I16";
    case DType::i8:
      return "I8";
    case DType::u8:
      return "U8";
    case DType::boolean:
      return "BOOL";
  }
  assertion_failed(__FILE__, __LINE__, "a known dtype");
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + ")";
}

int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) throw Error("shape " + shape_text(shape) + " has a negative size");
    if (size == 0)
      empty = true;
    else if (__builtin_mul_overflow(count, size, &count))
      throw Error("shape " + shape_text(shape) + " has more than 2^63 - 1 elements");
  }
  return empty ? 0 : count;
}

uint16_t f16_from_f32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);  // not a number
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Below 2^-14 halves count in units of 2^-24: adding 1/2, whose last bit is worth that, rounds.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(rounded) - 0x3f000000));
  }
  const uint32_t even = magnitude >> 13 & 1;  // of the last bit that stays
  return static_cast<uint16_t>(sign | (magnitude - 0x38000000 + 0xfff + even) >> 13);
}

std::vector<float> TensorView::to_f32() const {
  VERNISSAGE_ASSERT_OP(static_cast<int64_t>(bytes.size()), ==, count() * dtype_bytes(dtype));
  switch (dtype) {
    case DType::f64:
      return convert_all<double>(bytes, [](double value) { return static_cast<float>(value); });
    case DType::f32: {
      std::vector<float> values(bytes.size() / sizeof(float));
      if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
      return values;
    }
    case DType::f16:
      return convert_all<uint16_t>(bytes, f32_from_f16);
    case DType::bf16:
      return convert_all<uint16_t>(bytes, f32_from_bf16);
    default:
      throw Error(std::string("expected floating point elements, got ") + dtype_name(dtype));
  }
}

TensorView Tensor::view() const {
  return {DType::f32, shape, std::as_bytes(std::span<const float>(values))};
}

}  // namespace vernissage
