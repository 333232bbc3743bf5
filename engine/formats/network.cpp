#include "engine/formats/network.h"

#include <bit>
#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"

namespace vernissage {

namespace {

constexpr int kResolutionMax = 4096;
constexpr int kChannelsMax = 16384;  // widths, latent sizes and classes
constexpr int kMappingLayersMax = 64;

constexpr const char* kArchitectures[] = {"skip", "orig", "resnet"};
constexpr const char* kActivations[] = {"linear", "relu", "lrelu",    "tanh", "sigmoid",
                                        "elu",    "selu", "softplus", "swish"};

template <class Enum, size_t N>
Enum from_name(const char* const (&names)[N], const std::string& name, const char* what) {
  std::string known;
  for (size_t i = 0; i < N; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
    known += std::string(i > 0 ? ", " : "") + names[i];
  }
  throw Error(std::string("unknown ") + what + " \"" + name + "\" (known: " + known + ")");
}

void check_range(const std::string& field, int value, int low, int high) {
  if (value < low || value > high)
    throw Error(field + ": expected " + std::to_string(low) + " to " + std::to_string(high) +
                ", got " + std::to_string(value));
}

/// Throws Error naming the field that is out of range.
void check_config(const NetworkConfig& config) {
  check_range("resolution", config.resolution, 4, kResolutionMax);
  if (!std::has_single_bit(static_cast<unsigned>(config.resolution)))
    throw Error("resolution: expected a power of two, got " + std::to_string(config.resolution));
  check_range("image_channels", config.image_channels, 1, 4);
  check_range("z_dim", config.z_dim, 1, kChannelsMax);
  check_range("c_dim", config.c_dim, 0, kChannelsMax);
  check_range("w_dim", config.w_dim, 1, kChannelsMax);
  const bool labels = config.c_dim > 0;
  check_range(labels ? "embed_features" : "embed_features (without labels)", config.embed_features,
              labels ? 1 : 0, labels ? kChannelsMax : 0);
  check_range("number of mapping layers", static_cast<int>(config.mapping_widths.size()), 1,
              kMappingLayersMax);
  for (const int width : config.mapping_widths)
    check_range("mapping_widths", width, 1, kChannelsMax);
  if (config.mapping_widths.back() != config.w_dim)
    throw Error("mapping_widths: expected the last to be w_dim " + std::to_string(config.w_dim) +
                ", got " + std::to_string(config.mapping_widths.back()));
  if (!std::isfinite(config.mapping_lr_multiplier) || config.mapping_lr_multiplier <= 0)
    throw Error("mapping_lr_multiplier: expected a positive number, got " +
                std::to_string(config.mapping_lr_multiplier));
  if (static_cast<int>(config.widths.size()) != config.block_count())
    throw Error("widths: expected " + std::to_string(config.block_count()) + " for resolution " +
                std::to_string(config.resolution) + ", got " +
                std::to_string(config.widths.size()));
  for (const int width : config.widths) check_range("widths", width, 1, kChannelsMax);
  if (!std::isfinite(config.conv_clamp))
    throw Error("conv_clamp: expected a number, got " + std::to_string(config.conv_clamp));
  check_range("half_resolutions", config.half_resolutions, 0, config.block_count());
}

bool has_torgb(const NetworkConfig& config, int resolution) {
  return config.architecture == Architecture::skip || resolution == config.resolution;
}
bool has_skip(const NetworkConfig& config, int resolution) {
  return config.architecture == Architecture::resnet && resolution > 4;
}

/// What a block works with. `in` is the width of the block before; 0 in the first.
struct BlockShape {
  int resolution, in, out;
  std::string name;  // "b64"
};
std::vector<BlockShape> blocks(const NetworkConfig& config) {
  std::vector<BlockShape> all;
  for (size_t i = 0; i < config.widths.size(); ++i) {
    const int resolution = 4 << i;
    all.push_back({resolution, i > 0 ? config.widths[i - 1] : 0, config.widths[i],
                   std::string("b").append(std::to_string(resolution))});
  }
  return all;
}

/// Widths of the mapping from end to end: its input, then the output of every layer.
std::vector<int> mapping_chain(const NetworkConfig& config) {
  std::vector<int> chain = {config.z_dim + config.embed_features};
  chain.insert(chain.end(), config.mapping_widths.begin(), config.mapping_widths.end());
  return chain;
}

}  // namespace

const char* architecture_name(Architecture architecture) {
  return kArchitectures[static_cast<size_t>(architecture)];
}
const char* activation_name(Activation activation) {
  return kActivations[static_cast<size_t>(activation)];
}
Architecture architecture_from_name(const std::string& name) {
  return from_name<Architecture>(kArchitectures, name, "architecture");
}
Activation activation_from_name(const std::string& name) {
  return from_name<Activation>(kActivations, name, "activation");
}

float activation_gain(Activation activation) {
  const bool halves = activation == Activation::relu || activation == Activation::lrelu ||
                      activation == Activation::swish;
  return halves ? std::sqrt(2.0f) : 1.0f;
}

int NetworkConfig::block_count() const {
  return std::countr_zero(static_cast<unsigned>(resolution)) - 1;
}
int NetworkConfig::num_ws() const {
  return 2 * block_count();
}

std::vector<ParameterSpec> parameters(const NetworkConfig& config) {
  check_config(config);
  std::vector<ParameterSpec> all;
  const auto add = [&](std::string name, std::vector<int64_t> shape) {
    all.push_back({std::move(name), std::move(shape)});
  };

  if (config.c_dim > 0) {
    add("mapping.embed.weight", {config.embed_features, config.c_dim});
    add("mapping.embed.bias", {config.embed_features});
  }
  const std::vector<int> chain = mapping_chain(config);
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    const std::string name = "mapping.fc" + std::to_string(i);
    add(name + ".weight", {chain[i + 1], chain[i]});
    add(name + ".bias", {chain[i + 1]});
  }
  add("mapping.w_avg", {config.w_dim});

  for (const BlockShape& block : blocks(config)) {
    const std::string prefix = "synthesis." + block.name;
    const auto add_affine = [&](const std::string& layer, int in) {
      add(layer + ".affine.weight", {in, config.w_dim});
      add(layer + ".affine.bias", {in});
    };
    const auto add_conv = [&](const std::string& layer, int in, bool up) {
      add(layer + ".weight", {block.out, in, 3, 3});
      add(layer + ".bias", {block.out});
      add_affine(layer, in);
      if (config.use_noise) {
        add(layer + ".noise_strength", {});
        add(layer + ".noise_const", {block.resolution, block.resolution});
      }
      if (up) add(layer + ".resample_filter", {4, 4});
    };
    if (block.resolution == 4) {
      add(prefix + ".const", {block.out, 4, 4});
    } else {
      if (config.architecture != Architecture::orig) add(prefix + ".resample_filter", {4, 4});
      add_conv(prefix + ".conv0", block.in, true);
    }
    add_conv(prefix + ".conv1", block.out, false);
    if (has_torgb(config, block.resolution)) {
      add(prefix + ".torgb.weight", {config.image_channels, block.out, 1, 1});
      add(prefix + ".torgb.bias", {config.image_channels});
      add_affine(prefix + ".torgb", block.out);
    }
    if (has_skip(config, block.resolution))
      add(prefix + ".skip.weight", {block.out, block.in, 1, 1});
  }
  return all;
}

std::vector<LayerCost> layer_costs(const NetworkConfig& config) {
  check_config(config);
  std::vector<LayerCost> all;
  const auto add = [&](std::string name, double weights, double positions,
                       double composite_positions) {
    all.push_back({std::move(name), weights * positions, weights * composite_positions});
  };
  if (config.c_dim > 0)
    add("mapping.embed", double{1} * config.c_dim * config.embed_features, 1, 1);
  const std::vector<int> chain = mapping_chain(config);
  for (size_t i = 0; i + 1 < chain.size(); ++i)
    add("mapping.fc" + std::to_string(i), double{1} * chain[i] * chain[i + 1], 1, 1);
  for (const BlockShape& block : blocks(config)) {
    const double in = block.in, out = block.out;
    const double pixels = double{1} * block.resolution * block.resolution;
    if (block.resolution > 4) add(block.name + ".conv0", 9 * in * out, pixels / 4, pixels);
    add(block.name + ".conv1", 9 * out * out, pixels, pixels);
    if (has_torgb(config, block.resolution))
      add(block.name + ".torgb", out * config.image_channels, pixels, pixels);
    if (has_skip(config, block.resolution)) add(block.name + ".skip", in * out, pixels / 4, pixels);
  }
  return all;
}

const Tensor& Network::at(const std::string& name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end())
    assertion_failed(__FILE__, __LINE__, "the network has a parameter " + name);
  return found->second;
}

void check(const Network& network) {
  const std::vector<ParameterSpec> specs = parameters(network.config);
  const Tensor* image_filter = nullptr;
  for (const ParameterSpec& spec : specs) {
    const auto found = network.parameters.find(spec.name);
    if (found == network.parameters.end())
      throw Error(spec.name + ": missing, expected f32 " + shape_text(spec.shape));
    const Tensor& tensor = found->second;
    if (tensor.shape != spec.shape)
      throw Error(spec.name + ": expected f32 " + shape_text(spec.shape) + ", got f32 " +
                  shape_text(tensor.shape));
    const int64_t count = element_count(spec.shape);
    if (static_cast<int64_t>(tensor.values.size()) != count)
      throw Error(spec.name + ": expected " + std::to_string(count) + " values for " +
                  shape_text(spec.shape) + ", got " + std::to_string(tensor.values.size()));
    for (size_t i = 0; i < tensor.values.size(); ++i)
      if (!std::isfinite(tensor.values[i]))
        throw Error(spec.name + ": expected finite values, got " +
                    std::to_string(tensor.values[i]) + " at element " + std::to_string(i));
    // One filter resamples the running image of all blocks; a backend is given just one.
    const bool is_image_filter =
        spec.name.ends_with(".resample_filter") && !spec.name.ends_with(".conv0.resample_filter");
    if (is_image_filter && image_filter && tensor.values != image_filter->values)
      throw Error(spec.name + ": expected the filter of synthesis.b8.resample_filter, got another");
    if (is_image_filter) image_filter = &tensor;
  }
  if (network.parameters.size() == specs.size()) return;
  std::set<std::string> known;
  for (const ParameterSpec& spec : specs) known.insert(spec.name);
  for (const auto& [name, tensor] : network.parameters)
    if (!known.contains(name))
      throw Error(name + ": unexpected, a network of this configuration has no such parameter");
}

}  // namespace vernissage
