// Grids and samples as PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace vernissage::training {

/// rgb: (height, width, 3). Throws Error naming the path.
void write_png(const std::filesystem::path& path, int width, int height,
               std::span<const uint8_t> rgb);

}  // namespace vernissage::training
