// Pictures of a generator as images.
#pragma once

#include <span>
#include <vector>

#include "engine/engine.h"
#include "server/images/images.h"

namespace vernissage {

/// ws (N, num_ws, W) → N images, painted in batches. The generator has 1, 3 or 4 channels.
std::vector<Image> paint_images(Generator& generator, std::span<const float> ws,
                                const Noise& noise = {});

}  // namespace vernissage
