// Colours that go together, by the part that each plays in a picture.
#pragma once

#include "training/dataset/painter/facts.h"
#include "training/dataset/painter/sheet/colour.h"
#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {

struct Palette {
  Colour high, low;  // the sky or the ground behind, above and below
  Colour light;      // sun, moon, lamps, highlights
  Colour far, near;  // land and walls, from far to near
  Colour leaf, water;
  Colour dark;            // outlines, shadows
  Colour accent, second;  // what the eye goes to
  Colour paper;
  Colour skin, shade, hair;
};

/// The light's palette, hues and contrast moved a little by chance; `unnatural`: skin in colours
/// that only painters use.
Palette make_palette(Light light, bool unnatural, Random& random);

}  // namespace vernissage::training
