#include "server/curation/candidates/curation_networks.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <thread>

#include "engine/engine.h"
#include "server/gallery/candidate.h"
#include "server/gallery/gallery.h"
#include "server/images/painted.h"

namespace vernissage::curation {
namespace {

// Pictures at once: a GPU is full with these; on the CPU a batch only has to hide the cost of the
// calls, and has 2 million pixels together so that memory stays modest.
constexpr int kBatchCuda = 32;
constexpr int kBatchCpu = 16;
constexpr int64_t kBatchPixels = int64_t{1} << 21;
constexpr int kTextsAtOnce = 16;

int batch_for(const CurationNetworkOptions& options, bool cuda, int resolution) {
  if (options.batch > 0) return options.batch;
  if (cuda) return kBatchCuda;
  const int64_t pixels = int64_t{resolution} * resolution;
  return static_cast<int>(std::clamp<int64_t>(kBatchPixels / pixels, 1, kBatchCpu));
}

// Multiply-accumulates of one picture.
double macs(const NetworkConfig& config) {
  double sum = 0;
  for (const LayerCost& layer : layer_costs(config)) sum += layer.macs;
  return sum;
}

double macs(const ClipConfig& config) {
  const double tokens = config.image_tokens(), width = config.vision.width;
  const double block =
      tokens * (4 * width * width + 2 * width * config.vision.mlp_width + 2 * tokens * width);
  return config.vision.layers * block + tokens * 3 * config.patch_size * config.patch_size * width;
}

Network load_checked(const std::filesystem::path& path) {
  Network network = load_network(path);
  const NetworkConfig& config = network.config;
  if (gallery::ladder_below(config.resolution).empty())
    throw Error(path.string() + ": paints " + std::to_string(config.resolution) +
                " pixels; a gallery needs at least " + std::to_string(gallery::kResolutionMin));
  if (config.image_channels != 1 && config.image_channels != 3)
    throw Error(path.string() + ": paints " + std::to_string(config.image_channels) +
                " channels; a gallery shows 1 or 3");
  return network;
}

// Grey three times.
std::vector<uint8_t> as_rgb(std::vector<uint8_t> pixels, int channels) {
  if (channels == 3) return pixels;
  std::vector<uint8_t> rgb;
  rgb.reserve(pixels.size() * 3);
  for (const uint8_t grey : pixels) rgb.insert(rgb.end(), 3, grey);
  return rgb;
}

// Everything the functions of a CurationNetworks share; lives as long as any of them.
class Loaded {
 public:
  Loaded(const CurationNetworkOptions& options, const gallery::GalleryKey& key,
         const Network& network, const ClipNetwork& clip)
      : key_(key), truncation_(options.truncation), tokenizer_(clip) {
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    const int threads = options.threads > 0 ? options.threads : cores;
    // Painting and looking run side by side: cores by how much there is to do.
    const double painting_share = macs(network.config) / (macs(network.config) + macs(clip.config));
    const int painting =
        std::clamp(static_cast<int>(std::lround(threads * painting_share)), 1, threads);
    const int looking = std::clamp(threads - painting, 1, threads);
    auto backend = make_backend(options.device, precision_named(options.precision), painting);
    cuda_ = backend->describe().starts_with("cuda");
    batch_ = batch_for(options, cuda_, network.config.resolution);
    generator_.emplace(network, std::move(backend), batch_);
    // The device the generator got, so that "auto" means one thing for both.
    encoder_ = make_clip_encoder(clip, cuda_ ? "cuda" : "cpu", precision_named(options.precision),
                                 looking, std::max(batch_, kTextsAtOnce));
  }

  bool cuda() const { return cuda_; }
  int batch() const { return batch_; }
  const ClipEncoder& encoder() const { return *encoder_; }
  const Generator& generator() const { return *generator_; }

  std::vector<Image> paint_images(std::span<const uint64_t> candidates) {
    return vernissage::paint_images(*generator_, ws_of(candidates),
                                    gallery::noise_of(key_, candidates));
  }
  std::vector<uint8_t> paint(std::span<const uint64_t> candidates) {
    return generator_->paint(ws_of(candidates), gallery::noise_of(key_, candidates));
  }
  std::vector<float> embed(int n, std::span<const uint8_t> rgb) {
    const int side = generator_->config().resolution;
    return encoder_->embed_images(n, side, side, rgb);
  }
  std::vector<float> paint_and_embed(std::span<const uint64_t> candidates) {
    return encoder_->embed_painted(*generator_, ws_of(candidates),
                                   gallery::noise_of(key_, candidates));
  }
  std::vector<float> embed_texts(const std::vector<std::string>& texts) {
    std::vector<std::vector<int32_t>> tokens;
    for (const std::string& text : texts) tokens.push_back(tokenizer_.encode(text));
    return encoder_->embed_tokens(tokens);
  }

 private:
  std::vector<float> ws_of(std::span<const uint64_t> candidates) {
    std::vector<Latent> latents;
    for (const uint64_t candidate : candidates)
      latents.push_back(gallery::latent_of(key_, candidate, generator_->config()));
    return sample_ws(*generator_, latents, truncation_);
  }

  gallery::GalleryKey key_;
  float truncation_;
  bool cuda_ = false;
  int batch_ = 1;
  Tokenizer tokenizer_;
  std::optional<Generator> generator_;
  std::unique_ptr<ClipEncoder> encoder_;
};

std::vector<uint64_t> range(uint64_t first, int n) {
  std::vector<uint64_t> candidates(static_cast<size_t>(n));
  std::iota(candidates.begin(), candidates.end(), first);
  return candidates;
}

}  // namespace

std::unique_ptr<CurationNetworks> load_curation_networks(const CurationNetworkOptions& options,
                                                         const gallery::GalleryKey& key) {
  const Network network = load_checked(options.generator);
  const ClipNetwork clip = load_clip(options.curator);
  if (!clip.has_tokenizer())
    throw Error(options.curator.string() +
                ": has no tokenizer, so it cannot be asked for words; convert it "
                "together with its tokenizer's files");
  const int side = network.config.resolution, channels = network.config.image_channels;
  const auto networks = std::make_shared<Loaded>(options, key, network, clip);
  auto result = std::make_unique<CurationNetworks>();
  result->description =
      networks->generator().backend().describe() + "; " + networks->encoder().describe();
  result->resolution = side;
  result->untrained = network.config.untrained;
  result->width = clip.config.embedding;
  result->stages.batch = networks->batch();
  result->stages.paint = [networks, channels](uint64_t first, int n) {
    return as_rgb(networks->paint(range(first, n)), channels);
  };
  result->stages.embed = [networks](int n, std::span<const uint8_t> rgb) {
    return networks->embed(n, rgb);
  };
  if (networks->cuda() && channels == 3)
    result->stages.paint_and_embed = [networks](uint64_t first, int n) {
      return networks->paint_and_embed(range(first, n));
    };
  result->embed_texts = [networks](const std::vector<std::string>& texts) {
    return networks->embed_texts(texts);
  };
  result->paint = [networks](std::span<const uint64_t> candidates) {
    return networks->paint_images(candidates);
  };
  result->paint_batch = networks->batch();
  result->on_device = networks->cuda();
  return result;
}

}  // namespace vernissage::curation
