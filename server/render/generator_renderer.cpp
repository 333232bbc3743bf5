#include "server/render/generator_renderer.h"

#include <span>

#include "engine/engine.h"
#include "server/gallery/candidate.h"
#include "server/gallery/claims.h"
#include "server/images/painted.h"

namespace vernissage::render {
namespace {

// Pictures painted together. A GPU gains from company up to here; on the CPU a larger batch only
// makes the first picture wait for the others.
constexpr int kBatchMaxCuda = 8;
constexpr int kBatchMaxCpu = 2;

// Noise of all that is not a painting. One for all frames of an interpolation, or it would flicker.
constexpr uint64_t kPublicNoiseSeed = 0;

class GeneratorRenderer : public Renderer {
 public:
  GeneratorRenderer(const gallery::Gallery& gallery, const Network& network,
                    std::unique_ptr<Backend> backend, int batch_max)
      : key_(gallery.key()),
        truncation_(gallery.config().truncation),
        generator_(network, std::move(backend), batch_max) {}

  std::string describe() const override { return generator_.backend().describe(); }
  int batch_max() const override { return generator_.batch_max(); }

  std::vector<Image> paint(const std::vector<RenderSpec>& specs) override {
    std::vector<Latent> latents;
    Noise noise{NoiseMode::random, {}};
    for (const RenderSpec& spec : specs) {
      add(spec, latents);
      noise.seeds.push_back(spec.kind == RenderSpec::Kind::painting ? key_.noise_seed(spec.first)
                                                                    : kPublicNoiseSeed);
    }
    const std::vector<float> points = map_latents(generator_, latents);
    std::vector<float> w;
    const auto w_dim = static_cast<size_t>(config().w_dim);
    for (size_t at = 0; const RenderSpec& spec : specs) {
      const std::span<const float> first(points.data() + at, w_dim);
      at += w_dim;
      if (spec.kind != RenderSpec::Kind::interpolation) {
        w.insert(w.end(), first.begin(), first.end());
        continue;
      }
      // Straight on in w, where the mapping has unbent the ways (StyleGAN, section 4).
      const auto between = lerp(first, std::span(points.data() + at, w_dim), spec.along);
      at += w_dim;
      w.insert(w.end(), between.begin(), between.end());
    }
    return paint_images(generator_, truncate_w(generator_, w, truncation_), noise);
  }

  /// Where the paintings lie in w, before truncation: (paintings, W).
  std::vector<float> points_of(const std::vector<const gallery::Painting*>& paintings) {
    std::vector<Latent> latents;
    for (const gallery::Painting* painting : paintings)
      add(RenderSpec::painting(painting->candidate), latents);
    return map_latents(generator_, latents);
  }

 private:
  void add(const RenderSpec& spec, std::vector<Latent>& latents) const {
    if (spec.kind == RenderSpec::Kind::print) {
      const int label = config().c_dim > 0 ? static_cast<int>(spec.first % config().c_dim) : 0;
      latents.push_back(latent_of_seed(static_cast<uint32_t>(spec.first), label, config()));
      return;
    }
    latents.push_back(gallery::latent_of(key_, spec.first, config()));
    if (spec.kind == RenderSpec::Kind::interpolation)
      latents.push_back(gallery::latent_of(key_, spec.second, config()));
  }

  const NetworkConfig& config() const { return generator_.config(); }

  gallery::GalleryKey key_;
  float truncation_;
  Generator generator_;
};

}  // namespace

std::unique_ptr<Renderer> make_generator_renderer(gallery::Gallery& gallery,
                                                  const std::string& device, Precision precision,
                                                  int threads) {
  const Network network = load_network(gallery.generator_path());
  const int described = gallery.config().resolution;
  if (network.config.resolution != described)
    throw Error(gallery.generator_path().string() + ": paints " +
                std::to_string(network.config.resolution) + " pixels, gallery.toml says " +
                std::to_string(described));
  if (network.config.image_channels != 1 && network.config.image_channels != 3)
    throw Error(gallery.generator_path().string() + ": paints " +
                std::to_string(network.config.image_channels) +
                " channels; a gallery shows 1 or 3");
  std::unique_ptr<Backend> backend = make_backend(device, precision, threads);
  const int batch_max = backend->describe().starts_with("cuda") ? kBatchMaxCuda : kBatchMaxCpu;
  auto renderer =
      std::make_unique<GeneratorRenderer>(gallery, network, std::move(backend), batch_max);
  if (!gallery.claims().has_points())
    gallery.claims().set_points(renderer->points_of(gallery.catalogue()));
  return renderer;
}

}  // namespace vernissage::render
