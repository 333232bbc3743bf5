// Whole people: a dozen limbs each.
#pragma once

#include "training/dataset/painter/subjects/studio.h"

namespace vernissage::training {

struct Figure {
  Point feet{0.5f, 0.9f};  // where the figure stands
  float height = 0.5f;
  float lean = 0;  // -1 … 1, how far the head is to the side
  Point left_hand{-0.2f, -0.5f}, right_hand{0.2f, -0.5f};  // from the feet, in heights
  float stride = 0.1f;                                     // between the feet, in heights
  bool dress = false;
  bool hat = false;
  bool bare = false;  // as the dancers of old paintings
  Colour skin, hair, clothes, legs;
};

/// Colours by chance, the rest as `height` and `feet` say.
Figure any_figure(Studio& studio, Point feet, float height);
void draw_figure(Studio& studio, const Figure& figure);

}  // namespace vernissage::training
