// What a gallery's candidates are to a generator: the same for the curator, who chooses among them,
// and for the server, which paints what was chosen.
#pragma once

#include <cstdint>
#include <span>

#include "engine/engine.h"
#include "server/gallery/secret.h"

namespace vernissage::gallery {

/// Candidate n's latent and class, of a network of this configuration.
Latent latent_of(const GalleryKey& key, uint64_t candidate, const NetworkConfig& config);

/// Every candidate's own noise.
Noise noise_of(const GalleryKey& key, std::span<const uint64_t> candidates);

}  // namespace vernissage::gallery
