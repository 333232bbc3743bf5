#include "training/dataset/painter/sheet/sheet.h"

namespace vernissage::training {
namespace {

Box around(Point centre, float reach_x, float reach_y) {
  return {centre.x - reach_x, centre.y - reach_y, centre.x + reach_x, centre.y + reach_y};
}

}  // namespace

Paint flat(Colour colour) {
  Paint paint;
  paint.from = paint.to = colour;
  return paint;
}

Paint graded(Colour from, Colour to) {
  Paint paint;
  paint.from = from;
  paint.to = to;
  return paint;
}

Sheet::Sheet(int size, uint64_t seed)
    : cells(static_cast<size_t>(size) * static_cast<size_t>(size),
            Cell{{0.5f, 0.5f, 0.5f}, {1, 0}, 0.3f, 0}),
      size_(size),
      noise_(noise_table()),
      random_(seed) {}

void Sheet::everything(const Paint& paint) {
  fill({}, paint, [](Point) { return -1.0f; });
}

void Sheet::ellipse(Point centre, float rx, float ry, const Paint& paint, float turns) {
  if (turns == 0) {
    fill(around(centre, rx, ry), paint,
         [=](Point p) { return ellipse_distance(p - centre, rx, ry); });
    return;
  }
  const float reach = maximum(rx, ry), c = cosine(turns), s = sine(turns);
  fill(around(centre, reach, reach), paint, [=](Point p) {
    const Point q = p - centre;
    return ellipse_distance({q.x * c + q.y * s, q.y * c - q.x * s}, rx, ry);
  });
}

void Sheet::ring(Point centre, float radius, float width, const Paint& paint) {
  Paint turning = paint;
  turning.around = true;
  fill(around(centre, radius + width, radius + width), turning,
       [=](Point p) { return magnitude(length(p - centre) - radius) - width / 2; });
}

void Sheet::limb(Point a, Point b, float ra, float rb, const Paint& paint) {
  Paint along = paint;
  along.brush = b - a;
  const float r = maximum(ra, rb);
  fill({minimum(a.x, b.x) - r, minimum(a.y, b.y) - r, maximum(a.x, b.x) + r, maximum(a.y, b.y) + r},
       along, [=](Point p) { return limb_distance(p, a, b, ra, rb); });
}

void Sheet::box(Point centre, float hx, float hy, const Paint& paint, float round, float turns) {
  const float c = cosine(turns), s = sine(turns);
  const float reach_x = magnitude(c) * hx + magnitude(s) * hy,
              reach_y = magnitude(s) * hx + magnitude(c) * hy;
  fill(around(centre, reach_x, reach_y), paint, [=](Point p) {
    const Point q = p - centre;
    return box_distance({q.x * c + q.y * s, q.y * c - q.x * s}, hx, hy, round);
  });
}

void Sheet::polygon(std::span<const Point> corners, const Paint& paint) {
  Box box{1e9f, 1e9f, -1e9f, -1e9f};
  for (const Point& p : corners)
    box = {minimum(box.x0, p.x), minimum(box.y0, p.y), maximum(box.x1, p.x), maximum(box.y1, p.y)};
  fill(box, paint, [=](Point p) { return polygon_distance(p, corners); });
}

void Sheet::curve(std::span<const Point> through, float wa, float wb, const Paint& paint) {
  // Eight straight limbs a span, one shape for all.
  constexpr int kSteps = 8;
  const size_t last = through.size() - 1;
  Paint piece = paint;
  Point before = through[0];
  for (size_t i = 0; i < last; ++i) {
    const Point p0 = through[i > 0 ? i - 1 : 0], p1 = through[i], p2 = through[i + 1];
    const Point p3 = through[i + 2 <= last ? i + 2 : last];
    for (int k = 1; k <= kSteps; ++k) {
      const float t = static_cast<float>(k) / kSteps;
      const auto at = [&](float a, float b, float c, float d) {
        return 0.5f * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t +
                       (3 * b - a - 3 * c + d) * t * t * t);
      };
      const Point p{at(p0.x, p1.x, p2.x, p3.x), at(p0.y, p1.y, p2.y, p3.y)};
      const float from =
          (static_cast<float>(i) + static_cast<float>(k - 1) / kSteps) / static_cast<float>(last);
      const float to = (static_cast<float>(i) + t) / static_cast<float>(last);
      limb(before, p, mix(wa, wb, from) / 2, mix(wa, wb, to) / 2, piece);
      piece.contour = Contour::joined;
      before = p;
    }
  }
}

void Sheet::below(float height, float swing, float frequency, const Paint& paint) {
  const float shift = random_.uniform(0, 8), row = random_.uniform(0, 8);
  const float* table = noise_;
  fill({0, height - swing, 1, 1}, paint, [=](Point p) {
    return 0.8f * (height + swing * noise(table, p.x * frequency + shift, row) - p.y);
  });
}

}  // namespace vernissage::training
