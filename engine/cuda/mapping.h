// The mapping network on the device: always float32, one launch a layer.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "engine/backend.h"
#include "engine/cuda/device_runtime.h"

namespace vernissage {

/// Works on up to kRowsMax latents at a time. A latent's bytes never depend on its neighbours: the
/// kernels sum each row in one order.
class DeviceMapping {
 public:
  static constexpr int kRowsMax = 32;

  /// Copies the parameters. Throws Error when memory runs out.
  DeviceMapping(const NetworkSpec& network, DeviceRuntime& runtime);

  /// w = mapping(z, c): Backend::map.
  void run(int n, std::span<const float> z, std::span<const float> c, std::span<float> w);

 private:
  struct Dense {
    int in, out;
    const float* weight;  // (out, in)
    const float* bias;    // (out)
    Activation act;
    float gain;
  };
  void input(std::span<const float> values, float* device);
  void layers(int rows);
  void execute(int rows);

  DeviceRuntime& runtime_;
  int z_dim_, c_dim_, w_dim_, embed_width_;
  std::vector<Dense> layers_;  // the embedding first when there are labels
  DeviceMemory weights_, memory_;
  PinnedMemory staging_;
  float *z_, *c_, *embedded_, *joined_, *values_[2];  // (kRowsMax, …) each, in memory_
  const float* w_ = nullptr;                          // which of values_ the last layer writes
  std::map<int, DeviceGraph> recordings_;             // by rows
};

}  // namespace vernissage
