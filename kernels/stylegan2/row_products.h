// The product of one matrix row with the vectors of several samples, by one warp: what the styles,
// the demodulation and the mapping network are made of. A row is read once for all its samples, and
// each sample's sum runs in one order however many there are.
#pragma once

#include "kernels/stylegan2/epilogue.h"

namespace vernissage {

/// Samples that share a reading of a row.
constexpr int kRowSamples = 4;

/// sums[s] = Σ_j row[j] · f(x[s · stride + j]) for s < count, the same bits in every lane; f
/// squares with SQUARED, else leaves alone. VECTOR 4 when row, x, stride and length allow reading
/// four at once, else 1. All 32 lanes take part.
template <int VECTOR, bool SQUARED>
__device__ __forceinline__ void row_products(const float* row, const float* x, int64_t stride,
                                             int length, int count, float (&sums)[kRowSamples]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int s = 0; s < kRowSamples; ++s) sums[s] = 0;
  for (int j = lane * 4; j < length; j += 32 * 4) {
    const Pack4<float> weight = load_channels<VECTOR>(row, j, length);
#pragma unroll
    for (int s = 0; s < kRowSamples; ++s) {
      if (s >= count) break;
      const Pack4<float> value = load_channels<VECTOR>(x + s * stride, j, length);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const float factor = SQUARED ? value.v[k] * value.v[k] : value.v[k];
        sums[s] = fmaf(weight.v[k], factor, sums[s]);
      }
    }
  }
#pragma unroll
  for (int s = 0; s < kRowSamples; ++s)
    if (s < count) sums[s] = sum_lanes<32>(sums[s]);
}

}  // namespace vernissage
