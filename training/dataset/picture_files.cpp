#include "training/dataset/picture_files.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "base/error.h"
#include "training/dataset/text_hash.h"

namespace vernissage::training {
namespace fs = std::filesystem;
namespace {

constexpr size_t kArchiveBlockBytes = 1 << 16;
constexpr const char* kNotRegular = "not a regular file";

std::string too_large(int64_t bytes) {
  return "at least " + std::to_string(bytes) + " bytes, at most " +
         std::to_string(kPictureFileBytesMax) + " are read";
}

bool is_printable(const std::string& name) {
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}

// The name as it may be shown, and the problem with it.
void check_name(PictureFile& file) {
  if (is_printable(file.name)) return;
  for (char& c : file.name)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  file.problem = "control characters in its name";
}

void count_one(int64_t& count) {
  if (++count > kPictureFilesMax)
    throw Error("more than " + std::to_string(kPictureFilesMax) + " files");
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> paths;
  int64_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) continue;
    count_one(count);
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void read_regular(const fs::path& path, PictureFile& file) {
  const auto bytes = static_cast<int64_t>(fs::file_size(path));
  if (bytes > kPictureFileBytesMax) {
    file.problem = too_large(bytes);
    return;
  }
  file.bytes.resize(static_cast<size_t>(bytes));
  std::ifstream stream(path, std::ios::binary);
  stream.read(reinterpret_cast<char*>(file.bytes.data()), bytes);
  if (stream.gcount() != bytes) {
    file.bytes.clear();
    file.problem = "cannot be read to its end";
  }
}

void for_each_in_folder(const fs::path& folder, const std::function<void(PictureFile)>& take) {
  for (const fs::path& path : entries_of(folder)) {
    PictureFile file;
    file.name = path.lexically_relative(folder).generic_string();
    check_name(file);
    if (file.problem.empty() && !fs::is_regular_file(fs::symlink_status(path)))
      file.problem = kNotRegular;
    if (file.problem.empty()) read_regular(path, file);
    take(std::move(file));
  }
}

struct CloseArchive {
  void operator()(archive* opened) const { archive_read_free(opened); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

[[noreturn]] void refuse(archive* opened) {
  const char* reason = archive_error_string(opened);
  throw Error(reason != nullptr ? reason : "libarchive gives no reason");
}

void read_entry(archive* opened, PictureFile& file) {
  uint8_t block[kArchiveBlockBytes];
  while (true) {
    const la_ssize_t got = archive_read_data(opened, block, sizeof block);
    if (got < 0) refuse(opened);
    if (got == 0) return;
    if (static_cast<int64_t>(file.bytes.size()) + got > kPictureFileBytesMax) {
      file.bytes = {};
      file.problem = too_large(kPictureFileBytesMax + 1);
      return;
    }
    file.bytes.insert(file.bytes.end(), block, block + got);
  }
}

void for_each_in_archive(const fs::path& path, const std::function<void(PictureFile)>& take) {
  const Archive opened(archive_read_new());
  if (opened == nullptr) throw std::bad_alloc();
  archive_read_support_format_tar(opened.get());
  archive_read_support_format_zip(opened.get());
  archive_read_support_filter_gzip(opened.get());
  archive_read_support_filter_xz(opened.get());
  archive_read_support_filter_zstd(opened.get());
  if (archive_read_open_filename(opened.get(), path.c_str(), kArchiveBlockBytes) != ARCHIVE_OK)
    refuse(opened.get());
  int64_t count = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(opened.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) refuse(opened.get());
    if (archive_entry_filetype(entry) == AE_IFDIR) continue;
    count_one(count);
    PictureFile file;
    const char* name = archive_entry_pathname(entry);
    file.name = name != nullptr ? std::string(name) : std::to_string(count);
    if (file.name.starts_with("./")) file.name.erase(0, 2);
    check_name(file);
    if (file.problem.empty() &&
        (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr))
      file.problem = kNotRegular;
    if (file.problem.empty() && archive_entry_size_is_set(entry) &&
        archive_entry_size(entry) > kPictureFileBytesMax)
      file.problem = too_large(archive_entry_size(entry));
    if (file.problem.empty()) read_entry(opened.get(), file);
    take(std::move(file));
  }
}

int64_t time_of(const fs::path& path) {
  return static_cast<int64_t>(fs::last_write_time(path).time_since_epoch().count());
}

}  // namespace

void for_each_file(const fs::path& source, const std::function<void(PictureFile)>& take) try {
  if (fs::is_directory(source))
    for_each_in_folder(source, take);
  else
    for_each_in_archive(source, take);
} catch (const Error& error) {
  throw Error(source.string() + ": " + error.what());
} catch (const fs::filesystem_error& error) {
  throw Error(error.path1().string() + ": " + error.code().message());
}

std::string stamp(const fs::path& source) try {
  if (!fs::is_directory(source))
    return std::string("file ")
        .append(std::to_string(fs::file_size(source)))
        .append(" ")
        .append(std::to_string(time_of(source)));
  uint64_t hash = 0;
  int64_t files = 0;
  for (const fs::path& path : entries_of(source)) {
    std::string line = path.lexically_relative(source).generic_string();
    if (fs::is_regular_file(fs::symlink_status(path)))
      line.append(" ")
          .append(std::to_string(fs::file_size(path)))
          .append(" ")
          .append(std::to_string(time_of(path)));
    hash = text_hash(line, hash);
    ++files;
  }
  return std::string("folder ")
      .append(std::to_string(files))
      .append(" ")
      .append(std::to_string(hash));
} catch (const fs::filesystem_error& error) {
  throw Error(error.path1().string() + ": " + error.code().message());
}

}  // namespace vernissage::training
