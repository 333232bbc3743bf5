#include "engine/cpu/linear.h"

#include <cmath>

#include "engine/cpu/vector.h"

namespace vernissage::cpu {

float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return x > 0 ? x : 0.0f;
    case Activation::lrelu:
      return x > 0 ? x : 0.2f * x;
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Activation::elu:
      return x > 0 ? x : std::expm1(x);
    case Activation::selu:
      return 1.0507009873554805f * (x > 0 ? x : 1.6732632423543772f * std::expm1(x));
    // log(1 + e^x), written so that neither end overflows.
    case Activation::softplus:
      return std::fmax(x, 0.0f) + std::log1p(std::exp(-std::fabs(x)));
    case Activation::swish:
      return x / (1.0f + std::exp(-x));
  }
  return x;
}

Dense copy_dense(const DenseSpec& spec) {
  return {spec.in,
          spec.out,
          {spec.weight.begin(), spec.weight.end()},
          {spec.bias.begin(), spec.bias.end()},
          spec.activation};
}

float dot(int count, const float* a, const float* b) {
  Vec sums[4] = {};
  int i = 0;
  for (; i + 4 * kBlock <= count; i += 4 * kBlock)
    for (int k = 0; k < 4; ++k) sums[k] += load(a + i + k * kBlock) * load(b + i + k * kBlock);
  float value = sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < count; ++i) value += a[i] * b[i];
  return value;
}

void dense(const Dense& layer, int n, const float* x, float* y) {
  const float gain = activation_gain(layer.activation);
#pragma omp parallel for schedule(static)
  for (int o = 0; o < layer.out; ++o)
    for (int sample = 0; sample < n; ++sample) {
      const float value = dot(layer.in, layer.weight.data() + int64_t{o} * layer.in,
                              x + int64_t{sample} * layer.in) +
                          layer.bias[o];
      y[int64_t{sample} * layer.out + o] = gain * activate(layer.activation, value);
    }
}

void normalize_rows(int n, int width, const float* x, float* y, int y_stride) {
  for (int sample = 0; sample < n; ++sample) {
    const float* from = x + int64_t{sample} * width;
    float* to = y + int64_t{sample} * y_stride;
    double squares = 0;
    for (int i = 0; i < width; ++i) squares += double{from[i]} * from[i];
    const float scale = static_cast<float>(1.0 / std::sqrt(squares / width + 1e-8));
    for (int i = 0; i < width; ++i) to[i] = from[i] * scale;
  }
}

}  // namespace vernissage::cpu
