// Goal: the predicted list of launches is the one the backend makes, and its numbers are those of
// the network. Method: the emulated backend runs networks of every architecture, in half and
// float, while the emulation only watches what is launched: kernel by kernel the same sequence.
// Operations against layer_costs(), which counts multiply-adds from the configuration by another
// way; then a forward pass that is executed, whose matrix instructions and asynchronous copies are
// counted: never less than what the list says they must be. The whole of config-f against the
// numbers of the roofline.
#include "engine/stylegan2/launch_costs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "engine/cuda/backend.h"
#include "engine/stylegan2/generator.h"
#include "kernels/costs.h"
#include "kernels/emulation/emulation.h"

namespace vernissage::testing {
namespace {

NetworkConfig config_of(Architecture architecture, std::vector<int> widths) {
  NetworkConfig config;
  config.architecture = architecture;
  config.widths = std::move(widths);
  config.resolution = 4 << (config.widths.size() - 1);
  config.z_dim = config.w_dim = 32;
  config.mapping_widths = {32, 32};
  config.conv_clamp = 256;
  config.source = "sketch";
  return config;
}

NetworkConfig config_f(int resolution) {
  std::vector<int> widths;
  for (int side = 4; side <= resolution; side *= 2) widths.push_back(std::min(32768 / side, 512));
  NetworkConfig config = config_of(Architecture::skip, widths);
  config.z_dim = config.w_dim = 512;
  config.mapping_widths.assign(8, 512);
  return config;
}

Network network_of(const NetworkConfig& config) {
  Network network{config, {}};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const ParameterSpec& spec : parameters(config)) {
    Tensor tensor;
    tensor.shape = spec.shape;
    size_t count = 1;
    for (const int64_t size : spec.shape) count *= static_cast<size_t>(size);
    tensor.values.resize(count);
    const bool filter = spec.name.ends_with("resample_filter");
    constexpr float kRow[] = {1, 3, 3, 1};
    for (size_t i = 0; i < count; ++i)
      tensor.values[i] = filter ? kRow[i / 4] * kRow[i % 4] / 64 : normal(random);
    network.parameters.emplace(spec.name, std::move(tensor));
  }
  return network;
}

/// The type of the kernel's first argument, which is its operation: "… [with P = {Product<f16>, …".
std::string kind_of(const emulation::Launch& launch) {
  std::string what = launch.what;
  for (const std::string scope : {"vernissage::", "{anonymous}::", "(anonymous namespace)::"})
    for (size_t at; (at = what.find(scope)) != std::string::npos;) what.erase(at, scope.size());
  const size_t begin = what.find_first_not_of("{<", what.find("P = ") + 4);
  return what.substr(begin, what.find_first_of("<,>}", begin) - begin);
}
std::string kind_of(const LaunchCost& cost) {
  const std::map<std::string, std::string> kinds = {{"convolution", "Product"},
                                                    {"up-convolution", "Up"},
                                                    {"convolution with to_rgb", "Product"},
                                                    {"sum of shares", "Product"},
                                                    {"filter", "Upfirdn2d"},
                                                    {"scale", "NoiseBiasAct"},
                                                    {"to_rgb", "ToRgb"},
                                                    {"styles", "Styles"},
                                                    {"demodulate", "Demodulate"},
                                                    {"broadcast_constant", "BroadcastConstant"}};
  return kinds.at(cost.kernel);
}

bool convolves(const LaunchCost& cost) {
  return cost.kernel.find("convolution") != std::string::npos;
}

std::string text(const std::vector<std::string>& kinds) {
  std::string out;
  for (const std::string& kind : kinds) out += kind + " ";
  return out;
}

std::vector<uint8_t> paint(const Network& network, Precision precision, int n) {
  Generator generator(network, make_cuda_backend(precision), n);
  const NetworkConfig& config = network.config;
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> ws(static_cast<size_t>(n) * config.num_ws() * config.w_dim);
  for (float& value : ws) value = normal(random);
  return generator.paint(ws);
}

std::string label(const NetworkConfig& config, Precision precision, int n) {
  return std::string(architecture_name(config.architecture)) + " " +
         std::to_string(config.resolution) + (precision == Precision::f16 ? " f16" : " f32") +
         " batch " + std::to_string(n);
}

TEST(LaunchCosts, AreTheLaunchesTheBackendMakes) {
  for (const Architecture architecture :
       {Architecture::skip, Architecture::orig, Architecture::resnet})
    // 64² is above the composite up-convolutions, 256² above those of four products; 12 and 4
    // channels are nothing for tensor cores.
    for (const std::vector<int>& widths :
         {std::vector<int>{16, 24, 16, 16, 8}, std::vector<int>{16, 12, 16, 8},
          std::vector<int>{4, 4, 4, 4, 4}, std::vector<int>{8},
          std::vector<int>{8, 8, 8, 8, 8, 8, 8}})
      for (const Precision precision : {Precision::f16, Precision::f32})
        for (const int n : {1, 4}) {
          const NetworkConfig config = config_of(architecture, widths);
          SCOPED_TRACE(label(config, precision, n));
          std::vector<std::string> seen, expected;
          emulation::observe_launches(
              [&](const emulation::Launch& launch) { seen.push_back(kind_of(launch)); });
          paint(network_of(config), precision, n);
          emulation::observe_launches(nullptr);
          for (const LaunchCost& cost : launch_costs(config, n, precision == Precision::f16))
            expected.push_back(kind_of(cost));
          EXPECT_EQ(text(seen), text(expected));
        }
}

/// Multiply-adds of the convolutions and to_rgb, by the configuration alone.
TEST(LaunchCosts, CountTheOperationsOfTheNetwork) {
  for (const int resolution : {64, 256, 1024}) {
    const NetworkConfig config = config_f(resolution);
    double transposed = 0, folded = 0;
    for (const LayerCost& layer : layer_costs(config)) {
      if (layer.name.starts_with("mapping")) continue;
      transposed += layer.macs;
      const size_t dot = layer.name.find('.');
      const bool low = std::stoi(layer.name.substr(1, dot - 1)) <= kCompositeResolutionMax;
      folded += low ? layer.macs_composite : layer.macs;
    }
    for (const bool half : {false, true}) {
      double macs = 0;
      for (const LaunchCost& cost : launch_costs(config, 3, half))
        if (convolves(cost) || cost.kernel == "to_rgb") macs += cost.flop / 2;
      // Doubling the running image is counted with to_rgb here and not there: 4 taps a colour.
      double doubling = 0;
      for (int side = 8; side <= resolution; side *= 2) doubling += 4.0 * 3 * side * side;
      EXPECT_NEAR(macs / 3, (half ? folded : transposed) + doubling, 1e-9 * macs);
    }
  }
}

TEST(LaunchCosts, OfConfigFAreThoseOfTheRoofline) {
  // 148.1 GFLOP with up-convolutions counted on input pixels (74.26 G multiply-adds, Gong et al.
  // 2021), and 202 microseconds at 790 TFLOP/s and 4.3 TB/s if the filter stayed on chip: launches
  // of their own cost more, never less.
  double flop = 0, floor = 0, predicted = 0;
  const std::vector<LaunchCost> costs = launch_costs(config_f(1024), 1, true);
  for (const LaunchCost& cost : launch_costs(config_f(1024), 1, false))
    if (convolves(cost)) flop += cost.flop;
  for (const LaunchCost& cost : costs) {
    EXPECT_GE(cost.predicted_us, cost.floor_us) << cost.layer << " " << cost.kernel;
    floor += cost.floor_us;
    predicted += cost.predicted_us;
  }
  EXPECT_NEAR(flop, 148.1e9, 0.1e9);
  EXPECT_GT(floor, 202);
  EXPECT_GT(predicted, floor);
  EXPECT_LE(costs.size(), 60u);
}

TEST(LaunchCosts, AreNoMoreThanWhatTheKernelsDo) {
  const NetworkConfig config = config_of(Architecture::skip, {64, 64, 32, 16});
  double flop = 0, bytes = 0;
  for (const LaunchCost& cost : launch_costs(config, 2, true)) {
    if (!convolves(cost)) continue;
    flop += cost.flop;
    // Inputs and weights, which asynchronous copies load; what remains is output and epilogue.
    const int channels = cost.layer == "b32.conv1" ? 16 : 0;
    bytes += channels > 0 ? 2.0 * (2 * 32 * 32 * channels + 9 * channels * channels) : 0;
  }
  emulation::reset_counts();
  paint(network_of(config), Precision::f16, 2);
  const emulation::Counts counts = emulation::counts();
  EXPECT_GE(static_cast<double>(counts.mma) * 2 * 16 * 8 * 16, flop);
  EXPECT_GE(static_cast<double>(counts.bytes_copied), bytes);
  EXPECT_EQ(counts.ldmatrix_conflicts, 0u);
  emulation::reset_counts();
}

}  // namespace
}  // namespace vernissage::testing
