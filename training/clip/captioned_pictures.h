// What the curator learns from: pictures and captions in an endless order that depends on the
// position alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "training/dataset/picture_set.h"

namespace vernissage::training {

/// All functions are safe to call from several threads at once.
struct CaptionedPictures {
  std::string name;  // of the data, for states and files
  std::function<void(uint64_t position, std::span<uint8_t> rgb)> show;
  /// rgb: what show() gave; every wording is another caption of it.
  std::function<std::string(uint64_t position, std::span<const uint8_t> rgb, uint64_t wording)>
      caption;
};

/// The painter's, of seeds kTrainingSeeds on.
CaptionedPictures painter_pictures(int size);

/// The training part of `set` with captions of the columns title, genre and style; every
/// painter_every-th picture (0: none) is the painter's, for words that titles lack.
CaptionedPictures labelled_pictures(std::shared_ptr<const PictureSet> set, int painter_every);

/// How often each word occurs in `wordings` captions of each of the set's training pictures.
std::map<std::string, int64_t> count_title_words(const PictureSet& set, uint64_t wordings);

}  // namespace vernissage::training
