// The media: each turns a composition into a picture in its own way.
#pragma once

#include <vector>

#include "training/dataset/painter/facts.h"
#include "training/dataset/painter/sheet/palette.h"
#include "training/dataset/painter/sheet/sheet.h"

namespace vernissage::training {

/// A picture in work: colours and the thickness of the paint, (size, size).
struct Surface {
  int size = 0;
  std::vector<Colour> colours;
  std::vector<float> relief;

  explicit Surface(int side)
      : size(side),
        colours(static_cast<size_t>(side) * static_cast<size_t>(side)),
        relief(colours.size(), 0.0f) {}
  Colour& at(int x, int y) { return colours[static_cast<size_t>(y * size + x)]; }
  const Colour& at(int x, int y) const { return colours[static_cast<size_t>(y * size + x)]; }
};

/// Carries the composition out in facts.medium. `seed` is for chance that may depend on the size.
Surface carry_out(const Sheet& sheet, const Palette& palette, const Facts& facts, uint32_t seed);

// strokes.cpp
struct Brush {
  float length = 0.10f,
        width = 0.035f;   // in sides of the picture; at least a pixel and a half wide
  float spacing = 0.6f;   // between strokes, in widths
  float stray = 0.05f;    // turns that a stroke may go astray
  float tint = 0.06f;     // how far a stroke's colour goes astray
  float bristle = 0.10f;  // streaks along a stroke
  bool dots = false;
  float only_above = 0;  // strokes only where the sheet's detail is at least this
};
void paint_strokes(const Sheet& sheet, Surface& surface, const Brush& brush, uint32_t seed);
/// Light from the upper left over the relief.
void light_relief(Surface& surface, float strength);

// washes.cpp: water and dry pigment on paper
void paint_watercolour(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);
void paint_pastel(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);
void paint_charcoal(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);
void paint_ink(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);

// prints.cpp: pictures of hard areas
void paint_woodcut(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);
void paint_poster(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);
void paint_mosaic(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);
void paint_cubist(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed);

/// Luma stretched so that the composition's darkest and lightest 5 % are black and white, (size,
/// size): what a medium of one ink works from.
std::vector<float> stretched_tones(const Sheet& sheet);

/// The sheet's colours as they are.
void lay_in(const Sheet& sheet, Surface& surface);
/// 1 on the border between two shapes, `width` sides wide, else 0.
std::vector<float> contours(const Sheet& sheet, float width);
void draw_contours(const Sheet& sheet, Surface& surface, Colour ink, float width, float strength);

}  // namespace vernissage::training
