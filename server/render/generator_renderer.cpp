#include "server/render/generator_renderer.h"

#include <algorithm>
#include <span>

#include "engine/engine.h"
#include "server/gallery/claims.h"

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
    const NetworkConfig& config = generator_.config();
    Latents latents;
    Noise noise{NoiseMode::random, {}};
    for (const RenderSpec& spec : specs) {
      add(spec, latents);
      noise.seeds.push_back(spec.kind == RenderSpec::Kind::painting ? key_.noise_seed(spec.first)
                                                                    : kPublicNoiseSeed);
    }
    const std::vector<float> points = map(latents);
    std::vector<float> w;
    const auto w_dim = static_cast<size_t>(config.w_dim);
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
    const std::vector<uint8_t> pixels = generator_.paint(
        broadcast_truncated(w, generator_.w_avg(), config.num_ws(), truncation_, std::nullopt),
        noise);

    const size_t bytes = pixels.size() / specs.size();
    std::vector<Image> images;
    for (size_t n = 0; n < specs.size(); ++n) {
      const auto first = pixels.begin() + static_cast<std::ptrdiff_t>(n * bytes);
      images.push_back({config.resolution, config.resolution, config.image_channels,
                        std::vector<uint8_t>(first, first + static_cast<std::ptrdiff_t>(bytes))});
    }
    return images;
  }

  /// Where the paintings lie in w, before truncation: (paintings, W).
  std::vector<float> points_of(const std::vector<const gallery::Painting*>& paintings) {
    Latents latents;
    for (const gallery::Painting* painting : paintings)
      add(RenderSpec::painting(painting->candidate), latents);
    return map(latents);
  }

 private:
  struct Latents {
    std::vector<float> z, c;  // (N, Z), (N, C)
  };

  void add(const RenderSpec& spec, Latents& latents) const {
    if (spec.kind == RenderSpec::Kind::print) {
      add(z_from_seed(static_cast<uint32_t>(spec.first), config().z_dim),
          config().c_dim > 0 ? static_cast<int>(spec.first % config().c_dim) : 0, latents);
      return;
    }
    add_candidate(spec.first, latents);
    if (spec.kind == RenderSpec::Kind::interpolation) add_candidate(spec.second, latents);
  }

  void add_candidate(uint64_t candidate, Latents& latents) const {
    add(key_.latent(candidate, config().z_dim),
        config().c_dim > 0 ? key_.label(candidate, config().c_dim) : 0, latents);
  }

  void add(const std::vector<float>& z, int label, Latents& latents) const {
    latents.z.insert(latents.z.end(), z.begin(), z.end());
    std::vector<float> c(static_cast<size_t>(config().c_dim), 0.0f);
    if (!c.empty()) c[static_cast<size_t>(label)] = 1.0f;
    latents.c.insert(latents.c.end(), c.begin(), c.end());
  }

  // The mapping takes as many at once as the synthesis.
  std::vector<float> map(const Latents& latents) {
    const auto rows = static_cast<size_t>(batch_max());
    const auto z_step = rows * static_cast<size_t>(config().z_dim);
    const auto c_step = rows * static_cast<size_t>(config().c_dim);
    std::vector<float> points;
    for (size_t z = 0, c = 0; z < latents.z.size(); z += z_step, c += c_step) {
      const auto w =
          generator_.map(std::span(latents.z).subspan(z, std::min(z_step, latents.z.size() - z)),
                         std::span(latents.c).subspan(c, std::min(c_step, latents.c.size() - c)));
      points.insert(points.end(), w.begin(), w.end());
    }
    return points;
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
