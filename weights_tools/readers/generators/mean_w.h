// The centre of truncation of a network whose checkpoint has none.
#pragma once

#include <vector>

#include "engine/formats/network.h"

namespace vernissage {

constexpr int kMeanLatents = 4096;

/// The mean of w over kMeanLatents latents z ~ N(0, 1) from a fixed seed, (W). Mapping as in Karras
/// et al. 2019 (StyleGAN), section 2 with the equalized learning rate: x = z·rsqrt(mean(z²) +
/// 1e-8), behind it of a conditional network the embedded label normalised likewise, then per layer
/// x = act(x·(W·m/√fan-in)ᵀ + b·m). Labels take turns, so that every class has the same share.
/// Throws Error when the mean is not finite.
std::vector<float> mean_w(const Network& network);

}  // namespace vernissage
