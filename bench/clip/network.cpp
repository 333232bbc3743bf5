#include "bench/clip/network.h"

#include <cmath>
#include <random>

namespace vernissage::bench {

ClipNetwork vit_b32() {
  ClipNetwork network;
  ClipConfig& config = network.config;
  config.image_size = 224;
  config.patch_size = 32;
  config.vision = {768, 12, 12, 3072, ClipActivation::quick_gelu};
  config.text = {512, 12, 8, 2048, ClipActivation::quick_gelu};
  config.embedding = 512;
  config.vocabulary = 1024;
  config.context = 77;
  config.source = "random";
  std::mt19937 random(32);
  std::normal_distribution<float> normal;
  for (const ParameterSpec& spec : parameters(config)) {
    Tensor tensor{spec.shape, std::vector<float>(static_cast<size_t>(element_count(spec.shape)))};
    // Norms about 1, biases about 0; a product of unit values keeps them near 1.
    const bool norm = spec.name.find("ln_") != std::string::npos && spec.name.ends_with("weight");
    const bool matrix = spec.shape.size() > 1;
    const double inputs = static_cast<double>(element_count(spec.shape)) /
                          static_cast<double>(matrix ? spec.shape[0] : 1);
    const float scale = matrix ? static_cast<float>(1 / std::sqrt(inputs)) : 0.1f;
    for (float& value : tensor.values) value = normal(random) * scale + (norm ? 1.0f : 0.0f);
    network.parameters[spec.name] = std::move(tensor);
  }
  return network;
}

double image_flops(const ClipConfig& config) {
  const double tokens = config.image_tokens(), width = config.vision.width, p = config.patch_size;
  const double of_block = tokens * width * (4 * width + 2 * config.vision.mlp_width + 2 * tokens);
  return 2 * (of_block * config.vision.layers + (tokens - 1) * width * 3 * p * p +
              width * config.embedding);
}

}  // namespace vernissage::bench
