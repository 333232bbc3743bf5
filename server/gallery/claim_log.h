// The claim log checked from its first entry to its last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/gallery/store/store.h"

namespace vernissage::gallery {

struct LogVerdict {
  int64_t entries = 0;
  Digest head{};                     // hash of the last entry; zeros without one
  std::optional<std::string> fault;  // the first thing that is wrong, by its entry
};

/// Numbers without a gap, each hash right and covering the one before, no painting and no visitor
/// twice.
LogVerdict check_log(const std::vector<Claim>& log);

}  // namespace vernissage::gallery
