#include "engine/clip/tokenizer.h"

#include <utility>

#include "base/error.h"
#include "engine/clip/text/byte_pairs.h"
#include "engine/clip/text/clean_up.h"
#include "engine/clip/text/html.h"
#include "engine/clip/text/unicode.h"

namespace vernissage {

namespace {

constexpr std::u32string_view kStart = U"<|startoftext|>";
constexpr std::u32string_view kEnd = U"<|endoftext|>";
constexpr std::u32string_view kContractions[] = {U"'s", U"'t",  U"'re", U"'ve",
                                                 U"'m", U"'ll", U"'d"};

/// Does `text`, which is in lower case, begin with `prefix`? The long ſ, which is no lower case of
/// anything but folds to s, counts as one.
bool begins(std::u32string_view text, std::u32string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i)
    if (text[i] != prefix[i] && !(text[i] == U'ſ' && prefix[i] == U's')) return false;
  return true;
}

bool is_other(char32_t code) {
  return !is_white_space(code) && !is_letter(code) && !is_number(code);
}

size_t run_length(std::u32string_view text, bool (*belongs)(char32_t)) {
  size_t length = 0;
  while (length < text.size() && belongs(text[length])) ++length;
  return length;
}

/// Length of the piece that `text` begins with, which is no white space: a literal token, a
/// contraction, letters, one digit, or whatever else stands together.
size_t piece_length(std::u32string_view text) {
  for (const std::u32string_view literal : {kStart, kEnd})
    if (begins(text, literal)) return literal.size();
  for (const std::u32string_view contraction : kContractions)
    if (begins(text, contraction)) return contraction.size();
  if (is_letter(text[0])) return run_length(text, is_letter);
  if (is_number(text[0])) return 1;
  return run_length(text, is_other);
}

std::u32string clean(std::string_view text) {
  const std::u32string plain = unescape_html(unescape_html(plain_text(decode_utf8(text))));
  return to_lower(collapse_white_space(plain));
}

}  // namespace

struct Tokenizer::Tables {
  BytePairs pairs;
  int32_t start, end;
  size_t context;

  /// start, all tokens, end.
  std::vector<int32_t> tokens(std::string_view text) const {
    std::vector<int32_t> ids = {start};
    const std::u32string cleaned = clean(text);
    std::u32string_view rest = cleaned;
    while (!rest.empty()) {
      if (is_white_space(rest[0])) {
        rest.remove_prefix(1);
        continue;
      }
      const std::u32string_view piece = rest.substr(0, piece_length(rest));
      rest.remove_prefix(piece.size());
      if (piece == kStart)
        ids.push_back(start);
      else if (piece == kEnd)
        ids.push_back(end);
      else
        pairs.encode(encode_utf8(piece), ids);
    }
    ids.push_back(end);
    return ids;
  }
};

Tokenizer::Tokenizer(const ClipNetwork& network) {
  if (!network.has_tokenizer())
    throw Error("the network came without a tokenizer, so it understands no words");
  const ClipConfig& config = network.config;
  const size_t made = BytePairs::vocabulary(network.merges.size());
  if (made != static_cast<size_t>(config.vocabulary))
    throw Error("vocabulary: expected " + std::to_string(made) + " for " +
                std::to_string(network.merges.size()) + " merges, got " +
                std::to_string(config.vocabulary));
  tables_ = std::make_unique<const Tables>(Tables{BytePairs(network.merges), config.start_token(),
                                                  config.end_token(),
                                                  static_cast<size_t>(config.context)});
}

Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids = tables_->tokens(text);
  if (ids.size() > tables_->context) {
    ids.resize(tables_->context);
    ids.back() = tables_->end;
  }
  return ids;
}

size_t Tokenizer::length(std::string_view text) const {
  return tables_->tokens(text).size();
}

bool Tokenizer::has_reserved(std::string_view text) {
  const std::u32string cleaned = clean(text);
  return cleaned.find(kStart) != cleaned.npos || cleaned.find(kEnd) != cleaned.npos;
}

std::string clean_text(std::string_view text) {
  return encode_utf8(clean(text));
}

}  // namespace vernissage
