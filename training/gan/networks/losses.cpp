#include "training/gan/networks/losses.h"

#include <torch/csrc/autograd/autograd.h>

namespace vernissage::training {

Latents Latents::slice(int64_t begin, int64_t end) const {
  Latents part{
      z.slice(0, begin, end), z_mixed.slice(0, begin, end), crossover.slice(0, begin, end), {}};
  for (const at::Tensor& map : noise) part.noise.push_back(map.slice(0, begin, end));
  return part;
}

Latents draw_latents(const NetworkConfig& config, int64_t n, double mixing, at::Device device) {
  const auto normal = at::TensorOptions(device).dtype(at::kFloat);
  Latents latents;
  latents.z = at::randn({n, config.z_dim}, normal);
  latents.z_mixed = at::randn({n, config.z_dim}, normal);
  const int64_t rows = config.num_ws();
  const auto anywhere = at::randint(1, rows, {n}, normal.dtype(at::kLong));
  latents.crossover = at::where(at::rand({n}, normal) < mixing, anywhere,
                                at::full({n}, rows, normal.dtype(at::kLong)));
  for (int side = 4; side <= config.resolution; side *= 2)
    for (int layer = side == 4 ? 1 : 0; layer < 2; ++layer)
      latents.noise.push_back(at::randn({n, 1, side, side}, normal));
  return latents;
}

at::Tensor mixed_ws(const NetworkConfig& config, const reference::TorchGenerator& generator,
                    const Latents& latents) {
  const auto rows = at::arange(config.num_ws(), latents.crossover.options()).unsqueeze(0);
  const auto first = (rows < latents.crossover.unsqueeze(1)).unsqueeze(2);  // (N, num_ws, 1)
  return at::where(first, generator.map(latents.z).unsqueeze(1),
                   generator.map(latents.z_mixed).unsqueeze(1));
}

at::Tensor generator_loss(const at::Tensor& logits_of_painted) {
  return at::softplus(-logits_of_painted).mean();
}

at::Tensor discriminator_loss(const at::Tensor& logits_of_painted,
                              const at::Tensor& logits_of_real) {
  return at::softplus(logits_of_painted).mean() + at::softplus(-logits_of_real).mean();
}

at::Tensor gradient_penalty(const DiscriminatorConfig& config, const Parameters& discriminator,
                            const at::Tensor& images, double gamma, at::ScalarType dtype) {
  const auto x = images.detach().requires_grad_();
  const auto logits = discriminate(config, discriminator, x, dtype);
  const auto gradient = torch::autograd::grad({logits.sum()}, {x}, {}, /*retain_graph=*/true,
                                              /*create_graph=*/true)[0];
  return gradient.square().sum({1, 2, 3}).mean() * (gamma / 2);
}

at::Tensor path_lengths(const reference::TorchGenerator& generator, const at::Tensor& ws,
                        const std::vector<at::Tensor>& noise, const at::Tensor& direction) {
  const auto image = generator.synthesize(ws, noise);
  const auto gradient = torch::autograd::grad({(image * direction).sum()}, {ws}, {},
                                              /*retain_graph=*/true, /*create_graph=*/true)[0];
  return gradient.square().sum(2).mean(1).sqrt();
}

}  // namespace vernissage::training
