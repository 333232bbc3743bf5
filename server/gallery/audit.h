// Whether a gallery keeps its promise: everything that it says about owners, recomputed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "server/gallery/certificate.h"

namespace vernissage::gallery {

struct Audit {
  int64_t claims = 0;
  int64_t paintings = 0;
  int64_t pictures = 0;              // files of owners' pictures that are as certified
  Digest head{};                     // hash of the last claim; zeros without one
  PublicKey key{};                   // the gallery's
  std::vector<std::string> missing;  // claimed paintings without a file: serving makes it again
};

/// Recomputes the claim log from its first entry, and checks that every owner's picture and
/// certificate are those of the log, and that no certificate speaks of a claim that the log does
/// not have. `head`: a hash that the log must contain, as noted at an earlier time. Beside a
/// running server if need be; nothing is written. Throws Error naming the first thing that is
/// wrong.
Audit audit_gallery(const std::filesystem::path& directory, const std::optional<Digest>& head);

}  // namespace vernissage::gallery
