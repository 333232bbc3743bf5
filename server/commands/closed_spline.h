// A smooth closed curve through given points, for walks through w space.
#pragma once

#include <span>
#include <vector>

namespace vernissage {

/// The point at `time` on the uniform Catmull-Rom curve through `points` (N, D) and back to the
/// first: at a whole `time` i it is points[i mod N]; the direction is continuous there. time ≥ 0, N
/// ≥ 1. Returns (D). Source: Catmull and Rom 1974, "A class of local interpolating splines".
std::vector<float> closed_spline(std::span<const float> points, int dimensions, double time);

}  // namespace vernissage
