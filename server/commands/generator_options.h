// What every command that paints asks for in the same words: the model, the device, truncation, the
// class.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace CLI {
class App;
}

namespace vernissage {

struct GeneratorOptions {
  std::string model;
  std::string device = "auto";
  std::string precision = "f32";
  int batch = 0;    // pictures at once; 0: by the network's resolution
  int threads = 0;  // of the CPU backend; 0: all cores
  float trunc = 1;
  std::optional<int> cutoff;
  std::optional<int> label;  // --class
};

void add_generator_options(CLI::App& command, GeneratorOptions& options);

/// load_network(), with a plainer word for a checkpoint that was not converted yet. Throws Error
/// naming the path.
Network load_model(const std::string& path);

/// Loads the model onto the device, for `count` pictures in all. Throws Error when the class does
/// not fit the network: missing, out of range, or given to one without classes.
Generator open_generator(const GeneratorOptions& options, int64_t count);

/// The w vectors of one picture a seed, truncated: (N, num_ws, W). Every one has the class of the
/// options.
std::vector<float> ws_from_seeds(Generator& generator, const GeneratorOptions& options,
                                 std::span<const uint32_t> seeds);

}  // namespace vernissage
