// Colours as three numbers in [0, 1], gamma-coded as they are stored.
#pragma once

#include "training/dataset/painter/sheet/arithmetic.h"

namespace vernissage::training {

struct Colour {
  float r = 0, g = 0, b = 0;
};

constexpr Colour hex(unsigned rgb) {
  return {static_cast<float>(rgb >> 16 & 255) / 255, static_cast<float>(rgb >> 8 & 255) / 255,
          static_cast<float>(rgb & 255) / 255};
}
inline Colour mix(Colour a, Colour b, float t) {
  return {mix(a.r, b.r, t), mix(a.g, b.g, t), mix(a.b, b.b, t)};
}
inline Colour clamped(Colour c) {
  return {clamp01(c.r), clamp01(c.g), clamp01(c.b)};
}
/// Rec. 601 luma.
inline float luma(Colour c) {
  return 0.299f * c.r + 0.587f * c.g + 0.114f * c.b;
}
/// t > 0 towards white, t < 0 towards black.
inline Colour lighter(Colour c, float t) {
  return t >= 0 ? mix(c, Colour{1, 1, 1}, t) : mix(c, Colour{0, 0, 0}, -t);
}
/// Away from its own grey (k > 1) or towards it (k < 1).
inline Colour saturated(Colour c, float k) {
  const float y = luma(c);
  return clamped(mix(Colour{y, y, y}, c, k));
}
/// The hue turned about the grey axis at constant luma, in YIQ.
inline Colour turned(Colour c, float turns) {
  const float y = luma(c);
  const float i = 0.596f * c.r - 0.274f * c.g - 0.322f * c.b;
  const float q = 0.211f * c.r - 0.523f * c.g + 0.312f * c.b;
  const float cs = cosine(turns), sn = sine(turns);
  const float i2 = i * cs - q * sn, q2 = i * sn + q * cs;
  return clamped({y + 0.956f * i2 + 0.621f * q2, y - 0.272f * i2 - 0.647f * q2,
                  y - 1.106f * i2 + 1.703f * q2});
}

}  // namespace vernissage::training
