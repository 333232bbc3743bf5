// What the benches of single kernels share: operands, sizes, the row.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "bench/cuda/support.h"
#include "kernels/costs.h"
#include "kernels/ops.h"

namespace vernissage::bench {

/// Channels of config-f at a resolution: base 32768, at most 512.
int channels(int resolution);
/// "256x256x128to128"
std::string shape(int side, int in, int out);

/// Memory that all kernels share, by role. Only one kernel is measured at a time.
struct KernelMemory {
  DeviceTimer timer;
  std::map<std::string, DeviceBuffer> buffers;

  f16* half(const std::string& role, int64_t count) {
    return static_cast<f16*>(buffers[role].at_least(size_t(count) * 2, DeviceBuffer::Fill::f16));
  }
  float* single(const std::string& role, int64_t count) {
    return static_cast<float*>(buffers[role].at_least(size_t(count) * 4, DeviceBuffer::Fill::f32));
  }
};
KernelMemory& memory();

/// A kernel ready to be launched on memory().timer.stream(), and what it does at least.
struct KernelWork {
  double flops = 0, bytes = 0;
  std::function<void()> launch;
};

template <class Op>
KernelWork kernel_work(const Op& op, std::function<void()> launch) {
  const Work work = work_of(op);
  return {work.flop, work.bytes, std::move(launch)};
}

/// cuda/kernel/NAME. `prepare` runs before every measurement.
void register_kernel(const std::string& name, const std::function<KernelWork()>& prepare);

/// Demodulation, constant noise, bias, leaky ReLU, gain, clamp: what follows a convolution.
Epilogue<f16> whole_epilogue(int n, int side, int o);

/// A whole convolution layer of config-f at this resolution, input and output alike.
ModulatedConv<f16> layer_conv(int n, int side);
/// The transposed convolution to this resolution.
TransposedConv<f16> layer_transposed_conv(int n, int side);

}  // namespace vernissage::bench
