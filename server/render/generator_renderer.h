// The renderer that the gallery uses: the network, fed with keyed latents.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "server/gallery/gallery.h"
#include "server/render/renderer.h"

namespace vernissage::render {

/// Loads the gallery's network onto `device` ("auto", "cpu", "cuda"; f16 on CUDA only). Throws
/// Error, also when the network is not the one that gallery.toml describes. Tells the gallery's
/// claims where its paintings lie.
std::unique_ptr<Renderer> make_generator_renderer(gallery::Gallery& gallery,
                                                  const std::string& device, Precision precision,
                                                  int threads);

}  // namespace vernissage::render
