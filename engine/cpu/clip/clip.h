// CLIP on the CPU: float32, every value the same whatever else is in the batch.
#pragma once

#include <memory>

#include "engine/clip/clip_encoder.h"

namespace vernissage {

/// threads 0: all cores this process may use. Throws Error for a network that check() refuses.
std::unique_ptr<ClipEncoder> make_cpu_clip_encoder(const ClipNetwork& network, int threads,
                                                   int batch_max);

}  // namespace vernissage
