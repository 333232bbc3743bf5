// Both passes take sixteen bytes at a time. Down the columns neighbours lie beside each other;
// along the rows sixteen rows are turned on their side first, so that one weight meets one byte of
// each.
#include "engine/clip/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "base/error.h"
#include "engine/clip/bicubic.h"

namespace vernissage {

namespace {

constexpr int kLanes = 16;
typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
typedef uint8_t BytesAnywhere __attribute__((vector_size(kLanes), aligned(1), may_alias));
typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));

// One axis of the scaled picture: which part of it is kept.
struct Axis {
  int in, out;  // the whole
  int crop;     // what is kept begins here
};

/// The shorter side becomes `size`, the longer one keeps the proportions, rounded down; the middle
/// is kept, a half rounded to even.
Axis axis_of(int in, int shorter, int size) {
  const int64_t out = int64_t{size} * in / shorter;
  if (out > INT32_MAX)
    throw Error("picture: one side is " + std::to_string(in) + " times the other's " +
                std::to_string(shorter) + ", too long to be scaled");
  const int64_t margin = out - size, half = margin / 2;
  return {in, static_cast<int>(out), static_cast<int>(margin % 2 ? half + half % 2 : half)};
}

// y = clamp((Σ_k weights[k] · x[k · stride] + 2^21) >> 22), in every lane.
inline void filter(const uint8_t* x, size_t stride, const int32_t* weights, int count, uint8_t* y) {
  Ints sum = Ints{} + (1 << 21);
  for (int k = 0; k < count; ++k)
    sum += weights[k] * __builtin_convertvector(
                            *reinterpret_cast<const BytesAnywhere*>(x + size_t(k) * stride), Ints);
  sum >>= 22;
  sum = sum < 0 ? Ints{} : sum;
  sum = sum > 255 ? Ints{} + 255 : sum;
  *reinterpret_cast<BytesAnywhere*>(y) = __builtin_convertvector(sum, Bytes);
}

// 16 x 16 bytes on their side: rows x_stride apart become rows y_stride apart. Four times each
// vector of the first half is interleaved with its partner in the second.
void transpose(const uint8_t* x, size_t x_stride, uint8_t* y, size_t y_stride) {
  Bytes rows[kLanes], next[kLanes];
  for (int i = 0; i < kLanes; ++i)
    rows[i] = *reinterpret_cast<const BytesAnywhere*>(x + size_t(i) * x_stride);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kLanes / 2; ++i) {
      const Bytes a = rows[i], b = rows[i + kLanes / 2];
      next[2 * i] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    }
    std::copy(next, next + kLanes, rows);
  }
  for (int i = 0; i < kLanes; ++i)
    *reinterpret_cast<BytesAnywhere*>(y + size_t(i) * y_stride) = rows[i];
}

size_t whole_vectors(size_t bytes) {
  return (bytes + kLanes - 1) / kLanes * kLanes;
}

/// Columns crop … crop + size - 1 of every row of (rows, in, 3), scaled: (rows, size, 3).
std::vector<uint8_t> scale_rows(const uint8_t* rgb, int rows, const Axis& axis, int size) {
  const size_t in_row = size_t(axis.in) * 3, out_row = size_t(size) * 3;
  std::vector<uint8_t> scaled(size_t(rows) * out_row);
  if (axis.in == axis.out) {
    for (int row = 0; row < rows; ++row)
      std::memcpy(scaled.data() + size_t(row) * out_row,
                  rgb + size_t(row) * in_row + size_t(axis.crop) * 3, out_row);
    return scaled;
  }
  const BicubicTable table = bicubic_table(axis.in, axis.out, axis.crop, size);
  // Of each row only the part that the kept columns are made of.
  const size_t begin = size_t(table.first.front()) * 3;
  const size_t wide = size_t(table.first.back() + table.count.back()) * 3 - begin;
  const size_t in_wide = whole_vectors(wide), out_wide = whole_vectors(out_row);
  std::vector<uint8_t> lying(kLanes * in_wide), standing(kLanes * in_wide);
  std::vector<uint8_t> filtered(kLanes * out_wide), result(kLanes * out_wide);
  for (int row = 0; row < rows; row += kLanes) {
    const int count = std::min(kLanes, rows - row);
    for (int i = 0; i < count; ++i)
      std::memcpy(lying.data() + size_t(i) * in_wide, rgb + size_t(row + i) * in_row + begin, wide);
    for (size_t x = 0; x < in_wide; x += kLanes)
      transpose(lying.data() + x, in_wide, standing.data() + x * kLanes, kLanes);
    for (size_t j = 0; j < size_t(size); ++j)
      for (size_t c = 0; c < 3; ++c)
        filter(standing.data() + (size_t(table.first[j]) * 3 + c - begin) * kLanes, 3 * kLanes,
               table.weights.data() + j * size_t(table.taps), table.count[j],
               filtered.data() + (j * 3 + c) * kLanes);
    for (size_t x = 0; x < out_wide; x += kLanes)
      transpose(filtered.data() + x * kLanes, kLanes, result.data() + x, out_wide);
    for (int i = 0; i < count; ++i)
      std::memcpy(scaled.data() + size_t(row + i) * out_row, result.data() + size_t(i) * out_wide,
                  out_row);
  }
  return scaled;
}

/// Rows of the table's outputs, from (rows, wide) bytes: (size, wide).
std::vector<uint8_t> scale_columns(const std::vector<uint8_t>& rows, const BicubicTable& table,
                                   int first_row, size_t wide) {
  std::vector<uint8_t> scaled(table.first.size() * wide);
  const size_t vectors = wide / kLanes * kLanes;
  for (size_t i = 0; i < table.first.size(); ++i) {
    const uint8_t* from = rows.data() + size_t(table.first[i] - first_row) * wide;
    const int32_t* weights = table.weights.data() + i * size_t(table.taps);
    for (size_t x = 0; x < vectors; x += kLanes)
      filter(from + x, wide, weights, table.count[i], scaled.data() + i * wide + x);
    for (size_t x = vectors; x < wide; ++x) {
      int32_t sum = 1 << 21;
      for (int k = 0; k < table.count[i]; ++k) sum += weights[k] * from[size_t(k) * wide + x];
      scaled[i * wide + x] = static_cast<uint8_t>(std::clamp(sum >> 22, 0, 255));
    }
  }
  return scaled;
}

}  // namespace

std::vector<uint8_t> resize_and_crop(std::span<const uint8_t> rgb, int height, int width,
                                     int size) {
  if (height < 1 || width < 1)
    throw Error("picture: " + std::to_string(width) + " x " + std::to_string(height) +
                ", expected at least 1 x 1");
  if (rgb.size() != size_t(height) * size_t(width) * 3)
    throw Error("picture: " + std::to_string(rgb.size()) + " bytes, expected " +
                std::to_string(width) + " x " + std::to_string(height) + " x 3");
  VERNISSAGE_ASSERT(size >= 1);
  const int shorter = std::min(height, width);
  const Axis across = axis_of(width, shorter, size), down = axis_of(height, shorter, size);
  const size_t wide = size_t(size) * 3;
  if (down.in == down.out)
    return scale_rows(rgb.data() + size_t(down.crop) * size_t(width) * 3, size, across, size);
  const BicubicTable table = bicubic_table(down.in, down.out, down.crop, size);
  const int first = table.first.front(), end = table.first.back() + table.count.back();
  const std::vector<uint8_t> rows =
      scale_rows(rgb.data() + size_t(first) * size_t(width) * 3, end - first, across, size);
  return scale_columns(rows, table, first, wide);
}

void normalise(std::span<const uint8_t> rgb, const ClipConfig& config, std::span<float> out) {
  const size_t pixels = size_t(config.image_size) * size_t(config.image_size);
  VERNISSAGE_ASSERT_OP(rgb.size(), ==, pixels * 3);
  VERNISSAGE_ASSERT_OP(out.size(), ==, pixels * 3);
  for (size_t c = 0; c < 3; ++c) {
    float table[256];
    for (int v = 0; v < 256; ++v)
      table[v] = (static_cast<float>(v) / 255.0f - config.mean[c]) / config.std_dev[c];
    float* to = out.data() + c * pixels;
    for (size_t i = 0; i < pixels; ++i) to[i] = table[rgb[i * 3 + c]];
  }
}

}  // namespace vernissage
