#include "server/commands/generate_command.h"

#include <CLI/CLI.hpp>
#include <future>
#include <memory>
#include <set>

#include "base/progress.h"
#include "server/commands/generator_options.h"
#include "server/commands/npy.h"
#include "server/commands/number_list.h"
#include "server/images/painted.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;

constexpr int kJpegQuality = 92;
constexpr float kWebpQuality = 90;
constexpr uint32_t kSeedMax = UINT32_MAX;  // as numpy's RandomState
constexpr uint32_t kLayerMax = 1000;       // for the list alone; the network says what it has

struct GenerateOptions {
  GeneratorOptions generator;
  std::string seeds;
  std::string noise = "const";
  std::optional<uint64_t> noise_seed;
  std::optional<uint32_t> styles_from;
  std::string styles;
  std::string format = "png";
  std::string outdir;
};

// A list from the command line: what is wrong with it is a usage error.
std::vector<uint32_t> list_argument(const char* option, const std::string& text, uint32_t largest) {
  try {
    return parse_number_list(text, largest);
  } catch (const Error& error) {
    throw CLI::ValidationError(option, error.what());
  }
}

// Repetitions would paint the same file again.
std::vector<uint32_t> without_repetitions(const std::vector<uint32_t>& numbers) {
  std::set<uint32_t> seen;
  std::vector<uint32_t> once;
  for (const uint32_t number : numbers)
    if (seen.insert(number).second) once.push_back(number);
  return once;
}

// Says so now rather than after the first picture.
void make_writable_folder(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) throw Error(path.string() + ": cannot be made: " + failed.message());
  expect_writable_folder(path);
}

void check_format(const std::string& format, int channels) {
  const bool fits =
      format == "npy" || channels == 1 || channels == 3 || (channels == 4 && format != "jpg");
  if (!fits)
    throw Error("the network's pictures have " + std::to_string(channels) + " channels, which " +
                format + " cannot hold: use --format npy");
}

std::string file_name(uint32_t seed, const std::string& format) {
  std::string digits = std::to_string(seed);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return "seed" + digits + "." + format;
}

std::vector<uint8_t> encode(const Image& image, const std::string& format) {
  if (format == "jpg") return encode_jpeg(image, kJpegQuality);
  if (format == "webp") return encode_webp(image, kWebpQuality);
  return encode_png(image);
}

class Run {
 public:
  Run(const GenerateOptions& options, std::vector<uint32_t> seeds, std::vector<int> layers)
      : options_(options),
        seeds_(std::move(seeds)),
        generator_(open_generator(options.generator, static_cast<int64_t>(seeds_.size()))),
        layers_(std::move(layers)) {
    const NetworkConfig& config = generator_.config();
    check_format(options.format, config.image_channels);
    for (const int layer : layers_)
      if (layer >= config.num_ws())
        throw Error("--styles " + options.styles + ": " + options.generator.model +
                    " has layers 0 to " + std::to_string(config.num_ws() - 1));
    if (options.styles_from) {
      const uint32_t seed = *options.styles_from;
      styles_ = ws_from_seeds(generator_, options.generator, {&seed, 1});
    }
    make_writable_folder(options.outdir);
  }

  // Paints a batch while the files of the one before are encoded and written.
  void paint_all() {
    std::printf("%s\n", generator_.backend().describe().c_str());
    std::fflush(stdout);
    Progress progress(static_cast<int64_t>(seeds_.size()), "pictures");
    std::vector<std::future<void>> files;
    const auto settle = [&files] {
      for (std::future<void>& file : files) file.get();
    };
    const auto batch_max = static_cast<size_t>(generator_.batch_max());
    for (size_t begin = 0; begin < seeds_.size(); begin += batch_max) {
      const auto batch =
          std::span(seeds_).subspan(begin, std::min(batch_max, seeds_.size() - begin));
      const std::vector<float> ws = mixed_ws(batch);
      std::vector<std::future<void>> next =
          options_.format == "npy" ? paint_arrays(batch, ws) : paint_pictures(batch, ws);
      settle();
      files = std::move(next);
      progress.advance(static_cast<int64_t>(batch.size()));
    }
    settle();
    progress.finish();
  }

 private:
  std::vector<float> mixed_ws(std::span<const uint32_t> seeds) {
    std::vector<float> ws = ws_from_seeds(generator_, options_.generator, seeds);
    const size_t row = ws.size() / seeds.size();
    if (options_.styles_from)
      for (size_t i = 0; i < seeds.size(); ++i)
        mix_styles(std::span(ws).subspan(i * row, row), styles_, layers_,
                   generator_.config().w_dim);
    return ws;
  }

  Noise noise(std::span<const uint32_t> seeds) const {
    if (options_.noise == "none") return {NoiseMode::none, {}};
    if (options_.noise == "const") return {NoiseMode::constant, {}};
    Noise random{NoiseMode::random, {}};
    for (const uint32_t seed : seeds) random.seeds.push_back(options_.noise_seed.value_or(seed));
    return random;
  }

  fs::path path(uint32_t seed) const {
    return fs::path(options_.outdir) / file_name(seed, options_.format);
  }

  std::vector<std::future<void>> paint_arrays(std::span<const uint32_t> seeds,
                                              const std::vector<float>& ws) {
    const NetworkConfig& config = generator_.config();
    const std::vector<float> values = generator_.paint_f32(ws, noise(seeds));
    const size_t each = values.size() / seeds.size();
    const int shape[] = {config.image_channels, config.resolution, config.resolution};
    std::vector<std::future<void>> files;
    for (size_t i = 0; i < seeds.size(); ++i) {
      auto bytes = encode_npy(std::span(values).subspan(i * each, each), shape);
      files.push_back(std::async(
          std::launch::async,
          [to = path(seeds[i]), bytes = std::move(bytes)] { write_file_atomically(to, bytes); }));
    }
    return files;
  }

  std::vector<std::future<void>> paint_pictures(std::span<const uint32_t> seeds,
                                                const std::vector<float>& ws) {
    std::vector<Image> images = paint_images(generator_, ws, noise(seeds));
    std::vector<std::future<void>> files;
    for (size_t i = 0; i < seeds.size(); ++i) {
      files.push_back(
          std::async(std::launch::async,
                     [to = path(seeds[i]), image = std::move(images[i]), format = options_.format] {
                       write_file_atomically(to, encode(image, format));
                     }));
    }
    return files;
  }

  const GenerateOptions& options_;
  std::vector<uint32_t> seeds_;
  Generator generator_;
  std::vector<int> layers_;
  std::vector<float> styles_;  // (num_ws, W) of --styles-from
};

void generate(const GenerateOptions& options) {
  if (options.noise_seed && options.noise != "random")
    throw CLI::ValidationError("--noise-seed", "needs --noise random");
  std::vector<uint32_t> seeds =
      without_repetitions(list_argument("--seeds", options.seeds, kSeedMax));
  std::vector<int> layers;
  if (options.styles_from)
    for (const uint32_t layer : list_argument("--styles", options.styles, kLayerMax))
      layers.push_back(static_cast<int>(layer));
  Run(options, std::move(seeds), std::move(layers)).paint_all();
}

}  // namespace

void add_generate_command(CLI::App& app) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Paint a picture for every seed");
  add_generator_options(*command, options->generator);
  command->add_option("--seeds", options->seeds, "seeds of the official scripts, such as 0-3,85")
      ->required();
  command->add_option("--noise", options->noise, "const: the network's own maps")
      ->check(CLI::IsMember({"const", "none", "random"}))
      ->capture_default_str();
  command->add_option("--noise-seed", options->noise_seed,
                      "with --noise random (default: each picture's seed)");
  CLI::Option* from =
      command->add_option("--styles-from", options->styles_from,
                          "seed whose w vectors replace those of the layers in --styles");
  CLI::Option* layers = command->add_option("--styles", options->styles, "layers, such as 0-3");
  from->needs(layers);
  layers->needs(from);
  command->add_option("--format", options->format, "npy: float32 (3, H, W), before quantisation")
      ->check(CLI::IsMember({"png", "jpg", "webp", "npy"}))
      ->capture_default_str();
  command->add_option("--outdir", options->outdir, "folder for seedNNNN.png; made when missing")
      ->required();
  command->callback([options] { generate(*options); });
}

}  // namespace vernissage
