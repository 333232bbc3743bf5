// Device side of the epilogue for kernels whose time is the instructions of a value: everything
// that does not change from value to value is folded into the factors beforehand. With g = gain > 0
// and an activation of two slopes, 1 and s, 0 <= s <= 1,
//   clamp(g · act(d · v + z + b)) = clamp(max(t, s · t)) with t = (g d) · v + (g z + g b),
// five instructions and a sum.
#pragma once

#include <cmath>

#include "kernels/stylegan2/epilogue.h"

namespace vernissage {

/// Whether an epilogue may be computed so.
template <class T>
VERNISSAGE_HOST_DEVICE constexpr bool folds(const Epilogue<T>& e) {
  return has_two_slopes(e.act) && e.gain > 0 &&
         (e.act == Activation::linear || (e.alpha >= 0 && e.alpha <= 1));
}

/// The largest magnitude that the clamp lets through; infinity without one.
template <class T>
__device__ __forceinline__ float bound_of(const Epilogue<T>& e) {
  return e.clamp < 0 ? INFINITY : e.clamp;
}

/// min(max(x, -bound), bound); not-a-number stays what it is.
__device__ __forceinline__ float clamp_within(float x, float bound) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("min.NaN.f32 %0, %0, %1;" : "+f"(x) : "f"(bound));
  asm("max.NaN.f32 %0, %0, %1;" : "+f"(x) : "f"(-bound));
  return x;
#else
  return x > bound ? bound : (x < -bound ? -bound : x);
#endif
}

/// Of the folded sum t.
__device__ __forceinline__ float bend(float t, float slope, float bound) {
  return clamp_within(fmaxf(t, slope * t), bound);
}

/// What does not change from value to value: g d and g b, g z. Rounded, not fused with what
/// follows, so that every kernel and every path in it gives a value the same bits.
__device__ __forceinline__ float folded(float factor, float gain) {
  return __fmul_rn(factor, gain);
}
/// clamp(g · act(d · v + z + b)) of folded factors.
__device__ __forceinline__ float finish_folded(float v, float demod, float noise, float bias,
                                               float slope, float bound) {
  return bend(fmaf(v, demod, __fadd_rn(noise, bias)), slope, bound);
}

/// Two halves as floats, and back, with the low bits first: one instruction a float and one a pair,
/// which CUDA's own functions become only by way of moves and shifts.
__device__ __forceinline__ void split_halves(uint32_t pair, float& low, float& high) {
#if defined(__CUDA_ARCH__)
  asm("{.reg .b16 %%low, %%high; mov.b32 {%%low, %%high}, %2; cvt.f32.f16 %0, %%low; "
      "cvt.f32.f16 %1, %%high;}"
      : "=f"(low), "=f"(high)
      : "r"(pair));
#else
  const float2 both = ptx::unpack_half2(pair);
  low = both.x, high = both.y;
#endif
}
__device__ __forceinline__ uint32_t join_halves(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return ptx::pack_half2(low, high);
#endif
}

/// Sixteen bytes as floats, and back.
__device__ __forceinline__ void unpack(const uint4& stored, float (&values)[8]) {
  const uint32_t pairs[4] = {stored.x, stored.y, stored.z, stored.w};
#pragma unroll
  for (int j = 0; j < 4; ++j) split_halves(pairs[j], values[2 * j], values[2 * j + 1]);
}
__device__ __forceinline__ void unpack(const float4& stored, float (&values)[4]) {
  values[0] = stored.x, values[1] = stored.y, values[2] = stored.z, values[3] = stored.w;
}
__device__ __forceinline__ uint4 pack(const float (&v)[8]) {
  return make_uint4(join_halves(v[0], v[1]), join_halves(v[2], v[3]), join_halves(v[4], v[5]),
                    join_halves(v[6], v[7]));
}
__device__ __forceinline__ float4 pack(const float (&v)[4]) {
  return make_float4(v[0], v[1], v[2], v[3]);
}

/// `count` floats from values + index, a multiple of 4 of them, times `factor`; `otherwise` where
/// values is null.
template <int COUNT>
__device__ __forceinline__ void load_factors(const float* values, int64_t index, float factor,
                                             float otherwise, float (&out)[COUNT]) {
#pragma unroll
  for (int j = 0; j < COUNT; j += 4) {
    const float4 four = values != nullptr ? *reinterpret_cast<const float4*>(values + index + j)
                                          : make_float4(otherwise, otherwise, otherwise, otherwise);
    out[j] = four.x * factor, out[j + 1] = four.y * factor;
    out[j + 2] = four.z * factor, out[j + 3] = four.w * factor;
  }
}

}  // namespace vernissage
