// What the CUDA benches share: owned device memory, a stream, time measured by events, and the
// ceilings of this device, measured in the same run as everything that is compared with them.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <string>

#include "bench/model/work.h"
#include "kernels/convolution/conv_tiles.h"

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

/// The ceilings of this device, measured at the first call: a half 8192x8192x8192 product with
/// float32 accumulation by cuBLAS on random operands, and a copy of 1 GiB within the device.
const Ceilings& ceilings();

/// The best way this device has of making convolutions.
ConvPath conv_path();

/// Returns when the device has finished everything.
void wait_for_device();

/// Seconds one `call` takes: one call to warm up and to judge by, then as many as take 20 ms, back
/// to back, host time around a synchronised device.
double seconds_back_to_back(const std::function<void()>& call);
/// How many calls of this length that is.
int calls_for(double seconds);

/// "runtime 13.0, driver interface 13.0, cuBLAS 13.1.0"
std::string cuda_libraries();

}  // namespace vernissage::bench
