#include "weights_tools/readers/clip/vocabulary.h"

#include <string_view>
#include <unordered_map>
#ifdef VERNISSAGE_WITH_ZLIB
#include <zlib.h>
#endif

#include "base/error.h"
#include "base/json.h"
#include "engine/clip/text/byte_pairs.h"
#include "engine/formats/safetensors.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr const char* kMerges = "merges.txt";
constexpr const char* kCompressedMerges = "bpe_simple_vocab_16e6.txt.gz";
constexpr const char* kVocabulary = "vocab.json";
constexpr size_t kInflatedMax = size_t{64} << 20;  // bytes; the published list has 3.2 MB

#ifdef VERNISSAGE_WITH_ZLIB
std::string inflated(std::span<const std::byte> bytes) {
  z_stream stream = {};
  constexpr int kGzip = 16;  // added to the window's bits: a gzip header is expected
  if (inflateInit2(&stream, MAX_WBITS + kGzip) != Z_OK) throw Error("zlib cannot be started");
  struct Ending {
    z_stream& stream;
    ~Ending() { inflateEnd(&stream); }
  } const ending{stream};
  std::string text;
  constexpr size_t kStep = size_t{1} << 20;
  if (bytes.size() > kInflatedMax) throw Error("larger than a vocabulary can be");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  for (int status = Z_OK; status != Z_STREAM_END;) {
    const size_t size = text.size();
    if (size >= kInflatedMax) throw Error("larger than a vocabulary can be");
    text.resize(size + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + size);
    stream.avail_out = kStep;
    status = inflate(&stream, Z_NO_FLUSH);
    text.resize(size + kStep - stream.avail_out);
    if (status != Z_OK && status != Z_STREAM_END)
      throw ParseError(stream.total_in, "no gzip data, or cut off");
  }
  return text;
}
#else
std::string inflated(std::span<const std::byte>) {
  throw Error("compressed, and this program was built without zlib; unpack it, or give merges.txt");
}
#endif

/// Lines 2 … count + 1; the first names the version. Others may follow where `more` says so.
std::vector<std::string> read_lines(std::string_view text, size_t count, bool more) {
  std::vector<std::string> lines;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1) {
      if (line.find("#version") == std::string_view::npos)
        throw Error("line 1: expected #version, got " + json_quote_short(line));
      continue;
    }
    if (lines.size() == count && more) return lines;
    if (line.empty() && text.empty()) break;
    if (lines.size() == count)
      throw Error("line " + std::to_string(number) + ": expected " + std::to_string(count) +
                  " merges for the network's vocabulary, got more");
    lines.emplace_back(line);
  }
  if (lines.size() != count)
    throw Error("expected " + std::to_string(count) + " merges for the network's vocabulary, got " +
                std::to_string(lines.size()));
  return lines;
}

/// Every merge must have the id that follows from its rank.
void check_ids(const fs::path& path, const std::vector<std::string>& merges) {
  const MappedFile file(path);
  std::unordered_map<std::string, int64_t> ids;
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  JsonReader json(text);
  json.object([&](const std::string& key, uint64_t at) {
    if (!ids.emplace(key, json.count()).second)
      throw ParseError(at, "duplicate key " + json_quote_short(key));
  });
  json.end();
  const auto expect = [&](const std::string& symbol, size_t id) {
    const auto found = ids.find(symbol);
    if (found == ids.end() || found->second != static_cast<int64_t>(id))
      throw Error(json_quote_short(symbol) + ": expected id " + std::to_string(id) +
                  " as in the merges, got " +
                  (found == ids.end() ? "none" : std::to_string(found->second)));
  };
  const size_t vocabulary = BytePairs::vocabulary(merges.size());
  if (ids.size() != vocabulary)
    throw Error("expected " + std::to_string(vocabulary) + " ids for " +
                std::to_string(merges.size()) + " merges, got " + std::to_string(ids.size()));
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    std::string symbol = merges[rank];
    std::erase(symbol, ' ');
    expect(symbol, 512 + rank);
  }
  expect("<|startoftext|>", vocabulary - 2);
  expect("<|endoftext|>", vocabulary - 1);
}

template <class Read>
auto naming(const fs::path& path, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

}  // namespace

std::optional<fs::path> find_vocabulary(const fs::path& folder) {
  for (const char* name : {kMerges, kCompressedMerges})
    if (fs::exists(folder / name)) return folder / name;
  return {};
}

std::vector<std::string> read_vocabulary(const fs::path& path, int vocabulary) {
  if (fs::is_directory(path)) {
    const auto found = find_vocabulary(path);
    if (!found)
      throw Error(path.string() + ": neither " + kMerges + " nor " + kCompressedMerges +
                  " is there");
    return read_vocabulary(*found, vocabulary);
  }
  const MappedFile file(path);
  const auto least = static_cast<int>(BytePairs::vocabulary(0));
  if (vocabulary <= least)
    throw Error(path.string() + ": a vocabulary of " + std::to_string(vocabulary) +
                " ids has no merges, expected more than " + std::to_string(least));
  const auto count = static_cast<size_t>(vocabulary - least);
  const auto bytes = file.bytes();
  const bool gzip = bytes.size() > 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
  std::vector<std::string> merges = naming(path, [&] {
    if (gzip) return read_lines(inflated(bytes), count, /*more=*/true);
    return read_lines({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, count,
                      /*more=*/false);
  });
  const fs::path ids = path.parent_path() / kVocabulary;
  if (!gzip && fs::exists(ids)) naming(ids, [&] { check_ids(ids, merges); });
  return merges;
}

}  // namespace vernissage
