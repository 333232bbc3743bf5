// CUDA's words for kernels, as the host compiler understands them: qualifiers, built-in variables,
// vector types, barriers, warp operations, atomics and arithmetic. Meanings: CUDA C++ Programming
// Guide, "C++ Language Extensions". Only what our kernels use or are likely to; a missing word
// fails to compile.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/emulation/emulation.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)

// ---- vector types
struct uint3 {
  uint32_t x, y, z;
};
struct dim3 {
  uint32_t x, y, z;
  constexpr dim3(uint32_t x_ = 1, uint32_t y_ = 1, uint32_t z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline int2 make_int2(int x, int y) {
  return {x, y};
}
inline int4 make_int4(int x, int y, int z, int w) {
  return {x, y, z, w};
}
inline uint2 make_uint2(uint32_t x, uint32_t y) {
  return {x, y};
}
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  return {x, y, z, w};
}
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}

// ---- built-in variables: those of the thread that is running
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

// ---- barriers
#define VERNISSAGE_HERE vernissage::emulation::Place where = vernissage::emulation::Place::current()

inline void __syncthreads(VERNISSAGE_HERE) {
  vernissage::emulation::barrier(0, where);
}
inline int __syncthreads_count(int predicate, VERNISSAGE_HERE) {
  return vernissage::emulation::barrier(predicate != 0, where);
}
inline int __syncthreads_or(int predicate, VERNISSAGE_HERE) {
  return vernissage::emulation::barrier(predicate != 0, where) > 0;
}
inline int __syncthreads_and(int predicate, VERNISSAGE_HERE) {
  return vernissage::emulation::barrier(predicate == 0, where) == 0;
}
inline void __syncwarp(uint32_t mask = 0xFFFFFFFFu, VERNISSAGE_HERE) {
  vernissage::emulation::warp_barrier(mask, where);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// ---- shuffles: `width` lanes (a power of two) form a group of their own
namespace vernissage::emulation {
template <class T>
T shuffle(uint32_t mask, T value, int source, Place where) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warp_exchange(mask, bits, source, false, where).value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
}  // namespace vernissage::emulation

template <class T>
T __shfl_sync(uint32_t mask, T value, int source, int width = warpSize, VERNISSAGE_HERE) {
  const int base = vernissage::emulation::lane() & ~(width - 1);
  return vernissage::emulation::shuffle(mask, value, base + (source & (width - 1)), where);
}
template <class T>
T __shfl_up_sync(uint32_t mask, T value, unsigned delta, int width = warpSize, VERNISSAGE_HERE) {
  const int self = vernissage::emulation::lane();
  const bool inside = (self & (width - 1)) >= static_cast<int>(delta);
  return vernissage::emulation::shuffle(mask, value, inside ? self - static_cast<int>(delta) : self,
                                        where);
}
template <class T>
T __shfl_down_sync(uint32_t mask, T value, unsigned delta, int width = warpSize, VERNISSAGE_HERE) {
  const int self = vernissage::emulation::lane();
  const bool inside = (self & (width - 1)) + static_cast<int>(delta) < width;
  return vernissage::emulation::shuffle(mask, value, inside ? self + static_cast<int>(delta) : self,
                                        where);
}
template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int bits, int width = warpSize, VERNISSAGE_HERE) {
  const int self = vernissage::emulation::lane();
  const int source = self ^ bits;
  // A lane of an earlier group may be read, one of a later group may not: then the own value comes
  // back.
  const bool inside = source < (self & ~(width - 1)) + width;
  return vernissage::emulation::shuffle(mask, value, inside ? source : self, where);
}

// ---- votes
inline uint32_t __ballot_sync(uint32_t mask, int predicate, VERNISSAGE_HERE) {
  return vernissage::emulation::warp_exchange(mask, 0, vernissage::emulation::lane(),
                                              predicate != 0, where)
      .ballot;
}
inline int __any_sync(uint32_t mask, int predicate, VERNISSAGE_HERE) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(uint32_t mask, int predicate, VERNISSAGE_HERE) {
  return __ballot_sync(mask, predicate, where) == mask;
}
#undef VERNISSAGE_HERE

// ---- atomics: a thread changes only at barriers and warp operations, so plain code is atomic
template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;  // CUDA's integers wrap
    *address = static_cast<T>(static_cast<U>(old) + static_cast<U>(value));
  } else {
    *address = old + value;
  }
  return old;
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = std::max(old, value);
  return old;
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = std::min(old, value);
  return old;
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = value;
  return old;
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  const T old = *address;
  if (old == expected) *address = value;
  return old;
}

// ---- memory and arithmetic
template <class T>
T __ldg(const T* address) {
  return *address;
}
using std::max;
using std::min;
inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
inline float __expf(float x) {
  return std::exp(x);
}
inline float __logf(float x) {
  return std::log(x);
}
inline float __fdividef(float a, float b) {
  return a / b;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
// One rounding each, never fused with another: compiled apart. A plain product and a sum may become
// one fmaf here as they do under nvcc.
float __fadd_rn(float a, float b);
float __fsub_rn(float a, float b);
float __fmul_rn(float a, float b);
inline float __saturatef(float x) {
  return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;  // NaN: 0
}
inline int __popc(uint32_t x) {
  return std::popcount(x);
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<uint32_t>(x));
}
inline int __ffs(int x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<uint32_t>(x)) + 1;
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline float __uint_as_float(uint32_t x) {
  return std::bit_cast<float>(x);
}
inline uint32_t __float_as_uint(float x) {
  return std::bit_cast<uint32_t>(x);
}
