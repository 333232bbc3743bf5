// Points of the latent spaces: from seeds, by truncation, mixing and interpolation.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace vernissage {

/// numpy's legacy normal stream: RandomState(seed).randn(…). MT19937, polar method, the second
/// value of a pair kept for the next call.
class LegacyNormal {
 public:
  explicit LegacyNormal(uint32_t seed) : engine_(seed) {}
  double next();

 private:
  std::mt19937 engine_;
  std::optional<double> kept_;
};

/// z = float32 of RandomState(seed).randn(z_dim): what `--seeds N` means in the official scripts.
std::vector<float> z_from_seed(uint32_t seed, int z_dim);

/// ws[n, i] = w_avg + psi · (w[n] - w_avg) for i < cutoff (all i without one), else w[n].
/// w (N, W) → (N, num_ws, W).
std::vector<float> broadcast_truncated(std::span<const float> w, std::span<const float> w_avg,
                                       int num_ws, float psi, std::optional<int> cutoff);

/// Style mixing: rows `layers` of ws (num_ws, W) are taken from `styles` (num_ws, W).
void mix_styles(std::span<float> ws, std::span<const float> styles, std::span<const int> layers,
                int w_dim);

/// a + t · (b - a), element by element.
std::vector<float> lerp(std::span<const float> a, std::span<const float> b, float t);
/// Great-circle interpolation; lerp where the angle is too small to divide by.
std::vector<float> slerp(std::span<const float> a, std::span<const float> b, float t);

}  // namespace vernissage
