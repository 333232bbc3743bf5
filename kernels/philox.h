// Noise that can be named: normal(seed, layer, index) is a pure function, so any thread on any
// device can make any value, in any order, and a picture can be painted again. Source: Salmon et
// al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Philox4x32-10); Box and Muller 1958 for
// the normal pair.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define VERNISSAGE_HOST_DEVICE __host__ __device__
#else
#define VERNISSAGE_HOST_DEVICE
#endif

namespace vernissage {

struct Philox4 {
  uint32_t v[4];
};

/// Ten rounds of Philox 4x32 on `counter` under `key`.
VERNISSAGE_HOST_DEVICE inline Philox4 philox4x32(Philox4 counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * counter.v[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter.v[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.v[1] ^ key0,
                static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.v[3] ^ key1,
                static_cast<uint32_t>(product0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// A unit normal for pixel `index` (row-major) of a layer's noise map. The layer is its position in
/// the network. Two neighbouring pixels share one Philox call's pair: even index cosine, odd index
/// sine.
VERNISSAGE_HOST_DEVICE inline float normal_noise(uint64_t seed, uint32_t layer, uint32_t index) {
  const Philox4 bits = philox4x32({{index >> 1, layer, 0, 0}}, static_cast<uint32_t>(seed),
                                  static_cast<uint32_t>(seed >> 32));
  // (bits + 0.5) / 2^32 lies in (0, 1), so the logarithm is finite.
  const float u = (static_cast<float>(bits.v[0] >> 8) + 0.5f) * (1.0f / 16777216.0f);
  const float angle = static_cast<float>(bits.v[1] >> 8) * (6.28318530718f / 16777216.0f);
  const float radius = sqrtf(-2.0f * logf(u));
  return radius * ((index & 1) ? sinf(angle) : cosf(angle));
}

}  // namespace vernissage
