// The kernels one picture takes on a CUDA device, with what each costs: the forward pass of
// generator.cpp as cuda/backend.cpp executes it, without executing it. launch_costs_test compares
// the two.
#pragma once

#include <string>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage {

struct LaunchCost {
  std::string layer;    // "mapping", "styles", "constant", "b64.conv0"; conv1 makes the colours too
  std::string kernel;   // "styles", "convolution", "filter", "to_rgb" …: of layer `layer`
  double flop, bytes;   // of the whole batch; kernels/costs.h says what is counted
  double floor_us;      // this launch cannot take less
  double predicted_us;  // expected on an H200, the gap before the next launch included
  // The terms of kernels/launch_model.h, the largest of which the prediction is at least.
  double issue_us, tensor_us, l2_us, dram_us;
};

/// In order, for a batch of n, constant noise, bytes out. `half`: stored as half and convolved on
/// tensor cores where they take the shape; else float32 and plain kernels.
std::vector<LaunchCost> launch_costs(const NetworkConfig& config, int n, bool half = true);

/// The mapping network, which is not part of the forward pass.
std::vector<LaunchCost> mapping_costs(const NetworkConfig& config, int n);

}  // namespace vernissage
