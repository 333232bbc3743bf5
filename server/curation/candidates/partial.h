// What a run of curating leaves behind as it goes: one file that holds, for a range of candidates,
// what each shows. It is at once the checkpoint of the run and the part of a whole that a shard
// gives to the merge.
//
//   4096 bytes   "vernissage partial 1\n", "key value\n" lines, "\n", zeros
//   records      one a candidate, in their order: the embedding (E float32, little-endian) and
//                the first 8 bytes of SHA-256(candidate (8 bytes, little-endian) ‖ embedding)
//
// Records are only ever appended. Whatever a kill or a power cut leaves at the end is not a whole
// record or does not have its checksum, and is cut off when the file is opened again. No words are
// in it: the same partials can be hung by another rooms.toml without painting anything again. It is
// as secret as the key it names, since it says which candidate shows what: mode 0600.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/safetensors.h"

namespace vernissage::curation {

/// One part of a whole: `number` of `of`, from 1.
struct Shard {
  int number = 1;
  int of = 1;  // 1 … 100,000

  /// Its candidates: first … last - 1 of `candidates`. The shards together are all of them, none
  /// twice.
  uint64_t first(uint64_t candidates) const;
  uint64_t last(uint64_t candidates) const;

  bool operator==(const Shard&) const = default;
};
/// "3/64". Throws Error saying what was expected.
Shard read_shard(const std::string& text);

/// What must be the same in all parts of a whole, and which part this is.
struct PartialHeader {
  std::string key;        // GalleryKey::derived("fingerprint") in hex: which key, not what key
  std::string generator;  // SHA-256 of the file, hex
  std::string curator;    // the same
  float truncation = 0;
  uint64_t candidates = 0;  // M, of the whole
  int embedding = 0;        // E
  Shard shard;

  uint64_t first() const { return shard.first(candidates); }
  uint64_t last() const { return shard.last(candidates); }
  uint64_t count() const { return last() - first(); }
};

/// "generator: 12ab… in a.part, 34cd… in b.part", the first difference but for the shard; nothing
/// when they belong together.
std::optional<std::string> difference(const PartialHeader& a, const std::string& a_name,
                                      const PartialHeader& b, const std::string& b_name);

/// Reading: every record's checksum was right when it was opened.
class Partial {
 public:
  /// Throws Error naming the file and what is wrong with it. It may hold fewer records than its
  /// range has.
  explicit Partial(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const PartialHeader& header() const { return header_; }
  /// Whole records: candidates header().first() and on.
  uint64_t count() const { return count_; }
  bool is_complete() const { return count_ == header_.count(); }
  /// Of candidate header().first() + i; E values.
  std::span<const float> embedding(uint64_t i) const;

 private:
  std::filesystem::path path_;
  MappedFile file_;
  PartialHeader header_;
  uint64_t count_ = 0;
};

/// Writing: makes the file, or goes on where an earlier run of the same work left it.
class PartialWriter {
 public:
  /// Throws Error: another header in the file, a file that another process writes to, a disk that
  /// refuses.
  PartialWriter(const std::filesystem::path& path, const PartialHeader& header);
  PartialWriter(const PartialWriter&) = delete;
  ~PartialWriter();

  /// Whole records in the file.
  uint64_t count() const { return count_; }
  /// Appends (n, E) embeddings. They outlive the process when this returns. Throws Error naming the
  /// file and the reason, with what was there before still there: the same command goes on from it.
  void append(std::span<const float> embeddings);
  /// They outlive a power cut when this returns.
  void sync();

 private:
  std::filesystem::path path_;
  PartialHeader header_;
  int file_ = -1;
  uint64_t count_ = 0;
};

}  // namespace vernissage::curation
