// Our own file format: the parameters as safetensors, the configuration as strings in its
// __metadata__.
#include <charconv>

#include "engine/error.h"
#include "engine/formats/json.h"
#include "engine/formats/network.h"
#include "engine/formats/safetensors.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "vernissage-stylegan2";
constexpr const char* kFormatVersion = "1";
constexpr size_t kListMax = 64;  // integers in a metadata list; no network has as many layers

using Metadata = std::map<std::string, std::string>;

template <class Number>
std::string number_text(Number number) {
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, number).ptr;  // shortest that reads back equal
  return {text, end};
}

std::string list_text(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) text.append(text.empty() ? "" : ",").append(number_text(number));
  return text;
}

[[noreturn]] void wrong(const std::string& key, const char* expected, const std::string& value) {
  throw Error("metadata " + key + ": expected " + expected + ", got " + json_quote_short(value));
}

template <class Number>
Number number_from(const std::string& key, const char* expected, const std::string& value,
                   std::string_view text) {
  Number number{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) wrong(key, expected, value);
  return number;
}

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

/// The fields of metadata_of(), read back. Keys that it does not write are somebody's notes.
class Fields {
 public:
  explicit Fields(const Metadata& metadata) : metadata_(metadata) {}

  const std::string& text(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) throw Error("metadata " + key + ": missing");
    return found->second;
  }
  int integer(const std::string& key) const {
    return number_from<int>(key, "an integer", text(key), text(key));
  }
  float number(const std::string& key) const {
    return number_from<float>(key, "a number", text(key), text(key));
  }
  bool boolean(const std::string& key) const {
    const std::string& value = text(key);
    if (value != "true" && value != "false") wrong(key, "true or false", value);
    return value == "true";
  }
  std::vector<int> list(const std::string& key) const {
    std::vector<int> numbers;
    std::string_view rest = text(key);
    for (bool more = true; more;) {
      if (numbers.size() == kListMax) wrong(key, "at most 64 integers", text(key));
      const size_t comma = rest.find(',');
      numbers.push_back(
          number_from<int>(key, "integers with commas between", text(key), rest.substr(0, comma)));
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
    return numbers;
  }

 private:
  const Metadata& metadata_;
};

NetworkConfig config_from(const Metadata& metadata) {
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kFormat)
    throw Error(std::string("metadata format: expected ") + json_quote(kFormat) + ", got " +
                (format == metadata.end() ? "none" : json_quote_short(format->second)));
  const Fields fields(metadata);
  const std::string& version = fields.text("format_version");
  if (version != kFormatVersion) wrong("format_version", "\"1\"", version);

  NetworkConfig config;
  config.architecture = architecture_from_name(fields.text("architecture"));
  config.resolution = fields.integer("resolution");
  config.image_channels = fields.integer("image_channels");
  config.z_dim = fields.integer("z_dim");
  config.c_dim = fields.integer("c_dim");
  config.w_dim = fields.integer("w_dim");
  config.embed_features = fields.integer("embed_features");
  config.mapping_widths = fields.list("mapping_widths");
  config.mapping_lr_multiplier = fields.number("mapping_lr_multiplier");
  config.mapping_activation = activation_from_name(fields.text("mapping_activation"));
  config.widths = fields.list("widths");
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

}  // namespace

Network load_network(const fs::path& path) {
  const MappedFile file(path);
  try {
    return network_from(Safetensors(file.bytes()));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

void save_network(const fs::path& path, const Network& network, const Metadata& extra) {
  try {
    check(network);
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
  Metadata metadata = metadata_of(network.config);
  for (const auto& [key, value] : extra) VERNISSAGE_ASSERT(metadata.emplace(key, value).second);
  std::vector<NamedTensor> tensors;
  for (const ParameterSpec& spec : parameters(network.config))
    tensors.push_back({spec.name, network.at(spec.name).view()});
  write_safetensors(path, metadata, tensors);
}

}  // namespace vernissage
