// The curator's own vocabulary: byte-pair merges learnt on the captions, in the published tables'
// spelling.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clip/text/byte_pairs.h"

namespace vernissage::training {

/// The words of a text in lower-case letters as the tokenizer splits it: runs of letters (bytes
/// from 128 count as letters), single digits, runs of other characters; no space.
std::vector<std::string> split_words(std::string_view text);

/// At most `count` merges, the most frequent pair first (Sennrich et al. 2016, algorithm 1), of two
/// equally frequent the one that sorts first. Stops early where every word is one symbol.
/// Those in `known` come first and count.
std::vector<std::string> learn_merges(const std::map<std::string, int64_t>& words, size_t count,
                                      const std::vector<std::string>& known = {});
/// How often each word occurs in captions of pictures 0 … pictures - 1, four captions each.
std::map<std::string, int64_t> count_caption_words(uint64_t pictures);

/// start, tokens, end; cut to `context` with the end kept.
class Words {
 public:
  Words(const std::vector<std::string>& merges, int context);
  std::vector<int64_t> encode(std::string_view text) const;

 private:
  BytePairs pairs_;
  int64_t start_;
  size_t context_;
};

}  // namespace vernissage::training
