// Functions that the standard library rounds differently from machine to machine, made of
// operations that it does not: their error is far below a grey level.
#pragma once

#include <cmath>

namespace vernissage::training {

inline float clamp01(float x) {
  return x < 0 ? 0.0f : x > 1 ? 1.0f : x;
}
inline float mix(float a, float b, float t) {
  return a + (b - a) * t;
}
inline float minimum(float a, float b) {
  return a < b ? a : b;
}
inline float maximum(float a, float b) {
  return a > b ? a : b;
}
inline float magnitude(float x) {
  return x < 0 ? -x : x;
}
inline float square(float x) {
  return x * x;
}
/// 0 below a, 1 above b, smooth between; a ≠ b, and a > b turns it round.
inline float smooth(float a, float b, float x) {
  const float t = clamp01((x - a) / (b - a));
  return t * t * (3 - 2 * t);
}
/// Greatest integer ≤ x, for |x| < 2^31, without a call.
inline float floored(float x) {
  const auto cut = static_cast<float>(static_cast<int>(x));
  return cut > x ? cut - 1 : cut;
}

/// sin(2π turns), within 0.001: a parabola, bent once.
inline float sine(float turns) {
  const float t = turns - floored(turns + 0.5f);  // [-0.5, 0.5)
  const float p = 8 * t * (1 - 2 * magnitude(t));
  return p * (0.775f + 0.225f * magnitude(p));
}
inline float cosine(float turns) {
  return sine(turns + 0.25f);
}

}  // namespace vernissage::training
