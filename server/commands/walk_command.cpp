#include "server/commands/walk_command.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/progress.h"
#include "base/ranges.h"
#include "server/commands/closed_spline.h"
#include "server/commands/generator_options.h"
#include "server/commands/number_list.h"
#include "server/images/painted.h"

namespace vernissage {
namespace {

constexpr int kFramesMax = 10'000;

struct WalkOptions {
  GeneratorOptions generator;
  std::string seeds;
  int frames = 0;
  std::string out;
  std::optional<int> size;
  double fps = 24;
  float quality = 80;
};

std::vector<uint32_t> check_usage(const WalkOptions& options) {
  std::vector<uint32_t> seeds;
  try {
    seeds = parse_number_list(options.seeds, UINT32_MAX);
  } catch (const Error& error) {
    throw CLI::ValidationError("--seeds", error.what());
  }
  if (seeds.size() < 2) throw CLI::ValidationError("--seeds", "a walk needs at least two seeds");
  if (static_cast<size_t>(options.frames) < seeds.size())
    throw CLI::ValidationError("--frames", std::to_string(options.frames) + " frames cannot pass " +
                                               std::to_string(seeds.size()) + " seeds");
  if (!options.out.ends_with(".webp"))
    throw CLI::ValidationError("--out", options.out + ": a walk is written as .webp");
  expect_writable_folder(std::filesystem::absolute(options.out).parent_path());
  return seeds;
}

// Frame i ends at (i + 1) / fps, rounded to the format's milliseconds, so the mean rate is exact.
int duration_ms(int frame, double fps) {
  const auto end = [fps](int i) { return static_cast<int>(std::lround(i * 1000.0 / fps)); };
  return end(frame + 1) - end(frame);
}

void walk(const WalkOptions& options) {
  const std::vector<uint32_t> seeds = check_usage(options);
  Generator generator = open_generator(options.generator, options.frames);
  const NetworkConfig& config = generator.config();
  const int size = options.size.value_or(config.resolution);
  if (size > config.resolution)
    throw Error("--size " + std::to_string(size) + ": " + options.generator.model + " paints " +
                std::to_string(config.resolution) + " pixels");
  if (config.image_channels == 2)
    throw Error("the network's pictures have 2 channels, which webp cannot hold");
  std::printf("%s\n", generator.backend().describe().c_str());
  std::fflush(stdout);

  const std::vector<float> stops = ws_from_seeds(generator, options.generator, seeds);
  const int dimensions = config.num_ws() * config.w_dim;
  AnimatedWebp animation(size, size, options.quality);
  Progress progress(options.frames, "frames");
  for (int begin = 0; begin < options.frames; begin += generator.batch_max()) {
    const int end = std::min(begin + generator.batch_max(), options.frames);
    std::vector<float> ws;
    for (int frame = begin; frame < end; ++frame) {
      const double time =
          static_cast<double>(frame) * static_cast<double>(seeds.size()) / options.frames;
      const std::vector<float> point = closed_spline(stops, dimensions, time);
      ws.insert(ws.end(), point.begin(), point.end());
    }
    const std::vector<Image> images = paint_images(generator, ws);
    for (int frame = begin; frame < end; ++frame) {
      const Image& image = images[size_t(frame - begin)];
      animation.add_frame(size == config.resolution ? image : resize_area(image, size, size),
                          duration_ms(frame, options.fps));
      progress.advance(1);
    }
  }
  write_file_atomically(options.out, animation.finish());
  progress.finish();
}

}  // namespace

void add_walk_command(CLI::App& app) {
  const auto options = std::make_shared<WalkOptions>();
  CLI::App* command =
      app.add_subcommand("walk", "A smooth closed walk through the seeds, as an animated WebP");
  add_generator_options(*command, options->generator);
  command->add_option("--seeds", options->seeds, "where the walk passes, such as 1,2,3")
      ->required();
  command->add_option("--frames", options->frames, "frames in all")
      ->required()
      ->check(from_to(2, kFramesMax));
  command->add_option("--out", options->out, "file to write, .webp")->required();
  command->add_option("--size", options->size, "side in pixels (default: the network's)")
      ->check(from_to(1, kImageSideMax));
  command->add_option("--fps", options->fps, "frames a second")
      ->check(from_to(0.1, 100.0))
      ->capture_default_str();
  command->add_option("--quality", options->quality, "of the WebP, 0 to 100")
      ->check(from_to(0.0, 100.0))
      ->capture_default_str();
  command->callback([options] { walk(*options); });
}

}  // namespace vernissage
