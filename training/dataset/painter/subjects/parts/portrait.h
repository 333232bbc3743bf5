// Heads and shoulders.
#pragma once

#include "training/dataset/painter/subjects/studio.h"

namespace vernissage::training {

struct Sitter {
  Point face{0.5f, 0.42f};  // the middle of the face
  float size = 0.17f;       // half the face's width
  float turn = 0;           // -1 … 1: looks left or right; beyond, in profile
  float tilt = 0;           // of the head, in turns
  Colour skin, shade, hair, clothes, trim;
  enum class Hair : uint8_t { none, cropped, bun, bob, flowing, braids } hair_style = Hair::bob;
  enum class Hat : uint8_t {
    none,
    beret,
    brim,
    bowler,
    crown,
    veil,
    wreath,
    scarf
  } hat = Hat::none;
  bool beard = false;
  bool closed_eyes = false;
  bool shoulders = true;
  float long_neck = 1;  // of the usual length
};

void draw_sitter(Studio& studio, const Sitter& sitter);

}  // namespace vernissage::training
