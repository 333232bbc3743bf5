#include "bench/clip/clip_torch.h"

#include <cmath>
#include <string>

namespace vernissage::reference {

TorchImageTower::TorchImageTower(const ClipNetwork& network, at::Device device,
                                 at::ScalarType dtype)
    : config_(network.config) {
  const auto tensor = [&](const std::string& name) {
    const Tensor& from = network.at("visual." + name);
    return at::from_blob(const_cast<float*>(from.values.data()), from.shape, at::kFloat)
        .to(device, dtype, /*non_blocking=*/false, /*copy=*/true);
  };
  const auto affine = [&](const std::string& name) {
    return Affine{tensor(name + ".weight"), tensor(name + ".bias")};
  };
  const at::Tensor positions = tensor("positional_embedding").unsqueeze(0);
  patches_ = tensor("conv1.weight");
  class_embedding_ = (tensor("class_embedding") + positions.slice(1, 0, 1)).contiguous();
  positions_ = positions.slice(1, 1).contiguous();
  norm_before_ = affine("ln_pre");
  norm_after_ = affine("ln_post");
  projection_ = tensor("proj");
  for (int i = 0; i < config_.vision.layers; ++i) {
    const std::string block = "transformer.resblocks." + std::to_string(i) + ".";
    blocks_.push_back({affine(block + "ln_1"),
                       {tensor(block + "attn.in_proj_weight"), tensor(block + "attn.in_proj_bias")},
                       affine(block + "attn.out_proj"),
                       affine(block + "ln_2"),
                       affine(block + "mlp.c_fc"),
                       affine(block + "mlp.c_proj")});
  }
}

at::Tensor TorchImageTower::norm(const at::Tensor& x, const Affine& affine) const {
  return at::layer_norm(x, {x.size(-1)}, affine.weight, affine.bias, config_.layer_norm_eps);
}

at::Tensor TorchImageTower::attention(const at::Tensor& x, const Block& block) const {
  const int64_t n = x.size(0), tokens = x.size(1), width = x.size(2);
  const int64_t heads = config_.vision.heads, head_width = width / heads;
  // (3, N · heads, T, D)
  const at::Tensor qkv = at::linear(x, block.in_projection.weight, block.in_projection.bias)
                             .view({n, tokens, 3, heads, head_width})
                             .permute({2, 0, 3, 1, 4})
                             .reshape({3, n * heads, tokens, head_width});
  const at::Tensor scores =
      at::baddbmm(at::empty({1, 1, 1}, x.options()), qkv[0], qkv[1].transpose(1, 2),
                  /*beta=*/0, /*alpha=*/1 / std::sqrt(double(head_width)));
  const at::Tensor heads_of = at::bmm(at::softmax(scores, -1), qkv[2])
                                  .view({n, heads, tokens, head_width})
                                  .transpose(1, 2)
                                  .reshape({n, tokens, width});
  return at::linear(heads_of, block.out_projection.weight, block.out_projection.bias);
}

at::Tensor TorchImageTower::embed(const at::Tensor& pixels) const {
  const int64_t n = pixels.size(0), width = config_.vision.width;
  at::Tensor x = at::conv2d(pixels, patches_, {}, {config_.patch_size, config_.patch_size})
                     .flatten(2)
                     .transpose(1, 2)
                     .add(positions_);
  x = norm(at::cat({class_embedding_.expand({n, 1, width}), x}, 1), norm_before_);
  for (const Block& block : blocks_) {
    x.add_(attention(norm(x, block.norm_1), block));
    at::Tensor hidden = at::linear(norm(x, block.norm_2), block.fc_1.weight, block.fc_1.bias);
    hidden = config_.vision.activation == ClipActivation::gelu
                 ? at::gelu(hidden)
                 : hidden.mul_(at::mul(hidden, 1.702).sigmoid_());
    x.add_(at::linear(hidden, block.fc_2.weight, block.fc_2.bias));
  }
  const at::Tensor embeddings =
      at::matmul(norm(x.select(1, 0), norm_after_), projection_).to(at::kFloat);
  return embeddings / embeddings.norm(2, {1}, /*keepdim=*/true);
}

}  // namespace vernissage::reference
