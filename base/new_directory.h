// Directories that are there whole or not at all.
#pragma once

#include <filesystem>
#include <optional>

#include "base/interrupted_cleanup.h"

namespace vernissage::gallery {

/// Made beside `out` under another name (a move within one file system is a single step), moved
/// into place at the end, gone again when it was not, also when the command is interrupted. What a
/// kill -9 has left is removed by the next one of the same name, which says so on stderr.
class NewDirectory {
 public:
  /// `out` must have a name of its own, and not exist or be an empty directory; those above it are
  /// made where they are missing. Throws Error.
  explicit NewDirectory(const std::filesystem::path& out);
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;
  ~NewDirectory();

  const std::filesystem::path& path() const { return path_; }

  /// The directory is on disk under its name when this returns; the files in it must be already.
  void move_into_place();

 private:
  void hold();

  std::filesystem::path out_;
  std::filesystem::path path_;  // empty: moved
  int lock_ = -1;               // on the directory: somebody is at work in it
  std::optional<InterruptedCleanup> cleanup_;
};

/// Returns when the file or directory is on disk. Throws Error.
void sync_to_disk(const std::filesystem::path& path);
/// Copies a file with its permissions; `to` must not exist. On disk when it returns. Throws Error.
void copy_to_disk(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace vernissage::gallery
