// The mapping network on the device: always float32, products by DeviceRuntime::multiply.
#pragma once

#include <span>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/backends/cuda_runtime.h"

namespace vernissage {

/// Works on kColumns latents at a time, short of that on zeros beside them: the same products for
/// every batch size, so a latent's bytes never depend on its neighbours.
class DeviceMapping {
 public:
  static constexpr int kColumns = 32;

  /// Copies the parameters. Throws Error when memory runs out.
  DeviceMapping(const NetworkSpec& network, DeviceRuntime& runtime);

  /// w = mapping(z, c): Backend::map.
  void run(int n, std::span<const float> z, std::span<const float> c, std::span<float> w);

 private:
  struct Dense {
    int in, out;
    const float* weight;  // (out, in)
    const float* bias;    // (out)
    Nonlinearity act;
    float gain;
  };
  void input(const float* values, int rows, int width, float* device);
  void dense(const Dense& layer, const float* x, float* y);

  DeviceRuntime& runtime_;
  int z_dim_, c_dim_, w_dim_, embed_width_;
  std::vector<Dense> layers_;  // the embedding first when there are labels
  DeviceMemory weights_, memory_;
  PinnedMemory staging_;
  float *z_, *c_, *embedded_, *joined_, *values_[2];  // (kColumns, …) each, in memory_
};

}  // namespace vernissage
