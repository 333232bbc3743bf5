// An endless painter: every seed is a picture with facts about it, composed of signed-distance
// shapes and then carried out in a medium (oil, watercolour, woodcut …). It makes the training
// pictures, so neither data nor weights carry anybody's rights.
//
// A picture is a function of (seed, size) alone. Nothing but IEEE additions, multiplications,
// divisions, square roots and integers goes into it, so every machine paints the same bytes. The
// composition does not depend on the size. All functions are safe to call from several threads at
// once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "training/dataset/painter/facts.h"

namespace vernissage::training {

inline constexpr int kPaintingSizeMin = 16;
inline constexpr int kPaintingSizeMax = 1024;

struct Painting {
  Facts facts;
  int size = 0;
  std::vector<uint8_t> rgb;  // (size, size, 3)
};

/// size in kPaintingSizeMin … kPaintingSizeMax. Throws Error naming another one.
Painting paint(uint64_t seed, int size);
/// paint() into a buffer of size · size · 3 bytes. Throws Error naming a wrong length.
Facts paint_into(uint64_t seed, int size, std::span<uint8_t> rgb);
/// The facts of a given kind of picture decide everything but chance: for sets with a chosen
/// subject.
void paint_facts(const Facts& facts, int size, std::span<uint8_t> rgb);
/// What paint() will paint: facts_of(seed) == paint(seed, size).facts.
Facts facts_of(uint64_t seed);

}  // namespace vernissage::training
