#include "training/gan/networks/adam.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

#include "base/error.h"

namespace vernissage::training {
namespace {

constexpr double kBeta2 = 0.99;
constexpr double kEpsilon = 1e-8;

}  // namespace

Adam::Adam(const Parameters& parameters, double main_rate, int interval) {
  const double share = interval > 0 ? interval / (interval + 1.0) : 1;
  rate = main_rate * share;
  beta2 = std::pow(kBeta2, share);
  for (const auto& [name, tensor] : parameters)
    if (is_trained(name)) squares.emplace(name, at::zeros_like(tensor.detach()));
}

void Adam::step(const Parameters& parameters, const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_gradients;
  ++steps;
  const double correction = std::sqrt(1 - std::pow(beta2, double(steps)));
  size_t index = 0;
  for (const auto& [name, tensor] : parameters) {
    if (!is_trained(name)) continue;
    const at::Tensor& gradient = gradients.at(index++);
    at::Tensor& v = squares.at(name);
    v.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
    at::Tensor parameter = tensor.detach();  // the same storage
    parameter.addcdiv_(gradient, (v.sqrt() / correction).add_(kEpsilon), -rate);
  }
  VERNISSAGE_ASSERT(index == gradients.size());
}

}  // namespace vernissage::training
