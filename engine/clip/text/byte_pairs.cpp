#include "engine/clip/text/byte_pairs.h"

#include <optional>
#include <queue>
#include <tuple>

#include "base/error.h"
#include "base/json.h"

namespace vernissage {

namespace {

constexpr int32_t kBytes = 256;  // ids from here on close a word
constexpr int32_t kFirstMerge = 2 * kBytes;
constexpr std::string_view kWordEnd = "</w>";

/// Bytes that the tables spell as the code point of the same number; the others are spelt as
/// U+0100, U+0101, … in rising order, so that every symbol can be printed.
bool spelt_as_itself(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

std::string utf8(uint32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

uint64_t pair_key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

}  // namespace

BytePairs::BytePairs(std::span<const std::string> merges) {
  std::unordered_map<std::string, int32_t> symbols;
  symbols.reserve(vocabulary(merges.size()));
  int32_t next = 0;
  uint32_t substitute = 0x100;
  for (const bool itself : {true, false})
    for (int byte = 0; byte < kBytes; ++byte) {
      if (spelt_as_itself(byte) != itself) continue;
      const std::string spelt = utf8(itself ? static_cast<uint32_t>(byte) : substitute++);
      symbols.emplace(std::string(spelt).append(kWordEnd), next + kBytes);
      symbols.emplace(spelt, next);
      byte_ids_[static_cast<size_t>(byte)] = next++;
    }

  next = kFirstMerge;
  joined_.reserve(merges.size());
  for (const std::string& merge : merges) {
    const auto fail = [&](const std::string& reason) {
      throw Error("merge " + std::to_string(next - kFirstMerge) + " " + json_quote_short(merge) +
                  ": " + reason);
    };
    const size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos)
      fail("expected two symbols with a space between");
    const std::string left = merge.substr(0, space), right = merge.substr(space + 1);
    const auto id = [&](const std::string& symbol) {
      const auto found = symbols.find(symbol);
      if (found == symbols.end())
        fail("no byte and no earlier merge makes " + json_quote_short(symbol));
      return found->second;
    };
    const int32_t left_id = id(left), right_id = id(right);
    if (left.ends_with(kWordEnd)) fail("a word cannot go on after " + json_quote_short(left));
    if (!symbols.emplace(left + right, next).second) fail("another merge makes the same symbol");
    joined_.emplace(pair_key(left_id, right_id), next++);
  }
}

void BytePairs::encode(std::string_view word, std::vector<int32_t>& ids) const {
  VERNISSAGE_ASSERT(!word.empty());
  std::vector<int32_t> symbols;
  for (const char c : word) symbols.push_back(byte_ids_[static_cast<unsigned char>(c)]);
  symbols.back() += kBytes;

  // Symbols stay at the place of their first byte and are linked over what they swallowed. The
  // queue holds pairs by rank, then place: all occurrences of a pair are joined from left to right.
  const size_t count = symbols.size(), none = count;
  std::vector<size_t> after(count), before(count);
  for (size_t i = 0; i < count; ++i) {
    after[i] = i + 1;
    before[i] = i == 0 ? none : i - 1;
  }
  using Pair = std::tuple<int32_t, size_t, int32_t, int32_t>;  // made, place, left, right
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> ranked;
  const auto offer = [&](size_t place) {
    if (place == none || after[place] == none) return;
    const int32_t left = symbols[place], right = symbols[after[place]];
    const auto found = joined_.find(pair_key(left, right));
    if (found != joined_.end()) ranked.emplace(found->second, place, left, right);
  };
  for (size_t i = 0; i < count; ++i) offer(i);
  constexpr int32_t kSwallowed = -1;
  while (!ranked.empty()) {
    const auto [made, place, left, right] = ranked.top();
    ranked.pop();
    const size_t second = after[place];
    if (symbols[place] != left || second == none || symbols[second] != right) continue;
    symbols[place] = made;
    symbols[second] = kSwallowed;
    after[place] = after[second];
    if (after[place] != none) before[after[place]] = place;
    offer(before[place]);
    offer(place);
  }
  for (const int32_t symbol : symbols)
    if (symbol != kSwallowed) ids.push_back(symbol);
}

}  // namespace vernissage
