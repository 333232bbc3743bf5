// The files of CLIP's tokenizer: the merges of its byte-pair encoding, by rank.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vernissage {

/// What the files of a tokenizer say.
struct Vocabulary {
  std::vector<std::string> merges;  // by rank, "a b" each
  std::vector<std::string> added;   // tokens that somebody added behind the end token, by id
};

/// merges.txt, tokenizer.json or bpe_simple_vocab_16e6.txt.gz in a folder, in that order.
std::optional<std::filesystem::path> find_vocabulary(const std::filesystem::path& folder);

/// The merges of a vocabulary of so many ids. `path` is a folder as above; a merges.txt, which must
/// hold exactly as many and agree with a vocab.json beside it; a tokenizer.json, whose ids must
/// follow from its merges; or the original release's list (.gz), which goes on behind them. Merges
/// may be fewer by as many tokens as tokenizer.json or added_tokens.json beside them add. Throws
/// Error naming the file and the line or key.
Vocabulary read_vocabulary(const std::filesystem::path& path, int vocabulary);

}  // namespace vernissage
