// A disk whose power can be cut. While a RecordingDisk lives, every SQLite connection that is
// opened writes through it: the files are real, and each write, truncation, sync and deletion is
// noted. Afterwards power_cut() says what a disk would hold that lost its power after n of those
// steps: what was synced is there; of the rest, 512-byte sectors by chance, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace vernissage::testing {

class RecordingDisk {
 public:
  /// One at a time.
  RecordingDisk();
  ~RecordingDisk();
  RecordingDisk(const RecordingDisk&) = delete;

  struct Step {
    enum class Kind { write, truncate, sync, remove } kind;
    std::string file;    // its name without the directory
    int64_t offset = 0;  // write: where; truncate: the new size
    std::string bytes;   // write: what
  };
  /// As many steps as have ended so far.
  size_t count() const;
  std::vector<Step> steps() const;

  /// From now on every write fails as on a full disk, or no longer does.
  void set_full(bool full);
};

using Files = std::map<std::string, std::string>;  // name → content

/// The disk after the first steps, fed in order; cuts may be taken on the way.
class ReplayedDisk {
 public:
  explicit ReplayedDisk(Files files) : durable_(std::move(files)) {}

  void feed(const RecordingDisk::Step& step);
  /// Each sector written since its file's last sync is kept with probability `kept`.
  Files power_cut(std::mt19937& random, double kept) const;

 private:
  static void apply(Files& files, const RecordingDisk::Step& step);

  Files durable_;
  std::map<std::string, std::vector<RecordingDisk::Step>> pending_;  // by file, since its sync
};

}  // namespace vernissage::testing
