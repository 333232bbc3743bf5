#include "server/render/picture_cache.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "server/http/caching.h"
#include "server/images/images.h"

namespace vernissage::render {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHashDigits = 32;

std::string hash_of(std::string_view bytes) {
  const std::string tag = http::etag_of(bytes);
  return tag.substr(1, tag.size() - 2);
}

std::string etag_from(const std::string& hash) {
  return '"' + hash + '"';
}

fs::path path_in(const fs::path& directory, const std::string& key, const std::string& hash) {
  const size_t dot = key.rfind('.');
  return directory / (key.substr(0, dot) + '.' + hash + key.substr(dot));
}

// "256.<hash>.webp" → "256.webp" and the hash; nothing for a file that is not ours.
std::optional<std::pair<std::string, std::string>> read_name(const std::string& name) {
  const size_t last = name.rfind('.');
  if (last == std::string::npos || last == 0) return std::nullopt;
  const size_t before = name.rfind('.', last - 1);
  if (before == std::string::npos || last - before - 1 != kHashDigits) return std::nullopt;
  const std::string hash = name.substr(before + 1, kHashDigits);
  if (hash.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return std::pair{name.substr(0, before) + name.substr(last), hash};
}

// Nothing: it is not there, or cannot be read. Either way the picture is painted again.
std::optional<std::string> read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file || !bytes) return std::nullopt;
  return std::move(bytes).str();
}

void remove_files(const std::vector<fs::path>& paths) {
  std::error_code ignored;  // what cannot be removed is found again at the next start
  for (const fs::path& path : paths) fs::remove(path, ignored);
}

}  // namespace

fs::path cached_file(const fs::path& directory, const std::string& key,
                     std::span<const uint8_t> bytes) {
  return path_in(directory, key,
                 hash_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

PictureCache::PictureCache(fs::path directory, Limits limits)
    : directory_(std::move(directory)), limits_(limits) {
  std::error_code failed;
  fs::create_directories(directory_, failed);
  if (failed) throw Error(directory_.string() + ": cannot be made: " + failed.message());
  scan();
  remove_files(shrink());
}

fs::path PictureCache::path_of(const std::string& key, const std::string& hash) const {
  return path_in(directory_, key, hash);
}

// Takes up the files, the oldest first. Of two under one key, which only a crash can leave, the
// younger stays.
void PictureCache::scan() {
  struct Found {
    fs::file_time_type when;
    std::string key, hash;
    uint64_t size;
  };
  std::vector<Found> all;
  try {
    for (const auto& folder : fs::directory_iterator(directory_)) {
      if (!folder.is_directory()) continue;
      for (const auto& file : fs::directory_iterator(folder.path())) {
        const auto name = read_name(file.path().filename().string());
        if (!name || !file.is_regular_file()) continue;
        all.push_back({file.last_write_time(),
                       folder.path().filename().string() + '/' + name->first, name->second,
                       file.file_size()});
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(directory_.string() + ": cannot be read: " + error.code().message());
  }
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return std::tie(a.when, a.key, a.hash) < std::tie(b.when, b.key, b.hash);
  });
  const std::lock_guard lock(mutex_);
  for (Found& found : all) {
    if (const auto old = entries_.find(found.key); old != entries_.end()) {
      remove_files({path_of(found.key, old->second.hash)});
      leave_disk(found.key);
    }
    Entry& entry = entries_[found.key];
    entry.hash = std::move(found.hash);
    hold_on_disk(found.key, entry, found.size);
  }
}

bool PictureCache::contains(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(key);
}

std::optional<CachedPicture> PictureCache::find(const std::string& key) {
  std::string hash;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    Entry& entry = found->second;
    if (entry.on_disk > 0) disk_ages_.splice(disk_ages_.end(), disk_ages_, entry.disk_age);
    if (entry.bytes) {
      memory_ages_.splice(memory_ages_.end(), memory_ages_, entry.memory_age);
      return CachedPicture{entry.bytes, etag_from(entry.hash)};
    }
    hash = entry.hash;
  }
  const fs::path path = path_of(key, hash);
  auto read = read_whole(path);
  const bool is_sound = read && hash_of(*read) == hash;
  const Bytes bytes = is_sound ? std::make_shared<const std::string>(std::move(*read)) : nullptr;
  std::vector<fs::path> removed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.hash != hash) {
      // Dropped or replaced while we read: what was read is still what it was.
    } else if (is_sound) {
      if (!found->second.bytes) hold_in_memory(key, found->second, bytes);
      removed = shrink();
    } else if (found->second.on_disk > 0) {
      leave_disk(key);
      removed.push_back(path);
    }
  }
  remove_files(removed);
  if (!is_sound) return std::nullopt;
  return CachedPicture{bytes, etag_from(hash)};
}

void PictureCache::put(const std::string& key, std::span<const uint8_t> content) {
  const auto bytes = std::make_shared<const std::string>(
      reinterpret_cast<const char*>(content.data()), content.size());
  const std::string hash = hash_of(*bytes);
  std::vector<fs::path> removed;
  {
    const std::lock_guard lock(mutex_);
    const auto old = entries_.find(key);
    if (old != entries_.end() && old->second.hash != hash) {
      if (old->second.on_disk > 0) removed.push_back(path_of(key, old->second.hash));
      const bool is_in_memory = old->second.bytes != nullptr;
      if (is_in_memory) leave_memory(key);
      if (entries_.contains(key)) leave_disk(key);
    }
    Entry& entry = entries_[key];
    entry.hash = hash;
    if (!entry.bytes) hold_in_memory(key, entry, bytes);
    const auto more = shrink();
    removed.insert(removed.end(), more.begin(), more.end());
  }
  remove_files(removed);

  const fs::path path = path_of(key, hash);
  std::error_code failed;
  // Not the folders above: a gallery that was moved away must not come into being again, empty.
  fs::create_directory(path.parent_path(), failed);
  if (failed) throw Error(path.parent_path().string() + ": cannot be made: " + failed.message());
  // Somebody waits for it; and a file that a power cut spoilt is never served.
  write_file_atomically(path, content, Durability::in_time);
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];  // may have left the memory meanwhile
    entry.hash = hash;
    if (entry.on_disk == 0) hold_on_disk(key, entry, content.size());
    removed = shrink();
  }
  remove_files(removed);
}

uint64_t PictureCache::disk_bytes() const {
  const std::lock_guard lock(mutex_);
  return disk_bytes_;
}

uint64_t PictureCache::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return memory_bytes_;
}

void PictureCache::hold_on_disk(const std::string& key, Entry& entry, uint64_t size) {
  entry.on_disk = std::max<uint64_t>(size, 1);
  entry.disk_age = disk_ages_.insert(disk_ages_.end(), key);
  disk_bytes_ += entry.on_disk;
}

void PictureCache::hold_in_memory(const std::string& key, Entry& entry, Bytes bytes) {
  memory_bytes_ += bytes->size();
  entry.bytes = std::move(bytes);
  entry.memory_age = memory_ages_.insert(memory_ages_.end(), key);
}

void PictureCache::leave_disk(const std::string& key) {
  const auto found = entries_.find(key);
  Entry& entry = found->second;
  disk_bytes_ -= entry.on_disk;
  if (entry.on_disk > 0) disk_ages_.erase(entry.disk_age);
  entry.on_disk = 0;
  if (!entry.bytes) entries_.erase(found);
}

void PictureCache::leave_memory(const std::string& key) {
  const auto found = entries_.find(key);
  Entry& entry = found->second;
  memory_bytes_ -= entry.bytes->size();
  entry.bytes = nullptr;
  memory_ages_.erase(entry.memory_age);
  if (entry.on_disk == 0) entries_.erase(found);
}

// Back within both limits; returns the files that are to be removed.
std::vector<fs::path> PictureCache::shrink() {
  std::vector<fs::path> removed;
  while (memory_bytes_ > limits_.memory_bytes_max) leave_memory(std::string(memory_ages_.front()));
  while (disk_bytes_ > limits_.disk_bytes_max) {
    const std::string key = disk_ages_.front();
    removed.push_back(path_of(key, entries_.at(key).hash));
    leave_disk(key);
  }
  return removed;
}

}  // namespace vernissage::render
