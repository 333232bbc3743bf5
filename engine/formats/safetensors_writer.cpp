// Writing safetensors: the header as text, then the file, atomically.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "engine/formats/safetensors.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr size_t kAlignment = 64;           // of the data's first byte in the file
constexpr size_t kWriteBytesMax = 1 << 30;  // one write() carries less than 2 GiB on Linux

std::string header_text(const std::map<std::string, std::string>& metadata,
                        const std::vector<NamedTensor>& tensors) {
  std::string text = "{";
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (text.back() != '{') text += ',';
      text += json_quote(key) + ":" + json_quote(value);
    }
    text += '}';
  }
  std::set<std::string> names;
  uint64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    VERNISSAGE_ASSERT(names.insert(name).second);
    VERNISSAGE_ASSERT_OP(static_cast<int64_t>(tensor.bytes.size()), ==,
                         tensor.count() * dtype_bytes(tensor.dtype));
    if (text.back() != '{') text += ',';
    std::string shape = shape_text(tensor.shape);
    std::erase(shape, ' ');
    shape.front() = '[';
    shape.back() = ']';
    text += json_quote(name) + ":{\"dtype\":\"" + dtype_name(tensor.dtype) +
            "\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(begin) + "," +
            std::to_string(begin + tensor.bytes.size()) + "]}";
    begin += tensor.bytes.size();
  }
  text += '}';
  while ((sizeof(uint64_t) + text.size()) % kAlignment != 0) text += ' ';
  return text;
}

/// A file being written beside its final place. Unless committed, the destructor removes it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target) {
    const fs::path folder = target.parent_path().empty() ? fs::path(".") : target.parent_path();
    const std::string stem =
        std::string(".") + target.filename().string() + "." + std::to_string(getpid()) + ".";
    // O_EXCL: never somebody else's file. A name that is taken is a leftover of a killed process.
    do {
      static std::atomic<unsigned> count = 0;
      name_ = folder / (stem + std::to_string(count++));
      descriptor_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) fail("cannot be created");
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!committed_) unlink(name_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written =
          ::write(descriptor_, bytes.data(), std::min(bytes.size(), kWriteBytesMax));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot be written");
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  void commit() {
    if (fsync(descriptor_) != 0) fail("cannot be written");
    if (close(std::exchange(descriptor_, -1)) != 0) fail("cannot be written");
    if (rename(name_.c_str(), target_.c_str()) != 0) fail("cannot be written");
    committed_ = true;
    sync_folder();
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    const int reason = errno;
    throw Error(target_.string() + ": " + what + ": " + std::strerror(reason));
  }

  /// The new name itself must survive a power cut. Some file systems cannot sync a folder: EINVAL.
  void sync_folder() {
    const fs::path folder = target_.parent_path().empty() ? fs::path(".") : target_.parent_path();
    const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) fail("is written, but its folder cannot be synced");
    const bool failed = fsync(descriptor) != 0 && errno != EINVAL;
    const int reason = errno;
    close(descriptor);
    errno = reason;
    if (failed) fail("is written, but its folder cannot be synced");
  }

  fs::path target_;
  fs::path name_;
  int descriptor_ = -1;
  bool committed_ = false;
};

}  // namespace

void write_safetensors(const fs::path& path, const std::map<std::string, std::string>& metadata,
                       const std::vector<NamedTensor>& tensors) {
  // Renaming over a device or a folder would replace it.
  struct stat existing;
  if (stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode))
    throw Error(path.string() + ": cannot be written: it is not a regular file");

  const std::string header = header_text(metadata, tensors);
  const uint64_t header_bytes = header.size();
  TemporaryFile file(path);
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const auto& [name, tensor] : tensors) file.write(tensor.bytes);
  file.commit();
}

}  // namespace vernissage
