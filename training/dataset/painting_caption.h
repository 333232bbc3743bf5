// Words for a painting, from its title, genre and style and from a look at its colours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "training/dataset/painter/caption.h"

namespace vernissage::training {

/// What a catalogue says of a painting; each may be empty.
struct CatalogueEntry {
  std::string title, genre, style;
};

/// Lower case; letters, spaces and hyphens, other ASCII characters become spaces, bytes beyond
/// ASCII stay; British spelling of harbour, colour and grey; no numbers.
std::string plain_title(std::string_view title);

/// One caption out of many, every `chance` another: mostly the title, else genre, style or colours,
/// in sentences such as the painter's. Never empty.
std::string painting_caption(const CatalogueEntry& entry, const Impression& look, uint64_t chance);

}  // namespace vernissage::training
