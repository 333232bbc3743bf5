// Square pictures on the device made the size that the image tower reads, to the byte as on the
// host.
#pragma once

#include "engine/cuda/device_runtime.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {

class DeviceScaling {
 public:
  explicit DeviceScaling(DeviceRuntime& runtime) : runtime_(runtime) {}

  /// For pictures of side x side, up to n_max at once, made size x size. Takes memory when that is
  /// new.
  void prepare(int side, int size, int n_max);
  /// Enqueues y (N, size, size, 3) = the scaled x (N, side, side, 3): resize_and_crop() of each.
  void run(int n, const uint8_t* x, uint8_t* y);

 private:
  DeviceRuntime& runtime_;
  int side_ = 0, size_ = 0, n_max_ = 0, taps_ = 0;
  DeviceMemory memory_;
  int32_t *first_ = nullptr, *count_ = nullptr, *weights_ = nullptr;  // BicubicTable
  uint8_t* across_ = nullptr;  // (n_max, side, size, 3): between the passes
};

}  // namespace vernissage
