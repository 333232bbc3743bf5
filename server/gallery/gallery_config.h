// gallery.toml: what an operator may read and edit.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vernissage::gallery {

struct Room {
  std::string slug;   // in addresses: 1 … 32 of a-z, 0-9, '-'
  std::string title;  // for people
};

struct GalleryConfig {
  std::string name;
  std::string generator;    // file of the network, relative to the gallery's directory
  float truncation = 0.7f;  // psi, 0 … 1: distance of the latents from the average
  bool curated = false;     // false: the works hang as they came, and the pages say so
  int resolution = 0;       // of the network; the pages need it before it is loaded
  bool untrained = false;   // random weights: the pages say so
  std::vector<Room> rooms;  // 1 … 64, slugs unique

  bool operator==(const GalleryConfig&) const;
};

/// The four rooms of the story: People, Nature, City, Mood.
std::vector<Room> default_rooms();

/// Both throw Error naming the file and the key that is missing, unknown or out of range.
GalleryConfig load_config(const std::filesystem::path& path);
void save_config(const std::filesystem::path& path, const GalleryConfig& config);

}  // namespace vernissage::gallery
