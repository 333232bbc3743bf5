// What a network costs at least: arithmetic and memory traffic of every operation of its forward
// pass, and the time no kernel can go below on a device of given ceilings.
#pragma once

#include <string>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage::bench {

/// Config-f of StyleGAN2 (Karras et al. 2020, table 1) at a resolution: channels 32768/R, at most
/// 512; eight mapping layers of 512.
NetworkConfig config_f(int resolution);

/// What a device can do at most.
struct Ceilings {
  double flops_per_s = 0;  // half-precision products with float32 sums
  double bytes_per_s = 0;  // of device memory, bytes read and bytes written counted
};

/// One operation at its least.
struct LayerWork {
  std::string name;    // "b256.conv1"
  int side;            // of the output
  int in, out;         // channels
  bool up;             // the input has half the side
  double flop, bytes;  // of the whole batch
};

/// The convolutions of the skip architecture in the order of the forward pass. Every input, weight
/// and output moves once; an up-convolution is counted on input pixels (9 taps each) with its
/// filter on chip; conv1 includes to_rgb and the doubling of the running image, and the last conv1
/// writes bytes and no activation. Activations and weights take `element_bytes` each, the running
/// image float32.
std::vector<LayerWork> layer_work(const NetworkConfig& config, int batch, int element_bytes);

/// Everything that is measured on its own, in order: "mapping" (the mapping network, which is not
/// part of the forward pass), "styles", "constant" and the names of layer_work().
std::vector<std::string> operation_names(const NetworkConfig& config);

/// max(flop / flops_per_s, bytes / bytes_per_s)
double floor_s(double flop, double bytes, const Ceilings& ceilings);
/// The sum of the floors of layer_work(): mapping, styles and launches are not in it.
double image_floor_s(const NetworkConfig& config, int batch, int element_bytes,
                     const Ceilings& ceilings);
/// Floating-point operations of the same.
double image_flop(const NetworkConfig& config, int batch);

}  // namespace vernissage::bench
