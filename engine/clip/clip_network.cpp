#include "engine/clip/clip_network.h"

#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"
#include "engine/clip/text/byte_pairs.h"

namespace vernissage {

namespace {

constexpr int kImageSizeMax = 4096;
constexpr int kImageTokensMax = 1 << 16;
constexpr int kWidthMax = 16384;  // of a tower and of the common space
constexpr int kMlpWidthMax = 1 << 17;
constexpr int kLayersMax = 256;
constexpr int kVocabularyMax = 1 << 20;
constexpr int kContextMax = 4096;

constexpr const char* kActivations[] = {"quick_gelu", "gelu"};

void check_range(const std::string& field, int value, int low, int high) {
  if (value < low || value > high)
    throw Error(field + ": expected " + std::to_string(low) + " to " + std::to_string(high) +
                ", got " + std::to_string(value));
}

void check_divides(const std::string& field, int divisor, const std::string& of, int value) {
  if (value % divisor != 0)
    throw Error(field + ": expected a divisor of " + of + " " + std::to_string(value) + ", got " +
                std::to_string(divisor));
}

void check_tower(const std::string& name, const ClipTower& tower) {
  check_range(name + " width", tower.width, 1, kWidthMax);
  check_range(name + " layers", tower.layers, 1, kLayersMax);
  check_range(name + " heads", tower.heads, 1, tower.width);
  check_divides(name + " heads", tower.heads, "the width", tower.width);
  check_range(name + " mlp_width", tower.mlp_width, 1, kMlpWidthMax);
}

void check_config(const ClipConfig& config) {
  check_range("image_size", config.image_size, 1, kImageSizeMax);
  check_range("patch_size", config.patch_size, 1, config.image_size);
  check_divides("patch_size", config.patch_size, "image_size", config.image_size);
  check_range("image tokens", config.image_tokens(), 2, kImageTokensMax);
  check_tower("vision", config.vision);
  check_tower("text", config.text);
  check_range("embedding", config.embedding, 1, kWidthMax);
  check_range("vocabulary", config.vocabulary, 3, kVocabularyMax);
  check_range("context", config.context, 2, kContextMax);
  const auto check_number = [](const char* field, float value, bool positive) {
    if (!std::isfinite(value) || (positive && value <= 0))
      throw Error(std::string(field) + ": expected a " + (positive ? "positive " : "") +
                  "number, got " + std::to_string(value));
  };
  check_number("layer_norm_eps", config.layer_norm_eps, true);
  for (const float mean : config.mean) check_number("mean", mean, false);
  for (const float deviation : config.std_dev) check_number("std_dev", deviation, true);
}

void check_tensor(const ParameterSpec& spec, const Tensor& tensor) {
  if (tensor.shape != spec.shape)
    throw Error(spec.name + ": expected f32 " + shape_text(spec.shape) + ", got f32 " +
                shape_text(tensor.shape));
  const int64_t count = element_count(spec.shape);
  if (static_cast<int64_t>(tensor.values.size()) != count)
    throw Error(spec.name + ": expected " + std::to_string(count) + " values for " +
                shape_text(spec.shape) + ", got " + std::to_string(tensor.values.size()));
  for (size_t i = 0; i < tensor.values.size(); ++i)
    if (!std::isfinite(tensor.values[i]))
      throw Error(spec.name + ": expected finite values, got " + std::to_string(tensor.values[i]) +
                  " at element " + std::to_string(i));
}

void check_merges(const ClipNetwork& network) {
  if (!network.has_tokenizer()) return;
  const size_t made = BytePairs::vocabulary(network.merges.size());
  if (made != static_cast<size_t>(network.config.vocabulary))
    throw Error("vocabulary: expected " + std::to_string(made) + " for " +
                std::to_string(network.merges.size()) + " merges (512 + merges + 2), got " +
                std::to_string(network.config.vocabulary));
  const BytePairs pairs(network.merges);  // throws for a malformed merge
}

}  // namespace

const char* clip_activation_name(ClipActivation activation) {
  return kActivations[static_cast<size_t>(activation)];
}

ClipActivation clip_activation_from_name(const std::string& name) {
  for (const ClipActivation activation : {ClipActivation::quick_gelu, ClipActivation::gelu})
    if (name == clip_activation_name(activation)) return activation;
  throw Error("unknown activation \"" + name + "\" (known: quick_gelu, gelu)");
}

int ClipConfig::image_tokens() const {
  const int side = image_size / patch_size;
  return 1 + side * side;
}

std::vector<ParameterSpec> parameters(const ClipConfig& config) {
  check_config(config);
  std::vector<ParameterSpec> all;
  const auto add = [&](std::string name, std::vector<int64_t> shape) {
    all.push_back({std::move(name), std::move(shape)});
  };
  const auto add_affine = [&](const std::string& name, std::vector<int64_t> weight) {
    const int64_t out = weight[0];
    add(name + ".weight", std::move(weight));
    add(name + ".bias", {out});
  };
  const auto add_blocks = [&](const std::string& prefix, const ClipTower& tower) {
    const int64_t width = tower.width, mlp = tower.mlp_width;
    for (int i = 0; i < tower.layers; ++i) {
      const std::string block = prefix + "resblocks." + std::to_string(i);
      add_affine(block + ".ln_1", {width});
      add(block + ".attn.in_proj_weight", {3 * width, width});
      add(block + ".attn.in_proj_bias", {3 * width});
      add_affine(block + ".attn.out_proj", {width, width});
      add_affine(block + ".ln_2", {width});
      add_affine(block + ".mlp.c_fc", {mlp, width});
      add_affine(block + ".mlp.c_proj", {width, mlp});
    }
  };

  const int64_t vision = config.vision.width, text = config.text.width, patch = config.patch_size;
  add("visual.class_embedding", {vision});
  add("visual.conv1.weight", {vision, 3, patch, patch});
  add("visual.positional_embedding", {config.image_tokens(), vision});
  add_affine("visual.ln_pre", {vision});
  add_blocks("visual.transformer.", config.vision);
  add_affine("visual.ln_post", {vision});
  add("visual.proj", {vision, config.embedding});

  add("token_embedding.weight", {config.vocabulary, text});
  add("positional_embedding", {config.context, text});
  add_blocks("transformer.", config.text);
  add_affine("ln_final", {text});
  add("text_projection", {text, config.embedding});
  add("logit_scale", {});
  return all;
}

const Tensor& ClipNetwork::at(const std::string& name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end())
    assertion_failed(__FILE__, __LINE__, "the CLIP network has a parameter " + name);
  return found->second;
}

void check(const ClipNetwork& network) {
  const std::vector<ParameterSpec> specs = parameters(network.config);
  std::set<std::string> known;
  for (const ParameterSpec& spec : specs) {
    const auto found = network.parameters.find(spec.name);
    if (found == network.parameters.end())
      throw Error(spec.name + ": missing, expected f32 " + shape_text(spec.shape));
    check_tensor(spec, found->second);
    known.insert(spec.name);
  }
  for (const auto& [name, tensor] : network.parameters)
    if (!known.contains(name))
      throw Error(name + ": unexpected, a network of this configuration has no such parameter");
  check_merges(network);
}

}  // namespace vernissage
