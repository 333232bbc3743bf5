#include "weights_tools/readers/generators/mean_w.h"

#include <cmath>

#include "base/error.h"
#include "weights_tools/readers/generators/normal.h"

namespace vernissage {
namespace {

constexpr uint32_t kSeed = 0;
constexpr size_t kBatch = 64;  // latents that share one pass over the weights

float activated(Activation activation, float v) {
  switch (activation) {
    case Activation::linear:
      return v;
    case Activation::relu:
      return v > 0 ? v : 0;
    case Activation::lrelu:
      return v > 0 ? v : 0.2f * v;
    case Activation::tanh:
      return std::tanh(v);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-v));
    case Activation::elu:
      return v > 0 ? v : std::expm1(v);
    case Activation::selu:
      return 1.05070098f * (v > 0 ? v : 1.67326324f * std::expm1(v));
    case Activation::softplus:
      return v > 20 ? v : std::log1p(std::exp(v));
    case Activation::swish:
      return v / (1 + std::exp(-v));
  }
  VERNISSAGE_ASSERT(false);
  return 0;
}

/// One layer of a batch: x (kBatch, I) → (kBatch, O).
std::vector<float> dense(const std::vector<float>& x, const Tensor& weight, const Tensor& bias,
                         float multiplier, Activation activation) {
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
      y[o * kBatch + n] = activation_gain(activation) * activated(activation, v);
    }
  }
  return y;
}

/// Scales column n of x (rows, kBatch) to mean square 1: x·rsqrt(mean(x²) + 1e-8).
void normalise_column(std::vector<float>& x, size_t n) {
  const size_t rows = x.size() / kBatch;
  double squares = 0;
  for (size_t i = 0; i < rows; ++i) squares += double{x[i * kBatch + n]} * x[i * kBatch + n];
  const auto scale = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(rows) + 1e-8));
  for (size_t i = 0; i < rows; ++i) x[i * kBatch + n] *= scale;
}

/// The embedded labels of latents `first` … in turn, (E, kBatch): label k's column of the weights
/// over √C, and the bias, normalised.
std::vector<float> embedded_labels(const Network& network, int first) {
  const Tensor& weight = network.at("mapping.embed.weight");
  const Tensor& bias = network.at("mapping.embed.bias");
  const auto features = static_cast<size_t>(weight.shape[0]);
  const auto classes = static_cast<size_t>(weight.shape[1]);
  const float scale = 1 / std::sqrt(static_cast<float>(classes));
  std::vector<float> y(features * kBatch);
  for (size_t n = 0; n < kBatch; ++n) {
    const size_t label = (static_cast<size_t>(first) + n) % classes;
    for (size_t i = 0; i < features; ++i)
      y[i * kBatch + n] = weight.values[i * classes + label] * scale + bias.values[i];
    normalise_column(y, n);
  }
  return y;
}

}  // namespace

std::vector<float> mean_w(const Network& network) {
  const NetworkConfig& config = network.config;
  const auto z_dim = static_cast<size_t>(config.z_dim), w_dim = static_cast<size_t>(config.w_dim);
  NormalStream normal(kSeed);
  std::vector<double> sum(w_dim, 0);
  for (int done = 0; done < kMeanLatents; done += kBatch) {
    std::vector<float> x(z_dim * kBatch);  // (Z, kBatch)
    for (size_t n = 0; n < kBatch; ++n) {
      for (size_t i = 0; i < z_dim; ++i) x[i * kBatch + n] = normal.next();
      normalise_column(x, n);
    }
    if (config.c_dim > 0) {
      const std::vector<float> labels = embedded_labels(network, done);
      x.insert(x.end(), labels.begin(), labels.end());
    }
    for (size_t layer = 0; layer < config.mapping_widths.size(); ++layer) {
      const std::string name = "mapping.fc" + std::to_string(layer);
      x = dense(x, network.at(name + ".weight"), network.at(name + ".bias"),
                config.mapping_lr_multiplier, config.mapping_activation);
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
