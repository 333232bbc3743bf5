// The decoded pictures of a source on disk: a safetensors file of bytes, made once.
#pragma once

#include <cstdint>
#include <filesystem>

namespace vernissage::training {

/// FOLDER/pictures-SIZE.safetensors with "pictures" (N, size, size, 3) U8, "names" U8 (one a line),
/// and in its metadata the stamp() of the source and how many files were "skipped". Made anew
/// unless it is there with the source's stamp. Pictures: the largest square in the middle, averaged
/// down over areas. Returns its path. Throws Error as PictureSet does.
std::filesystem::path cached_pictures(const std::filesystem::path& source,
                                      const std::filesystem::path& folder, int size, int threads);

}  // namespace vernissage::training
