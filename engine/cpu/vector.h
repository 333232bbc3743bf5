// The CPU backend's activation layout and the vectors that walk over it.
//
// An activation is stored in channel blocks, (C/B, H, W, B) with B = kBlock, the layout that
// oneDNN's convolutions are fastest on (nChw16c). Channels are padded to whole blocks; padding is
// kept at zero wherever a convolution reads it.
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <utility>

namespace vernissage::cpu {

#if defined(__AVX512F__)
inline constexpr int kBlock = 16;
#else
inline constexpr int kBlock = 8;
#endif

/// One pixel of one channel block. GCC and clang turn its operators into the widest instructions
/// the target has.
typedef float Vec __attribute__((vector_size(kBlock * sizeof(float))));
/// The same anywhere in memory: on today's processors an unaligned access to aligned data costs
/// nothing.
typedef float VecAnywhere
    __attribute__((vector_size(kBlock * sizeof(float)), aligned(4), may_alias));

inline Vec load(const float* p) {
  return *reinterpret_cast<const VecAnywhere*>(p);
}
inline void store(float* p, Vec v) {
  *reinterpret_cast<VecAnywhere*>(p) = v;
}
/// All lanes value. (x - 0 is x for every x, so nothing is computed; 0 + x is not.)
inline Vec splat(float value) {
  return value - Vec{};
}
inline Vec min(Vec a, Vec b) {
  return a < b ? a : b;
}
inline Vec max(Vec a, Vec b) {
  return a > b ? a : b;
}
/// Sum of the lanes, always in the same order.
inline float sum(Vec v) {
  float lanes[kBlock];
  __builtin_memcpy(lanes, &v, sizeof lanes);
  for (int width = kBlock / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

/// One step of sums(): in every run of 2 kHalf lanes, kHalf pair sums of a, then kHalf of b.
template <int kHalf, size_t... kLane>
inline Vec pair_sums(Vec a, Vec b, std::index_sequence<kLane...>) {
  constexpr auto lane = [](size_t i, int more) {
    const int run = static_cast<int>(i) / (2 * kHalf) * (2 * kHalf);
    return static_cast<int>(i) % kHalf + run + more +
           (static_cast<int>(i) / kHalf % 2 ? kBlock : 0);
  };
  return __builtin_shufflevector(a, b, lane(kLane, 0)...) +
         __builtin_shufflevector(a, b, lane(kLane, kHalf)...);
}
/// The sums of kBlock vectors' lanes at once: lane i is the sum of v[i]. Overwrites v.
template <int kHalf = kBlock / 2>
inline Vec sums(Vec* v) {
  for (int i = 0; i < kHalf; ++i)
    v[i] = pair_sums<kHalf>(v[i], v[i + kHalf], std::make_index_sequence<kBlock>());
  if constexpr (kHalf > 1) return sums<kHalf / 2>(v);
  return v[0];
}

/// A store past the caches, for values that are next read long after they have left them. p is
/// aligned to a whole Vec. Followed by store_fence() before another thread reads.
inline void store_past_caches(float* p, Vec v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, reinterpret_cast<__m512>(v));
#else
  store(p, v);
#endif
}
inline void store_fence() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}

inline int blocks_of(int channels) {
  return (channels + kBlock - 1) / kBlock;
}
inline int padded(int channels) {
  return blocks_of(channels) * kBlock;
}

}  // namespace vernissage::cpu
