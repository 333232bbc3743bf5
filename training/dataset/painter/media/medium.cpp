#include "training/dataset/painter/media/medium.h"

namespace vernissage::training {
namespace {

void paint_oil(const Sheet& sheet, Surface& surface, uint32_t seed) {
  lay_in(sheet, surface);
  Brush brush;
  paint_strokes(sheet, surface, brush, seed);
  brush.length = 0.055f;
  brush.width = 0.018f;
  brush.tint = 0.04f;
  brush.bristle = 0.07f;
  brush.only_above = 0.42f;
  paint_strokes(sheet, surface, brush, seed + 1);
  light_relief(surface, 0.10f);
}

void paint_impression(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  lay_in(sheet, surface);
  for (Colour& c : surface.colours) c = mix(c, palette.second, 0.2f);
  Brush comma;
  comma.length = 0.06f;
  comma.width = 0.026f;
  comma.spacing = 0.75f;
  comma.stray = 0.1f;
  comma.tint = 0.11f;
  comma.bristle = 0.06f;
  paint_strokes(sheet, surface, comma, seed);
  comma.length = 0.036f;
  comma.width = 0.015f;
  comma.tint = 0.08f;
  comma.only_above = 0.55f;
  paint_strokes(sheet, surface, comma, seed + 1);
  light_relief(surface, 0.12f);
}

void paint_points(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  for (size_t i = 0; i < surface.colours.size(); ++i)
    surface.colours[i] = mix(palette.paper, sheet.cells[i].colour, 0.55f);
  Brush dot;
  dot.dots = true;
  dot.length = dot.width = 0.03f;
  dot.spacing = 0.85f;
  dot.tint = 0.12f;
  dot.bristle = 0;
  paint_strokes(sheet, surface, dot, seed);
  dot.length = dot.width = 0.021f;
  dot.tint = 0.07f;
  dot.only_above = 0.5f;
  paint_strokes(sheet, surface, dot, seed + 1);
}

void paint_fauve(const Sheet& sheet, const Palette& palette, Surface& surface, uint32_t seed) {
  lay_in(sheet, surface);
  Brush wide;
  wide.length = 0.13f;
  wide.width = 0.045f;
  wide.tint = 0.09f;
  wide.bristle = 0.12f;
  paint_strokes(sheet, surface, wide, seed);
  wide.length = 0.06f;
  wide.width = 0.018f;
  wide.tint = 0.05f;
  wide.only_above = 0.6f;
  paint_strokes(sheet, surface, wide, seed + 1);
  for (Colour& c : surface.colours) c = saturated(c, 1.35f);
  draw_contours(sheet, surface, palette.dark, 0.012f, 0.75f);
  light_relief(surface, 0.09f);
}

/// Canvas or paper under everything, and the unpainted margin.
void finish(Surface& surface, const Palette& palette, const Facts& facts, uint32_t seed) {
  const int n = surface.size;
  const float side = static_cast<float>(n);
  const float* table = noise_table();
  const bool canvas = facts.medium <= Medium::fauve || facts.medium == Medium::cubist;
  const float margin = 0.045f + 0.02f * unit(hashed(11, 11, seed));
  const Colour paper = lighter(palette.paper, 0.25f);
  for (int y = 0; y < n; ++y)
    for (int x = 0; x < n; ++x) {
      Colour& c = surface.at(x, y);
      const float u = (static_cast<float>(x) + 0.5f) / side,
                  v = (static_cast<float>(y) + 0.5f) / side;
      float lift =
          0.025f * (unit(hashed(static_cast<uint32_t>(x), static_cast<uint32_t>(y), seed)) - 0.5f);
      if (canvas && n >= 128) lift += ((x ^ y) & 1) != 0 ? 0.008f : -0.008f;  // the weave
      if (facts.framed) {
        const float inner = minimum(minimum(u, 1 - u), minimum(v, 1 - v)) - margin +
                            0.008f * noise(table, u * 4, v * 4);
        c = mix(c, paper, clamp01(0.5f - inner * side));
      } else if (canvas) {
        lift -= 0.10f * square(square(u - 0.5f) + square(v - 0.5f)) *
                4;  // varnish darkens towards the edge
      }
      c = clamped({c.r + lift, c.g + lift, c.b + lift});
    }
}

}  // namespace

Surface carry_out(const Sheet& sheet, const Palette& palette, const Facts& facts, uint32_t seed) {
  Surface surface(sheet.size());
  switch (facts.medium) {
    case Medium::oil:
      paint_oil(sheet, surface, seed);
      break;
    case Medium::impression:
      paint_impression(sheet, palette, surface, seed);
      break;
    case Medium::pointillist:
      paint_points(sheet, palette, surface, seed);
      break;
    case Medium::fauve:
      paint_fauve(sheet, palette, surface, seed);
      break;
    case Medium::watercolour:
      paint_watercolour(sheet, palette, surface, seed);
      break;
    case Medium::pastel:
      paint_pastel(sheet, palette, surface, seed);
      break;
    case Medium::ink:
      paint_ink(sheet, palette, surface, seed);
      break;
    case Medium::woodcut:
      paint_woodcut(sheet, palette, surface, seed);
      break;
    case Medium::cubist:
      paint_cubist(sheet, palette, surface, seed);
      break;
    case Medium::mosaic:
      paint_mosaic(sheet, palette, surface, seed);
      break;
    case Medium::poster:
      paint_poster(sheet, palette, surface, seed);
      break;
    case Medium::charcoal:
      paint_charcoal(sheet, palette, surface, seed);
      break;
  }
  finish(surface, palette, facts, seed);
  return surface;
}

}  // namespace vernissage::training
