#include "training/gan/samples.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "engine/stylegan2/latents.h"
#include "training/grid.h"
#include "training/png_file.h"

namespace vernissage::training {
namespace {

constexpr int kBatch = 64;

at::Tensor latents_of_seeds(uint64_t first, int n, int z_dim) {
  const auto z = at::empty({n, z_dim}, at::kFloat);
  for (int i = 0; i < n; ++i) {
    const auto values = z_from_seed(uint32_t(first) + uint32_t(i), z_dim);
    std::copy(values.begin(), values.end(), z.data_ptr<float>() + int64_t(i) * z_dim);
  }
  return z;
}

}  // namespace

at::Tensor sample_images(const Network& network, uint64_t first, int n, float psi,
                         at::Device device) {
  const at::NoGradGuard no_gradients;
  const reference::TorchGenerator generator(network, device, at::kFloat);
  const auto w_avg = at::tensor(network.at("mapping.w_avg").values).to(device);
  std::vector<at::Tensor> batches;
  for (int done = 0; done < n; done += kBatch) {
    const int count = std::min(kBatch, n - done);
    const auto z = latents_of_seeds(first + uint64_t(done), count, network.config.z_dim);
    const auto w = w_avg + (generator.map(z.to(device)) - w_avg) * psi;
    const auto ws = w.unsqueeze(1).expand({-1, network.config.num_ws(), -1});
    batches.push_back(generator.synthesize(ws).cpu());
  }
  return at::cat(batches);
}

at::Tensor sample(const Network& network, uint64_t first, int n, float psi, at::Device device) {
  return reference::rgb8(sample_images(network, first, n, psi, device));
}

at::Tensor sample_ways(const Network& network, int ways, int steps, at::Device device) {
  const at::NoGradGuard no_gradients;
  const reference::TorchGenerator generator(network, device, at::kFloat);
  const auto ends = generator.map(latents_of_seeds(0, 2 * ways, network.config.z_dim).to(device))
                        .view({ways, 2, -1});
  const auto from = ends.select(1, 0), to = ends.select(1, 1);
  std::vector<at::Tensor> pictures;
  for (int step = 0; step <= steps; ++step) {
    const auto w = from + (to - from) * (double(step) / steps);
    const auto ws = w.unsqueeze(1).expand({-1, network.config.num_ws(), -1});
    pictures.push_back(generator.synthesize(ws).cpu());
  }
  return at::stack(pictures, 1);
}

void write_grid(const std::filesystem::path& path, const at::Tensor& pictures, int columns) {
  const auto pixels = pictures.contiguous();
  const int n = int(pixels.size(0)), size = int(pixels.size(1));
  const size_t bytes = size_t(size) * size_t(size) * 3;
  Grid sheet(columns, (n + columns - 1) / columns, size);
  for (int i = 0; i < n; ++i) sheet.put(i, {pixels.data_ptr<uint8_t>() + size_t(i) * bytes, bytes});
  write_png(path, sheet.width(), sheet.height(), sheet.rgb);
}

}  // namespace vernissage::training
