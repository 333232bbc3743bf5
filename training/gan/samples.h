// Pictures of a generator in libtorch, as bytes and as grids.
#pragma once

#include <filesystem>

#include "engine/formats/network.h"
#include "training/torch/stylegan2_torch.h"

namespace vernissage::training {

/// What the seeds first … first + n - 1 paint with truncation psi and the constant noise, as
/// floats: (n, C, R, R) on the CPU. A seed means what it means to the engine. In batches of 64.
at::Tensor sample_images(const Network& network, uint64_t first, int n, float psi,
                         at::Device device);
/// The same as bytes, (n, R, R, C).
at::Tensor sample(const Network& network, uint64_t first, int n, float psi, at::Device device);

/// Straight ways in w from seed 2i to seed 2i + 1, of steps + 1 pictures each: (ways, steps + 1, C,
/// R, R) floats on the CPU, constant noise, no truncation.
at::Tensor sample_ways(const Network& network, int ways, int steps, at::Device device);

/// pictures (n, R, R, 3), row by row with `columns` a row, as a PNG. Throws Error naming the path.
void write_grid(const std::filesystem::path& path, const at::Tensor& pictures, int columns);

}  // namespace vernissage::training
