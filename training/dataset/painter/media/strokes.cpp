// Brush strokes. Source of the idea, coarse strokes along the forms and finer ones where the eye
// rests: Hertzmann 1998, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes".
#include "training/dataset/painter/media/medium.h"

namespace vernissage::training {
namespace {

const Sheet::Cell& nearest(const Sheet& sheet, Point p) {
  const float side = static_cast<float>(sheet.size());
  const auto inside = [&](float v) {
    return static_cast<int>(minimum(maximum(v * side, 0), side - 1));
  };
  return sheet.cells[static_cast<size_t>(inside(p.y) * sheet.size() + inside(p.x))];
}

struct Stroke {
  Point centre, along;  // along: unit
  float half_length, half_width;
  Colour colour;
  float bristle;
  uint32_t seed;
  bool dot;
};

void lay(Surface& surface, const Stroke& s) {
  const float side = static_cast<float>(surface.size), pixel = 1 / side;
  const float reach_x =
      magnitude(s.along.x) * s.half_length + magnitude(s.along.y) * s.half_width + pixel;
  const float reach_y =
      magnitude(s.along.y) * s.half_length + magnitude(s.along.x) * s.half_width + pixel;
  const auto bound = [&](float v) {
    return static_cast<int>(minimum(maximum(floored(v * side), 0), side));
  };
  const int x0 = bound(s.centre.x - reach_x), x1 = bound(s.centre.x + reach_x + pixel);
  const int y0 = bound(s.centre.y - reach_y), y1 = bound(s.centre.y + reach_y + pixel);
  // Bristles: one a pixel, at least four; their streaks are looked up.
  constexpr int kBristlesMax = 64;
  const float bristles = minimum(maximum(4, 2 * s.half_width * side), kBristlesMax - 2);
  float streaks[kBristlesMax];
  for (int i = 0; i < static_cast<int>(bristles) + 2; ++i)
    streaks[i] = s.bristle * (unit(hashed(static_cast<uint32_t>(i), 7, s.seed)) - 0.5f) * 2;
  const float per_length = 1 / s.half_length, per_width = 1 / s.half_width,
              sharp = s.half_width * side;
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x) {
      const Point q =
          Point{(static_cast<float>(x) + 0.5f) * pixel, (static_cast<float>(y) + 0.5f) * pixel} -
          s.centre;
      const float u = q.x * s.along.x + q.y * s.along.y, v = q.y * s.along.x - q.x * s.along.y;
      const float along = magnitude(u) * per_length, across = v * per_width;
      const float out =
          s.dot ? std::sqrt(along * along + across * across) : maximum(magnitude(across), along);
      const float cover = clamp01((1 - out) * sharp + 0.5f);
      if (cover <= 0) continue;
      // The soft edge lies up to half a pixel outside: it belongs to the outermost bristles.
      const float row = minimum(maximum((across + 1) * 0.5f * bristles, 0), bristles);
      const float streak = streaks[static_cast<int>(row)];
      const auto cell = static_cast<size_t>(y * surface.size + x);
      const Colour c{s.colour.r + streak, s.colour.g + streak, s.colour.b + streak};
      surface.colours[cell] = mix(surface.colours[cell], c, cover);
      surface.relief[cell] =
          mix(surface.relief[cell], streak * 3 + 0.6f * (1 - along * along), cover);
    }
}

}  // namespace

void paint_strokes(const Sheet& sheet, Surface& surface, const Brush& brush, uint32_t seed) {
  const float side = static_cast<float>(sheet.size());
  const float width = maximum(brush.width, 1.5f / side);
  const float long_side = maximum(brush.length, 1.2f * width);
  const float step_x = maximum(width, 0.45f * (brush.dots ? width : long_side)) * brush.spacing,
              step_y = width * brush.spacing;
  const int columns = static_cast<int>(1 / step_x) + 2, rows = static_cast<int>(1 / step_y) + 2;
  const auto count = static_cast<uint32_t>(columns * rows);
  // Every place once, neighbours at quite different times: a step without a common factor with the
  // count.
  uint32_t stride = static_cast<uint32_t>(static_cast<float>(count) * 0.618f) | 1u;
  const auto common = [](uint32_t a, uint32_t b) {
    while (b != 0) {
      const uint32_t rest = a % b;
      a = b;
      b = rest;
    }
    return a;
  };
  while (common(stride, count) != 1) stride += 2;
  uint32_t place = seed % count;
  for (uint32_t i = 0; i < count; ++i) {
    place = static_cast<uint32_t>((uint64_t{place} + stride) % count);
    const uint32_t h0 = hashed(place, 1, seed), h1 = hashed(place, 2, seed),
                   h2 = hashed(place, 3, seed);
    const Point at{
        (static_cast<float>(place % static_cast<uint32_t>(columns)) + unit(h0) - 0.5f) * step_x,
        (static_cast<float>(place / static_cast<uint32_t>(columns)) + unit(h1) - 0.5f) * step_y};
    const Sheet::Cell& cell = nearest(sheet, at);
    if (cell.detail < brush.only_above) continue;
    const float fine = brush.dots ? 1 : 1.25f - 0.75f * cell.detail;
    const float astray = (unit(h2) - 0.5f) * 2 * brush.stray;
    const float tint = brush.tint * (1.3f - 0.6f * cell.detail);
    Stroke s;
    s.centre = at;
    s.along = rotated(cell.brush, astray);
    const float norm = 1 / maximum(length(s.along), 1e-6f);
    s.along = s.along * norm;
    s.half_width = maximum(width * fine, 1.3f / side) / 2;
    s.half_length = brush.dots ? s.half_width : maximum(long_side * fine * fine / 2, s.half_width);
    const auto stray = [&](uint32_t which) {
      return (unit(hashed(place, which, seed)) - 0.5f) * 2 * tint;
    };
    const float lift = stray(4);
    s.colour = {cell.colour.r + lift + 0.5f * stray(5), cell.colour.g + lift + 0.5f * stray(6),
                cell.colour.b + lift + 0.5f * stray(8)};
    s.bristle = brush.bristle;
    s.seed = seed + place;
    s.dot = brush.dots;
    lay(surface, s);
  }
}

void light_relief(Surface& surface, float strength) {
  const int n = surface.size;
  for (int y = 1; y < n; ++y)
    for (int x = 1; x < n; ++x) {
      const size_t at = static_cast<size_t>(y * n + x);
      const float slope = surface.relief[at] - surface.relief[at - static_cast<size_t>(n) - 1];
      const float lift = strength * minimum(maximum(slope, -0.5f), 0.5f);
      Colour& c = surface.colours[at];
      c = {c.r + lift, c.g + lift, c.b + lift};
    }
}

}  // namespace vernissage::training
