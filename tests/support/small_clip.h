// A CLIP network of two tiny towers that differ in everything: quick to write and to read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/clip/clip_network.h"
#include "engine/clip/text/byte_pairs.h"

namespace vernissage::testing {

/// Its vocabulary is what the merges make. Every value is a half, exactly.
inline ClipNetwork small_clip(std::vector<std::string> merges = {}) {
  ClipNetwork network;
  ClipConfig& config = network.config;
  config.image_size = 4;
  config.patch_size = 2;
  config.vision = {8, 1, 2, 12, ClipActivation::gelu};
  config.text = {6, 2, 3, 10, ClipActivation::quick_gelu};
  config.embedding = 5;
  config.vocabulary = static_cast<int>(BytePairs::vocabulary(merges.size()));
  config.context = 7;
  config.source = "vernissage";
  network.merges = std::move(merges);
  float next = -1;
  for (const ParameterSpec& spec : parameters(config)) {
    Tensor& tensor = network.parameters[spec.name];
    tensor.shape = spec.shape;
    tensor.values.resize(static_cast<size_t>(element_count(spec.shape)));
    for (float& value : tensor.values) {
      value = next;
      next = next >= 1 ? -1 : next + 0x1p-8f;
    }
  }
  return network;
}

}  // namespace vernissage::testing
