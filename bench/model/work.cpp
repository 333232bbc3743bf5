#include "bench/model/work.h"

#include <algorithm>

namespace vernissage::bench {

NetworkConfig config_f(int resolution) {
  NetworkConfig config;
  config.resolution = resolution;
  config.z_dim = config.w_dim = 512;
  config.mapping_widths.assign(8, 512);
  for (int side = 4; side <= resolution; side *= 2)
    config.widths.push_back(std::min(32768 / side, 512));
  config.conv_clamp = 256;
  return config;
}

std::vector<LayerWork> layer_work(const NetworkConfig& config, int batch, int element_bytes) {
  std::vector<LayerWork> layers;
  int below = config.widths[0];
  int side = 4;
  for (const int width : config.widths) {
    const double pixels = double(side) * side * batch;
    std::string block = "b";
    block += std::to_string(side);
    // 3x3 over `in_pixels` pixels of `in` channels, `out_pixels` pixels written.
    const auto convolution = [&](const char* name, int in, double in_pixels, double out_pixels,
                                 bool up) {
      const double weights = 9.0 * in * width;
      return LayerWork{block + name,
                       side,
                       in,
                       width,
                       up,
                       2 * weights * in_pixels,
                       element_bytes * (weights + in * in_pixels + width * out_pixels)};
    };
    if (side > 4) layers.push_back(convolution(".conv0", below, pixels / 4, pixels, true));
    const bool last = side == config.resolution;
    LayerWork conv1 = convolution(".conv1", width, pixels, last ? 0 : pixels, false);
    const double colours = config.image_channels * pixels;
    conv1.flop += 2 * width * colours;
    conv1.bytes += (last ? 1 : 4) * colours + (side > 4 ? 4 * colours / 4 : 0);
    layers.push_back(conv1);
    below = width;
    side *= 2;
  }
  return layers;
}

std::vector<std::string> operation_names(const NetworkConfig& config) {
  std::vector<std::string> names = {"mapping", "styles", "constant"};
  for (const LayerWork& layer : layer_work(config, 1, 2)) names.push_back(layer.name);
  return names;
}

double floor_s(double flop, double bytes, const Ceilings& ceilings) {
  return std::max(flop / ceilings.flops_per_s, bytes / ceilings.bytes_per_s);
}

double image_floor_s(const NetworkConfig& config, int batch, int element_bytes,
                     const Ceilings& ceilings) {
  double total_s = 0;
  for (const LayerWork& layer : layer_work(config, batch, element_bytes))
    total_s += floor_s(layer.flop, layer.bytes, ceilings);
  return total_s;
}

double image_flop(const NetworkConfig& config, int batch) {
  double total = 0;
  for (const LayerWork& layer : layer_work(config, batch, 2)) total += layer.flop;
  return total;
}

}  // namespace vernissage::bench
