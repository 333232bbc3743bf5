// A tensor as it lies in memory or in a file: element type, shape, bytes. Row-major, contiguous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vernissage {

enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element.
int64_t dtype_bytes(DType dtype);
/// The safetensors spelling: "F32", "BF16", "BOOL", …
const char* dtype_name(DType dtype);

/// "(512, 512, 3, 3)"; "()" for a scalar.
std::string shape_text(std::span<const int64_t> shape);
/// Product of the sizes; 1 for a scalar. Throws Error when it exceeds 2^63 - 1 or a size is
/// negative.
int64_t element_count(std::span<const int64_t> shape);

/// IEEE 754 binary16, rounded to nearest, ties to even; beyond the largest half: infinity.
uint16_t f16_from_f32(float value);

/// Someone else's bytes, seen as a tensor. The owner outlives the view.
struct TensorView {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  // element_count(shape) · dtype_bytes(dtype); little-endian

  int64_t count() const { return element_count(shape); }
  /// Elements as float32: a copy; f64 is rounded, f16 and bf16 are exact. Throws Error for
  /// integers.
  std::vector<float> to_f32() const;
};

/// A float32 tensor that owns its elements: what every converter produces and every backend loads.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;

  TensorView view() const;
};

}  // namespace vernissage
