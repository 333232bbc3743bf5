// Everything a painting touches on the device beside the weights, in one allocation planned in
// advance.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "engine/cuda/device_runtime.h"
#include "engine/cuda/weights.h"

namespace vernissage {

/// Sizes first, then one allocation, then addresses.
class ArenaPlan {
 public:
  /// `*where` will point to `count` elements, aligned to 256 bytes; it must stay in place until
  /// allocate().
  template <class T>
  void take(size_t count, T** where) {
    const size_t offset = bytes_;
    bytes_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    fixups_.push_back(
        [where, offset](std::byte* base) { *where = reinterpret_cast<T*>(base + offset); });
  }
  /// Throws Error saying what the memory was for.
  DeviceMemory allocate(const std::string& what);

 private:
  static constexpr size_t kAlignment = 256;
  size_t bytes_ = 0;
  std::vector<std::function<void(std::byte*)>> fixups_;
};

/// The arena of one network for batches of up to N samples. Shapes are those of the largest use.
template <class T>
class DeviceArena {
 public:
  DeviceArena(const NetworkConfig& config, const std::vector<DeviceLayer<T>>& layers, int batch_max,
              DeviceRuntime& runtime);
  DeviceArena(const DeviceArena&) = delete;
  DeviceArena& operator=(const DeviceArena&) = delete;

  // Slots a, b and c (null without resnet branches) and a spare one, all of one size, so that any
  // of them can take any value.
  std::array<T*, 4> buffers = {};
  T* first_plain = nullptr;  // (N, 4, 4, C): a second output of the first convolution
  std::array<float*, 2> images =
      {};                      // (N, R, R, image_channels): the running image and the one before
  uint8_t* pixels = nullptr;   // (N, R, R, image_channels)
  uint8_t* preview = nullptr;  // (N, up to R, up to R, image_channels)
  float* ws = nullptr;         // (N, num_ws, W)
  float* partials = nullptr;   // (N, the largest partial_count); null where no layer wants them
  uint64_t* seeds = nullptr;   // (N)
  std::vector<float*> styles;  // by layer, (N, I); null where it has none
  std::vector<float*> demods;  // by layer, (N, O); null where it has none
  Styles style_launch;         // of all layers; the batch is filled in per launch
  Demodulate demodulate_launch;

 private:
  DeviceMemory memory_;
};

}  // namespace vernissage
