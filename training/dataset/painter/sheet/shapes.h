// Signed distances: negative inside, in units of the picture's side. Where no closed form is cheap,
// the value is right near the edge and has the right sign everywhere.
#pragma once

#include <span>

#include "training/dataset/painter/sheet/arithmetic.h"

namespace vernissage::training {

struct Point {
  float x = 0, y = 0;
};
inline Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
inline Point operator*(Point a, float k) {
  return {a.x * k, a.y * k};
}
inline float length(Point a) {
  return std::sqrt(a.x * a.x + a.y * a.y);
}
inline Point mix(Point a, Point b, float t) {
  return {mix(a.x, b.x, t), mix(a.y, b.y, t)};
}
/// p turned about the origin; on a page whose y points down, clockwise.
inline Point rotated(Point p, float turns) {
  const float c = cosine(turns), s = sine(turns);
  return {p.x * c - p.y * s, p.x * s + p.y * c};
}

/// An ellipse with half axes rx and ry about the origin: right at the edge.
inline float ellipse_distance(Point p, float rx, float ry) {
  const float ux = p.x / rx, uy = p.y / ry;
  const float near = std::sqrt(ux * ux + uy * uy);
  const float slope = std::sqrt(square(ux / rx) + square(uy / ry));
  return near < 0.02f ? -minimum(rx, ry) : near * (near - 1) / slope;
}

/// A limb: from a (radius ra) to b (radius rb), the radius going linearly between.
inline float limb_distance(Point p, Point a, Point b, float ra, float rb) {
  const Point ab = b - a, ap = p - a;
  const float h = clamp01((ap.x * ab.x + ap.y * ab.y) / (ab.x * ab.x + ab.y * ab.y + 1e-12f));
  return length(ap - ab * h) - mix(ra, rb, h);
}

/// A box with half sides hx and hy and rounded corners about the origin.
inline float box_distance(Point p, float hx, float hy, float round) {
  const float qx = magnitude(p.x) - hx + round, qy = magnitude(p.y) - hy + round;
  const float outside = length({maximum(qx, 0), maximum(qy, 0)});
  return outside + minimum(maximum(qx, qy), 0) - round;
}

/// A simple polygon. Source: crossing number for the sign, least segment distance for the size.
inline float polygon_distance(Point p, std::span<const Point> corners) {
  float least = 1e9f;
  bool inside = false;
  for (size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
    const Point edge = corners[j] - corners[i], to = p - corners[i];
    const float h =
        clamp01((to.x * edge.x + to.y * edge.y) / (edge.x * edge.x + edge.y * edge.y + 1e-12f));
    const float dx = to.x - edge.x * h, dy = to.y - edge.y * h;
    least = minimum(least, dx * dx + dy * dy);
    const bool above_i = corners[i].y > p.y, above_j = corners[j].y > p.y;
    if (above_i != above_j && p.x < edge.x * (p.y - corners[i].y) / edge.y + corners[i].x)
      inside = !inside;
  }
  const float distance = std::sqrt(least);
  return inside ? -distance : distance;
}

}  // namespace vernissage::training
