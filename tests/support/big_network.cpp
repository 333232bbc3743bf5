#include "tests/support/big_network.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "engine/stylegan2/latents.h"
#include "tests/support/golden_data.h"

namespace vernissage::testing {

namespace {
std::string path_of(const std::string& name, const char* extension) {
  return "stylegan2/big/" + name + extension;
}

NetworkConfig read_config(const Json& json) {
  NetworkConfig config;
  config.resolution = json.at("img_resolution").integer();
  config.image_channels = json.at("img_channels").integer();
  config.z_dim = json.at("z_dim").integer();
  config.c_dim = json.at("c_dim").integer();
  config.w_dim = json.at("w_dim").integer();
  config.mapping_widths.assign(json.at("mapping_layers").integer(), config.w_dim);
  config.mapping_lr_multiplier = static_cast<float>(json.at("mapping_lr_multiplier").number);
  const int base = json.at("channel_base").integer(), most = json.at("channel_max").integer();
  for (int r = 4; r <= config.resolution; r *= 2) config.widths.push_back(std::min(base / r, most));
  if (const Json& clamp = json.at("conv_clamp"); !clamp.is_null())
    config.conv_clamp = static_cast<float>(clamp.number);
  config.source = "stylegan2-ada-pytorch";
  config.untrained = true;
  return config;
}

Tensor outer_filter(const Json& taps) {
  double sum = 0;
  for (const Json& tap : taps.items) sum += tap.number;
  Tensor filter{{4, 4}, {}};
  for (const Json& a : taps.items)
    for (const Json& b : taps.items)
      filter.values.push_back(static_cast<float>(a.number * b.number / (sum * sum)));
  return filter;
}

/// The next piece of the stream as one tensor, checked against what the json says of it.
Tensor draw(LegacyNormal& normal, const Json& json) {
  const double offset = json.at("offset").number, scale = json.at("scale").number;
  Tensor tensor;
  for (const Json& size : json.at("shape").items) tensor.shape.push_back(size.integer());
  tensor.values.resize(element_count(tensor.shape));
  double total = 0, magnitude = 0;
  for (float& value : tensor.values) {
    value = static_cast<float>(offset + scale * normal.next());
    total += value;
    magnitude += std::abs(value);
  }
  const std::string& name = json.at("name").text;
  const std::vector<Json>& first = json.at("first").items;
  for (size_t i = 0; i < first.size() && i < tensor.values.size(); ++i)
    if (tensor.values[i] != static_cast<float>(first[i].number))
      throw Error(name + ": value " + std::to_string(i) + ": expected " +
                  std::to_string(first[i].number) + ", got " + std::to_string(tensor.values[i]));
  // Sums are taken in double in another order; the error of that is far below float32's own
  // rounding.
  if (std::abs(total - json.at("sum").number) > 6e-8 * magnitude)
    throw Error(name + ": sum: expected " + std::to_string(json.at("sum").number) + ", got " +
                std::to_string(total));
  return tensor;
}
}  // namespace

Network big_network(const std::string& name) {
  const Json json = read_json(golden(path_of(name, ".json")));
  Network network;
  network.config = read_config(json.at("config"));
  LegacyNormal normal(static_cast<uint32_t>(json.at("weights").at("seed").number));
  for (const Json& tensor : json.at("weights").at("tensors").items)
    network.parameters[tensor.at("name").text] = draw(normal, tensor);
  const Tensor filter = outer_filter(json.at("config").at("resample_filter"));
  for (const ParameterSpec& spec : parameters(network.config))
    if (spec.name.ends_with("resample_filter")) network.parameters[spec.name] = filter;
  check(network);
  return network;
}

BigGolden big_golden(const std::string& name) {
  const Json json = read_json(golden(path_of(name, ".json")));
  const MappedFile file(golden(path_of(name, ".safetensors")));
  const Safetensors stored(file.bytes());
  const auto& tensors = stored.tensors();
  BigGolden result;
  result.crop_size = json.at("crops").at("size").integer();
  for (const Json& corner : json.at("crops").at("top_left_yx").items)
    result.crop_corners.emplace_back(corner.items[0].integer(), corner.items[1].integer());
  for (const auto& [seed, layers] : json.at("stats").members) {
    BigPicture picture;
    picture.z = tensors.at(seed + "/z").to_f32();
    picture.w = tensors.at(seed + "/ws").to_f32();
    picture.crops = tensors.at(seed + "/crops").to_f32();
    for (const auto& [layer, stats] : layers.members) {
      BigPicture::Layer& one = picture.layers[layer];
      one.mean = stats.at("mean").number;
      one.deviation = stats.at("std").number;
      one.largest = stats.at("absmax").number;
      const auto index = tensors.find(seed + "/idx." + layer);
      if (index == tensors.end()) continue;
      one.index.resize(index->second.count());
      std::memcpy(one.index.data(), index->second.bytes.data(), index->second.bytes.size());
      one.value = tensors.at(seed + "/val." + layer).to_f32();
    }
    result.pictures.push_back(std::move(picture));
  }
  return result;
}

}  // namespace vernissage::testing
