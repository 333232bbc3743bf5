#include "weights_tools/readers/generators/nvidia_state_dict.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "weights_tools/containers/pickle_value.h"
#include "weights_tools/readers/generators/completion.h"
#include "weights_tools/readers/generators/network_builder.h"
#include "weights_tools/readers/generators/nvidia_torch.h"

namespace vernissage {
namespace {

std::string layer_name(int index) {
  return std::string("mapping.fc").append(std::to_string(index));
}
std::string block_name(int resolution) {
  return std::string("synthesis.b").append(std::to_string(resolution));
}

void ask_for_options(const GeneratorOptions& options) {
  std::string missing;
  const auto ask = [&](bool given, const char* flag) {
    if (!given) missing += (missing.empty() ? "" : ", ") + std::string(flag);
  };
  ask(options.conv_clamp.has_value(),
      "--conv-clamp none|NUMBER (256 for networks trained with fp16, else none)");
  ask(options.mapping_lr_multiplier.has_value(),
      "--mapping-lr-multiplier NUMBER (0.01 unless changed in training)");
  ask(options.activation.has_value(), "--activation NAME (lrelu unless changed in training)");
  if (missing.empty()) return;
  throw Error("a state dict of an NVIDIA generator, whose tensors do not tell everything; give " +
              missing);
}

Architecture architecture_of(const NetworkBuilder& builder, int resolution) {
  if (resolution > 4 && builder.has(block_name(resolution) + ".skip.weight")) {
    return Architecture::resnet;
  }
  const bool everywhere = builder.has("synthesis.b4.torgb.weight");
  return everywhere ? Architecture::skip : Architecture::orig;
}

NetworkConfig config_of(const NetworkBuilder& builder, const GeneratorOptions& options) {
  NetworkConfig config;
  config.source = "stylegan2-ada-pytorch";
  int inputs = builder.size("mapping.fc0.weight", 2, 1);
  if (builder.has("mapping.embed.weight")) {
    config.embed_features = builder.size("mapping.embed.weight", 2, 0);
    config.c_dim = builder.size("mapping.embed.weight", 2, 1);
    if (config.embed_features >= inputs) {
      throw Error("mapping.fc0.weight: " + std::to_string(inputs) + " inputs, of which " +
                  std::to_string(config.embed_features) + " are the label's, none the latent's");
    }
    inputs -= config.embed_features;
  }
  config.z_dim = inputs;
  for (int i = 0; builder.has(layer_name(i) + ".weight"); ++i) {
    config.mapping_widths.push_back(builder.size(layer_name(i) + ".weight", 2, 0));
  }
  config.w_dim = config.mapping_widths.back();
  constexpr int kResolutionMax = 4096;
  for (int r = 4; r <= kResolutionMax && builder.has(block_name(r) + ".conv1.weight"); r *= 2) {
    config.resolution = r;
    config.widths.push_back(builder.size(block_name(r) + ".conv1.weight", 4, 0));
  }
  if (config.resolution == 0) throw Error("synthesis.b4.conv1.weight: missing");
  config.image_channels = builder.size(block_name(config.resolution) + ".torgb.weight", 4, 0);
  config.architecture = architecture_of(builder, config.resolution);
  config.use_noise = has_any(builder, config, ".noise_strength");
  config.conv_clamp = *options.conv_clamp;
  config.mapping_lr_multiplier = *options.mapping_lr_multiplier;
  config.mapping_activation = config.activation = *options.activation;
  return config;
}

}  // namespace

void read_nvidia_state_dict(const StateDict& tensors, const FoundGenerator& found,
                            uint64_t file_bytes, const GeneratorOptions& options,
                            Checkpoint& checkpoint) {
  ask_for_options(options);
  NetworkBuilder builder(file_bytes);
  for (const auto& [name, source] : tensors) {
    if (!name.starts_with(found.prefix)) continue;
    const std::string canonical = printable(name.substr(found.prefix.size()));
    if (canonical == "latent_avg") continue;
    TensorSource tensor = source();
    if (canonical == "mapping.w_avg") tensor = centre_of(std::move(tensor), canonical);
    // A scalar is a list of one in some files.
    const bool one = tensor.shape == std::vector<int64_t>{1};
    if (one && canonical.ends_with(".noise_strength")) tensor.shape.clear();
    builder.add(canonical, std::move(tensor));
  }
  const NamedTensorSource* centre = find_latent_avg(tensors, found.prefix);
  if (!builder.has("mapping.w_avg") && centre != nullptr && !found.trained) {
    builder.add("mapping.w_avg", centre_of(centre->source(), "latent_avg"));
  }
  const NetworkConfig config = config_of(builder, options);
  const SkipFilters skips = drop_unused_filters(builder, config);
  complete_noise(builder, config, checkpoint);
  build_completed(builder, config, "the state dict has no mapping.w_avg", checkpoint);
  check_skip_filters(checkpoint.network, skips);
}

}  // namespace vernissage
