#include "weights_tools/readers/clip/builder.h"

#include <cmath>
#include <utility>

#include "base/error.h"

namespace vernissage {

ClipBuilder::ClipBuilder(NamedSources tensors, uint64_t file_bytes) : builder_(file_bytes) {
  for (auto& [name, source] : canonical_clip_tensors(std::move(tensors), &unread_)) {
    // logit_scale is a scalar in most files and a list of one in some.
    if (name == "logit_scale" && source.shape == std::vector<int64_t>{1}) source.shape.clear();
    builder_.add(name, std::move(source));
  }
}

ClipTower ClipBuilder::tower(const std::string& prefix, int width) const {
  ClipTower tower;
  tower.width = width;
  const auto first = prefix + "resblocks.0.mlp.c_fc.weight";
  tower.mlp_width = builder_.size(first, 2, 0);
  while (builder_.has(prefix + "resblocks." + std::to_string(tower.layers) + ".mlp.c_fc.weight"))
    ++tower.layers;
  return tower;
}

ClipConfig ClipBuilder::shapes() const {
  ClipConfig config;
  const std::string patches = "visual.conv1.weight", places = "visual.positional_embedding";
  config.patch_size = builder_.size(patches, 4, 2);
  const int tokens = builder_.size(places, 2, 0);
  const int side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(tokens - 1))));
  if (side < 1 || side * side + 1 != tokens)
    throw Error(places + ": expected one token and a square of patches, got " +
                std::to_string(tokens) + " tokens");
  if (__builtin_mul_overflow(side, config.patch_size, &config.image_size))
    throw Error(patches + ": patches of " + std::to_string(config.patch_size) + " pixels, " +
                std::to_string(side) + " a side");
  config.vision = tower("visual.transformer.", builder_.size(patches, 4, 0));
  config.embedding = builder_.size("visual.proj", 2, 1);
  config.vocabulary = builder_.size("token_embedding.weight", 2, 0);
  config.text = tower("transformer.", builder_.size("token_embedding.weight", 2, 1));
  config.context = builder_.size("positional_embedding", 2, 0);
  return config;
}

ClipNetwork ClipBuilder::build(const ClipConfig& config) {
  ClipNetwork network;
  network.config = config;
  network.parameters = builder_.take_all(parameters(config));
  check(network);
  return network;
}

int published_heads(const std::string& tower, int width) {
  if (width % kClipHeadWidth != 0)
    throw Error(tower + " heads: the file does not say how many, and the width " +
                std::to_string(width) + " is no multiple of the published " +
                std::to_string(kClipHeadWidth) + "; give --heads VISION,TEXT");
  return width / kClipHeadWidth;
}

}  // namespace vernissage
