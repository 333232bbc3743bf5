// What the CUDA benches share: owned device memory, a stream, time measured by events, and the
// ceilings of this device, measured in the same run as everything that is compared with them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>

#include "engine/formats/network.h"

namespace vernissage::bench {

/// Throws Error with CUDA's words and `what`.
void check_cuda(cudaError_t status, const char* what);

/// Device memory that only grows. Its contents are random normal-sized numbers, never zeros:
/// products of zeros are faster than those of a picture.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer();

  enum class Fill { f16, f32 };
  /// At least `bytes` of memory, every element ±[0.5, 1). What was there before may be lost.
  void* at_least(size_t bytes, Fill fill);

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  Fill fill_ = Fill::f16;
};

/// A stream of its own and what is measured on it.
class DeviceTimer {
 public:
  DeviceTimer();
  DeviceTimer(const DeviceTimer&) = delete;
  DeviceTimer& operator=(const DeviceTimer&) = delete;
  ~DeviceTimer();

  cudaStream_t stream() const { return stream_; }
  /// Seconds one call of `work` takes on the device: as many calls as fill about 2 ms, recorded
  /// into one CUDA graph, replayed between two events. `work` enqueues on stream() and does not
  /// synchronise.
  double seconds(const std::function<void()>& work);

 private:
  double graph_seconds(const std::function<void()>& work, int count);

  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

/// What this device can do at most, as measured.
struct Ceilings {
  double flops_per_s =
      0;  // fp16 8192x8192x8192 product with fp32 accumulation by cuBLAS, random operands
  double bytes_per_s = 0;  // copy of 1 GiB within the device, bytes read and bytes written counted
};
/// Measured at the first call.
const Ceilings& ceilings();

/// The shortest time this work can take: the larger of its arithmetic and its memory traffic at the
/// ceilings.
double floor_s(double flops, double bytes);

/// Floor of a whole image of the network at this batch: the sum over the layers of floor_s, every
/// layer reading its input and weights once and writing its output once in `element_bytes`,
/// up-convolutions fused with their filter and counted on input pixels, image in float32. Skip
/// architecture.
double image_floor_s(const NetworkConfig& config, int batch, int element_bytes);
/// Floating-point operations of the same.
double image_flops(const NetworkConfig& config, int batch);

}  // namespace vernissage::bench
