// From what names a picture to what the synthesis paints: the one way from a latent and its class
// to w+, for the command line, the curator and the server. Who samples alike gets the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/stylegan2/generator.h"

namespace vernissage {

/// Where a picture lies in front of the mapping.
struct Latent {
  std::vector<float> z;  // (Z)
  int label = 0;         // class, 0 … c_dim - 1; without classes of no meaning
};

/// The latent of `--seeds N` in the official scripts, in class `label`.
Latent latent_of_seed(uint32_t seed, int label, const NetworkConfig& config);

/// w = mapping(z, one-hot label) before truncation: (N, W). Throws Error for a latent of the wrong
/// size or a class that the network does not have.
std::vector<float> map_latents(Generator& generator, std::span<const Latent> latents);

/// w (N, W) → w+ (N, num_ws, W), truncated by psi towards the generator's w_avg below `cutoff` (all
/// of it without one): broadcast_truncated().
std::vector<float> truncate_w(const Generator& generator, std::span<const float> w, float psi,
                              std::optional<int> cutoff = {});

/// Both: latents → w+ (N, num_ws, W).
std::vector<float> sample_ws(Generator& generator, std::span<const Latent> latents, float psi,
                             std::optional<int> cutoff = {});

}  // namespace vernissage
