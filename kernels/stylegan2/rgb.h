// Device side of ToRgb behind the sums: the bias, the clamp, the smaller picture upsampled, and the
// picture as floats or as bytes. For kernels in which one thread has all of a pixel's RGB channels.
#pragma once

#include "kernels/stylegan2/epilogue.h"

namespace vernissage {

constexpr int kRgbChannelsMax = 4;

struct RgbSums {
  float v[kRgbChannelsMax];
};

/// The previous image, twice as large, at (row, col): Upfirdn2d with up 2, padding 2, 1 and gain 4.
/// Two rows and two columns of it meet the filter; outside of it the filter counts as zero.
template <class T>
__device__ __forceinline__ RgbSums upsample2x(const ToRgb<T>& op, int n, int row, int col) {
  const int h = op.h / 2, w = op.w / 2;
  const int top = row / 2 - 1 + row % 2, left = col / 2 - 1 + col % 2;
  const float* const sample = op.previous + static_cast<int64_t>(n) * h * w * op.c;
  RgbSums sum = {};
#pragma unroll
  for (int a = 0; a < 2; ++a) {
    const int y = top + a;
    const float* const filter_row = op.filter + (3 - row % 2 - 2 * a) * 4 + 3 - col % 2;
#pragma unroll
    for (int b = 0; b < 2; ++b) {
      const int x = left + b;
      const bool inside = y >= 0 && y < h && x >= 0 && x < w;
      const float tap = inside ? filter_row[-2 * b] : 0.0f;
      // Elements of a quarter of the pixels, which are fewer than 2^31, times C ≤ 4.
      const float* place = sample + (min(max(y, 0), h - 1) * w + min(max(x, 0), w - 1)) * op.c;
#pragma unroll
      for (int c = 0; c < kRgbChannelsMax; ++c)
        if (c < op.c) sum.v[c] = fmaf(tap, place[c], sum.v[c]);
    }
  }
#pragma unroll
  for (int c = 0; c < kRgbChannelsMax; ++c) sum.v[c] *= 4;
  return sum;
}

/// From the sums over the channels to the stored picture.
template <class T>
__device__ __forceinline__ void store_rgb(const ToRgb<T>& op, int n, int row, int col,
                                          const RgbSums& sums) {
  const RgbSums below = op.previous != nullptr ? upsample2x(op, n, row, col) : RgbSums{};
  const int64_t place = (static_cast<int64_t>(n) * op.h * op.w + row * op.w + col) * op.c;
#pragma unroll
  for (int c = 0; c < kRgbChannelsMax; ++c) {
    if (c >= op.c) break;
    float value = sums.v[c];
    if (op.bias != nullptr) value += op.bias[c];
    value = clamp_to(value, op.clamp);
    if (op.previous != nullptr) value += below.v[c];
    if (op.pixels != nullptr)
      op.pixels[place + c] = rgb8(value);
    else
      op.image[place + c] = value;
  }
}

}  // namespace vernissage
