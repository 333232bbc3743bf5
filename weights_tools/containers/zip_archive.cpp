#include "weights_tools/containers/zip_archive.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "weights_tools/containers/byte_cursor.h"
#include "weights_tools/containers/crc32.h"
#include "weights_tools/containers/pickle_value.h"

namespace vernissage {
namespace {

constexpr uint32_t kLocal = 0x04034b50;
constexpr uint32_t kCentral = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kLocator64 = 0x07064b50;
constexpr uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr uint16_t kFlagEncrypted = 1, kFlagDescriptor = 1 << 3, kFlagUtf8 = 1 << 11;
constexpr uint16_t kExtraZip64 = 1;
constexpr uint32_t kIn64 = 0xffffffff;  // "the value stands in the zip64 field"

struct Directory {
  uint64_t count, bytes, offset;
  uint64_t end;  // where the end records begin: the directory must reach exactly to here
};

/// The end record: the last 22 bytes, or before a comment that fills the rest of the file.
uint64_t find_end(std::span<const std::byte> file, int line_ends_max = 2) {
  constexpr uint64_t kCommentMax = 0xffff;
  if (file.size() >= kEndBytes) {
    const uint64_t last = file.size() - kEndBytes;
    const uint64_t first = last > kCommentMax ? last - kCommentMax : 0;
    for (uint64_t at = last + 1; at-- > first;) {
      ByteCursor cursor(file.subspan(at));
      if (cursor.number<uint32_t>("end record") != kEnd) continue;
      cursor.take(16, "end record");
      if (cursor.number<uint16_t>("end record") == last - at) return at;
    }
  }
  // A line feed that a transfer left behind the archive is no part of it.
  if (line_ends_max > 0 && !file.empty() && is_line_end(file.back())) {
    return find_end(file.first(file.size() - 1), line_ends_max - 1);
  }
  throw ParseError(file.size(), "zip: no end record; the archive is cut off");
}

Directory read_end(std::span<const std::byte> file) {
  const uint64_t end = find_end(file);
  ByteCursor cursor(file.subspan(end), end);
  cursor.take(4, "end record");
  const auto disk = cursor.number<uint16_t>("end record");
  const auto first_disk = cursor.number<uint16_t>("end record");
  const auto count_here = cursor.number<uint16_t>("end record");
  const auto count = cursor.number<uint16_t>("end record");
  const auto bytes = cursor.number<uint32_t>("end record");
  const auto offset = cursor.number<uint32_t>("end record");
  if (disk != 0 || first_disk != 0 || count_here != count) {
    throw ParseError(end, "zip: an archive of several disks");
  }
  Directory directory{count, bytes, offset, end};
  if (end < kLocator64Bytes) return directory;
  const uint64_t at = end - kLocator64Bytes;
  ByteCursor locator(file.subspan(at, kLocator64Bytes), at);
  if (locator.number<uint32_t>("zip64 locator") != kLocator64) return directory;
  const auto end64_disk = locator.number<uint32_t>("zip64 locator");
  const auto end64 = locator.number<uint64_t>("zip64 locator");
  const auto disks = locator.number<uint32_t>("zip64 locator");
  if (end64_disk != 0 || disks > 1) throw ParseError(at, "zip: an archive of several disks");
  if (at < kEnd64Bytes || end64 != at - kEnd64Bytes) {
    throw ParseError(at, "zip64: the locator points to " + std::to_string(end64) +
                             ", not to the record before it");
  }
  ByteCursor record(file.subspan(end64, kEnd64Bytes), end64);
  if (record.number<uint32_t>("zip64 end record") != kEnd64) {
    throw ParseError(end64, "zip64: no end record before the locator");
  }
  if (record.number<uint64_t>("zip64 end record") != kEnd64Bytes - 12) {
    throw ParseError(end64, "zip64: an end record of unknown size");
  }
  record.take(4, "zip64 end record");  // versions
  const auto disk64 = record.number<uint32_t>("zip64 end record");
  const auto first_disk64 = record.number<uint32_t>("zip64 end record");
  const auto count_here64 = record.number<uint64_t>("zip64 end record");
  const Directory large{record.number<uint64_t>("zip64 end record"),
                        record.number<uint64_t>("zip64 end record"),
                        record.number<uint64_t>("zip64 end record"), end64};
  if (disk64 != 0 || first_disk64 != 0 || count_here64 != large.count) {
    throw ParseError(end64, "zip: an archive of several disks");
  }
  const bool agrees = (count == 0xffff || count == large.count) &&
                      (bytes == kIn64 || bytes == large.bytes) &&
                      (offset == kIn64 || offset == large.offset);
  if (!agrees) throw ParseError(end64, "zip64: the two end records disagree");
  return large;
}

struct Central {
  std::string name;
  uint64_t at;     // of this header
  uint64_t bytes;  // of data
  uint64_t local;  // offset of the local header
  uint32_t crc;
  bool passed_over;
};

/// <top>/code/…: TorchScript's sources, which their writer compresses.
bool is_script_source(std::string_view name) {
  const size_t slash = name.find('/');
  return slash != std::string_view::npos && name.substr(slash).starts_with("/code/");
}

std::string label(const std::string& name) {
  return "zip entry \"" + printable(name) + "\"";
}

void check_name(const std::string& name, uint64_t at) {
  const auto refuse = [&](const char* reason) {
    throw ParseError(at, label(name) + ": " + reason);
  };
  if (name.empty()) refuse("an empty name");
  if (!is_utf8(std::as_bytes(std::span(name)))) refuse("the name is not UTF-8");
  if (name.find('\0') != std::string::npos) refuse("a name with a zero byte");
  if (name.find('\\') != std::string::npos) refuse("a name with a backslash");
  if (name.front() == '/') refuse("an absolute name");
  if (name.size() > 1 && name[1] == ':') refuse("a name with a drive letter");
  const size_t size = name.size() - (name.back() == '/');  // a folder's own entry ends with a slash
  for (size_t begin = 0; begin <= size;) {
    const size_t end = std::min(name.find('/', begin), size);
    const std::string_view part(name.data() + begin, end - begin);
    if (part == "..") refuse("a name that climbs out of the archive");
    if (part == "." || part.empty()) refuse("a name with an empty part");
    begin = end + 1;
  }
}

// The zip64 field holds, in this order, those of size, packed size, offset that the header defers
// to it.
void read_zip64(ByteCursor extra, const std::string& name, Central& entry, uint64_t& packed) {
  const bool deferred = entry.bytes == kIn64 || packed == kIn64 || entry.local == kIn64;
  while (deferred && extra.left() >= 4) {
    const auto id = extra.number<uint16_t>("extra field");
    const auto length = extra.number<uint16_t>("extra field");
    ByteCursor field(extra.take(length, "extra field"), extra.offset() - length);
    if (id != kExtraZip64) continue;
    if (entry.bytes == kIn64) entry.bytes = field.number<uint64_t>("zip64 field");
    if (packed == kIn64) packed = field.number<uint64_t>("zip64 field");
    if (entry.local == kIn64) entry.local = field.number<uint64_t>("zip64 field");
    return;
  }
  if (deferred) throw ParseError(entry.at, label(name) + ": its zip64 field is missing");
}

Central read_central(ByteCursor& cursor) {
  Central entry;
  entry.at = cursor.offset();
  if (cursor.number<uint32_t>("zip directory") != kCentral) {
    throw ParseError(entry.at, "zip: no directory entry where one is due");
  }
  cursor.take(4, "zip directory");  // versions
  const auto flags = cursor.number<uint16_t>("zip directory");
  const auto method = cursor.number<uint16_t>("zip directory");
  cursor.take(4, "zip directory");  // time and date
  entry.crc = cursor.number<uint32_t>("zip directory");
  uint64_t packed = cursor.number<uint32_t>("zip directory");
  entry.bytes = cursor.number<uint32_t>("zip directory");
  const auto name_bytes = cursor.number<uint16_t>("zip directory");
  const auto extra_bytes = cursor.number<uint16_t>("zip directory");
  const auto comment_bytes = cursor.number<uint16_t>("zip directory");
  const auto disk = cursor.number<uint16_t>("zip directory");
  cursor.take(6, "zip directory");  // attributes
  entry.local = cursor.number<uint32_t>("zip directory");
  const auto name = cursor.take(name_bytes, "the name of a zip entry");
  entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  const uint64_t extra_at = cursor.offset();
  const ByteCursor extra(cursor.take(extra_bytes, "the extra fields of a zip entry"), extra_at);
  cursor.take(comment_bytes, "the comment of a zip entry");

  const auto refuse = [&](const std::string& reason) {
    throw ParseError(entry.at, label(entry.name) + ": " + reason);
  };
  check_name(entry.name, entry.at);
  if (flags & kFlagEncrypted) refuse("encrypted");
  if (flags & ~(kFlagEncrypted | kFlagDescriptor | kFlagUtf8))
    refuse("flags " + std::to_string(flags));
  entry.passed_over = method != 0 && is_script_source(entry.name);
  if (method != 0 && !entry.passed_over)
    refuse("compressed (method " + std::to_string(method) +
           "), expected stored, as torch.save writes it; pack it again without compression");
  if (disk != 0) refuse("on another disk");
  read_zip64(extra, entry.name, entry, packed);
  if (entry.name.back() == '/' && entry.bytes != 0) refuse("a folder with data");
  if (entry.passed_over) {
    entry.bytes = packed;
  } else if (packed != entry.bytes) {
    refuse(std::to_string(packed) + " bytes stored for " + std::to_string(entry.bytes));
  }
  return entry;
}

/// Where the data of an entry begins. Local sizes and checksums may be zero (they follow in a
/// descriptor), so of the local header only the name and the lengths count.
uint64_t data_offset(std::span<const std::byte> file, const Central& entry, uint64_t limit) {
  const auto refuse = [&](const std::string& reason) {
    throw ParseError(entry.at, label(entry.name) + ": " + reason);
  };
  if (entry.local > limit) refuse("its local header lies at " + std::to_string(entry.local));
  ByteCursor cursor(file.first(limit).subspan(entry.local), entry.local);
  if (cursor.number<uint32_t>("zip local header") != kLocal)
    refuse("no local header at its offset");
  cursor.take(2, "zip local header");  // version
  const auto flags = cursor.number<uint16_t>("zip local header");
  const auto method = cursor.number<uint16_t>("zip local header");
  cursor.take(16, "zip local header");  // time, date, checksum, sizes
  const auto name_bytes = cursor.number<uint16_t>("zip local header");
  const auto extra_bytes = cursor.number<uint16_t>("zip local header");
  if (flags & kFlagEncrypted) refuse("encrypted");
  if (method != 0 && !entry.passed_over) refuse("its local header says compressed");
  const auto name = cursor.take(name_bytes, "the name of a zip entry");
  if (!std::ranges::equal(name, std::as_bytes(std::span(entry.name)))) {
    refuse("its local header has another name");
  }
  cursor.take(extra_bytes, "the extra fields of a zip entry");
  if (entry.bytes > cursor.left()) {
    refuse(std::to_string(entry.bytes) + " bytes of data, " + std::to_string(cursor.left()) +
           " left");
  }
  return cursor.offset();
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> bytes) {
  const Directory directory = read_end(bytes);
  if (directory.offset > directory.end || directory.bytes != directory.end - directory.offset) {
    throw ParseError(directory.end, "zip: a directory of " + std::to_string(directory.bytes) +
                                        " bytes at " + std::to_string(directory.offset) +
                                        " does not end where the end record begins");
  }
  constexpr uint64_t kCentralBytesMin = 46;
  if (directory.count > kEntriesMax || directory.count > directory.bytes / kCentralBytesMin) {
    throw ParseError(directory.end, "zip: " + std::to_string(directory.count) +
                                        " entries in a directory of " +
                                        std::to_string(directory.bytes) + " bytes");
  }
  struct Extent {
    uint64_t begin, end;
    const std::string* name;
  };
  std::vector<Extent> extents;
  std::set<std::string> names;
  ByteCursor cursor(bytes.subspan(directory.offset, directory.bytes), directory.offset);
  for (uint64_t i = 0; i < directory.count; ++i) {
    const Central entry = read_central(cursor);
    const uint64_t data = data_offset(bytes, entry, directory.offset);
    const auto name = names.insert(entry.name);
    if (!name.second) throw ParseError(entry.at, label(entry.name) + ": the name occurs twice");
    extents.push_back({entry.local, data + entry.bytes, &*name.first});
    if (entry.passed_over) continue;
    entries_.emplace(entry.name, Entry{bytes.subspan(data, entry.bytes), entry.crc, data});
  }
  if (cursor.left() != 0) {
    throw ParseError(cursor.offset(), "zip: " + std::to_string(cursor.left()) +
                                          " bytes behind the last directory entry");
  }
  std::ranges::sort(extents, {}, &Extent::begin);
  for (size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].begin < extents[i - 1].end) {
      throw ParseError(extents[i].begin, label(*extents[i].name) + ": overlaps \"" +
                                             printable(*extents[i - 1].name) + "\"");
    }
  }
}

std::span<const std::byte> ZipArchive::checked(const std::string& name, const Entry& entry) {
  const uint32_t found = crc32(entry.bytes);
  if (found != entry.crc) {
    throw ParseError(entry.offset, label(name) + ": checksum " + std::to_string(found) +
                                       ", expected " + std::to_string(entry.crc));
  }
  return entry.bytes;
}

}  // namespace vernissage
