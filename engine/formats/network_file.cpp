// Our own file format: the parameters as safetensors, the configuration as strings in its
// __metadata__.
#include "base/error.h"
#include "base/json.h"
#include "engine/formats/metadata.h"
#include "engine/formats/network.h"
#include "engine/formats/safetensors.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "vernissage-stylegan2";
constexpr const char* kFormatVersion = "1";

Metadata metadata_of(const NetworkConfig& config) {
  return {
      {"format", kFormat},
      {"format_version", kFormatVersion},
      {"architecture", architecture_name(config.architecture)},
      {"resolution", number_text(config.resolution)},
      {"image_channels", number_text(config.image_channels)},
      {"z_dim", number_text(config.z_dim)},
      {"c_dim", number_text(config.c_dim)},
      {"w_dim", number_text(config.w_dim)},
      {"embed_features", number_text(config.embed_features)},
      {"mapping_widths", list_text(config.mapping_widths)},
      {"mapping_lr_multiplier", number_text(config.mapping_lr_multiplier)},
      {"mapping_activation", activation_name(config.mapping_activation)},
      {"widths", list_text(config.widths)},
      {"activation", activation_name(config.activation)},
      {"use_noise", config.use_noise ? "true" : "false"},
      {"conv_clamp", config.conv_clamp < 0 ? "none" : number_text(config.conv_clamp)},
      {"half_resolutions", number_text(config.half_resolutions)},
      {"source", config.source},
      {"untrained", config.untrained ? "true" : "false"},
  };
}

NetworkConfig config_from(const Metadata& metadata) {
  const MetadataFields fields(metadata);
  fields.expect_format(kFormat, kFormatVersion);

  NetworkConfig config;
  config.architecture = architecture_from_name(fields.text("architecture"));
  config.resolution = fields.integer("resolution");
  config.image_channels = fields.integer("image_channels");
  config.z_dim = fields.integer("z_dim");
  config.c_dim = fields.integer("c_dim");
  config.w_dim = fields.integer("w_dim");
  config.embed_features = fields.integer("embed_features");
  config.mapping_widths = fields.list<int>("mapping_widths");
  config.mapping_lr_multiplier = fields.number("mapping_lr_multiplier");
  config.mapping_activation = activation_from_name(fields.text("mapping_activation"));
  config.widths = fields.list<int>("widths");
  config.activation = activation_from_name(fields.text("activation"));
  config.use_noise = fields.boolean("use_noise");
  config.conv_clamp = fields.text("conv_clamp") == "none" ? -1.0f : fields.number("conv_clamp");
  config.half_resolutions = fields.integer("half_resolutions");
  config.source = fields.text("source");
  config.untrained = fields.boolean("untrained");
  return config;
}

Network network_from(const Safetensors& file) {
  Network network;
  network.config = config_from(file.metadata());
  for (const ParameterSpec& spec : parameters(network.config)) {
    const auto found = file.tensors().find(spec.name);
    if (found == file.tensors().end())
      throw Error(spec.name + ": missing, expected f32 " + shape_text(spec.shape));
    const TensorView& view = found->second;
    if (view.shape != spec.shape || (view.dtype != DType::f32 && view.dtype != DType::f16))
      throw Error(spec.name + ": expected F32 or F16 " + shape_text(spec.shape) + ", got " +
                  dtype_name(view.dtype) + " " + shape_text(view.shape));
    network.parameters[spec.name] = {view.shape, view.to_f32()};
  }
  for (const auto& [name, view] : file.tensors())
    if (!network.parameters.contains(name))
      throw Error(json_quote_short(name) +
                  ": unexpected, a network of this configuration has no such parameter");
  check(network);
  return network;
}

std::vector<uint16_t> halves_of(const std::string& name, const Tensor& tensor) {
  std::vector<uint16_t> halves;
  halves.reserve(tensor.values.size());
  for (const float value : tensor.values) {
    halves.push_back(f16_from_f32(value));
    if ((halves.back() & 0x7c00) == 0x7c00)
      throw Error(name + ": expected values that fit into f16, got " + number_text(value));
  }
  return halves;
}

}  // namespace

Network load_network(const fs::path& path) {
  const MappedFile file(path);
  try {
    return network_from(Safetensors(file.bytes()));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

void save_network(const fs::path& path, const Network& network, const Metadata& extra,
                  DType stored) {
  VERNISSAGE_ASSERT(stored == DType::f32 || stored == DType::f16);
  std::vector<std::vector<uint16_t>> halves;  // outlive their views
  std::vector<NamedTensor> tensors;
  try {
    check(network);
    for (const ParameterSpec& spec : parameters(network.config)) {
      const Tensor& tensor = network.at(spec.name);
      if (stored == DType::f32) {
        tensors.push_back({spec.name, tensor.view()});
      } else {
        halves.push_back(halves_of(spec.name, tensor));
        tensors.push_back(
            {spec.name, {DType::f16, tensor.shape, std::as_bytes(std::span(halves.back()))}});
      }
    }
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
  Metadata metadata = metadata_of(network.config);
  for (const auto& [key, value] : extra) VERNISSAGE_ASSERT(metadata.emplace(key, value).second);
  write_safetensors(path, metadata, tensors);
}

}  // namespace vernissage
