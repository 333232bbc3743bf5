// Byte-pair encoding of one word: bytes to symbols, symbols joined by rank until no pair is ranked.
// Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units",
// algorithm 1; over bytes, with </w> closing a word, as Radford et al. 2021 use it.
//
// Ours: Debian has no tokenizer for this vocabulary, and the merges are part of our network files.
//
// Ids: 0 … 255 a byte's symbol, 256 … 511 the same at the end of a word, 512 + r what the merge of
// rank r makes, then the start and the end of a text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vernissage {

/// Const members may be called from several threads.
class BytePairs {
 public:
  /// Ids of a vocabulary with so many merges.
  static constexpr size_t vocabulary(size_t merges) { return 512 + merges + 2; }

  /// `merges` by rank: two symbols with a space between. Throws Error naming the merge that is no
  /// such pair, joins a symbol that no byte and no earlier merge makes, or repeats another.
  explicit BytePairs(std::span<const std::string> merges);

  /// Appends the ids of one word, of one byte at least.
  void encode(std::string_view word, std::vector<int32_t>& ids) const;

 private:
  std::array<int32_t, 256> byte_ids_;             // by byte
  std::unordered_map<uint64_t, int32_t> joined_;  // pair of ids → id of what they make
};

}  // namespace vernissage
