#include "weights_tools/readers/clip/vocabulary.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#ifdef VERNISSAGE_WITH_ZLIB
#include <zlib.h>
#endif

#include "base/error.h"
#include "base/json.h"
#include "engine/clip/text/byte_pairs.h"
#include "engine/formats/foreign_file.h"
#include "engine/formats/safetensors.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr const char* kMerges = "merges.txt";
constexpr const char* kCompressedMerges = "bpe_simple_vocab_16e6.txt.gz";
constexpr const char* kVocabulary = "vocab.json";
constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kAddedTokens = "added_tokens.json";
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

/// Lines 2 … count + 1 at most; the first names the version. Others may follow where `more` says
/// so.
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
  return lines;
}

using Ids = std::unordered_map<std::string, int64_t>;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// {"token": id, …}
Ids read_ids(JsonReader& json) {
  Ids ids;
  json.object([&](const std::string& key, uint64_t at) {
    if (!ids.emplace(key, json.count()).second)
      throw ParseError(at, "duplicate key " + json_quote_short(key));
  });
  return ids;
}

/// Every merge must have the id that follows from its rank; ids behind the end token are added
/// ones.
void check_ids(const Ids& ids, const std::vector<std::string>& merges) {
  const auto expect = [&](const std::string& symbol, size_t id) {
    const auto found = ids.find(symbol);
    if (found == ids.end() || found->second != static_cast<int64_t>(id))
      throw Error(json_quote_short(symbol) + ": expected id " + std::to_string(id) +
                  " as in the merges, got " +
                  (found == ids.end() ? "none" : std::to_string(found->second)));
  };
  const size_t vocabulary = BytePairs::vocabulary(merges.size());
  const auto made = static_cast<size_t>(std::ranges::count_if(
      ids, [&](const auto& entry) { return entry.second < static_cast<int64_t>(vocabulary); }));
  if (made != vocabulary)
    throw Error("expected " + std::to_string(vocabulary) + " ids for " +
                std::to_string(merges.size()) + " merges, got " + std::to_string(made));
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    std::string symbol = merges[rank];
    std::erase(symbol, ' ');
    expect(symbol, 512 + rank);
  }
  expect("<|startoftext|>", vocabulary - 2);
  expect("<|endoftext|>", vocabulary - 1);
}

/// What tokenizer.json says of the byte pairs. Merges are "a b" or ["a", "b"].
struct TokenizerFile {
  std::vector<std::string> merges;
  Ids ids;
};

void read_tokenizer_model(JsonReader& json, size_t merges_max, TokenizerFile& into) {
  const auto expect = [&](const std::string& key, const std::string& expected) {
    if (const std::string value = json.string(); value != expected)
      throw Error("model." + key + ": expected " + json_quote(expected) + ", got " +
                  json_quote_short(value));
  };
  const auto pair = [&] {
    std::string merge;
    int parts = 0;
    json.array([&] {
      if (++parts > 2) json.fail("model.merges: expected two symbols, got more");
      merge.append(parts == 2 ? " " : "").append(json.string());
    });
    return merge;
  };
  json.object([&](const std::string& key, uint64_t) {
    if (json.peek() == 'n') return json.skip();  // null
    if (key == "type") return expect(key, "BPE");
    if (key == "end_of_word_suffix") return expect(key, "</w>");
    if (key == "continuing_subword_prefix") return expect(key, "");
    if (key == "vocab") {
      for (auto& [token, id] : read_ids(json)) into.ids.emplace(token, id);
      return;
    }
    if (key != "merges") return json.skip();
    json.array([&] {
      if (into.merges.size() == merges_max)
        json.fail("model.merges: expected " + std::to_string(merges_max) +
                  " for the network's vocabulary, got more");
      into.merges.push_back(json.peek() == '[' ? pair() : json.string());
    });
  });
}

TokenizerFile read_tokenizer_file(std::string_view text, size_t merges_max) {
  TokenizerFile file;
  JsonReader json(text);
  json.object([&](const std::string& key, uint64_t) {
    if (key == "model") return read_tokenizer_model(json, merges_max, file);
    if (key != "added_tokens" || json.peek() != '[') return json.skip();
    json.array([&] {
      std::string token;
      int64_t id = -1;
      json.object([&](const std::string& name, uint64_t) {
        if (name == "content") {
          token = json.string();
        } else if (name == "id") {
          id = json.count();
        } else {
          json.skip();
        }
      });
      file.ids.emplace(token, id);
    });
  });
  json.end();
  return file;
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
  for (const char* name : {kMerges, kTokenizer, kCompressedMerges})
    if (fs::exists(folder / name)) return folder / name;
  return {};
}

namespace {

/// The names of the ids behind the end token, if there is one for every id up to `vocabulary`.
std::vector<std::string> added_tokens(const Ids& ids, size_t made, int vocabulary) {
  std::vector<std::string> names(static_cast<size_t>(vocabulary) - made);
  for (const auto& [token, id] : ids)
    if (id >= static_cast<int64_t>(made) && id < vocabulary)
      names[static_cast<size_t>(id) - made] = token;
  if (std::ranges::any_of(names, [](const std::string& name) { return name.empty(); })) return {};
  return names;
}

/// Throws Error unless merges and added tokens make up the vocabulary.
Vocabulary completed(std::vector<std::string> merges, const Ids& ids, int vocabulary) {
  const size_t made = BytePairs::vocabulary(merges.size());
  Vocabulary result{std::move(merges), {}};
  if (made < static_cast<size_t>(vocabulary)) result.added = added_tokens(ids, made, vocabulary);
  if (made + result.added.size() != static_cast<size_t>(vocabulary))
    throw Error(
        "expected " + std::to_string(static_cast<size_t>(vocabulary) - BytePairs::vocabulary(0)) +
        " merges for the network's vocabulary, got " + std::to_string(result.merges.size()));
  return result;
}

Vocabulary read_tokenizer_json(const fs::path& path, size_t merges_max, int vocabulary) {
  const MappedFile file(path);
  return naming(path, [&] {
    const TokenizerFile read = read_tokenizer_file(text_of(file), merges_max);
    Vocabulary result = completed(read.merges, read.ids, vocabulary);
    check_ids(read.ids, result.merges);
    return result;
  });
}

/// Tokens that the files beside merges.txt add.
Ids ids_beside(const fs::path& folder, size_t merges_max) {
  Ids ids;
  if (const fs::path path = folder / kAddedTokens; fs::exists(path)) {
    const MappedFile file(path);
    naming(path, [&] {
      JsonReader json(text_of(file));
      ids = read_ids(json);
      json.end();
    });
  }
  if (const fs::path path = folder / kTokenizer; fs::exists(path)) {
    const MappedFile file(path);
    naming(path, [&] {
      for (const auto& [token, id] : read_tokenizer_file(text_of(file), merges_max).ids)
        ids.emplace(token, id);
    });
  }
  return ids;
}

}  // namespace

Vocabulary read_vocabulary(const fs::path& path, int vocabulary) {
  if (fs::is_directory(path)) {
    const auto found = find_vocabulary(path);
    if (!found)
      throw Error(path.string() + ": neither " + kMerges + ", " + kTokenizer + " nor " +
                  kCompressedMerges + " is there");
    return read_vocabulary(*found, vocabulary);
  }
  const MappedFile file(path);
  const auto bytes = file.bytes();
  const bool gzip = bytes.size() > 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
  if (const auto what = gzip ? std::nullopt : foreign_file(bytes))
    throw Error(path.string() + ": " + *what);
  const auto least = static_cast<int>(BytePairs::vocabulary(0));
  if (vocabulary <= least)
    throw Error(path.string() + ": a vocabulary of " + std::to_string(vocabulary) +
                " ids has no merges, expected more than " + std::to_string(least));
  const auto count = static_cast<size_t>(vocabulary - least);
  if (!bytes.empty() && bytes[0] == std::byte{'{'})
    return read_tokenizer_json(path, count, vocabulary);
  std::vector<std::string> merges = naming(path, [&] {
    if (gzip) return read_lines(inflated(bytes), count, /*more=*/true);
    return read_lines(text_of(file), count, /*more=*/false);
  });
  const bool fewer = merges.size() < count && !gzip;
  const Ids beside = fewer ? ids_beside(path.parent_path(), count) : Ids();
  Vocabulary result =
      naming(path, [&] { return completed(std::move(merges), beside, vocabulary); });
  const fs::path ids = path.parent_path() / kVocabulary;
  if (gzip || !fs::exists(ids)) return result;
  const MappedFile other(ids);
  naming(ids, [&] {
    JsonReader json(text_of(other));
    const Ids stated = read_ids(json);
    json.end();
    check_ids(stated, result.merges);
  });
  return result;
}

}  // namespace vernissage
