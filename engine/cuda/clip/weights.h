// CLIP's parameters in the form the kernels and products read, in one piece of device memory.
#pragma once

#include <vector>

#include "engine/clip/clip_network.h"
#include "engine/cuda/device_runtime.h"
#include "engine/cuda/weights.h"

namespace vernissage {

struct ClipNormWeights {
  const float* weight = nullptr;  // (W)
  const float* bias = nullptr;    // (W)
};

/// What the matrix products read is stored as T, float or f16; all else is float32.
template <class T>
struct ClipBlockWeights {
  ClipNormWeights norm_1, norm_2;
  const T* qkv = nullptr;            // (3W, W)
  const float* qkv_bias = nullptr;   // (3W)
  const T* out = nullptr;            // (W, W)
  const float* out_bias = nullptr;   // (W)
  const T* fc_1 = nullptr;           // (M, W)
  const float* fc_1_bias = nullptr;  // (M)
  const T* fc_2 = nullptr;           // (W, M)
  const float* fc_2_bias = nullptr;  // (W)
};

template <class T>
struct ClipTowerWeights {
  std::vector<ClipBlockWeights<T>> blocks;
  const float* position = nullptr;  // (T, W)
  ClipNormWeights last_norm;        // of the token that becomes the embedding
  const T* projection = nullptr;    // (E, W)
};

template <class T>
class ClipWeights {
 public:
  /// Throws Error when memory runs out, and naming a parameter that half cannot hold.
  ClipWeights(const ClipNetwork& network, DeviceRuntime& runtime);
  ClipWeights(const ClipWeights&) = delete;
  ClipWeights& operator=(const ClipWeights&) = delete;

  ClipTowerWeights<T> vision, text;
  int patch_columns = 0;               // 3p², filled up to a multiple of 8
  const T* patch = nullptr;            // (W, patch_columns), zeros where filled up
  const float* class_token = nullptr;  // (W)
  ClipNormWeights first_norm;          // before the image tower's blocks
  const T* words = nullptr;            // (V, W)

 private:
  DeviceMemory memory_;
};

}  // namespace vernissage
