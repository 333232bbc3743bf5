// Goal: the reader takes what the format allows and nothing else, and what the writer writes is
// that. Method: every hostile file of the golden set, headers made by hand around each rule (the
// allowed neighbour beside the forbidden case), round trips compared byte by byte, and writes that
// must fail.
#include "engine/formats/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "tests/support/golden_data.h"

namespace vernissage {
namespace fs = std::filesystem;
using testing::find_golden;
using testing::golden;
using testing::golden_entries;

namespace {

/// A file in memory: header length, header, data of `data_bytes` counting bytes.
std::vector<std::byte> file_of(const std::string& header, size_t data_bytes) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  const uint64_t header_bytes = header.size();
  std::memcpy(bytes.data(), &header_bytes, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < data_bytes; ++i) bytes[8 + header.size() + i] = static_cast<std::byte>(i);
  return bytes;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

/// The reason of the refusal; empty when the bytes are accepted.
std::string refusal(std::span<const std::byte> bytes) {
  try {
    Safetensors file(bytes);
    return "";
  } catch (const ParseError& error) {
    EXPECT_LE(error.offset(), bytes.size());
    return error.what();
  }
}
std::string refusal(const std::string& header, size_t data_bytes) {
  return refusal(file_of(header, data_bytes));
}

/// A folder of this test's own, removed at its end.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "vernissage-test-XXXXXX").string();
    if (!mkdtemp(name.data())) throw Error("no temporary folder " + name);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  size_t entry_count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST(Safetensors, RefusesEveryHostileFileInOneLine) {
  int count = 0;
  for (const std::string& name : golden_entries("stylegan2/hostile")) {
    if (!name.starts_with("st_")) continue;
    const MappedFile file(golden("stylegan2/hostile/" + name));
    const std::string reason = refusal(file.bytes());
    EXPECT_NE(reason, "") << name << " was accepted";
    EXPECT_EQ(reason.find('\n'), std::string::npos) << name;
    ++count;
  }
  EXPECT_GE(count, 26);
}

TEST(Safetensors, ReadsThePlainFileAndEveryGoldenFile) {
  const MappedFile plain(golden("stylegan2/hostile/ok_plain.safetensors"));
  EXPECT_FALSE(Safetensors(plain.bytes()).tensors().empty());
  for (const std::string& model : golden_entries("stylegan2/models"))
    for (const char* file : {"params.safetensors", "golden.safetensors"}) {
      const MappedFile mapped(golden("stylegan2/models/" + model + "/" + file));
      EXPECT_FALSE(Safetensors(mapped.bytes()).tensors().empty()) << model << "/" << file;
    }
}

TEST(Safetensors, ReadsTypesShapesAndBytes) {
  const std::string header = R"({"__metadata__":{"k":"v"},"a":)" + entry("F32", "[2,1]", "[4,12]") +
                             R"(,"scalar":)" + entry("BF16", "[]", "[2,4]") + R"(,"nothing":)" +
                             entry("I64", "[3,0]", "[2,2]") + R"(,"b":)" +
                             entry("U8", "[2]", "[0,2]") + "}   ";
  const auto bytes = file_of(header, 12);
  const Safetensors file(bytes);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"k", "v"}}));
  ASSERT_EQ(file.tensors().size(), 4u);
  const TensorView& a = file.tensors().at("a");
  EXPECT_EQ(a.dtype, DType::f32);
  EXPECT_EQ(a.shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(a.bytes.data(), bytes.data() + 8 + header.size() + 4);
  EXPECT_EQ(a.bytes.size(), 8u);
  EXPECT_EQ(file.tensors().at("scalar").count(), 1);
  EXPECT_EQ(file.tensors().at("nothing").count(), 0);
}

TEST(Safetensors, RefusesWhatEachRuleForbids) {
  const std::string one = entry("U8", "[2]", "[0,2]");
  EXPECT_EQ(refusal(R"({"a":)" + one + "}", 2), "");
  EXPECT_EQ(refusal("{}", 0), "");
  EXPECT_EQ(refusal("{} \n", 0), "");

  const struct {
    std::string header;
    size_t data_bytes;
    const char* expected;  // part of the reason
  } cases[] = {
      {" {}", 0, "does not begin with '{'"},
      {"[]", 0, "does not begin with '{'"},
      {"{}x", 0, "expected the end"},
      {"{", 0, "expected a string, got the end"},
      {R"({"a":)" + one + ",}", 2, "expected a string"},
      {R"({"a":)" + one + R"(,"a":)" + entry("U8", "[0]", "[2,2]") + "}", 2,
       "duplicate tensor \"a\""},
      {R"({"a":)" + one + R"(,"\u0061":)" + entry("U8", "[0]", "[2,2]") + "}", 2,
       "duplicate tensor"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "duplicate key __metadata__"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", 0, "duplicate metadata key \"k\""},
      {R"({"__metadata__":{"k":1}})", 0, "expected a string, got '1'"},
      {R"({"a":)" + entry("U8", "[2]", "[1,3]") + "}", 3, "a hole of 1 bytes before"},
      {R"({"a":)" + one + "}", 3, "1 bytes behind the last tensor"},
      {R"({"a":)" + one + "}", 1, "beyond the 1 bytes of data"},
      {R"({"a":)" + one + R"(,"b":)" + entry("U8", "[2]", "[1,3]") + "}", 3, "overlaps"},
      {R"({"a":)" + one + R"(,"b":)" + entry("U8", "[0]", "[1,1]") + "}", 2, "overlaps"},
      {R"({"a":)" + entry("U8", "[2]", "[2,0]") + "}", 2, "end before they begin"},
      {R"({"a":)" + entry("U8", "[3]", "[0,2]") + "}", 2, "needs 3 bytes, data_offsets give 2"},
      {R"({"a":)" + entry("U8", "[-2]", "[0,2]") + "}", 2, "expected an integer of at least 0"},
      {R"({"a":)" + entry("U8", "[2.0]", "[0,2]") + "}", 2, "a fraction or an exponent"},
      {R"({"a":)" + entry("U8", "[2e0]", "[0,2]") + "}", 2, "a fraction or an exponent"},
      {R"({"a":)" + entry("U8", "[02]", "[0,2]") + "}", 2, "leading zero"},
      {R"({"a":)" + entry("U8", "[9223372036854775808]", "[0,2]") + "}", 2, "larger than 2^63 - 1"},
      {R"({"a":)" + entry("U8", "[4294967296,4294967296]", "[0,0]") + "}", 0,
       "more than 2^63 - 1 elem"},
      {R"({"a":)" + entry("F64", "[2305843009213693952]", "[0,0]") + "}", 0,
       "more than 2^63 - 1 bytes"},
      {R"({"a":)" + entry("U8", "[1,1,1,1,1,1,1,1,2]", "[0,2]") + "}", 2, "more than 8 sizes"},
      {R"({"a":)" + entry("F31", "[2]", "[0,2]") + "}", 2, "unknown dtype \"F31\""},
      {R"({"a":)" + entry("U8", "[2]", "[0,1,2]") + "}", 2, "expected 2 data_offsets"},
      {R"({"a":)" + entry("U8", "[2]", "[0]") + "}", 2, "expected 2 data_offsets, got 1"},
      {R"({"a":{"shape":[2],"data_offsets":[0,2]}})", 2, "no dtype"},
      {R"({"a":{"dtype":"U8","data_offsets":[0,2]}})", 2, "no shape"},
      {R"({"a":{"dtype":"U8","shape":[2]}})", 2, "no data_offsets"},
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2, "duplicate key"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":0}})", 2, "unknown key \"x\""},
      {"{\"a\nb\":" + one + "}", 2, "control character"},
      {R"({"a\nb":)" + one + "}", 2, "control character"},
      {"{\"\xff\":" + one + "}", 2, "not UTF-8"},
      {"{\"\xc0\x80\":" + one + "}", 2, "not UTF-8"},          // overlong
      {"{\"\xed\xa0\x80\":" + one + "}", 2, "not UTF-8"},      // a surrogate
      {"{\"\xf4\x90\x80\x80\":" + one + "}", 2, "not UTF-8"},  // beyond U+10FFFF
      {R"({"\ud800":)" + one + "}", 2, "surrogate"},
      {R"({"\ud800\u0041":)" + one + "}", 2, "surrogate"},
      {R"({"\x41":)" + one + "}", 2, "unknown escape"},
      {R"({"\u00g1":)" + one + "}", 2, "hexadecimal"},
      {R"({"\u00)", 0, "hexadecimal digit, got the end"},
      {R"({"a)", 0, "does not end"},
  };
  for (const auto& c : cases) {
    const std::string reason = refusal(c.header, c.data_bytes);
    EXPECT_NE(reason.find(c.expected), std::string::npos) << c.header << "\n  gave: " << reason;
  }
}

TEST(Safetensors, TheHeaderMayReachItsLimitAndNoFurther) {
  std::string header = "{}";
  header.resize(Safetensors::kHeaderBytesMax, ' ');
  EXPECT_EQ(refusal(header, 0), "");
  header += ' ';
  EXPECT_NE(refusal(header, 0).find("over the limit"), std::string::npos);
}

TEST(Safetensors, EveryPrefixOfAFileIsRefused) {
  const auto bytes = file_of(R"({"a":)" + entry("F32", "[2]", "[0,8]") + "}", 8);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal(std::span(bytes).first(size)), "") << size << " bytes";
  EXPECT_EQ(refusal(bytes), "");
}

TEST(Safetensors, EscapesAndUtf8GiveTheSameName) {
  const std::string header = R"({"\u00e9\ud83d\ude00\"":)" + entry("U8", "[1]", "[0,1]") + "}";
  const auto bytes = file_of(header, 1);
  EXPECT_EQ(Safetensors(bytes).tensors().begin()->first, "é😀\"");
}

TEST(Safetensors, ReadsBackExactlyWhatWasWritten) {
  const Folder folder;
  const std::vector<float> floats = {1.5f, -0.0f, std::numeric_limits<float>::denorm_min(), 3e38f};
  const std::vector<uint8_t> bytes = {0, 1, 255};
  const std::vector<NamedTensor> tensors = {
      {"z.last", {DType::u8, {3}, std::as_bytes(std::span(bytes))}},
      {"a.\"first\" é", {DType::f32, {2, 2}, std::as_bytes(std::span(floats))}},
      {"empty", {DType::f16, {0, 5}, {}}},
      {"scalar", {DType::i8, {}, std::as_bytes(std::span(bytes).first(1))}},
  };
  const std::map<std::string, std::string> metadata = {{"title", "a \"b\"\n\\c\t\x01 é"}, {"", ""}};
  const fs::path path = folder.path() / "out.safetensors";
  write_safetensors(path, metadata, tensors);

  const MappedFile mapped(path);
  const Safetensors file(mapped.bytes());
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const NamedTensor& written : tensors) {
    const TensorView& read = file.tensors().at(written.name);
    EXPECT_EQ(read.dtype, written.tensor.dtype);
    EXPECT_EQ(read.shape, written.tensor.shape);
    ASSERT_EQ(read.bytes.size(), written.tensor.bytes.size());
    if (!read.bytes.empty()) {
      EXPECT_EQ(std::memcmp(read.bytes.data(), written.tensor.bytes.data(), read.bytes.size()), 0);
    }
  }
  // The given order, and data that begins at a multiple of 64 bytes.
  const auto* data = file.tensors().at("z.last").bytes.data();
  EXPECT_EQ((data - mapped.bytes().data()) % 64, 0);
  EXPECT_EQ(file.tensors().at("a.\"first\" é").bytes.data(), data + 3);

  const fs::path again = folder.path() / "again.safetensors";
  write_safetensors(again, metadata, tensors);
  EXPECT_EQ(contents(path), contents(again));
  EXPECT_EQ(folder.entry_count(), 2u);
}

TEST(Safetensors, GoldenTensorsSurviveARoundTrip) {
  const Folder folder;
  const MappedFile mapped(golden("stylegan2/models/ada32/params.safetensors"));
  const Safetensors file(mapped.bytes());
  std::vector<NamedTensor> tensors;
  for (const auto& [name, view] : file.tensors()) tensors.push_back({name, view});
  const fs::path path = folder.path() / "copy.safetensors";
  write_safetensors(path, {}, tensors);
  const MappedFile copied(path);
  const Safetensors copy(copied.bytes());
  ASSERT_EQ(copy.tensors().size(), file.tensors().size());
  for (const auto& [name, view] : file.tensors()) {
    const TensorView& other = copy.tensors().at(name);
    EXPECT_EQ(other.shape, view.shape);
    EXPECT_TRUE(
        std::equal(view.bytes.begin(), view.bytes.end(), other.bytes.begin(), other.bytes.end()));
  }
}

TEST(SafetensorsWriter, AFailedWriteKeepsTheOldFileAndLeavesNothingElse) {
  const Folder folder;
  const fs::path path = folder.path() / "out.safetensors";
  write_safetensors(path, {{"version", "old"}}, {});
  const std::string old = contents(path);

  // The file size limit makes write() fail in the middle, as a full disk does.
  const std::vector<float> large(1 << 16);
  const std::vector<NamedTensor> tensors = {
      {"large", {DType::f32, {1 << 16}, std::as_bytes(std::span(large))}}};
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  const auto ignored = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    write_safetensors(path, {{"version", "new"}}, tensors);
  } catch (const Error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, ignored);

  EXPECT_EQ(message, path.string() + ": cannot be written: File too large");
  EXPECT_EQ(contents(path), old);
  EXPECT_EQ(folder.entry_count(), 1u);
}

TEST(SafetensorsWriter, ReplacesAFileWhileAReaderHoldsTheOldOne) {
  const Folder folder;
  const fs::path path = folder.path() / "out.safetensors";
  write_safetensors(path, {{"version", "old"}}, {});
  const MappedFile old(path);
  write_safetensors(path, {{"version", "new"}}, {});
  EXPECT_EQ(Safetensors(old.bytes()).metadata().at("version"), "old");
  EXPECT_EQ(Safetensors(MappedFile(path).bytes()).metadata().at("version"), "new");
  EXPECT_EQ(folder.entry_count(), 1u);
}

TEST(SafetensorsWriter, RefusesWhatIsNotARegularFile) {
  const Folder folder;
  EXPECT_THROW(write_safetensors(folder.path(), {}, {}), Error);
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(write_safetensors(pipe, {}, {}), Error);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_THROW(write_safetensors(folder.path() / "none" / "out.safetensors", {}, {}), Error);
  EXPECT_EQ(folder.entry_count(), 1u);
}

TEST(MappedFile, NamesThePathAndTheReason) {
  const Folder folder;
  const auto reason = [](const fs::path& path) -> std::string {
    try {
      MappedFile file(path);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const fs::path missing = folder.path() / "missing";
  EXPECT_EQ(reason(missing), missing.string() + ": cannot be read: No such file or directory");
  EXPECT_EQ(reason(folder.path()),
            folder.path().string() + ": cannot be read: it is not a regular file");
  const fs::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(reason(pipe), pipe.string() + ": cannot be read: it is not a regular file");
  const fs::path empty = folder.path() / "empty";
  std::ofstream(empty).close();
  EXPECT_EQ(MappedFile(empty).bytes().size(), 0u);
}

TEST(TensorView, HalvesAndBfloatsBecomeTheSameNumbers) {
  // IEEE 754-2008 binary16: largest, smallest normal, smallest subnormal, zeros, one third rounded.
  const uint16_t halves[] = {0x7bff, 0x0400, 0x0001, 0x8000, 0x3555, 0xc000, 0x03ff, 0x7c00};
  const float expected[] = {
      65504.0f,    0x1p-14f, 0x1p-24f,     -0.0f,
      0x1.554p-2f, -2.0f,    0x1.ff8p-15f, std::numeric_limits<float>::infinity()};
  const TensorView view{DType::f16, {8}, std::as_bytes(std::span(halves))};
  const auto values = view.to_f32();
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(expected[i])) << i;
  const uint16_t nan[] = {0x7e00};
  EXPECT_TRUE(std::isnan((TensorView{DType::f16, {1}, std::as_bytes(std::span(nan))}.to_f32()[0])));

  const uint16_t bfloats[] = {0x3f80, 0xc2f7};
  const TensorView b{DType::bf16, {2}, std::as_bytes(std::span(bfloats))};
  EXPECT_EQ(b.to_f32(), (std::vector<float>{1.0f, -123.5f}));
  const double doubles[] = {0.1, -2.5};
  const TensorView d{DType::f64, {2}, std::as_bytes(std::span(doubles))};
  EXPECT_EQ(d.to_f32(), (std::vector<float>{0.1f, -2.5f}));
  const int32_t integers[] = {1};
  EXPECT_THROW((TensorView{DType::i32, {1}, std::as_bytes(std::span(integers))}.to_f32()), Error);
}

TEST(ElementCount, IsTheProductOrAnError) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count(std::vector<int64_t>{2, 3, 4}), 24);
  EXPECT_EQ(element_count(std::vector<int64_t>{2, 0, 4}), 0);
  EXPECT_EQ(element_count(std::vector<int64_t>{INT64_MAX}), INT64_MAX);
  EXPECT_THROW(element_count(std::vector<int64_t>{INT64_MAX, 2}), Error);
  EXPECT_THROW(element_count(std::vector<int64_t>{2, -1}), Error);
  EXPECT_EQ(shape_text(std::vector<int64_t>{512, 3}), "(512, 3)");
  EXPECT_EQ(shape_text({}), "()");
}

TEST(Json, QuotesSoThatATerminalIsSafe) {
  EXPECT_EQ(json_quote("a\"b\\c\nd\x1b[0m\x7f"), "\"a\\\"b\\\\c\\nd\\u001b[0m\\u007f\"");
  EXPECT_EQ(json_quote_short("éé", 3), "\"é…\"");
  EXPECT_EQ(json_quote_short("éé", 4), "\"éé\"");
}

}  // namespace vernissage
