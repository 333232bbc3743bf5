// The golden CLIP networks of golden/clip as networks and expected tensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/clip/clip_network.h"
#include "engine/formats/tensor.h"

namespace vernissage::testing {

struct ClipGolden {
  std::string name;
  ClipNetwork network;  // without merges
  std::map<std::string, Tensor>
      tensors;  // golden.safetensors: "pixel_values", "vision.block.0.out", …
  std::vector<std::vector<int32_t>> texts;  // input_ids, padded to the context
  std::vector<std::vector<int32_t>>
      room_texts;  // rooms.input_ids, (room, template); empty: no rooms
};

/// "tiny-vit" or "tiny-vit-gelu", read by names written out here: no checkpoint reader takes part.
/// Where there is one in this build also "tiny-h64", which is an archive.
std::vector<std::string> clip_goldens();
ClipGolden clip_golden(const std::string& name);

}  // namespace vernissage::testing
