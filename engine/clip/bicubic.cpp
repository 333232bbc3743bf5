#include "engine/clip/bicubic.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vernissage {
namespace {

constexpr double kFixedPoint = 1 << 22;
constexpr double kRadius = 2;  // of the cubic

double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::fabs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0;
}

}  // namespace

BicubicTable bicubic_table(int in, int out, int crop, int count) {
  VERNISSAGE_ASSERT(in >= 1 && crop >= 0 && count >= 1 && crop + count <= out);
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double radius = kRadius * widening;
  BicubicTable table;
  table.taps = static_cast<int>(std::ceil(radius)) * 2 + 1;
  table.weights.resize(static_cast<size_t>(count) * static_cast<size_t>(table.taps), 0);
  std::vector<double> weights;
  for (int j = 0; j < count; ++j) {
    const double centre = (crop + j + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - radius + 0.5), 0);
    const int end = std::min(static_cast<int>(centre + radius + 0.5), in);
    weights.clear();
    double sum = 0;
    for (int k = first; k < end; ++k) {
      weights.push_back(cubic((k - centre + 0.5) * (1.0 / widening)));
      sum += weights.back();
    }
    table.first.push_back(first);
    table.count.push_back(end - first);
    for (size_t k = 0; k < weights.size(); ++k)
      table.weights[static_cast<size_t>(j) * static_cast<size_t>(table.taps) + k] =
          static_cast<int32_t>(std::round(weights[k] / sum * kFixedPoint));
  }
  return table;
}

}  // namespace vernissage
