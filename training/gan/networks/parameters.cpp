#include "training/gan/networks/parameters.h"

#include <cstring>
#include <string_view>

namespace vernissage::training {
namespace {

bool ends_with(std::string_view name, std::string_view end) {
  return name.ends_with(end);
}

at::Tensor resample_filter() {
  const auto taps = at::tensor({1.0f, 3.0f, 3.0f, 1.0f});
  return at::outer(taps, taps) / 64;
}

template <class Map>
Parameters mapped(const Parameters& parameters, const Map& map) {
  Parameters result;
  for (const auto& [name, tensor] : parameters) result.emplace(name, map(tensor));
  return result;
}

}  // namespace

Parameters initial_generator(const NetworkConfig& config) {
  Parameters result;
  for (const auto& [name, shape] : parameters(config)) {
    const bool mapping = name.starts_with("mapping.");
    at::Tensor tensor;
    if (ends_with(name, "resample_filter"))
      tensor = resample_filter();
    else if (ends_with(name, "affine.bias"))
      tensor = at::ones(shape);
    else if (ends_with(name, "bias") || ends_with(name, "w_avg") ||
             ends_with(name, "noise_strength"))
      tensor = at::zeros(shape);
    else if (mapping)
      tensor = at::randn(shape) / config.mapping_lr_multiplier;
    else
      tensor = at::randn(shape);
    result.emplace(name, tensor);
  }
  return result;
}

bool is_trained(const std::string& name) {
  return !(ends_with(name, "w_avg") || ends_with(name, "noise_const") ||
           ends_with(name, "resample_filter"));
}

void require_gradients(Parameters& parameters) {
  for (auto& [name, tensor] : parameters)
    if (is_trained(name)) tensor = tensor.detach().requires_grad_();
}

std::vector<at::Tensor> trained(const Parameters& parameters) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters)
    if (is_trained(name)) tensors.push_back(tensor);
  return tensors;
}

Parameters detached(const Parameters& parameters) {
  return mapped(parameters, [](const at::Tensor& tensor) { return tensor.detach(); });
}

Parameters copied(const Parameters& parameters) {
  return mapped(parameters, [](const at::Tensor& tensor) { return tensor.detach().clone(); });
}

Parameters moved(const Parameters& parameters, at::Device device) {
  return mapped(parameters, [&](const at::Tensor& tensor) {
    return tensor.detach().to(device, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  });
}

Network to_network(const NetworkConfig& config, const Parameters& parameters) {
  Network network{config, {}};
  for (const auto& [name, tensor] : parameters) {
    const auto host = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    const float* values = host.data_ptr<float>();
    network.parameters[name] = {host.sizes().vec(), {values, values + host.numel()}};
  }
  check(network);
  return network;
}

Parameters from_network(const Network& network) {
  Parameters result;
  for (const auto& [name, tensor] : network.parameters) {
    const auto copy = at::empty(tensor.shape, at::kFloat);
    std::memcpy(copy.data_ptr<float>(), tensor.values.data(), tensor.values.size() * sizeof(float));
    result.emplace(name, copy);
  }
  return result;
}

}  // namespace vernissage::training
