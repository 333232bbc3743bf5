#include "server/gallery/candidate.h"

namespace vernissage::gallery {

Latent latent_of(const GalleryKey& key, uint64_t candidate, const NetworkConfig& config) {
  return {key.latent(candidate, config.z_dim),
          config.c_dim > 0 ? key.label(candidate, config.c_dim) : 0};
}

Noise noise_of(const GalleryKey& key, std::span<const uint64_t> candidates) {
  Noise noise{NoiseMode::random, {}};
  for (const uint64_t candidate : candidates) noise.seeds.push_back(key.noise_seed(candidate));
  return noise;
}

}  // namespace vernissage::gallery
