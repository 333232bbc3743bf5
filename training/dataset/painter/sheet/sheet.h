// The sheet a composition is laid out on: for every pixel a colour, the way the brush goes there,
// how fine the work is, and which shape it belongs to. The medium then carries it out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "training/dataset/painter/sheet/colour.h"
#include "training/dataset/painter/sheet/noise.h"
#include "training/dataset/painter/sheet/random.h"
#include "training/dataset/painter/sheet/shapes.h"

namespace vernissage::training {

/// Whether a medium may draw a line round a shape: it is one of its own, more of the one before, or
/// only light on what is there already.
enum class Contour : uint8_t { own, joined, none };

/// How a shape is filled. Lengths in units of the picture's side.
struct Paint {
  Colour from, to;             // a gradient over the shape's box …
  float across = 0, down = 1;  // … in this direction
  float grain = 0.10f;         // how far chance moves along the gradient and in lightness
  Point brush{1, 0};           // the way of the strokes, of any length
  bool around = false;         // strokes go round the shape's middle instead
  float detail = 0.5f;         // 0 broad strokes … 1 fine ones
  float opacity = 1;
  float wobble = 0.004f;  // how unsteady the edge is
  float soft = 0;         // how wide the edge fades
  Contour contour = Contour::own;
};

Paint flat(Colour colour);
Paint graded(Colour from, Colour to);

struct Box {
  float x0 = 0, y0 = 0, x1 = 1, y1 = 1;
};

class Sheet {
 public:
  Sheet(int size, uint64_t seed);

  /// Fills where distance(Point) < 0; the box contains the shape.
  template <class Distance>
  void fill(Box box, const Paint& paint, Distance distance);

  void everything(const Paint& paint);
  void ellipse(Point centre, float rx, float ry, const Paint& paint, float turns = 0);
  void disc(Point centre, float radius, const Paint& paint) {
    ellipse(centre, radius, radius, paint);
  }
  void ring(Point centre, float radius, float width, const Paint& paint);
  void limb(Point a, Point b, float ra, float rb, const Paint& paint);
  void line(Point a, Point b, float width, const Paint& paint) {
    limb(a, b, width / 2, width / 2, paint);
  }
  void box(Point centre, float hx, float hy, const Paint& paint, float round = 0, float turns = 0);
  void polygon(std::span<const Point> corners, const Paint& paint);
  void polygon(std::initializer_list<Point> corners, const Paint& paint) {
    polygon(std::span<const Point>(corners.begin(), corners.size()), paint);
  }
  /// A curve through the points (Catmull-Rom), its width going from wa to wb.
  void curve(std::span<const Point> through, float wa, float wb, const Paint& paint);
  /// All below y = height + swing · noise(frequency · x): hills, shores, tree lines.
  void below(float height, float swing, float frequency, const Paint& paint);

  int size() const { return size_; }
  int pixels() const { return size_ * size_; }

  struct Cell {
    Colour colour;
    Point brush;     // unit length
    float detail;    // 0 … 1
    uint32_t shape;  // 0: the ground
  };
  std::vector<Cell> cells;

 private:
  int size_;
  const float* noise_;
  Random random_;
  uint32_t shapes_ = 0;
};

template <class Distance>
void Sheet::fill(Box box, const Paint& paint, Distance distance) {
  if (paint.contour == Contour::own) ++shapes_;
  const float side = static_cast<float>(size_), pixel = 1 / side;
  const float edge = 0.6f * pixel + paint.soft;
  const float reach = edge + paint.wobble;
  const auto first = [&](float v) {
    return static_cast<int>(maximum(0, floored((v - reach) * side)));
  };
  const auto last = [&](float v) {
    return static_cast<int>(minimum(side, floored((v + reach) * side) + 1));
  };
  const int x0 = first(box.x0), x1 = last(box.x1), y0 = first(box.y0), y1 = last(box.y1);
  const float ox = random_.uniform(0, 8), oy = random_.uniform(0, 8);  // drawn whatever the size is
  const float wide = 1 / maximum(box.x1 - box.x0, 1e-6f),
              high = 1 / maximum(box.y1 - box.y0, 1e-6f);
  const Point middle{(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2};
  const float brush_length = maximum(length(paint.brush), 1e-6f);
  const Point steady = paint.brush * (1 / brush_length);

  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x) {
      const Point p{(static_cast<float>(x) + 0.5f) * pixel, (static_cast<float>(y) + 0.5f) * pixel};
      const float d = distance(p);
      if (d >= reach) continue;
      const float n = noise(noise_, p.x * 1.7f + ox, p.y * 1.7f + oy);
      const float moved = d + paint.wobble * n;
      if (moved >= edge) continue;
      const float cover = clamp01((edge - moved) / (2 * edge)) * paint.opacity;
      const float t = (p.x - box.x0) * wide * paint.across + (p.y - box.y0) * high * paint.down;
      Colour colour = mix(paint.from, paint.to, clamp01(t + paint.grain * n * 2));
      const float lift = paint.grain * n * 0.35f;
      colour = {colour.r + lift, colour.g + lift, colour.b + lift};
      Cell& cell = cells[static_cast<size_t>(y * size_ + x)];
      cell.colour = mix(cell.colour, colour, cover);
      if (cover < 0.5f) continue;
      if (paint.contour != Contour::none) cell.shape = shapes_;
      cell.detail = paint.detail;
      if (paint.around) {
        const Point out = p - middle;
        const float r = maximum(length(out), 1e-6f);
        cell.brush = {-out.y / r, out.x / r};
      } else {
        cell.brush = steady;
      }
    }
}

}  // namespace vernissage::training
