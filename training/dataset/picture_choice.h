// Which of the painter's pictures a network sees: all of them, or some subjects in some media.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/dataset/painter/facts.h"

namespace vernissage::training {

/// A small network learns a few subjects well or all of them badly; this says which.
class PictureChoice {
 public:
  /// Names as of the painter; an empty list: all. Throws Error naming an unknown one.
  PictureChoice(const std::vector<std::string>& subjects, const std::vector<std::string>& media);

  /// The seed of the choice's picture `index`: the first chosen one of kSeedsEach seeds, which no
  /// other picture shares. Throws Error when none of them is chosen.
  uint64_t seed(uint64_t index) const;

  static constexpr uint64_t kSeedsEach = 4096;
  static constexpr uint64_t kHeldOut = uint64_t{1}
                                       << 40;  // pictures from here on are never trained on

 private:
  bool subjects_[kSubjects] = {};
  bool media_[kMedia] = {};
};

}  // namespace vernissage::training
