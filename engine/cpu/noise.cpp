// normal_noise() of kernels/philox.h for a whole map, written so that the compiler can do many
// pixels at once: both pixels of a pair from one Philox call, and logarithm, sine and cosine as the
// polynomials below. Source of the polynomials: Moshier, Cephes Mathematical Library, single
// precision; errors below 2e-7.
#include <bit>
#include <cmath>

#include "engine/cpu/passes.h"
#include "kernels/philox.h"

namespace vernissage::cpu {

namespace {

/// log(u) for u in (0, 1].
inline float log_of(float u) {
  // u = m · 2^e with m in [√½, √2).
  const int32_t bits = std::bit_cast<int32_t>(u) - std::bit_cast<int32_t>(0.70710678f);
  const float e = static_cast<float>(bits >> 23);
  const float x =
      std::bit_cast<float>((bits & 0x7fffff) + std::bit_cast<int32_t>(0.70710678f)) - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * x - 1.1514610310e-1f;
  p = p * x + 1.1676998740e-1f;
  p = p * x - 1.2420140846e-1f;
  p = p * x + 1.4249322787e-1f;
  p = p * x - 1.6668057665e-1f;
  p = p * x + 2.0000714765e-1f;
  p = p * x - 2.4999993993e-1f;
  p = p * x + 3.3333331174e-1f;
  const float xx = x * x;
  // ln 2 in two parts, so that e · ln 2 is rounded once.
  return (p * x * xx - 2.12194440e-4f * e - 0.5f * xx) + x + 0.693359375f * e;
}

/// Two neighbours of the map: index even and odd.
inline void pair(uint64_t seed, uint32_t layer, uint32_t half_index, float* even, float* odd) {
  const Philox4 bits = philox4x32({{half_index, layer, 0, 0}}, static_cast<uint32_t>(seed),
                                  static_cast<uint32_t>(seed >> 32));
  const float u = (static_cast<float>(bits.v[0] >> 8) + 0.5f) * (1.0f / 16777216.0f);
  const float radius = std::sqrt(-2.0f * log_of(u));
  // The angle is turn / 2^24 of a circle: the nearest quarter is exact in integers.
  const int32_t turn = static_cast<int32_t>(bits.v[1] >> 8);
  const int32_t quarter = (turn + (1 << 21)) >> 22;
  const float angle = static_cast<float>(turn - (quarter << 22)) * (6.28318530718f / 16777216.0f);
  const float square = angle * angle;
  const float sine = ((-1.9515295891e-4f * square + 8.3321608736e-3f) * square - 1.6666654611e-1f) *
                         square * angle +
                     angle;
  const float cosine =
      ((2.443315711809948e-5f * square - 1.388731625493765e-3f) * square + 4.166664568298827e-2f) *
          square * square -
      0.5f * square + 1.0f;
  const bool swap = quarter & 1;
  const float c = swap ? sine : cosine, s = swap ? cosine : sine;
  *even = radius * ((quarter + 1) & 2 ? -c : c);
  *odd = radius * (quarter & 2 ? -s : s);
}

}  // namespace

void random_noise(uint64_t seed, int layer, int resolution, float* noise) {
  // A power of two of at least 16 pixels.
  constexpr int kPairs = 8;
  const int64_t pixels = int64_t{resolution} * resolution;
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < pixels; first += 2 * kPairs) {
    float even[kPairs], odd[kPairs];
#pragma omp simd
    for (int i = 0; i < kPairs; ++i)
      pair(seed, static_cast<uint32_t>(layer), static_cast<uint32_t>(first / 2) + i, even + i,
           odd + i);
    for (int i = 0; i < kPairs; ++i) {
      noise[first + 2 * i] = even[i];
      noise[first + 2 * i + 1] = odd[i];
    }
  }
}

}  // namespace vernissage::cpu
