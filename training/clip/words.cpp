#include "training/clip/words.h"

#include <set>

#include "training/dataset/painter/caption.h"
#include "training/dataset/painter/painter.h"
#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {
namespace {

using Pair = std::pair<std::string, std::string>;

/// The printable symbol of a byte, in UTF-8: itself where it is printable in Latin-1, else from
/// U+0100 on.
std::string symbol_of(unsigned char byte) {
  const auto printable = [](unsigned b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  };
  unsigned code = byte;
  if (!printable(byte)) {
    code = 256;
    for (unsigned b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
  }
  if (code < 128) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
}

struct Word {
  std::vector<std::string> symbols;
  int64_t count;
};

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  const auto kind = [](char c) {
    const auto b = static_cast<unsigned char>(c);
    if (b == ' ') return 0;
    if ((b >= 'a' && b <= 'z') || b >= 128) return 1;
    return b >= '0' && b <= '9' ? 2 : 3;
  };
  std::vector<std::string> words;
  int before = 0;
  for (const char c : text) {
    const int now = kind(c);
    if (now != 0 && (now != before || now == 2)) words.emplace_back();
    if (now != 0) words.back() += c;
    before = now;
  }
  return words;
}

namespace {

void apply(const Pair& chosen, std::vector<Word>& words) {
  for (Word& word : words) {
    std::vector<std::string> joined;
    for (size_t i = 0; i < word.symbols.size(); ++i) {
      const bool here = i + 1 < word.symbols.size() && word.symbols[i] == chosen.first &&
                        word.symbols[i + 1] == chosen.second;
      joined.push_back(here ? chosen.first + chosen.second : word.symbols[i]);
      if (here) ++i;
    }
    word.symbols = std::move(joined);
  }
}

}  // namespace

std::vector<std::string> learn_merges(const std::map<std::string, int64_t>& counted, size_t count,
                                      const std::vector<std::string>& known) {
  std::vector<Word> words;
  for (const auto& [text, times] : counted) {
    Word word{{}, times};
    for (const char c : text) word.symbols.push_back(symbol_of(static_cast<unsigned char>(c)));
    word.symbols.back() += "</w>";
    words.push_back(std::move(word));
  }
  std::vector<std::string> merges;
  std::set<std::string> made;  // no two merges may make the same symbol
  for (const std::string& merge : known) {
    const size_t space = merge.find(' ');
    const Pair pair{merge.substr(0, space), merge.substr(space + 1)};
    apply(pair, words);
    made.insert(pair.first + pair.second);
    merges.push_back(merge);
  }
  while (merges.size() < count) {
    std::map<Pair, int64_t> pairs;
    for (const Word& word : words)
      for (size_t i = 0; i + 1 < word.symbols.size(); ++i)
        pairs[{word.symbols[i], word.symbols[i + 1]}] += word.count;
    const Pair* best = nullptr;
    int64_t most = 0;
    for (const auto& [pair, times] : pairs)
      if (times > most && !made.contains(pair.first + pair.second)) {
        best = &pair;
        most = times;
      }
    if (best == nullptr) break;
    const Pair chosen = *best;
    made.insert(chosen.first + chosen.second);
    merges.push_back(chosen.first + " " + chosen.second);
    apply(chosen, words);
  }
  return merges;
}

std::map<std::string, int64_t> count_caption_words(uint64_t pictures) {
  std::map<std::string, int64_t> words;
  for (uint64_t picture = 0; picture < pictures; ++picture) {
    const Facts facts = facts_of(picture);
    for (uint64_t wording = 0; wording < 4; ++wording) {
      // The colours' words need no picture: every impression turns up.
      const uint64_t chance = mixed(picture * 4 + wording);
      Impression look;
      look.hue = static_cast<Impression::Hue>(chance % 8);
      look.dark = (chance >> 8) % 4 == 0;
      look.light = !look.dark && (chance >> 12) % 4 == 0;
      look.vivid = (chance >> 16) % 4 == 0;
      look.muted = !look.vivid && (chance >> 20) % 4 == 0;
      for (std::string& word : split_words(caption(facts, look, wording))) ++words[std::move(word)];
    }
  }
  return words;
}

Words::Words(const std::vector<std::string>& merges, int context)
    : pairs_(merges),
      start_(static_cast<int64_t>(BytePairs::vocabulary(merges.size())) - 2),
      context_(static_cast<size_t>(context)) {}

std::vector<int64_t> Words::encode(std::string_view text) const {
  std::vector<int32_t> tokens;
  for (const std::string& word : split_words(text)) pairs_.encode(word, tokens);
  std::vector<int64_t> ids{start_};
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  if (ids.size() >= context_) ids.resize(context_ - 1);
  ids.push_back(start_ + 1);
  return ids;
}

}  // namespace vernissage::training
