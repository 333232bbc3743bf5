// The painter that the gallery uses: the network, fed with keyed latents.
#pragma once

#include <memory>
#include <string>

#include "engine/backend.h"
#include "server/gallery/gallery.h"
#include "server/render/painter.h"

namespace vernissage::render {

/// Loads the gallery's network onto `device` ("auto", "cpu", "cuda"; f16 on CUDA only). Throws
/// Error, also when the network is not the one that gallery.toml describes. Tells the gallery's
/// claims where its paintings lie.
std::unique_ptr<Painter> make_generator_painter(const gallery::Gallery& gallery,
                                                const std::string& device, Precision precision,
                                                int threads);

}  // namespace vernissage::render
