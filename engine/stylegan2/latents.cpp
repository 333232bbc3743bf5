#include "engine/stylegan2/latents.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vernissage {

namespace {
// numpy's 53-bit uniform in [0, 1): two 32-bit draws, 27 and 26 bits kept.
double uniform(std::mt19937& engine) {
  const uint32_t high = engine() >> 5;
  const uint32_t low = engine() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}
}  // namespace

double LegacyNormal::next() {
  if (kept_) {
    const double value = *kept_;
    kept_.reset();
    return value;
  }
  double x1, x2, r2;
  do {
    x1 = 2.0 * uniform(engine_) - 1.0;
    x2 = 2.0 * uniform(engine_) - 1.0;
    r2 = x1 * x1 + x2 * x2;
  } while (r2 >= 1.0 || r2 == 0.0);
  const double factor = std::sqrt(-2.0 * std::log(r2) / r2);
  kept_ = factor * x1;
  return factor * x2;
}

std::vector<float> z_from_seed(uint32_t seed, int z_dim) {
  LegacyNormal normal(seed);
  std::vector<float> z(z_dim);
  for (float& value : z) value = static_cast<float>(normal.next());
  return z;
}

std::vector<float> broadcast_truncated(std::span<const float> w, std::span<const float> w_avg,
                                       int num_ws, float psi, std::optional<int> cutoff) {
  const size_t width = w_avg.size();
  VERNISSAGE_ASSERT(width > 0 && w.size() % width == 0 && num_ws >= 1);
  const size_t n = w.size() / width;
  const size_t truncated =
      cutoff ? static_cast<size_t>(std::clamp(*cutoff, 0, num_ws)) : static_cast<size_t>(num_ws);
  std::vector<float> ws(n * num_ws * width);
  float* row = ws.data();
  for (size_t sample = 0; sample < n; ++sample) {
    const float* from = w.data() + sample * width;
    for (size_t index = 0; index < static_cast<size_t>(num_ws); ++index, row += width) {
      // psi 1 copies: w_avg + (w - w_avg) would round.
      if (psi == 1.0f || index >= truncated) {
        std::copy_n(from, width, row);
        continue;
      }
      for (size_t i = 0; i < width; ++i) row[i] = w_avg[i] + psi * (from[i] - w_avg[i]);
    }
  }
  return ws;
}

void mix_styles(std::span<float> ws, std::span<const float> styles, std::span<const int> layers,
                int w_dim) {
  VERNISSAGE_ASSERT_OP(ws.size(), ==, styles.size());
  for (const int layer : layers) {
    VERNISSAGE_ASSERT(layer >= 0 && (static_cast<size_t>(layer) + 1) * w_dim <= ws.size());
    std::copy_n(styles.data() + static_cast<size_t>(layer) * w_dim, w_dim,
                ws.data() + static_cast<size_t>(layer) * w_dim);
  }
}

std::vector<float> lerp(std::span<const float> a, std::span<const float> b, float t) {
  VERNISSAGE_ASSERT_OP(a.size(), ==, b.size());
  std::vector<float> y(a.size());
  for (size_t i = 0; i < y.size(); ++i) y[i] = a[i] + t * (b[i] - a[i]);
  return y;
}

std::vector<float> slerp(std::span<const float> a, std::span<const float> b, float t) {
  VERNISSAGE_ASSERT_OP(a.size(), ==, b.size());
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  const double norm = std::sqrt(aa * bb);
  const double omega = norm > 0 ? std::acos(std::clamp(ab / norm, -1.0, 1.0)) : 0.0;
  const double sine = std::sin(omega);
  // Below this angle the two weights below lose more to rounding than the chord differs from the
  // arc.
  if (std::abs(sine) < 1e-4) return lerp(a, b, t);
  const double weight_a = std::sin((1.0 - t) * omega) / sine;
  const double weight_b = std::sin(t * omega) / sine;
  std::vector<float> y(a.size());
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<float>(weight_a * a[i] + weight_b * b[i]);
  return y;
}

}  // namespace vernissage
