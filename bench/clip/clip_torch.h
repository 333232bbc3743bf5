// CLIP's image tower in libtorch: what the benchmarks race against. Query, key and value are one
// product, elementwise work is done in place, weights are laid out once: as few eager operations as
// the library offers. Source of the equations: Radford et al. 2021.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage::reference {

class TorchImageTower {
 public:
  /// Copies the image tower to `device`. dtype is the type of weights and activations, kFloat or
  /// kHalf; norms, softmax and the unit embedding are float32 inside.
  TorchImageTower(const ClipNetwork& network, at::Device device, at::ScalarType dtype);

  /// pixels (N, 3, S, S) of dtype, normalised → unit embeddings (N, E), float32.
  at::Tensor embed(const at::Tensor& pixels) const;

 private:
  struct Affine {
    at::Tensor weight, bias;
  };
  struct Block {
    Affine norm_1, in_projection, out_projection, norm_2, fc_1, fc_2;
  };
  at::Tensor norm(const at::Tensor& x, const Affine& affine) const;
  at::Tensor attention(const at::Tensor& x, const Block& block) const;

  ClipConfig config_;
  at::Tensor patches_;          // (W, 3, p, p)
  at::Tensor class_embedding_;  // (1, 1, W), its position added
  at::Tensor positions_;        // (1, T - 1, W) of the patches
  Affine norm_before_, norm_after_;
  std::vector<Block> blocks_;
  at::Tensor projection_;  // (W, E)
};

}  // namespace vernissage::reference
