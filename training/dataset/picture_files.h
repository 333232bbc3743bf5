// The files of a data set, undecoded: those of a folder and its folders, or of an archive (tar,
// plain or packed by gzip, xz or zstd, and zip; read by libarchive).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace vernissage::training {

inline constexpr int64_t kPictureFileBytesMax = int64_t{64} << 20;
inline constexpr int64_t kPictureFilesMax = int64_t{1} << 22;

struct PictureFile {
  std::string name;  // its path inside the source, with '/'
  std::vector<uint8_t> bytes;
  std::string problem;  // not empty: why it was not read; then there are no bytes
};

/// Hands over every regular file: of a folder in the order of their names, of an archive in its
/// own. Links are not followed; they, other special files, files larger than kPictureFileBytesMax
/// and names with control characters come with a problem. Throws Error naming the source: neither
/// folder nor archive, a damaged archive, more than kPictureFilesMax files.
void for_each_file(const std::filesystem::path& source,
                   const std::function<void(PictureFile)>& take);

/// A text that changes when the source does: sizes, names and times of last change.
std::string stamp(const std::filesystem::path& source);

}  // namespace vernissage::training
