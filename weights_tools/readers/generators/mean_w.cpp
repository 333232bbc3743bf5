#include "weights_tools/readers/generators/mean_w.h"

#include <cmath>
#include <random>

#include "base/error.h"

namespace vernissage {
namespace {

constexpr uint32_t kSeed = 0;
constexpr size_t kBatch = 64;  // latents that share one pass over the weights

/// Normal values by the polar method: the same everywhere, unlike std::normal_distribution.
class Normal {
 public:
  float next() {
    for (;;) {
      const double x = uniform(), y = uniform();
      const double square = x * x + y * y;
      if (square > 0 && square < 1)
        return static_cast<float>(x * std::sqrt(-2 * std::log(square) / square));
    }
  }

 private:
  double uniform() { return engine_() * (2.0 / 4294967296.0) - 1; }  // [-1, 1)
  std::mt19937 engine_{kSeed};
};

/// One layer of a batch: x (kBatch, I) → (kBatch, O).
std::vector<float> dense(const std::vector<float>& x, const Tensor& weight, const Tensor& bias,
                         float multiplier, float gain) {
  const auto outputs = static_cast<size_t>(weight.shape[0]),
             inputs = static_cast<size_t>(weight.shape[1]);
  // The batch innermost, so that the compiler adds many latents at once without reordering any sum.
  std::vector<float> y(outputs * kBatch);
  for (size_t o = 0; o < outputs; ++o) {
    float sums[kBatch] = {};
    for (size_t i = 0; i < inputs; ++i) {
      const float w = weight.values[o * inputs + i];
      for (size_t n = 0; n < kBatch; ++n) sums[n] += w * x[i * kBatch + n];
    }
    const float scale = multiplier / std::sqrt(static_cast<float>(inputs));
    for (size_t n = 0; n < kBatch; ++n) {
      const float v = sums[n] * scale + bias.values[o] * multiplier;
      y[o * kBatch + n] = gain * (v > 0 ? v : 0.2f * v);
    }
  }
  return y;
}

}  // namespace

std::vector<float> mean_w(const Network& network) {
  const NetworkConfig& config = network.config;
  if (config.c_dim != 0 || config.mapping_activation != Activation::lrelu) {
    throw Error(
        "mapping.w_avg: missing, and only an unconditional lrelu mapping can make up for it");
  }
  const auto z_dim = static_cast<size_t>(config.z_dim), w_dim = static_cast<size_t>(config.w_dim);
  Normal normal;
  std::vector<double> sum(w_dim, 0);
  for (int done = 0; done < kMeanLatents; done += kBatch) {
    std::vector<float> x(z_dim * kBatch);  // (Z, kBatch)
    for (size_t n = 0; n < kBatch; ++n) {
      double squares = 0;
      for (size_t i = 0; i < z_dim; ++i) {
        const float z = normal.next();
        x[i * kBatch + n] = z;
        squares += double{z} * z;
      }
      const auto scale =
          static_cast<float>(1 / std::sqrt(squares / static_cast<double>(z_dim) + 1e-8));
      for (size_t i = 0; i < z_dim; ++i) x[i * kBatch + n] *= scale;
    }
    for (size_t layer = 0; layer < config.mapping_widths.size(); ++layer) {
      const std::string name = "mapping.fc" + std::to_string(layer);
      x = dense(x, network.at(name + ".weight"), network.at(name + ".bias"),
                config.mapping_lr_multiplier, activation_gain(config.mapping_activation));
    }
    for (size_t i = 0; i < w_dim; ++i) {
      for (size_t n = 0; n < kBatch; ++n) sum[i] += x[i * kBatch + n];
    }
  }
  std::vector<float> mean;
  for (const double value : sum) mean.push_back(static_cast<float>(value / kMeanLatents));
  for (const float value : mean) {
    if (!std::isfinite(value)) throw Error("mapping.w_avg: the mapping network overflows");
  }
  return mean;
}

}  // namespace vernissage
