// Pictures from files that anybody may have put there, made ready for the image tower.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/images/images.h"

namespace vernissage {

/// PNG, JPEG or WebP by its first bytes, as RGB: grey is repeated, alpha is dropped. Throws Error
/// naming the path: not a regular file, larger than 256 MiB, no picture, or the codec's reason.
Image read_picture(const std::filesystem::path& path);

struct ReadyPicture {
  std::vector<float> pixels;  // (3, S, S), normalised; empty: it could not be read
  std::string reason;         // why not, with the path
};

/// One for each path, in their order, by `threads` threads; as many pictures are in memory at once.
std::vector<ReadyPicture> read_ready_pictures(std::span<const std::filesystem::path> paths,
                                              const ClipConfig& config, int threads);

}  // namespace vernissage
