// Words for a picture, from its facts and from a look at its colours: synonyms, moods, short and
// long, so that a network trained on them understands a visitor's words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/dataset/painter/facts.h"

namespace vernissage::training {

/// What a look at the pixels says, whatever they show.
struct Impression {
  enum class Hue : uint8_t { none, red, orange, yellow, green, blue, violet, pink } hue = Hue::none;
  bool dark = false, light = false;   // mean luma below 0.3, above 0.68
  bool vivid = false, muted = false;  // mean chroma above 0.36, below 0.13

  bool operator==(const Impression&) const = default;
};

/// rgb: (size, size, 3). A hue is named when it has more than 45 % of all chroma.
Impression look_at(std::span<const uint8_t> rgb);

/// All phrases that are true of the picture, by what they speak of.
struct Phrases {
  std::vector<std::string> things;  // "a harbour", "boats at the quay"; of moods: "a field of blue"
  std::vector<std::string> details;  // "with a hat", "under the moon"
  std::vector<std::string> lights;   // "at night", "in winter"
  std::vector<std::string> media;    // "in oil", "a woodcut"
  std::vector<std::string> moods;    // "silence", "joy"
  std::vector<std::string> colours;  // "blue", "bright colours"
};
Phrases phrases(const Facts& facts, const Impression& impression);

/// One caption out of many: every `wording` is another choice of phrases. Lower case; letters,
/// spaces and hyphens.
std::string caption(const Facts& facts, const Impression& impression, uint64_t wording);

}  // namespace vernissage::training
