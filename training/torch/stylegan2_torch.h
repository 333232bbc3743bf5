// StyleGAN2's generator in libtorch: what is trained here and what the benchmarks race against.
// Modulation is a scale on the input, demodulation a scale on the output, so weights are constant
// and shared by the batch; activations are channels_last; without gradients elementwise work is
// done in place, in as few eager operations as the library offers. Equations: Karras et al. 2020,
// sections 2.2 and 4.2. Architecture skip only.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage::reference {

/// trunc(clamp(127.5 image + 128, 0, 255)): image (N, C, R, R) float32 → (N, R, R, C) bytes, on its
/// device.
at::Tensor rgb8(const at::Tensor& image);

/// A parameter by its canonical name, of the shape that parameters(config) tells.
using ParameterLookup = std::function<at::Tensor(const std::string& name)>;

class TorchGenerator {
 public:
  /// Copies the network's parameters to `device`. dtype is the storage type of the synthesis'
  /// activations and weights, kFloat or kHalf; mapping, styles and image stay float32. Throws Error
  /// naming what it cannot run: an architecture other than skip, or an activation other than lrelu.
  TorchGenerator(const Network& network, at::Device device, at::ScalarType dtype);
  /// Of the parameters as `parameter` gives them, all on one device, float32 (float64 for dtype
  /// kDouble): their gains are multiplied in here, so gradients reach them through every call
  /// below. dtype may also be kBFloat16 or kDouble. Throws Error as above.
  TorchGenerator(const NetworkConfig& config, const ParameterLookup& parameter,
                 at::ScalarType dtype);

  /// z (N, Z) and, with labels, c (N, C) → w (N, W), before truncation.
  at::Tensor map(const at::Tensor& z, const at::Tensor& c = {}) const;
  /// ws (N, num_ws, W) float32 on the device → image (N, image_channels, R, R) float32. `noise` has
  /// one map (N, 1, H, H) a convolution, from b4.conv1 up; empty: the network's constant noise.
  at::Tensor synthesize(const at::Tensor& ws, const std::vector<at::Tensor>& noise = {}) const;

 private:
  struct Dense {
    at::Tensor weight, bias;  // (out, in), (out); gains multiplied in
  };
  // Styles and demodulation of one modulated layer.
  struct Affine {
    int w_index;
    Dense dense;
  };
  struct Convolution {
    bool up;
    Affine affine;
    at::Tensor weight;    // (O, I, 3, 3), or (I, O, 3, 3) for `up` as conv_transpose2d wants it
    at::Tensor squares;   // (O, I) float32: Σ over the taps of weight²
    at::Tensor noise;     // (1, 1, H, W) times strength and √2; undefined: none
    at::Tensor strength;  // () times √2; undefined: none
    at::Tensor bias;      // (1, O, 1, 1) times √2
    at::Tensor filter;    // (O, 1, 4, 4), depthwise, gain 4; only for `up`
  };
  struct ToRgb {
    Affine affine;
    at::Tensor weight;  // (image_channels, I) over √I
    at::Tensor bias;    // (image_channels)
  };
  struct Block {
    std::optional<Convolution> conv0;  // not in the block of 4x4
    Convolution conv1;
    ToRgb to_rgb;
  };

  Convolution convolution(const ParameterLookup& parameter, const std::string& name, int w_index,
                          bool up) const;
  ToRgb to_rgb(const ParameterLookup& parameter, const std::string& name, int w_index) const;
  Affine affine(const ParameterLookup& parameter, const std::string& name, int w_index) const;

  /// Without gradients x is scaled in place: nobody reads it again.
  at::Tensor run(const Convolution& layer, at::Tensor x, const at::Tensor& ws,
                 const at::Tensor& noise) const;
  at::Tensor run(const ToRgb& layer, const at::Tensor& x, const at::Tensor& ws) const;
  at::Tensor upsample(const at::Tensor& image) const;

  at::ScalarType dtype_;  // of the synthesis' activations
  at::ScalarType exact_;  // of everything else: float32, or float64 with dtype_
  NetworkConfig config_;
  std::optional<Dense> embed_;
  std::vector<Dense> mapping_;
  at::Tensor constant_;      // (1, C(4), 4, 4)
  at::Tensor image_filter_;  // (4 · image_channels, 1, 2, 2): one 2x2 filter an output phase
  std::vector<Block> blocks_;
};

}  // namespace vernissage::reference
