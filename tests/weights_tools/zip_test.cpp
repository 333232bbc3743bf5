// Goal: the zip reader gives the entries of a sound archive and refuses every lie about them.
// Method: archives made here byte by byte, each broken in one place; the golden archives of torch
// in both styles.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "weights_tools/containers/crc32.h"
#include "weights_tools/containers/torch_archive.h"
#include "weights_tools/containers/zip_archive.h"

namespace vernissage {
namespace {

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

struct Entry {
  std::string name, data;
  uint16_t flags = 0, method = 0, disk = 0;
  uint32_t crc = 0;
  std::string central_extra = {}, local_name = {};
  uint32_t stated_bytes = 0, stated_packed = 0, stated_local = 0;  // 0: the truth
};

struct Archive {
  std::vector<Entry> entries;
  int32_t count_error = 0, bytes_error = 0, offset_error = 0;
  uint16_t disk = 0;
  std::string comment = {}, gap = {};

  std::string bytes() const {
    std::string out, directory;
    for (const Entry& entry : entries) {
      const auto local = static_cast<uint32_t>(out.size());
      const uint32_t crc = entry.crc ? entry.crc : crc32(as_bytes(entry.data));
      const std::string& name = entry.local_name.empty() ? entry.name : entry.local_name;
      const auto size = static_cast<uint32_t>(entry.data.size());
      put<uint32_t>(out, 0x04034b50);
      for (const uint16_t field :
           {uint16_t{20}, entry.flags, entry.method, uint16_t{0}, uint16_t{0}})
        put(out, field);
      for (const uint32_t field : {0u, 0u, 0u})
        put(out, field);  // as torch writes them: in a descriptor
      put(out, static_cast<uint16_t>(name.size()));
      put<uint16_t>(out, 0);
      out += name + entry.data;
      put<uint32_t>(directory, 0x02014b50);
      for (const uint16_t field :
           {uint16_t{20}, uint16_t{20}, entry.flags, entry.method, uint16_t{0}, uint16_t{0}}) {
        put(directory, field);
      }
      put(directory, crc);
      put(directory, entry.stated_packed ? entry.stated_packed : size);
      put(directory, entry.stated_bytes ? entry.stated_bytes : size);
      put(directory, static_cast<uint16_t>(entry.name.size()));
      put(directory, static_cast<uint16_t>(entry.central_extra.size()));
      put<uint16_t>(directory, 0);
      put(directory, entry.disk);
      put<uint16_t>(directory, 0);
      put<uint32_t>(directory, 0);
      put(directory, entry.stated_local ? entry.stated_local : local);
      directory += entry.name + entry.central_extra;
    }
    const auto offset = static_cast<uint32_t>(static_cast<int64_t>(out.size()) + offset_error);
    out += directory + gap;
    put<uint32_t>(out, 0x06054b50);
    put(out, disk);
    put(out, disk);
    const auto count = static_cast<uint16_t>(static_cast<int32_t>(entries.size()) + count_error);
    put(out, count);
    put(out, count);
    put(out, static_cast<uint32_t>(static_cast<int64_t>(directory.size()) + bytes_error));
    put(out, offset);
    put(out, static_cast<uint16_t>(comment.size()));
    return out + comment;
  }
};

/// The reason of the refusal; empty when the archive and all checksums are accepted.
std::string refusal(const std::string& bytes) {
  try {
    const ZipArchive zip(as_bytes(bytes));
    for (const auto& [name, entry] : zip.entries()) ZipArchive::checked(name, entry);
    return "";
  } catch (const ParseError& error) {
    EXPECT_LE(error.offset(), bytes.size());
    return error.what();
  }
}
std::string refusal(Entry entry) {
  return refusal(Archive{{{"a/first", "1"}, std::move(entry)}}.bytes());
}

::testing::AssertionResult says(const std::string& message, const char* word) {
  if (message.find(word) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the message is: " << message;
}

}  // namespace

TEST(Crc32, IsTheChecksumOfTheStandard) {
  EXPECT_EQ(crc32(as_bytes("")), 0u);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926u);  // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(crc32(as_bytes("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
}

TEST(Zip, ReadsStoredEntries) {
  const std::string bytes = Archive{{{"a/one", "hello"}, {"a/two", ""}, {"a/sub/", ""}}}.bytes();
  const ZipArchive zip(as_bytes(bytes));
  ASSERT_EQ(zip.entries().size(), 3u);
  const auto one = zip.entries().find("a/one");
  ASSERT_NE(one, zip.entries().end());
  EXPECT_EQ(std::memcmp(one->second.bytes.data(), "hello", 5), 0);
  EXPECT_EQ(one->second.bytes.data() - as_bytes(bytes).data(),
            static_cast<ptrdiff_t>(one->second.offset));
  EXPECT_EQ(refusal(bytes), "");
}

TEST(Zip, ACommentMayFollow) {
  EXPECT_EQ(refusal(Archive{.entries = {{"a/one", "hello"}}, .comment = "written by hand"}.bytes()),
            "");
}

TEST(Zip, EveryPrefixIsRefused) {
  const std::string bytes = Archive{{{"a/one", "hello"}, {"a/two", "world"}}}.bytes();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal(bytes.substr(0, size)), "") << size;
}

// A single wrong byte may hide where nobody looks (times, versions), but it may never crash or read
// outside.
TEST(Zip, EveryChangedByteIsHandled) {
  const std::string bytes = Archive{{{"a/one", "hello"}, {"a/two", "world"}}}.bytes();
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      refusal(changed);
    }
  }
}

TEST(Zip, RefusesNamesThatLeaveTheArchive) {
  for (const char* name : {"../a", "a/../../b", "a/..", "..", "/a", "a\\b", "..\\a", "a//b", "./a",
                           "a/./b", "C:/a", "\xff\xfe"}) {
    EXPECT_NE(refusal(Entry{name, "1"}), "") << name;
  }
  EXPECT_NE(refusal(Entry{std::string("a\0b", 3), "1"}), "");
  EXPECT_EQ(refusal(Entry{"a/..b/c..", "1"}), "") << "dots inside a name are only dots";
}

TEST(Zip, RefusesWhatIsNotStoredPlainly) {
  EXPECT_TRUE(says(refusal(Entry{.name = "a/b", .data = "1", .flags = 1}), "encrypted"));
  EXPECT_TRUE(says(refusal(Entry{.name = "a/b", .data = "1", .method = 8}), "compressed"));
  EXPECT_TRUE(says(refusal(Entry{.name = "a/b", .data = "1", .flags = 1 << 5}), "flags"));
  EXPECT_TRUE(says(refusal(Entry{.name = "a/b", .data = "1", .disk = 1}), "disk"));
  EXPECT_TRUE(says(refusal(Archive{.entries = {{"a/b", "1"}}, .disk = 1}.bytes()), "disks"));
  EXPECT_EQ(refusal(Entry{.name = "a/b", .data = "1", .flags = 0x0808}), "")
      << "descriptor and UTF-8: torch's";
}

TEST(Zip, RefusesRepeatedNames) {
  EXPECT_TRUE(says(refusal(Entry{"a/first", "2"}), "twice"));
}

TEST(Zip, RefusesSharedBytes) {
  // The second entry points at the first one's header, under the first one's name there.
  EXPECT_NE(refusal(Archive{{{"a/b", "1234"},
                             {.name = "a/c", .data = "5", .local_name = "a/b", .stated_local = 0}}}
                        .bytes()),
            "");
  Archive archive{{{"x/pad", std::string(40, 'p')}, {"a/b", "1234"}, {"a/b2", "1"}}};
  archive.entries[2].local_name = "a/b2";
  archive.entries[2].stated_local = 30 + 5 + 40;  // where "a/b" begins
  EXPECT_NE(refusal(archive.bytes()), "");
  Archive stretched{{{.name = "a/b", .data = "1234", .stated_bytes = 20, .stated_packed = 20},
                     {"a/c", std::string(99, 'c')}}};
  EXPECT_TRUE(says(refusal(stretched.bytes()), "overlaps"));
}

TEST(Zip, RefusesLiesAboutSizes) {
  EXPECT_TRUE(says(refusal(Entry{.name = "a/b", .data = "1", .stated_bytes = 2}), "stored for"));
  EXPECT_NE(
      refusal(Entry{
          .name = "a/b", .data = "1", .stated_bytes = 0x7fffffff, .stated_packed = 0x7fffffff}),
      "");
  EXPECT_TRUE(says(
      refusal(Entry{
          .name = "a/b", .data = "1", .stated_bytes = 0xffffffff, .stated_packed = 0xffffffff}),
      "zip64 field is missing"));
  EXPECT_TRUE(
      says(refusal(Entry{.name = "a/b", .data = "1", .stated_local = 0x7fffffff}), "local header"));
  EXPECT_TRUE(says(refusal(Entry{.name = "a/b", .data = "1", .crc = 7}), "checksum"));
  EXPECT_TRUE(
      says(refusal(Entry{.name = "a/b", .data = "1", .local_name = "a/x"}), "another name"));
}

TEST(Zip, TheZip64FieldCountsWhereTheHeaderDefersToIt) {
  std::string extra;
  put<uint16_t>(extra, 1);
  put<uint16_t>(extra, 16);
  put<uint64_t>(extra, 5);
  put<uint64_t>(extra, 5);
  Entry entry{.name = "a/b",
              .data = "hello",
              .central_extra = extra,
              .stated_bytes = 0xffffffff,
              .stated_packed = 0xffffffff};
  EXPECT_EQ(refusal(entry), "");
  entry.central_extra.resize(extra.size() - 1);
  EXPECT_NE(refusal(entry), "") << "cut off";
  entry.central_extra = extra;
  entry.central_extra[4 + 7] = '\x7f';
  EXPECT_NE(refusal(entry), "") << "2^62 bytes";
}

TEST(Zip, RefusesADirectoryThatDoesNotAddUp) {
  const std::vector<Entry> entries{{"a/b", "1"}, {"a/c", "2"}};
  for (const int error : {-1, 1, 1000}) {
    EXPECT_NE(refusal(Archive{.entries = entries, .count_error = error}.bytes()), "") << error;
    EXPECT_NE(refusal(Archive{.entries = entries, .bytes_error = error}.bytes()), "") << error;
    EXPECT_NE(refusal(Archive{.entries = entries, .offset_error = error}.bytes()), "") << error;
  }
  EXPECT_NE(refusal(Archive{.entries = entries, .gap = "bytes of nobody"}.bytes()), "");
}

TEST(TorchArchive, ReadsBothWritersOfTheSameObject) {
  for (const char* name : {"ok_ros8.pt", "ok_ros8_rezipped.pt"}) {
    const MappedFile file(testing::golden(std::string("stylegan2/hostile/") + name));
    EXPECT_TRUE(looks_like_zip(file.bytes()));
    const TorchArchive archive(file.bytes());
    EXPECT_NE(find(to_mapping(archive.object(), "root"), "g_ema"), nullptr) << name;
  }
}

TEST(TorchArchive, FoldersOfTheArchiveItselfAreNoHarm) {
  const Archive archive{
      {{"top/", ""}, {"top/data.pkl", "\x80\x02}."}, {"top/version", "3\n"}, {"top/data/", ""}}};
  const std::string bytes = archive.bytes();
  EXPECT_EQ(TorchArchive(as_bytes(bytes)).object().entries.size(), 0u);
}

TEST(TorchArchive, BytesBehindThePickleAreRefused) {
  const std::string bytes =
      Archive{{{"top/data.pkl", "\x80\x02}.x"}, {"top/version", "3"}}}.bytes();
  EXPECT_THROW(TorchArchive{as_bytes(bytes)}, ParseError);
}

}  // namespace vernissage
