// A network's parameters in the form the kernels read, in one piece of device memory.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/cuda/device_runtime.h"

namespace vernissage {

/// Host bytes that become one piece of device memory; pointers into it are set when it gets there.
class DeviceBlob {
 public:
  /// `*where` will point to the copy of `values`; it must stay in place until upload(). Nothing to
  /// point to when `values` is empty.
  template <class T>
  void add(std::span<const T> values, const T** where) {
    *where = nullptr;
    if (values.empty()) return;
    const size_t offset = append(values.data(), values.size_bytes());
    fixups_.push_back([where, offset](const std::byte* base) {
      *where = reinterpret_cast<const T*>(base + offset);
    });
  }
  /// Throws Error when memory runs out.
  DeviceMemory upload(DeviceRuntime& runtime, const std::string& what);

 private:
  size_t append(const void* values, size_t bytes);

  std::vector<std::byte> bytes_;
  std::vector<std::function<void(const std::byte*)>> fixups_;
};

/// One layer of the synthesis network on the device. Pointers are null where the layer has no such
/// part.
template <class T>
struct DeviceLayer {
  std::string name;
  LayerSpec::Kind kind;
  int in_channels, out_channels, resolution;
  bool up;
  Activation act;
  float gain, clamp, noise_strength;
  int w_index;
  bool tensor_cores;           // a convolution made by ConvPath::mma: its input is stored scaled
  bool composite;              // an up-convolution with its filter folded into the weight
  const T* weight;             // (O, K, K, I) of a convolution or skip layer; (2, 2, O, 3, 3, I)
                               // when composite
  const float* rgb_weight;     // (C, I) of a to_rgb layer
  const float* bias;           // (O)
  const float* square;         // (O, I): Σ W² over the taps, of a convolution
  const float* affine_weight;  // (I, W), 1/√W included
  const float* affine_bias;    // (I)
  const float* noise;          // (R, R)
  const float* filter;         // (4, 4)
};

/// Half weights are scaled per output channel by 1/(√(9I) · max|W[o]|), which cancels in the
/// demodulation and keeps products in range: the official fp16 guard (STYLEGAN2 ADA's released
/// code). Skip weights include 1/√I.
template <class T>
class DeviceWeights {
 public:
  /// Convolutions are packed for `path` where it takes them.
  DeviceWeights(const NetworkSpec& network, ConvPath path, DeviceRuntime& runtime);

  const std::vector<DeviceLayer<T>>& layers() const { return layers_; }
  const T* constant() const { return constant_; }              // (4, 4, C)
  const float* image_filter() const { return image_filter_; }  // (4, 4), or null

 private:
  std::vector<DeviceLayer<T>> layers_;
  const T* constant_ = nullptr;
  const float* image_filter_ = nullptr;
  DeviceMemory memory_;
};

}  // namespace vernissage
