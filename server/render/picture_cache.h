// Encoded pictures, kept as files and, those asked for of late, in memory. The directory is
// bounded: what nobody looked at for longest goes first, and is painted again when somebody asks.
//
//   <directory>/<work>/256.1a2b3c….webp      the key is <work>/256.webp, between them is the hash
//
// The name holds the first 128 bits of the content's SHA-256. So the entity tag is known without
// reading, and a file that was cut short or changed is noticed and painted anew, never served.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vernissage::render {

struct CachedPicture {
  std::shared_ptr<const std::string> bytes;
  std::string etag;  // strong, quotes included
};

/// Where a cache of `directory` looks for these bytes under this key: for who fills one while
/// nobody reads it.
std::filesystem::path cached_file(const std::filesystem::path& directory, const std::string& key,
                                  std::span<const uint8_t> bytes);

/// Safe to call from several threads. Files are read and written without the lock.
class PictureCache {
 public:
  struct Limits {
    uint64_t disk_bytes_max = uint64_t{2} << 30;
    uint64_t memory_bytes_max = uint64_t{64} << 20;
  };

  /// Makes the directory, or takes up what an earlier run left in it. Throws Error.
  PictureCache(std::filesystem::path directory, Limits limits);

  /// A key is one folder and one file name with an extension, of a-z, 0-9, '-' and '.'.
  bool contains(const std::string& key) const;
  /// The picture; nothing when it is not there, or when its file is no longer what was written.
  std::optional<CachedPicture> find(const std::string& key);

  /// Keeps `bytes` under `key`, in memory at once, on disk when this returns. Throws Error when the
  /// disk refuses: the memory still has it.
  void put(const std::string& key, std::span<const uint8_t> bytes);

  uint64_t disk_bytes() const;
  uint64_t memory_bytes() const;

 private:
  using Bytes = std::shared_ptr<const std::string>;
  using Keys = std::list<std::string>;  // the longest unused first
  struct Entry {
    std::string hash;                     // 32 hex digits
    uint64_t on_disk = 0;                 // size of its file; 0: it has none
    Bytes bytes;                          // null: not in memory
    Keys::iterator disk_age, memory_age;  // where it has a file; where it is in memory
  };

  std::filesystem::path path_of(const std::string& key, const std::string& hash) const;
  void scan();

  // With mutex_ held.
  void hold_on_disk(const std::string& key, Entry& entry, uint64_t size);
  void hold_in_memory(const std::string& key, Entry& entry, Bytes bytes);
  void leave_disk(const std::string& key);
  void leave_memory(const std::string& key);
  std::vector<std::filesystem::path> shrink();

  const std::filesystem::path directory_;
  const Limits limits_;

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Entry, std::less<>> entries_;
  Keys disk_ages_, memory_ages_;
  uint64_t disk_bytes_ = 0;
  uint64_t memory_bytes_ = 0;
};

}  // namespace vernissage::render
