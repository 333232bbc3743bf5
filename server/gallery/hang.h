// Hanging: making the default gallery, in which nobody has chosen yet.
#pragma once

#include <filesystem>
#include <string>

namespace vernissage::gallery {

struct HangOptions {
  std::filesystem::path model;  // our safetensors; copied into the gallery
  std::filesystem::path out;    // must not exist, or be an empty directory
  std::string name = "Vernissage";
  int per_room = 16;        // 1 … 10000
  float truncation = 0.7f;  // 0 … 1
};

/// Makes the directory beside `out` under another name and moves it into place at the end: an
/// interrupted hanging leaves no gallery. Throws Error.
void hang_gallery(const HangOptions& options);

}  // namespace vernissage::gallery
