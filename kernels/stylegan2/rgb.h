// Device side of ToRgb behind the sums: the bias, the clamp, the smaller picture doubled, and the
// picture as floats or as bytes. For kernels in which one thread has all of a pixel's colours.
#pragma once

#include "kernels/stylegan2/epilogue.h"

namespace vernissage {

constexpr int kColoursMax = 4;

struct Colours {
  float v[kColoursMax];
};

/// The previous image, doubled, at `pixel`: Upfirdn2d with up 2, padding 2, 1 and gain 4.
template <class T>
__device__ Colours doubled(const ToRgb<T>& op, int n, int pixel) {
  const int row = pixel / op.w;
  const int col = pixel % op.w;
  const int h = op.h / 2;
  const int w = op.w / 2;
  Colours sum = {};
  for (int a = row % 2; a < 4; a += 2) {
    const int y = (row + a - 2) / 2;
    if (row + a < 2 || y >= h) continue;
    for (int b = col % 2; b < 4; b += 2) {
      const int x = (col + b - 2) / 2;
      if (col + b < 2 || x >= w) continue;
      const float tap = op.filter[(3 - a) * 4 + 3 - b];
      const float* place = op.previous + ((static_cast<int64_t>(n) * h + y) * w + x) * op.c;
#pragma unroll
      for (int c = 0; c < kColoursMax; ++c)
        if (c < op.c) sum.v[c] = fmaf(tap, place[c], sum.v[c]);
    }
  }
  for (int c = 0; c < kColoursMax; ++c) sum.v[c] *= 4;
  return sum;
}

/// From the sums over the channels to the stored picture.
template <class T>
__device__ inline void store_colours(const ToRgb<T>& op, int n, int pixel, const Colours& sums) {
  const Colours below = op.previous != nullptr ? doubled(op, n, pixel) : Colours{};
  const int64_t place = (static_cast<int64_t>(n) * op.h * op.w + pixel) * op.c;
#pragma unroll
  for (int c = 0; c < kColoursMax; ++c) {
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
