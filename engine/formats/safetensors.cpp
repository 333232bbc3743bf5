#include "engine/formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "engine/formats/foreign_file.h"

namespace vernissage {

namespace {

constexpr uint64_t kLengthBytes = 8;  // the little-endian header length that a file begins with
constexpr int kRankMax = 8;           // sizes of one shape
constexpr size_t kTensorsMax =
    65536;  // with kMetadataMax: bounds memory by more than the header's length
constexpr size_t kMetadataMax = 4096;
constexpr const char* kMetadataKey = "__metadata__";

constexpr DType kDTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64,
                             DType::i32, DType::i16, DType::i8,  DType::u8,   DType::boolean};

std::optional<DType> dtype_from_name(const std::string& name) {
  for (const DType dtype : kDTypes)
    if (name == dtype_name(dtype)) return dtype;
  return std::nullopt;
}

/// One tensor of the header, before its data is looked at.
struct Entry {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes from the end of the header
};

Entry read_entry(JsonReader& json, const std::string& name, uint64_t data_bytes) {
  Entry entry;
  bool have_dtype = false, have_shape = false, have_offsets = false;
  const uint64_t start = json.offset();
  const auto fail = [&](uint64_t at, const std::string& reason) {
    throw ParseError(at, std::string("tensor ") + json_quote_short(name) + ": " + reason);
  };
  json.object([&](const std::string& key, uint64_t at) {
    const auto once = [&](bool& have) {
      if (std::exchange(have, true)) fail(at, "duplicate key " + json_quote_short(key));
    };
    if (key == "dtype") {
      once(have_dtype);
      const uint64_t value_at = json.offset();
      const std::string value = json.string();
      const auto dtype = dtype_from_name(value);
      if (!dtype) fail(value_at, "unknown dtype " + json_quote_short(value));
      entry.dtype = *dtype;
    } else if (key == "shape") {
      once(have_shape);
      json.array([&] {
        if (entry.shape.size() == kRankMax)
          fail(json.offset(), "more than " + std::to_string(kRankMax) + " sizes in a shape");
        entry.shape.push_back(json.count());
      });
    } else if (key == "data_offsets") {
      once(have_offsets);
      std::vector<int64_t> offsets;
      json.array([&] {
        if (offsets.size() == 2) fail(json.offset(), "expected 2 data_offsets, got more");
        offsets.push_back(json.count());
      });
      if (offsets.size() != 2)
        fail(json.offset(), "expected 2 data_offsets, got " + std::to_string(offsets.size()));
      entry.begin = static_cast<uint64_t>(offsets[0]);
      entry.end = static_cast<uint64_t>(offsets[1]);
    } else {
      fail(at, "unknown key " + json_quote_short(key));
    }
  });
  if (!have_dtype) fail(start, "no dtype");
  if (!have_shape) fail(start, "no shape");
  if (!have_offsets) fail(start, "no data_offsets");

  const std::string range =
      std::string("[") + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + ")";
  if (entry.end < entry.begin) fail(start, "data_offsets " + range + " end before they begin");
  if (entry.end > data_bytes)
    fail(start, "data_offsets " + range + " lie beyond the " + std::to_string(data_bytes) +
                    " bytes of data");
  int64_t bytes = 0;
  try {
    bytes = element_count(entry.shape);
  } catch (const Error& error) {
    fail(start, error.what());
  }
  if (__builtin_mul_overflow(bytes, dtype_bytes(entry.dtype), &bytes))
    fail(start, "shape " + shape_text(entry.shape) + " has more than 2^63 - 1 bytes");
  if (static_cast<uint64_t>(bytes) != entry.end - entry.begin)
    fail(start, std::string(dtype_name(entry.dtype)) + " " + shape_text(entry.shape) + " needs " +
                    std::to_string(bytes) + " bytes, data_offsets give " +
                    std::to_string(entry.end - entry.begin));
  return entry;
}

std::map<std::string, std::string> read_metadata(JsonReader& json) {
  std::map<std::string, std::string> metadata;
  json.object([&](const std::string& key, uint64_t at) {
    if (metadata.size() == kMetadataMax)
      throw ParseError(at, "more than " + std::to_string(kMetadataMax) + " metadata entries");
    if (!metadata.emplace(key, json.string()).second)
      throw ParseError(at, "duplicate metadata key " + json_quote_short(key));
  });
  return metadata;
}

/// The data must be covered exactly: no byte twice, no byte by nobody (it could hide another file).
void check_coverage(const std::map<std::string, TensorView>& tensors,
                    std::span<const std::byte> data, uint64_t data_offset) {
  struct Range {
    uint64_t begin, end;
    const std::string* name;
  };
  std::vector<Range> ranges;
  ranges.reserve(tensors.size());
  for (const auto& [name, view] : tensors) {
    const auto begin = static_cast<uint64_t>(view.bytes.data() - data.data());
    ranges.push_back({begin, begin + view.bytes.size(), &name});
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const Range& range : ranges) {
    const std::string name = "tensor " + json_quote_short(*range.name);
    if (range.begin < covered)
      throw ParseError(data_offset + range.begin, name + ": data overlaps another tensor's");
    if (range.begin > covered)
      throw ParseError(data_offset + covered, "a hole of " + std::to_string(range.begin - covered) +
                                                  " bytes before the data of " + name);
    covered = range.end;
  }
  if (covered < data.size())
    throw ParseError(data_offset + covered, std::to_string(data.size() - covered) +
                                                " bytes behind the last tensor belong to none");
}

/// Names appear in messages and listings, one a line.
void check_name(const std::string& name, uint64_t at) {
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      throw ParseError(at, "a control character in the tensor name " + json_quote_short(name));
}

}  // namespace

Safetensors::Safetensors(std::span<const std::byte> bytes) {
  const bool begins = bytes.size() > kLengthBytes && bytes[kLengthBytes] == std::byte{'{'};
  if (!begins && !bytes.empty()) {
    if (const auto what = foreign_file(bytes)) throw ParseError(0, *what);
  }
  if (bytes.size() < kLengthBytes)
    throw ParseError(bytes.size(), "expected the 8 bytes of a header length, the file has " +
                                       std::to_string(bytes.size()));
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  const uint64_t left = bytes.size() - kLengthBytes;
  if (header_bytes > kHeaderBytesMax)
    throw ParseError(0, "header length " + std::to_string(header_bytes) + " is over the limit of " +
                            std::to_string(kHeaderBytesMax));
  if (header_bytes > left)
    throw ParseError(0, "header length " + std::to_string(header_bytes) + " is more than the " +
                            std::to_string(left) + " bytes left");
  if (header_bytes == 0 || static_cast<char>(bytes[kLengthBytes]) != '{')
    throw ParseError(header_bytes == 0 ? 0 : kLengthBytes, "the header does not begin with '{'");

  const uint64_t data_offset = kLengthBytes + header_bytes;
  const auto data = bytes.subspan(data_offset);
  JsonReader json({reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_bytes},
                  kLengthBytes);
  bool have_metadata = false;
  json.object([&](const std::string& key, uint64_t at) {
    if (key == kMetadataKey) {
      if (std::exchange(have_metadata, true))
        throw ParseError(at, std::string("duplicate key ") + kMetadataKey);
      metadata_ = read_metadata(json);
      return;
    }
    check_name(key, at);
    if (tensors_.size() == kTensorsMax)
      throw ParseError(at, "more than " + std::to_string(kTensorsMax) + " tensors");
    Entry entry = read_entry(json, key, data.size());
    TensorView view{entry.dtype, std::move(entry.shape),
                    data.subspan(entry.begin, entry.end - entry.begin)};
    if (!tensors_.emplace(key, std::move(view)).second)
      throw ParseError(at, "duplicate tensor " + json_quote_short(key));
  });
  json.end();
  check_coverage(tensors_, data, data_offset);
}

}  // namespace vernissage
