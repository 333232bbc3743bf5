// The CPU backend's convolutions: oneDNN primitives of one sample, weights packed once.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <string>
#include <unordered_map>

namespace vernissage::cpu {

/// What a convolution computes, on activations in channel blocks. Channels are the real ones; the
/// tensors have them padded to whole blocks.
struct ConvolutionShape {
  std::string name;  // for errors
  int in_channels, out_channels;
  int in_resolution;
  int kernel;       // 3 (padding 1) or 1
  bool transposed;  // stride 2, no padding: in_resolution R gives 2R + 1
};

class Convolution {
 public:
  /// weight (O, I, K, K). Throws Error naming the layer when oneDNN has no implementation or no
  /// memory.
  Convolution(const ConvolutionShape& shape, std::span<const float> weight,
              const dnnl::engine& engine);

  /// Bytes execute() needs at `scratchpad`.
  size_t scratchpad_bytes() const { return scratchpad_bytes_; }
  /// oneDNN's name of what runs, "jit_wino_4x3:avx512_core".
  const std::string& implementation() const { return implementation_; }

  void execute(dnnl::stream& stream, const float* x, float* y, void* scratchpad);

 private:
  template <class Primitive, class Description>
  void adopt(const Description& description, const dnnl::engine& engine, const dnnl::memory& plain);

  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> arguments_;  // only their addresses change
  size_t scratchpad_bytes_ = 0;
  std::string implementation_;
};

}  // namespace vernissage::cpu
