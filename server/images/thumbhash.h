// ThumbHash: a picture in some 24 bytes, to show until it is there.
// Format: https://evanw.github.io/thumbhash/ (Evan Wallace). A few low frequencies of luminance and
// two colour differences, quantised to 4 bits each, behind 5 bytes of averages and scales. Ours: no
// Debian package has it, and it is a hundred lines.
#pragma once

#include <cstdint>
#include <vector>

#include "server/images/images.h"

namespace vernissage {

/// Of a picture without alpha, at most 100 x 100 pixels (reduce larger ones). Throws Error.
std::vector<uint8_t> thumbhash(const Image& image);

}  // namespace vernissage
