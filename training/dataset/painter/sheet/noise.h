// A smooth random field, wrapped around: four octaves of value noise, made once and looked up.
#pragma once

#include "training/dataset/painter/sheet/arithmetic.h"

namespace vernissage::training {

inline constexpr int kNoiseSide = 256;  // a power of two

/// (kNoiseSide, kNoiseSide), about [-1, 1]; the slowest octave has a period of 1/8 of the side.
const float* noise_table();

/// The field at (x, y), one unit being the slowest octave's period; bilinear.
inline float noise(const float* table, float x, float y) {
  constexpr float kCells = kNoiseSide / 8;
  const float fx = x * kCells, fy = y * kCells;
  const float lx = floored(fx), ly = floored(fy);
  const float tx = fx - lx, ty = fy - ly;
  const unsigned x0 = static_cast<unsigned>(static_cast<int>(lx)) % kNoiseSide,
                 x1 = (x0 + 1) % kNoiseSide;
  const unsigned y0 = static_cast<unsigned>(static_cast<int>(ly)) % kNoiseSide,
                 y1 = (y0 + 1) % kNoiseSide;
  const float top = mix(table[y0 * kNoiseSide + x0], table[y0 * kNoiseSide + x1], tx);
  const float bottom = mix(table[y1 * kNoiseSide + x0], table[y1 * kNoiseSide + x1], tx);
  return mix(top, bottom, ty);
}

}  // namespace vernissage::training
