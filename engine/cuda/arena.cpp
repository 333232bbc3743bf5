#include "engine/cuda/arena.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace vernissage {
namespace {

/// Elements of the largest activation of one sample, intermediates of up-convolutions included.
template <class T>
size_t largest_activation(const NetworkConfig& config, const std::vector<DeviceLayer<T>>& layers) {
  size_t largest = size_t{16} * static_cast<size_t>(config.widths.at(0));  // the constant
  for (const DeviceLayer<T>& layer : layers) {
    if (layer.kind == LayerSpec::Kind::to_rgb) continue;
    const bool transposed = layer.kind == LayerSpec::Kind::convolution && layer.up;
    const auto side = static_cast<size_t>(layer.resolution + (transposed ? 1 : 0));
    largest = std::max(largest, side * side * static_cast<size_t>(layer.out_channels));
  }
  return largest;
}

/// Partial sums of one sample, of the layer that has most.
template <class T>
size_t largest_partials(const std::vector<DeviceLayer<T>>& layers) {
  int64_t largest = 0;
  for (const DeviceLayer<T>& layer : layers) {
    if (!layer.tensor_cores || (layer.up && !layer.composite)) continue;
    const int side = layer.up ? layer.resolution / 2 : layer.resolution;
    largest = std::max(largest, partial_count(side, side, layer.out_channels, layer.up ? 4 : 1));
  }
  return static_cast<size_t>(largest);
}

}  // namespace

DeviceMemory ArenaPlan::allocate(const std::string& what) {
  DeviceMemory memory(bytes_, what);
  for (const auto& fixup : fixups_) fixup(memory.data());
  return memory;
}

template <class T>
DeviceArena<T>::DeviceArena(const NetworkConfig& config, const std::vector<DeviceLayer<T>>& layers,
                            int batch_max, DeviceRuntime& runtime)
    : styles(layers.size()), demods(layers.size()) {
  const auto n = static_cast<size_t>(batch_max);
  const auto num_ws = static_cast<size_t>(config.num_ws());
  const auto side = static_cast<size_t>(config.resolution);
  const size_t image = side * side * static_cast<size_t>(config.image_channels);
  const size_t activation = largest_activation(config, layers);
  const bool branches = std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    return layer.kind == LayerSpec::Kind::skip;
  });

  ArenaPlan plan;
  StyleLayer* style_table = nullptr;
  DemodulateLayer* demodulate_table = nullptr;
  for (size_t k = 0; k < buffers.size(); ++k)
    if (k != static_cast<size_t>(BufferId::c) || branches) plan.take(n * activation, &buffers[k]);
  plan.take(n * 16 * static_cast<size_t>(config.widths.at(0)), &first_plain);
  for (float*& one : images) plan.take(n * image, &one);
  plan.take(n * image, &pixels);
  plan.take(n * image, &preview);
  plan.take(n * num_ws * static_cast<size_t>(config.w_dim), &ws);
  plan.take(n, &seeds);
  if (const size_t partial = largest_partials(layers); partial > 0)
    plan.take(n * partial, &partials);
  plan.take(layers.size(), &style_table);
  plan.take(layers.size(), &demodulate_table);
  const auto counters =
      static_cast<size_t>(style_counters(batch_max, static_cast<int>(layers.size())));
  plan.take(counters, &style_launch.arrived);
  for (size_t k = 0; k < layers.size(); ++k) {
    const DeviceLayer<T>& layer = layers[k];
    if (layer.affine_weight != nullptr)
      plan.take(n * static_cast<size_t>(layer.in_channels), &styles[k]);
    if (layer.square != nullptr) plan.take(n * static_cast<size_t>(layer.out_channels), &demods[k]);
  }
  memory_ = plan.allocate("the activations of " + std::to_string(batch_max) + " pictures");

  std::vector<StyleLayer> style_layers;
  std::vector<DemodulateLayer> demodulate_layers;
  for (size_t k = 0; k < layers.size(); ++k) {
    const DeviceLayer<T>& layer = layers[k];
    if (styles[k] != nullptr) {
      const bool rgb = layer.kind == LayerSpec::Kind::to_rgb;
      const float scale = rgb ? 1.0f / std::sqrt(static_cast<float>(layer.in_channels)) : 1.0f;
      // Only what a demodulation follows may be scaled freely.
      const bool normalise = std::is_same_v<T, f16> && demods[k] != nullptr;
      style_layers.push_back({layer.affine_weight, layer.affine_bias, styles[k], layer.in_channels,
                              layer.w_index, scale, normalise});
      style_launch.i_max = std::max(style_launch.i_max, layer.in_channels);
    }
    if (demods[k] != nullptr) {
      demodulate_layers.push_back(
          {layer.square, styles[k], demods[k], layer.in_channels, layer.out_channels});
      demodulate_launch.o_max = std::max(demodulate_launch.o_max, layer.out_channels);
    }
  }
  style_launch.layers = style_table;
  style_launch.ws = ws;
  style_launch.layer_count = static_cast<int>(style_layers.size());
  style_launch.num_ws = config.num_ws();
  style_launch.w_dim = config.w_dim;
  demodulate_launch.layers = demodulate_table;
  demodulate_launch.layer_count = static_cast<int>(demodulate_layers.size());
  runtime.to_device(style_table, style_layers.data(), style_layers.size() * sizeof(StyleLayer));
  runtime.to_device(demodulate_table, demodulate_layers.data(),
                    demodulate_layers.size() * sizeof(DemodulateLayer));
  runtime.zero(style_launch.arrived, counters * sizeof(uint32_t));
  runtime.synchronize();  // the tables leave with this function
}

template class DeviceArena<float>;
template class DeviceArena<f16>;

}  // namespace vernissage
