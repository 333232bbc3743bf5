// numpy's .npy, for pictures before quantisation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vernissage {

/// A little-endian float32 array of this shape, row-major, format version 1.0.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
std::vector<uint8_t> encode_npy(std::span<const float> values, std::span<const int> shape);

}  // namespace vernissage
