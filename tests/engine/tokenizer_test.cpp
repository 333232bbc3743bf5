// Goal: texts become the ids that the original release's tokenizer gives them, whatever they hold.
// Method: all 108 golden strings (those that its repair of mis-decoded text changes: as without the
// repair), the rules that no golden string tells apart, small vocabularies made here, and all
// entities and characters where the full golden data lies beside the checkout.
#include "engine/clip/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "engine/clip/text/byte_pairs.h"
#include "engine/clip/text/html.h"
#include "engine/clip/text/unicode.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"

namespace vernissage {
using testing::golden;
using testing::Json;
using testing::read_json;

namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A network that has no tensors: the tokenizer looks at its vocabulary only.
ClipNetwork words_only(std::vector<std::string> merges, int context = 77) {
  ClipNetwork network;
  network.config.context = context;
  network.config.vocabulary = static_cast<int>(BytePairs::vocabulary(merges.size()));
  network.merges = std::move(merges);
  return network;
}

const Tokenizer& published() {
  static const Tokenizer tokenizer = [] {
    std::istringstream lines(contents(golden("clip/merges.txt")));
    std::vector<std::string> merges;
    std::string line;
    std::getline(lines, line);  // the version
    while (std::getline(lines, line)) merges.push_back(line);
    return Tokenizer(words_only(std::move(merges)));
  }();
  return tokenizer;
}

std::vector<int32_t> ids_of(const Json& list) {
  std::vector<int32_t> ids;
  for (const Json& id : list.items) ids.push_back(id.integer());
  return ids;
}

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

constexpr int32_t kStart = 49406, kEnd = 49407;

}  // namespace

TEST(Tokenizer, GoldenStringsBecomeTheirIds) {
  const Json cases = read_json(golden("clip/tokenizer.json"));
  ASSERT_EQ(cases.at("cases").items.size(), 108u);
  for (const Json& one : cases.at("cases").items) {
    const std::string& text = one.at("text").text;
    const Json* unrepaired = one.find("ids_no_repair");
    EXPECT_EQ(published().encode(text), ids_of(unrepaired ? *unrepaired : one.at("ids"))) << text;
    if (unrepaired) continue;  // the other fields belong to the repaired text
    EXPECT_EQ(clean_text(text), one.at("cleaned").text);
    EXPECT_EQ(published().length(text), static_cast<size_t>(one.at("length_untruncated").integer()))
        << text;
  }
}

TEST(Tokenizer, ATextIsCutAtTheContextAndKeepsItsEnd) {
  const auto words = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += "word ";
    return text;
  };
  for (const size_t count : {74u, 75u, 76u, 77u, 500u}) {
    const auto ids = published().encode(words(count));
    EXPECT_EQ(published().length(words(count)), count + 2);
    ASSERT_EQ(ids.size(), std::min<size_t>(count + 2, 77));
    EXPECT_EQ(ids.front(), kStart);
    EXPECT_EQ(ids.back(), kEnd);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), ids[1]), static_cast<ptrdiff_t>(ids.size() - 2));
  }
}

TEST(Tokenizer, LiteralTokensAreRecognisedHoweverTheyAreWritten) {
  for (const char* text : {"<|endoftext|>", "a <|STARTOFTEXT|> b", "&lt;|endoftext|&gt;",
                           "\uff1c|endoftext|\uff1e", "<|endof\u200btext|><|startoftext|>"})
    EXPECT_TRUE(Tokenizer::has_reserved(text)) << text;
  for (const char* text : {"", "end of text", "<|endoftext", "<endoftext>", "<|endof text|>"})
    EXPECT_FALSE(Tokenizer::has_reserved(text)) << text;
  EXPECT_EQ(published().encode("<|endoftext|>"), (std::vector<int32_t>{kStart, kEnd, kEnd}));
  // Behind other punctuation the literal is swallowed by its run, in the original too.
  const auto swallowed = published().encode("!<|endoftext|>");
  EXPECT_EQ(std::count(swallowed.begin(), swallowed.end(), kEnd), 1);
}

TEST(Tokenizer, BytesThatAreNotUtf8CountAsReplacementCharacters) {
  EXPECT_EQ(clean_text("a\xff"
                       "b"),
            "a\ufffdb");
  EXPECT_EQ(clean_text("\xc3"), "\ufffd");                      // cut off
  EXPECT_EQ(clean_text("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");  // a surrogate
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3)), "ab");
}

TEST(Tokenizer, ReferencesAreReadAsCertainFirstAndAsBrowsersDoThen) {
  // With a semicolon that it stands for, a number waits for the browser's way.
  EXPECT_EQ(clean_text("&#59;x"), ";x");
  EXPECT_EQ(clean_text("&#12ab;"), "ab;");
  EXPECT_EQ(clean_text("&#99999999999999999999;"), "\ufffd");
  EXPECT_EQ(clean_text("a&#x1;b&#xfffe;c"), "abc");
  EXPECT_EQ(clean_text("&#;&#x;&;&"), "&#;&#x;&;&");
  EXPECT_EQ(clean_text("&szlig; &SZLIG;"), "\u00df ss");
  EXPECT_EQ(clean_text("&LTRIE;"), "<rie;");  // &LT is known without its semicolon
  EXPECT_EQ(clean_text("&ampx"), "&x");
  EXPECT_EQ(clean_text("&thisnameisfarlongerthananynamemaybe"),
            "&thisnameisfarlongerthananynamemaybe");
  // A < on an earlier line counts, on a later one not.
  EXPECT_EQ(clean_text("<\n&ldquo;"), "< \u201c");
  EXPECT_EQ(clean_text("&ldquo;\n<"), "\" <");
}

TEST(Tokenizer, SmallVocabulariesWorkAndTheirIdsFollowFromTheMerges) {
  const Tokenizer tokenizer(words_only({"t h", "th e</w>"}, 6));
  constexpr int32_t kT = 't' - 33, kH = 'h' - 33, kS = 's' - 33, kWordEnd = 256;
  EXPECT_EQ(tokenizer.encode(""), (std::vector<int32_t>{514, 515}));
  EXPECT_EQ(tokenizer.encode("The"), (std::vector<int32_t>{514, 513, 515}));
  EXPECT_EQ(tokenizer.encode("ths th"),
            (std::vector<int32_t>{514, 512, kS + kWordEnd, kT, kH + kWordEnd, 515}));
  EXPECT_EQ(tokenizer.encode("ths the the"),
            (std::vector<int32_t>{514, 512, kS + kWordEnd, 513, 513, 515}));
  EXPECT_EQ(tokenizer.encode("ths the the the").back(), 515);
  EXPECT_EQ(tokenizer.length("ths the the the"), 7u);
}

TEST(BytePairs, MergesApplyByRankFromLeftToRight) {
  const BytePairs pairs(std::vector<std::string>{"a a", "b c</w>", "aa a", "b c"});
  const auto encode = [&](std::string_view word) {
    std::vector<int32_t> ids;
    pairs.encode(word, ids);
    return ids;
  };
  constexpr int32_t kA = 'a' - 33, kC = 'c' - 33, kWordEnd = 256;
  EXPECT_EQ(encode("a"), (std::vector<int32_t>{kA + kWordEnd}));
  EXPECT_EQ(encode("aaa"), (std::vector<int32_t>{512, kA + kWordEnd}));
  EXPECT_EQ(encode("aaaa"), (std::vector<int32_t>{514, kA + kWordEnd}));
  EXPECT_EQ(encode("aaaaac"), (std::vector<int32_t>{512, 514, kC + kWordEnd}));
  EXPECT_EQ(encode("bc"), (std::vector<int32_t>{513}));
  EXPECT_EQ(encode("bcbc"), (std::vector<int32_t>{515, 513}));
}

TEST(BytePairs, EveryByteHasItsSymbol) {
  const BytePairs pairs({});
  std::vector<int32_t> ids;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    pairs.encode({&c, 1}, ids);
  }
  EXPECT_EQ(ids[33], 256);
  EXPECT_EQ(ids[126], 256 + 93);
  EXPECT_EQ(ids[161], 256 + 94);
  EXPECT_EQ(ids[174], 256 + 106);
  EXPECT_EQ(ids[0], 256 + 188);
  EXPECT_EQ(ids[173], 511);
  std::sort(ids.begin(), ids.end());
  for (int i = 0; i < 256; ++i) EXPECT_EQ(ids[static_cast<size_t>(i)], 256 + i);
}

TEST(BytePairs, MalformedMergesAreRefusedByRankAndReason) {
  using Merges = std::vector<std::string>;
  const auto refused = [](const Merges& merges) {
    return error_of([&] { const BytePairs pairs(merges); });
  };
  EXPECT_EQ(refused({"a b", "ab"}), "merge 1 \"ab\": expected two symbols with a space between");
  EXPECT_EQ(refused({"a b c"}), "merge 0 \"a b c\": expected two symbols with a space between");
  EXPECT_EQ(refused({"a "}), "merge 0 \"a \": no byte and no earlier merge makes \"\"");
  EXPECT_EQ(refused({"ab c", "a b"}),
            "merge 0 \"ab c\": no byte and no earlier merge makes \"ab\"");
  EXPECT_EQ(refused({"a\n b"}), "merge 0 \"a\\n b\": no byte and no earlier merge makes \"a\\n\"");
  EXPECT_EQ(refused({"a</w> b"}), "merge 0 \"a</w> b\": a word cannot go on after \"a</w>\"");
  EXPECT_EQ(refused({"a b", "a b"}), "merge 1 \"a b\": another merge makes the same symbol");
}

TEST(Tokenizer, ANetworkWithoutATokenizerOrWithAnotherVocabularyIsRefused) {
  EXPECT_EQ(error_of([] { const Tokenizer tokenizer(words_only({})); }),
            "the network came without a tokenizer, so it understands no words");
  ClipNetwork network = words_only({"a b"});
  network.config.vocabulary = 516;
  EXPECT_EQ(error_of([&] { const Tokenizer tokenizer(network); }),
            "vocabulary: expected 515 for 1 merges, got 516");
}

TEST(Tokenizer, AllEntitiesAreKnown) {
  const Json table = read_json(golden("clip/html_entities.json"));
  const auto characters = [](const Json& codes) {
    std::u32string text;
    for (const Json& code : codes.items) text += static_cast<char32_t>(code.integer());
    return text;
  };
  ASSERT_GT(table.at("html5").members.size(), 2000u);
  for (const auto& [name, codes] : table.at("html5").members)
    EXPECT_EQ(unescape_html(decode_utf8("&" + name)), characters(codes)) << name;
  ASSERT_GT(table.at("uppercased_extra").members.size(), 1000u);
  for (const auto& [name, codes] : table.at("uppercased_extra").members)
    EXPECT_EQ(clean_text("&" + name), clean_text(encode_utf8(characters(codes)))) << name;
}

TEST(Tokenizer, AllCharactersHaveTheirCategoryAndLowerCase) {
  const Json tables = read_json(golden("clip/unicode_tables.json"));
  constexpr char32_t kCodes = 0x110000;
  const auto expect_set = [&](const char* name, bool (*belongs)(char32_t)) {
    std::vector<bool> expected(kCodes);
    for (const Json& range : tables.at(name).items)
      for (int code = range.items[0].integer(); code <= range.items[1].integer(); ++code)
        expected[static_cast<size_t>(code)] = true;
    for (char32_t code = 0; code < kCodes; ++code)
      ASSERT_EQ(belongs(code), expected[code]) << name << " " << static_cast<uint32_t>(code);
  };
  expect_set("letter", is_letter);
  expect_set("number", is_number);
  expect_set("whitespace", is_white_space);
  for (const auto& [key, codes] : tables.at("lower").members) {
    std::u32string expected;
    for (const Json& code : codes.items) expected += static_cast<char32_t>(code.integer());
    const auto code = static_cast<char32_t>(std::stoul(key));
    EXPECT_EQ(to_lower(std::u32string(1, code)), expected) << key;
  }
}

}  // namespace vernissage
