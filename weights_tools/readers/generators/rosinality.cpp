#include "weights_tools/readers/generators/rosinality.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "weights_tools/readers/generators/completion.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {
namespace {

constexpr int kLayersMax = 64;  // of any kind; resolution 4096 has 20 convolutions

/// "convs.12.conv.weight" after "convs." → 12 and "conv.weight". Nothing unless it is a plain
/// number.
std::optional<std::pair<int, std::string_view>> indexed(std::string_view key,
                                                        std::string_view prefix) {
  if (!key.starts_with(prefix)) return {};
  const std::string_view rest = key.substr(prefix.size());
  int index = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
  const auto digits = static_cast<size_t>(end - rest.data());
  if (error != std::errc{} || index < 0 || index >= kLayersMax || (digits > 1 && rest[0] == '0'))
    return {};
  std::string_view tail = rest.substr(digits);
  if (tail.starts_with('.')) tail.remove_prefix(1);
  return std::pair(index, tail);
}

/// Where convs.N and noises.noise_N+1 belong: b8.conv0, b8.conv1, b16.conv0, …
std::string layer_name(int convolution) {
  const int resolution = 8 << (convolution / 2);
  return "synthesis.b" + std::to_string(resolution) + (convolution % 2 == 0 ? ".conv0" : ".conv1");
}

/// Where a tensor of a state dict belongs. Axes that are not kept must have size 1.
struct Target {
  std::string name;          // canonical
  std::vector<size_t> axes;  // those kept, of `rank`
  size_t rank;
  float scale = 1;
};

std::optional<Target> convolution_target(std::string_view part, const std::string& layer, bool up) {
  if (part == "conv.weight") return Target{layer + ".weight", {1, 2, 3, 4}, 5};
  if (part == "conv.modulation.weight") return Target{layer + ".affine.weight", {0, 1}, 2};
  if (part == "conv.modulation.bias") return Target{layer + ".affine.bias", {0}, 1};
  if (part == "noise.weight") return Target{layer + ".noise_strength", {}, 1};
  if (part == "activate.bias") return Target{layer + ".bias", {0}, 1};
  // The blur after an up-convolution carries the gain of 4 that we apply in the operation.
  if (up && part == "conv.blur.kernel") return Target{layer + ".resample_filter", {0, 1}, 2, 0.25f};
  return {};
}

std::optional<Target> to_rgb_target(std::string_view part, const std::string& block) {
  if (part == "conv.weight") return Target{block + ".torgb.weight", {1, 2, 3, 4}, 5};
  if (part == "conv.modulation.weight") return Target{block + ".torgb.affine.weight", {0, 1}, 2};
  if (part == "conv.modulation.bias") return Target{block + ".torgb.affine.bias", {0}, 1};
  if (part == "bias") return Target{block + ".torgb.bias", {1}, 4};
  if (part == "upsample.kernel") return Target{block + ".resample_filter", {0, 1}, 2, 0.25f};
  return {};
}

std::optional<Target> target(std::string_view key) {
  if (key == "input.input") return Target{"synthesis.b4.const", {1, 2, 3}, 4};
  if (key.starts_with("conv1."))
    return convolution_target(key.substr(6), "synthesis.b4.conv1", false);
  if (key.starts_with("to_rgb1.")) return to_rgb_target(key.substr(8), "synthesis.b4");
  if (const auto style = indexed(key, "style.")) {
    if (style->first == 0) return {};  // the normalisation, which has no tensors
    const std::string layer = "mapping.fc" + std::to_string(style->first - 1);
    if (style->second == "weight") return Target{layer + ".weight", {0, 1}, 2};
    if (style->second == "bias") return Target{layer + ".bias", {0}, 1};
  }
  // Indices are below 64 here; beyond resolution 4096 (2^12) no network goes, and the names would
  // overflow.
  if (const auto conv = indexed(key, "convs."); conv && conv->first < 20) {
    return convolution_target(conv->second, layer_name(conv->first), conv->first % 2 == 0);
  }
  if (const auto rgb = indexed(key, "to_rgbs."); rgb && rgb->first < 10) {
    return to_rgb_target(rgb->second, "synthesis.b" + std::to_string(8 << rgb->first));
  }
  if (const auto noise = indexed(key, "noises.noise_");
      noise && noise->first <= 20 && noise->second.empty()) {
    const std::string layer =
        noise->first == 0 ? "synthesis.b4.conv1" : layer_name(noise->first - 1);
    return Target{layer + ".noise_const", {2, 3}, 4};
  }
  return {};
}

TensorSource reshaped(TensorSource source, const Target& to, const std::string& what) {
  std::vector<int64_t> shape;
  bool fits = source.shape.size() == to.rank;
  size_t kept = 0;
  for (size_t axis = 0; fits && axis < to.rank; ++axis) {
    if (kept < to.axes.size() && to.axes[kept] == axis) {
      shape.push_back(source.shape[axis]);
      ++kept;
    } else {
      fits = source.shape[axis] == 1;
    }
  }
  if (!fits) throw Error(what + ": unexpected shape " + shape_text(source.shape));
  source.shape = shape;
  if (to.scale != 1) {
    source.read = [read = std::move(source.read), scale = to.scale] {
      std::vector<float> values = read();
      for (float& value : values) value *= scale;
      return values;
    };
  }
  return source;
}

NetworkConfig config_of(const NetworkBuilder& builder) {
  NetworkConfig config;
  config.architecture = Architecture::skip;
  config.source = "rosinality";
  config.z_dim = builder.size("mapping.fc0.weight", 2, 1);
  for (int i = 0; builder.has("mapping.fc" + std::to_string(i) + ".weight"); ++i) {
    config.mapping_widths.push_back(
        builder.size("mapping.fc" + std::to_string(i) + ".weight", 2, 0));
  }
  config.w_dim = config.mapping_widths.back();
  config.image_channels = builder.size("synthesis.b4.torgb.weight", 4, 0);
  config.resolution = 4;
  config.widths.push_back(builder.size("synthesis.b4.conv1.weight", 4, 0));
  for (int resolution = 8;
       builder.has("synthesis.b" + std::to_string(resolution) + ".conv0.weight"); resolution *= 2) {
    config.resolution = resolution;
    config.widths.push_back(
        builder.size("synthesis.b" + std::to_string(resolution) + ".conv0.weight", 4, 0));
  }
  return config;
}

}  // namespace

void read_rosinality(const StateDict& tensors, const FoundGenerator& found, uint64_t file_bytes,
                     Checkpoint& checkpoint) {
  NetworkBuilder builder(file_bytes);
  for (const auto& [name, source] : tensors) {
    if (!name.starts_with(found.prefix)) continue;
    const std::string_view text = std::string_view(name).substr(found.prefix.size());
    if (text == "latent_avg") continue;
    const std::string what = printable(name);
    const auto place = target(text);
    if (!place) throw Error(what + ": no tensor of a StyleGAN2 generator");
    builder.add(place->name, reshaped(source(), *place, what));
  }
  NetworkConfig config = config_of(builder);
  config.use_noise = has_any(builder, config, ".noise_strength");
  // latent_avg stands beside the average network and is its own.
  const NamedTensorSource* centre = find_latent_avg(tensors, found.prefix);
  if (centre != nullptr && !found.trained) {
    builder.add("mapping.w_avg", centre_of(centre->source(), "latent_avg"));
  }
  complete_noise(builder, config, checkpoint);
  build_completed(builder, config,
                  centre != nullptr ? "latent_avg belongs to g_ema" : "the file has no latent_avg",
                  checkpoint);
}

}  // namespace vernissage
