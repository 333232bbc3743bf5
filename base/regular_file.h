// Files that are read from any place, or mapped, must be files: a pipe would be waited for, a
// device never ends.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace vernissage {

/// Throws Error where `path` names something else than a regular file. What is not there is left to
/// whoever opens it.
inline void expect_regular_file(const std::filesystem::path& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw Error(path.string() + ": cannot be read: it is not a regular file");
}

}  // namespace vernissage
