// The files of CLIP's tokenizer: the merges of its byte-pair encoding, by rank.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vernissage {

/// merges.txt or bpe_simple_vocab_16e6.txt.gz in a folder, in that order.
std::optional<std::filesystem::path> find_vocabulary(const std::filesystem::path& folder);

/// The merges of a vocabulary of so many ids. `path` is a folder as above, a merges.txt, which must
/// hold exactly as many and agree with a vocab.json beside it, or the original release's list
/// (.gz), which goes on behind them. Throws Error naming the file and the line.
std::vector<std::string> read_vocabulary(const std::filesystem::path& path, int vocabulary);

}  // namespace vernissage
