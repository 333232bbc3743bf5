// Chance from a seed, the same on every machine: the standard distributions are not.
#pragma once

#include <cstdint>

namespace vernissage::training {

/// A well-mixed 64-bit value. Source: Steele, Lea, Flood 2014, SplitMix64's finaliser.
inline uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// 32 mixed bits of two coordinates and a seed; cheap enough for every pixel.
inline uint32_t hashed(uint32_t x, uint32_t y, uint32_t seed) {
  uint32_t h = x * 0x8da6b343u ^ y * 0xd8163841u ^ seed * 0xcb1ab31fu;
  h = (h ^ (h >> 15)) * 0x2c1b3c6du;
  h = (h ^ (h >> 12)) * 0x297a2d39u;
  return h ^ (h >> 15);
}

/// The top 24 bits as [0, 1).
inline float unit(uint32_t bits) {
  return static_cast<float>(bits >> 8) * (1.0f / 16777216.0f);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint32_t bits() { return static_cast<uint32_t>(mixed(state_++) >> 32); }
  float uniform() { return unit(bits()); }  // [0, 1)
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  int below(int count) {
    return static_cast<int>((uint64_t{bits()} * static_cast<uint64_t>(count)) >> 32);
  }
  int between(int low, int high) { return low + below(high - low + 1); }  // both included
  bool chance(float probability) { return uniform() < probability; }
  float sign() { return chance(0.5f) ? 1.0f : -1.0f; }
  /// A stream of its own, so that what is drawn from it does not move what comes after.
  Random fork() { return Random(mixed(mixed(state_++) ^ 0x5bd1e995)); }

 private:
  uint64_t state_;
};

}  // namespace vernissage::training
