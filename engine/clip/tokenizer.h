// Words to token ids: the byte-pair encoding of the original CLIP release, with its clean-up of the
// text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage {

/// Const members may be called from several threads.
class Tokenizer {
 public:
  /// Throws Error when the network came without merges or they are malformed (naming the line).
  explicit Tokenizer(const ClipNetwork& network);
  ~Tokenizer();

  /// start, tokens, end: 2 … context ids, not padded; a longer text is cut and keeps the end. Bytes
  /// that are not UTF-8 count as U+FFFD each. The literals <|startoftext|> and <|endoftext|> are
  /// their tokens even inside a text: refuse them in queries with has_reserved().
  std::vector<int32_t> encode(std::string_view text) const;
  /// Tokens of the text before it is cut, start and end included.
  size_t length(std::string_view text) const;
  static bool has_reserved(std::string_view text);

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

/// The text as it is split: cleaned up, unescaped, white space collapsed, lower-cased. For tests.
std::string clean_text(std::string_view text);

}  // namespace vernissage
