// Our engine on the CUDA device in half precision, as the benches of images, layers and profiles
// drive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/timed_backend.h"
#include "engine/engine.h"

namespace vernissage::bench {

/// Config-f 256 or 1024 with the seed-defined weights of the golden data; built at the first call.
const Network& network(int size);

/// z of seeds 0 … n-1: (N, Z).
std::vector<float> latents(int n, int z_dim);
/// ws (N, num_ws, W) of those seeds, not truncated.
std::vector<float> w_plus(Generator& generator, int n);

/// A generator whose runs can be timed and cut short.
struct TimedGenerator {
  std::unique_ptr<Generator> generator;
  TimedBackend* backend = nullptr;  // within generator

  /// Seconds of one synthesis of these latents, as many back to back as take 20 ms.
  double seconds(const std::vector<float>& ws);
};
TimedGenerator make_timed_generator(int size, int batch_max);

}  // namespace vernissage::bench
