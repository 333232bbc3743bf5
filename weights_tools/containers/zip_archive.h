// Reader of zip archives whose entries are stored, not compressed: what torch.save writes. Entries
// are views into the mapped bytes. Stricter than a general unzip, because the files come from
// strangers: everything is taken from the central directory, local headers must agree with it, and
// bytes belong to one entry only. Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 (layout)
// and 4.5.3 (zip64). Ours, since minizip and libzip copy entries out and believe headers that
// disagree: a second name or a second reading of the same bytes is how archives lie.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

namespace vernissage {

class ZipArchive {
 public:
  /// Borrows `bytes`. Throws ParseError naming the entry: compressed, encrypted or split archives,
  /// names that climb or repeat, directories that do not add up, entries that overlap or leave the
  /// file. Compressed source code of TorchScript (<top>/code/…), which nobody reads, is passed
  /// over.
  explicit ZipArchive(std::span<const std::byte> bytes);

  static constexpr uint64_t kEntriesMax = 1 << 16;

  struct Entry {
    std::span<const std::byte> bytes;
    uint32_t crc;
    uint64_t offset;  // of the first byte of data
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  /// The bytes of an entry after comparing their checksum. Throws ParseError.
  static std::span<const std::byte> checked(const std::string& name, const Entry& entry);

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace vernissage
