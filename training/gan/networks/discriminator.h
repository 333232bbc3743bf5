// StyleGAN2's discriminator, residual, with the minibatch's deviation before its last block.
// Source: Karras et al. 2020, section 4.1 and fig. 7c; Karras et al. 2018, section 3.
#pragma once

#include "training/gan/networks/parameters.h"

namespace vernissage::training {

struct DiscriminatorConfig {
  int resolution = 0;  // R, as the generator's
  int image_channels = 3;
  std::vector<int> widths;  // channels C(4), C(8), … C(R)
  int group_max = 4;        // samples whose deviation is taken together; the batch is a multiple of
                            // it, or smaller
};

/// Before its first step: unit normal weights, biases 0. float32 on the CPU, from libtorch's
/// default generator. Names: fromrgb.weight, b64.conv0.weight, b64.conv1.weight, b64.skip.weight,
/// b4.conv, b4.fc, b4.out.
Parameters initial_discriminator(const DiscriminatorConfig& config);

/// images (N, image_channels, R, R) in about -1 … 1 → logits (N), float32; > 0: looks real.
/// Activations down to 8x8 are stored as `dtype`: kFloat, kDouble (then everything), kBFloat16.
///   block of R:  x ← (lrelu(down(conv1(lrelu(conv0(x))))) + skip(down(x))) · √½
at::Tensor discriminate(const DiscriminatorConfig& config, const Parameters& parameters,
                        const at::Tensor& images, at::ScalarType dtype);

}  // namespace vernissage::training
