// What the two networks are trained for. Every function gives the loss of its samples as a tensor
// () with gradients, and what is worth reporting. Lazy regularisers are not yet times their
// interval.
#pragma once

#include "training/gan/networks/discriminator.h"
#include "training/torch/stylegan2_torch.h"

namespace vernissage::training {

/// What a batch of pictures is painted from.
struct Latents {
  at::Tensor z, z_mixed;          // (N, Z)
  at::Tensor crossover;           // (N) int64: rows of ws from it on come from z_mixed
  std::vector<at::Tensor> noise;  // (N, 1, H, H), one a convolution

  int64_t count() const { return z.size(0); }
  Latents slice(int64_t begin, int64_t end) const;
};
/// From libtorch's default generator of the device. With probability `mixing` a sample is mixed,
/// its crossover anywhere from 1 to num_ws - 1. Source: Karras et al. 2019, section 3.1.
Latents draw_latents(const NetworkConfig& config, int64_t n, double mixing, at::Device device);

/// (N, num_ws, W)
at::Tensor mixed_ws(const NetworkConfig& config, const reference::TorchGenerator& generator,
                    const Latents& latents);

/// mean(softplus(-D(G(z)))). Source: Goodfellow et al. 2014, section 3 (the non-saturating game).
at::Tensor generator_loss(const at::Tensor& logits_of_painted);

/// mean(softplus(D(G(z)))) + mean(softplus(-D(x)))
at::Tensor discriminator_loss(const at::Tensor& logits_of_painted,
                              const at::Tensor& logits_of_real);

/// γ/2 · mean over samples of |∂D(x)/∂x|². Source: Mescheder et al. 2018, equation 9 (R1).
at::Tensor gradient_penalty(const DiscriminatorConfig& config, const Parameters& discriminator,
                            const at::Tensor& images, double gamma, at::ScalarType dtype);

/// The length |J_w^T y| of every sample, y normal and divided by the side R:
/// √(mean over the ws of the sum of squares of ∂(G(w)·y)/∂w). Source: Karras et al. 2020, section
/// 3.2. `direction` is y.
at::Tensor path_lengths(const reference::TorchGenerator& generator, const at::Tensor& ws,
                        const std::vector<at::Tensor>& noise, const at::Tensor& direction);

}  // namespace vernissage::training
