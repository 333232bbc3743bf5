// gallery.toml: what an operator may read and edit.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vernissage::gallery {

/// What the curator's network was asked for a room.
struct Query {
  std::string text;                             // as it was asked; unique in its room
  std::string title;                            // for people, in the gallery's first language
  std::map<std::string, std::string> titles{};  // in the others

  bool operator==(const Query&) const = default;
};

struct Room {
  std::string slug;                             // in addresses: 1 … 32 of a-z, 0-9, '-'
  std::string title;                            // for people, in the gallery's first language
  std::map<std::string, std::string> titles{};  // in the others: "pt" → "Pessoas"
  std::vector<Query> queries{};                 // of a curated room

  bool operator==(const Room&) const = default;
};

struct GalleryConfig {
  std::string name;
  std::string generator;    // file of the network, relative to the gallery's directory
  float truncation = 0.7f;  // psi, 0 … 1: distance of the latents from the average
  bool curated = false;     // false: the works hang as they came, and the pages say so
  int resolution = 0;       // of the network; the pages need it before it is loaded
  bool untrained = false;   // random weights: the pages say so
  std::vector<Room> rooms;  // 1 … 64, slugs unique
  std::vector<std::string> languages{"en"};  // of the titles; the first is that of `title`

  bool operator==(const GalleryConfig&) const = default;
};

/// True for what may name a language: "en", "pt-BR"; 2 … 16 letters, digits and '-'.
bool is_language(const std::string& text);
/// The title in `language`, or the one in the first language where there is none.
const std::string& title_in(const std::string& title,
                            const std::map<std::string, std::string>& titles,
                            std::string_view language);

/// The four rooms of the story: People, Nature, City, Mood.
std::vector<Room> default_rooms();

/// Both throw Error naming the file and the key that is missing, unknown or out of range.
GalleryConfig load_config(const std::filesystem::path& path);
void save_config(const std::filesystem::path& path, const GalleryConfig& config);

}  // namespace vernissage::gallery
