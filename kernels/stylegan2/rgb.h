// Device side of ToRgb behind the sums: the bias, the clamp, the smaller picture upsampled, and the
// picture as floats or as bytes. For kernels in which one thread has all of a pixel's RGB channels.
#pragma once

#include "kernels/stylegan2/epilogue.h"

namespace vernissage {

constexpr int kRgbChannelsMax = 4;

struct RgbSums {
  float v[kRgbChannelsMax];
};

/// The previous image, twice as large, at `pixel`: Upfirdn2d with up 2, padding 2, 1 and gain 4.
template <class T>
__device__ RgbSums upsample2x(const ToRgb<T>& op, int n, int pixel) {
  const int row = pixel / op.w;
  const int col = pixel % op.w;
  const int h = op.h / 2;
  const int w = op.w / 2;
  RgbSums sum = {};
  for (int a = row % 2; a < 4; a += 2) {
    const int y = (row + a - 2) / 2;
    if (row + a < 2 || y >= h) continue;
    for (int b = col % 2; b < 4; b += 2) {
      const int x = (col + b - 2) / 2;
      if (col + b < 2 || x >= w) continue;
      const float tap = op.filter[(3 - a) * 4 + 3 - b];
      const float* place = op.previous + ((static_cast<int64_t>(n) * h + y) * w + x) * op.c;
#pragma unroll
      for (int c = 0; c < kRgbChannelsMax; ++c)
        if (c < op.c) sum.v[c] = fmaf(tap, place[c], sum.v[c]);
    }
  }
  for (int c = 0; c < kRgbChannelsMax; ++c) sum.v[c] *= 4;
  return sum;
}

/// From the sums over the channels to the stored picture.
template <class T>
__device__ inline void store_rgb(const ToRgb<T>& op, int n, int pixel, const RgbSums& sums) {
  const RgbSums below = op.previous != nullptr ? upsample2x(op, n, pixel) : RgbSums{};
  const int64_t place = (static_cast<int64_t>(n) * op.h * op.w + pixel) * op.c;
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
