#include "server/commands/closed_spline.h"

#include <cmath>

namespace vernissage {

std::vector<float> closed_spline(std::span<const float> points, int dimensions, double time) {
  const size_t width = size_t(dimensions);
  const size_t count = points.size() / width;
  const double whole = std::floor(time);
  const double t = time - whole;
  const size_t here = static_cast<size_t>(std::fmod(whole, static_cast<double>(count)));
  const float* before = points.data() + (here + count - 1) % count * width;
  const float* from = points.data() + here * width;
  const float* to = points.data() + (here + 1) % count * width;
  const float* after = points.data() + (here + 2) % count * width;

  // The cubic through `from` and `to` whose slopes are (to - before) / 2 and (after - from) / 2.
  const double w_before = ((2 - t) * t - 1) * t / 2;
  const double w_from = ((3 * t - 5) * t * t + 2) / 2;
  const double w_to = ((4 - 3 * t) * t + 1) * t / 2;
  const double w_after = (t - 1) * t * t / 2;
  std::vector<float> point(width);
  for (size_t i = 0; i < width; ++i)
    point[i] = static_cast<float>(w_before * before[i] + w_from * from[i] + w_to * to[i] +
                                  w_after * after[i]);
  return point;
}

}  // namespace vernissage
