// Goal: what the curator was trained on is what the engine's tokenizer gives it. Method: a
// vocabulary learnt on real captions; thousands of captions through the trainer's splitter and
// through the tokenizer; the merges by hand on a small example.
#include <gtest/gtest.h>

#include "engine/clip/tokenizer.h"
#include "training/clip/words.h"
#include "training/dataset/painter/caption.h"
#include "training/dataset/painter/painter.h"

namespace vernissage::training {
namespace {

ClipNetwork network_with(std::vector<std::string> merges, int context) {
  ClipNetwork network;
  network.merges = std::move(merges);
  network.config.vocabulary = static_cast<int>(BytePairs::vocabulary(network.merges.size()));
  network.config.context = context;
  return network;
}

// "low" 5 times, "lower" twice: l+o 7 times before o+w, which stands in "low" as o+w</w>; then
// low</w>.
TEST(CaptionWords, TheMostFrequentPairIsMergedFirst) {
  const std::vector<std::string> merges = learn_merges({{"low", 5}, {"lower", 2}}, 10);
  ASSERT_GE(merges.size(), 2u);
  EXPECT_EQ(merges[0], "l o");
  EXPECT_EQ(merges[1], "lo w</w>");
}

TEST(CaptionWords, LearningStopsWhenEveryWordIsOneSymbol) {
  EXPECT_EQ(learn_merges({{"ab", 1}}, 10), std::vector<std::string>{"a b</w>"});
  EXPECT_TRUE(learn_merges({{"a", 3}}, 10).empty());
}

TEST(CaptionWords, SplitsAsTheTokenizerDoes) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(split_words("a round dance"), (Strings{"a", "round", "dance"}));
  EXPECT_EQ(split_words("a self-portrait"), (Strings{"a", "self", "-", "portrait"}));
  EXPECT_EQ(split_words("a café at 12"), (Strings{"a", "café", "at", "1", "2"}));
  EXPECT_TRUE(split_words("").empty());
}

TEST(CaptionWords, AreTheTokenizersIds) {
  constexpr int kContext = 16;  // some captions are longer: the cut is compared too
  const ClipNetwork network = network_with(learn_merges(count_caption_words(400), 300), kContext);
  ASSERT_EQ(network.merges.size(), 300u);
  const Tokenizer tokenizer(network);
  const Words words(network.merges, kContext);
  int cut = 0;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const std::string text = caption(facts_of(seed), {}, seed);
    const std::vector<int64_t> ours = words.encode(text);
    const std::vector<int32_t> theirs = tokenizer.encode(text);
    EXPECT_EQ(ours, std::vector<int64_t>(theirs.begin(), theirs.end())) << text;
    cut += tokenizer.length(text) > kContext ? 1 : 0;
  }
  EXPECT_GT(cut, 0);
}

}  // namespace
}  // namespace vernissage::training
