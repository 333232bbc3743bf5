#include "tests/support/golden_network.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "engine/stylegan2/latents.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"

namespace vernissage::testing {
namespace {

const std::string kModels = "stylegan2/models/";

std::map<std::string, Tensor> read_tensors(const std::string& path) {
  const MappedFile file(golden(path));
  const Safetensors container(file.bytes());
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, view] : container.tensors())
    tensors[name] = Tensor{view.shape, view.to_f32()};
  return tensors;
}

/// The filter buffer of networks whose release stores none: outer(t, t) of the taps, its sum 1.
Tensor filter_from_taps(const Json& taps) {
  Tensor filter{{4, 4}, {}};
  double sum = 0;
  for (const Json& tap : taps.items) sum += tap.number;
  for (const Json& a : taps.items)
    for (const Json& b : taps.items)
      filter.values.push_back(static_cast<float>(a.number * b.number / (sum * sum)));
  return filter;
}

NetworkConfig read_config(const Json& json, const std::map<std::string, Tensor>& tensors) {
  const auto size = [&](const std::string& name) {
    return static_cast<int>(tensors.at(name).shape.at(0));
  };
  const auto number = [&](const char* key, float fallback) {
    const Json* value = json.find(key);
    return value == nullptr || value->is_null() ? fallback : static_cast<float>(value->number);
  };
  const auto word = [&](const char* key) {
    const Json* value = json.find(key);
    return value == nullptr ? std::string("lrelu") : value->text;
  };
  NetworkConfig config;
  config.architecture = architecture_from_name(json.at("architecture").text);
  config.resolution = json.at("img_resolution").integer();
  config.image_channels = json.at("img_channels").integer();
  config.z_dim = json.at("z_dim").integer();
  config.c_dim = json.at("c_dim").integer();
  config.w_dim = json.at("w_dim").integer();
  if (config.c_dim > 0) config.embed_features = size("mapping.embed.weight");
  for (int i = 0; i < json.at("mapping_layers").integer(); ++i)
    config.mapping_widths.push_back(size("mapping.fc" + std::to_string(i) + ".weight"));
  config.mapping_lr_multiplier = number("mapping_lr_multiplier", 0.01f);
  config.mapping_activation = activation_from_name(word("mapping_activation"));
  for (int r = 4; r <= config.resolution; r *= 2)
    config.widths.push_back(json.at("channels").at(std::to_string(r)).integer());
  config.activation = activation_from_name(word("activation"));
  config.conv_clamp = number("conv_clamp", -1);
  if (const Json* blocks = json.find("fp16_blocks"))
    config.half_resolutions = static_cast<int>(blocks->items.size());
  config.source = "stylegan2-ada-pytorch";
  return config;
}

Network read_network(const std::string& model, const Json& json) {
  std::map<std::string, Tensor> tensors = read_tensors(kModels + model + "/params.safetensors");
  Network network;
  network.config = read_config(json.at("config"), tensors);
  for (const ParameterSpec& spec : parameters(network.config)) {
    if (tensors.contains(spec.name))
      network.parameters[spec.name] = std::move(tensors[spec.name]);
    else if (spec.name.ends_with("resample_filter"))
      network.parameters[spec.name] = filter_from_taps(json.at("config").at("resample_filter"));
  }
  check(network);
  return network;
}

}  // namespace

Network golden_network(const std::string& model) {
  return read_network(model, read_json(golden(kModels + model + "/golden.json")));
}

GoldenModel golden_model(const std::string& model) {
  const Json json = read_json(golden(kModels + model + "/golden.json"));
  GoldenModel result;
  result.name = model;
  result.network = read_network(model, json);
  result.tensors = read_tensors(kModels + model + "/golden.safetensors");
  for (const Json& item : json.at("cases").items) {
    GoldenCase one;
    one.name = item.at("name").text;
    one.psi = static_cast<float>(item.at("truncation_psi").number);
    if (const Json* cutoff = item.find("truncation_cutoff"); cutoff && !cutoff->is_null())
      one.cutoff = cutoff->integer();
    if (item.at("noise_mode").text == "none") one.noise = NoiseMode::none;
    if (const Json* crossover = item.find("crossover")) one.crossover = crossover->integer();
    if (one.name.starts_with("lerp")) one.lerp = std::stof(one.name.substr(4));
    result.cases.push_back(one);
  }
  return result;
}

std::vector<float> GoldenModel::c() const {
  return network.config.c_dim > 0 ? tensors.at("c").values : std::vector<float>();
}

std::vector<float> GoldenModel::ws(const GoldenCase& which, const std::vector<float>& w) const {
  const int num_ws = network.config.num_ws();
  const std::vector<float>& w_avg = network.at("mapping.w_avg").values;
  std::vector<float> all = broadcast_truncated(w, w_avg, num_ws, which.psi, which.cutoff);
  if (!which.crossover && !which.lerp) return all;
  const auto half = static_cast<std::ptrdiff_t>(num_ws) * network.config.w_dim;
  std::vector<float> first(all.begin(), all.begin() + half);
  const std::vector<float> second(all.begin() + half, all.begin() + 2 * half);
  if (which.lerp) return vernissage::lerp(first, second, *which.lerp);
  std::vector<int> rows(static_cast<size_t>(num_ws - *which.crossover));
  std::iota(rows.begin(), rows.end(), *which.crossover);
  mix_styles(first, second, rows, network.config.w_dim);
  return first;
}

std::vector<std::string> golden_models() {
  std::vector<std::string> names;
  for (const std::string& name : golden_entries("stylegan2/models"))
    if (find_golden(kModels + name + "/params.safetensors") &&
        find_golden(kModels + name + "/golden.safetensors"))
      names.push_back(name);
  return names;
}

}  // namespace vernissage::testing
