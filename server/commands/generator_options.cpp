#include "server/commands/generator_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fstream>

#include "base/ranges.h"
#include "base/regular_file.h"

namespace vernissage {
namespace {

constexpr int kBatchMax = 32;
// Without --batch: as many pictures at once as have 2 million pixels together, so that memory stays
// modest.
constexpr int64_t kBatchPixels = int64_t{1} << 21;
constexpr int kBatchUsualMax = 8;

// Checkpoints as they are published: pickles begin with 0x80 (protocol 2 and later), torch.save's
// archives with PK.
bool is_checkpoint(const std::string& path) {
  expect_regular_file(path);
  std::array<char, 2> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  return start[0] == '\x80' || (start[0] == 'P' && start[1] == 'K');
}

void check_class(const GeneratorOptions& options, const NetworkConfig& config) {
  const std::string range = "0 to " + std::to_string(config.c_dim - 1);
  if (config.c_dim == 0 && options.label)
    throw Error("--class " + std::to_string(*options.label) + ": " + options.model +
                " has no classes");
  if (config.c_dim > 0 && !options.label)
    throw Error(options.model + " has " + std::to_string(config.c_dim) +
                " classes: choose one with --class " + range);
  if (config.c_dim > 0 && *options.label >= config.c_dim)
    throw Error("--class " + std::to_string(*options.label) + ": " + options.model +
                " has classes " + range);
}

}  // namespace

void add_generator_options(CLI::App& command, GeneratorOptions& options) {
  command.add_option("MODEL", options.model, "network (.safetensors, from vernissage-weights)")
      ->required();
  command.add_option("--trunc", options.trunc, "truncation psi: 1 none, 0 the average picture")
      ->check(from_to(-2.0, 2.0))
      ->capture_default_str();
  command.add_option("--cutoff", options.cutoff, "truncate only the first N layers")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--class", options.label, "class, for networks that have them")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--device", options.device, "auto: CUDA when there is one, else the CPU")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--precision", options.precision, "storage of activations; f16 on CUDA only")
      ->check(CLI::IsMember({"f32", "f16"}))
      ->capture_default_str();
  command.add_option("--batch", options.batch, "pictures at once (default: by resolution)")
      ->check(from_to(1, kBatchMax));
  command
      .add_option("--threads", options.threads, "threads of the CPU backend (default: all cores)")
      ->check(from_to(1, 1024));
}

Network load_model(const std::string& path) {
  if (is_checkpoint(path))
    throw Error(
        path +
        ": a checkpoint, not a converted network; convert it first: vernissage-weights convert " +
        path + " generator.safetensors");
  return load_network(path);
}

Generator open_generator(const GeneratorOptions& options, int64_t count) {
  const Network network = load_model(options.model);
  check_class(options, network.config);
  const int64_t pixels = int64_t{network.config.resolution} * network.config.resolution;
  const int64_t usual = std::clamp<int64_t>(kBatchPixels / pixels, 1, kBatchUsualMax);
  const int64_t batch = std::min(options.batch ? options.batch : usual, count);
  return Generator(
      network, make_backend(options.device, precision_named(options.precision), options.threads),
      static_cast<int>(batch));
}

std::vector<float> ws_from_seeds(Generator& generator, const GeneratorOptions& options,
                                 std::span<const uint32_t> seeds) {
  std::vector<Latent> latents;
  for (const uint32_t seed : seeds)
    latents.push_back(latent_of_seed(seed, options.label.value_or(0), generator.config()));
  return sample_ws(generator, latents, options.trunc, options.cutoff);
}

}  // namespace vernissage
