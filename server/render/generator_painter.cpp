#include "server/render/generator_painter.h"

#include "engine/engine.h"

namespace vernissage::render {
namespace {

// Pictures painted together. A GPU gains from company up to here; on the CPU a larger batch only
// makes the first picture wait for the others.
constexpr int kBatchMaxCuda = 8;
constexpr int kBatchMaxCpu = 2;

class GeneratorPainter : public Painter {
 public:
  GeneratorPainter(const gallery::Gallery& gallery, const Network& network,
                   std::unique_ptr<Backend> backend, int batch_max)
      : key_(gallery.key()),
        truncation_(gallery.config().truncation),
        generator_(network, std::move(backend), batch_max) {}

  std::string describe() const override { return generator_.backend().describe(); }
  int batch_max() const override { return generator_.batch_max(); }

  std::vector<Image> paint(const std::vector<uint64_t>& candidates) override {
    const NetworkConfig& config = generator_.config();
    std::vector<float> z, c;
    Noise noise{NoiseMode::random, {}};
    for (const uint64_t candidate : candidates) {
      const std::vector<float> latent = key_.latent(candidate, config.z_dim);
      z.insert(z.end(), latent.begin(), latent.end());
      if (config.c_dim > 0) {
        c.resize(c.size() + static_cast<size_t>(config.c_dim), 0.0f);
        c[c.size() - static_cast<size_t>(config.c_dim) +
          static_cast<size_t>(key_.label(candidate, config.c_dim))] = 1.0f;
      }
      noise.seeds.push_back(key_.noise_seed(candidate));
    }
    const std::vector<float> w = generator_.map(z, c);
    const std::vector<uint8_t> pixels = generator_.paint(
        broadcast_truncated(w, generator_.w_avg(), config.num_ws(), truncation_, std::nullopt),
        noise);

    const size_t bytes = pixels.size() / candidates.size();
    std::vector<Image> images;
    for (size_t n = 0; n < candidates.size(); ++n) {
      const auto first = pixels.begin() + static_cast<std::ptrdiff_t>(n * bytes);
      images.push_back({config.resolution, config.resolution, config.image_channels,
                        std::vector<uint8_t>(first, first + static_cast<std::ptrdiff_t>(bytes))});
    }
    return images;
  }

 private:
  gallery::GalleryKey key_;
  float truncation_;
  Generator generator_;
};

}  // namespace

std::unique_ptr<Painter> make_generator_painter(const gallery::Gallery& gallery,
                                                const std::string& device, int threads) {
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
  std::unique_ptr<Backend> backend = make_backend(device, Precision::f32, threads);
  const int batch_max = backend->describe().starts_with("cuda") ? kBatchMaxCuda : kBatchMaxCpu;
  return std::make_unique<GeneratorPainter>(gallery, network, std::move(backend), batch_max);
}

}  // namespace vernissage::render
