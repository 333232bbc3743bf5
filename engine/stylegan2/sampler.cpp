#include "engine/stylegan2/sampler.h"

#include "base/error.h"
#include "engine/stylegan2/latents.h"

namespace vernissage {

Latent latent_of_seed(uint32_t seed, int label, const NetworkConfig& config) {
  return {z_from_seed(seed, config.z_dim), label};
}

std::vector<float> map_latents(Generator& generator, std::span<const Latent> latents) {
  const NetworkConfig& config = generator.config();
  const auto z_dim = static_cast<size_t>(config.z_dim);
  const auto c_dim = static_cast<size_t>(config.c_dim);
  std::vector<float> z, c(latents.size() * c_dim, 0.0f);
  z.reserve(latents.size() * z_dim);
  for (size_t n = 0; n < latents.size(); ++n) {
    const Latent& latent = latents[n];
    if (latent.z.size() != z_dim)
      throw Error("latent: expected " + std::to_string(z_dim) + " values, got " +
                  std::to_string(latent.z.size()));
    z.insert(z.end(), latent.z.begin(), latent.z.end());
    if (c_dim == 0) continue;
    if (latent.label < 0 || latent.label >= config.c_dim)
      throw Error("class: expected 0 to " + std::to_string(config.c_dim - 1) + ", got " +
                  std::to_string(latent.label));
    c[n * c_dim + static_cast<size_t>(latent.label)] = 1.0f;
  }
  return generator.map(z, c);
}

std::vector<float> truncate_w(const Generator& generator, std::span<const float> w, float psi,
                              std::optional<int> cutoff) {
  return broadcast_truncated(w, generator.w_avg(), generator.config().num_ws(), psi, cutoff);
}

std::vector<float> sample_ws(Generator& generator, std::span<const Latent> latents, float psi,
                             std::optional<int> cutoff) {
  return truncate_w(generator, map_latents(generator, latents), psi, cutoff);
}

}  // namespace vernissage
