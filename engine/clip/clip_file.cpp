// Our own file format of CLIP networks: parameters and merges as safetensors, the configuration as
// strings in its __metadata__.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/error.h"
#include "engine/clip/clip_network.h"
#include "engine/formats/metadata.h"
#include "engine/formats/safetensors.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "vernissage-clip";
constexpr const char* kFormatVersion = "1";
constexpr const char* kMerges = "tokenizer.merges";

Metadata metadata_of(const ClipConfig& config) {
  Metadata metadata = {
      {"format", kFormat},
      {"format_version", kFormatVersion},
      {"image_size", number_text(config.image_size)},
      {"patch_size", number_text(config.patch_size)},
      {"embedding", number_text(config.embedding)},
      {"vocabulary", number_text(config.vocabulary)},
      {"context", number_text(config.context)},
      {"layer_norm_eps", number_text(config.layer_norm_eps)},
      {"mean", list_text(config.mean)},
      {"std_dev", list_text(config.std_dev)},
      {"source", config.source},
  };
  const auto add_tower = [&](const std::string& name, const ClipTower& tower) {
    metadata[name + ".width"] = number_text(tower.width);
    metadata[name + ".layers"] = number_text(tower.layers);
    metadata[name + ".heads"] = number_text(tower.heads);
    metadata[name + ".mlp_width"] = number_text(tower.mlp_width);
    metadata[name + ".activation"] = clip_activation_name(tower.activation);
  };
  add_tower("vision", config.vision);
  add_tower("text", config.text);
  return metadata;
}

std::array<float, 3> three_numbers(const MetadataFields& fields, const std::string& key) {
  const std::vector<float> numbers = fields.list<float>(key);
  if (numbers.size() != 3)
    throw Error("metadata " + key + ": expected 3 numbers, got " + std::to_string(numbers.size()));
  return {numbers[0], numbers[1], numbers[2]};
}

ClipTower tower_from(const MetadataFields& fields, const std::string& name) {
  return {fields.integer(name + ".width"), fields.integer(name + ".layers"),
          fields.integer(name + ".heads"), fields.integer(name + ".mlp_width"),
          clip_activation_from_name(fields.text(name + ".activation"))};
}

ClipConfig config_from(const Metadata& metadata) {
  const MetadataFields fields(metadata);
  fields.expect_format(kFormat, kFormatVersion);
  ClipConfig config;
  config.image_size = fields.integer("image_size");
  config.patch_size = fields.integer("patch_size");
  config.vision = tower_from(fields, "vision");
  config.text = tower_from(fields, "text");
  config.embedding = fields.integer("embedding");
  config.vocabulary = fields.integer("vocabulary");
  config.context = fields.integer("context");
  config.layer_norm_eps = fields.number("layer_norm_eps");
  config.mean = three_numbers(fields, "mean");
  config.std_dev = three_numbers(fields, "std_dev");
  config.source = fields.text("source");
  return config;
}

std::vector<std::string> merges_from(const TensorView& view) {
  if (view.dtype != DType::u8 || view.shape.size() != 1)
    throw Error(std::string(kMerges) + ": expected U8 of rank 1, got " + dtype_name(view.dtype) +
                " " + shape_text(view.shape));
  std::string_view rest(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  std::vector<std::string> merges;
  while (!rest.empty()) {
    const size_t line = rest.find('\n');
    if (line == std::string_view::npos)
      throw Error(std::string(kMerges) + ": the last line does not end");
    merges.emplace_back(rest.substr(0, line));
    rest.remove_prefix(line + 1);
  }
  return merges;
}

ClipNetwork network_from(const Safetensors& file) {
  ClipNetwork network;
  network.config = config_from(file.metadata());
  std::set<std::string> known = {kMerges};
  for (const ParameterSpec& spec : parameters(network.config)) {
    const auto found = file.tensors().find(spec.name);
    if (found == file.tensors().end())
      throw Error(spec.name + ": missing, expected f32 " + shape_text(spec.shape));
    const TensorView& view = found->second;
    if (view.shape != spec.shape || (view.dtype != DType::f32 && view.dtype != DType::f16))
      throw Error(spec.name + ": expected F32 or F16 " + shape_text(spec.shape) + ", got " +
                  dtype_name(view.dtype) + " " + shape_text(view.shape));
    network.parameters[spec.name] = {view.shape, view.to_f32()};
    known.insert(spec.name);
  }
  for (const auto& [name, view] : file.tensors())
    if (!known.contains(name))
      throw Error(json_quote_short(name) +
                  ": unexpected, a network of this configuration has no such parameter");
  const auto merges = file.tensors().find(kMerges);
  if (merges != file.tensors().end()) network.merges = merges_from(merges->second);
  check(network);
  return network;
}

/// The elements as halves. Throws Error naming the tensor when one is beyond the largest half.
std::vector<uint16_t> halves(const std::string& name, const std::vector<float>& values) {
  std::vector<uint16_t> all(values.size());
  std::transform(values.begin(), values.end(), all.begin(), f16_from_f32);
  constexpr uint16_t kExponent = 0x7c00;  // all of its bits: infinite, for the values are finite
  const auto beyond = std::find_if(all.begin(), all.end(),
                                   [](uint16_t half) { return (half & kExponent) == kExponent; });
  if (beyond != all.end())
    throw Error(name + ": " + number_text(values[static_cast<size_t>(beyond - all.begin())]) +
                " is beyond the largest half; store as f32");
  return all;
}

}  // namespace

ClipNetwork load_clip(const fs::path& path) {
  const MappedFile file(path);
  try {
    return network_from(Safetensors(file.bytes()));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

void save_clip(const fs::path& path, const ClipNetwork& network, DType stored,
               const Metadata& extra) {
  VERNISSAGE_ASSERT(stored == DType::f32 || stored == DType::f16);
  Metadata metadata = metadata_of(network.config);
  for (const auto& [key, value] : extra) VERNISSAGE_ASSERT(metadata.emplace(key, value).second);
  std::vector<NamedTensor> tensors;
  std::vector<std::vector<uint16_t>> halved;  // what the views of the halves look at
  try {
    check(network);
    for (const ParameterSpec& spec : parameters(network.config)) {
      const Tensor& tensor = network.at(spec.name);
      if (stored == DType::f16 && tensor.shape.size() > 1) {
        halved.push_back(halves(spec.name, tensor.values));
        tensors.push_back(
            {spec.name, {DType::f16, tensor.shape, std::as_bytes(std::span(halved.back()))}});
      } else {
        tensors.push_back({spec.name, tensor.view()});
      }
    }
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
  // The bytes of the merges come last, for they may end at any address.
  std::string merges;
  for (const std::string& merge : network.merges) merges += merge + "\n";
  if (network.has_tokenizer())
    tensors.push_back(
        {kMerges,
         {DType::u8, {static_cast<int64_t>(merges.size())}, std::as_bytes(std::span(merges))}});
  write_safetensors(path, metadata, tensors);
}

bool is_clip_file(const fs::path& path) {
  const MappedFile file(path);
  try {
    const Safetensors tensors(file.bytes());
    const auto format = tensors.metadata().find("format");
    return format != tensors.metadata().end() && format->second == kFormat;
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

}  // namespace vernissage
