#include "tests/support/tiny_network.h"

#include <stdlib.h>

#include <random>
#include <string>

#include "base/error.h"

namespace vernissage::testing {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "vernissage-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw Error(name + ": cannot be made");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Network tiny_network(int resolution, int classes) {
  constexpr int kWidth = 8;
  Network network;
  NetworkConfig& config = network.config;
  config.resolution = resolution;
  config.z_dim = config.w_dim = 16;
  config.c_dim = classes;
  config.embed_features = classes > 0 ? 16 : 0;
  config.mapping_widths = {16, 16};
  for (int r = 4; r <= resolution; r *= 2) config.widths.push_back(kWidth);
  config.source = "sketch";
  config.untrained = true;

  std::mt19937 engine(1);
  // Sums of raw draws: the same numbers with every standard library.
  const auto draw = [&] {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(engine()) / 4294967295.0 - 0.5;
    return static_cast<float>(sum * 1.7);
  };
  const auto has = [](const std::string& name, const char* part) {
    return name.find(part) != std::string::npos;
  };
  for (const ParameterSpec& parameter : parameters(config)) {
    const std::string& name = parameter.name;
    Tensor tensor;
    tensor.shape = parameter.shape;
    const int64_t count = element_count(tensor.shape);
    for (int64_t i = 0; i < count; ++i) {
      constexpr float kFilter[] = {0.125f, 0.375f, 0.375f, 0.125f};
      float value = draw();
      if (has(name, "resample_filter")) value = kFilter[i / 4] * kFilter[i % 4];
      if (has(name, "noise_strength")) value = 0.1f;
      if (has(name, "affine.bias")) value = 1;
      if (has(name, "w_avg") || (has(name, "mapping") && has(name, "bias"))) value = 0;
      if (has(name, "mapping") && has(name, "weight")) value /= config.mapping_lr_multiplier;
      tensor.values.push_back(value);
    }
    network.parameters.emplace(name, std::move(tensor));
  }
  return network;
}

}  // namespace vernissage::testing
