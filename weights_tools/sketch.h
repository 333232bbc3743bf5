// Untrained networks that paint: something to look at, and to test with, where there is no
// checkpoint.
#pragma once

#include <cstdint>

#include "engine/formats/network.h"

namespace vernissage {

struct SketchOptions {
  int resolution = 0;        // a power of two, 4 … 4096
  uint64_t seed = 0;         // every seed is another painter
  int channel_base = 16384;  // C(R) = min(channel_base / R, channel_max), at least 1
  int channel_max = 512;
  int z_dim = 512;
  int w_dim = 512;
  int mapping_layers = 8;
};

/// A complete network of random weights whose statistics are chosen for colour and variety. The
/// same options give the same bits on every machine. Throws Error naming an option that is out of
/// range.
Network sketch(const SketchOptions& options);

}  // namespace vernissage
