// Pictures made ready for the image tower, to the byte as Pillow's bicubic filter makes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage {

/// One RGB8 picture (height, width, 3), scaled so that its shorter side is `size` and cropped to
/// the centre: (size, size, 3). Bicubic a = -1/2 with antialiasing, 22-bit fixed-point weights, the
/// horizontal pass first and stored as bytes. Throws Error for an empty picture or a span of
/// another size.
std::vector<uint8_t> resize_and_crop(std::span<const uint8_t> rgb, int height, int width, int size);

/// (v/255 - mean)/std_dev of an (S, S, 3) picture as (3, S, S), written to `out`.
void normalise(std::span<const uint8_t> rgb, const ClipConfig& config, std::span<float> out);

}  // namespace vernissage
