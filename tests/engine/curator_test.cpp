// Goal: the curator that comes with the project sees the same on every backend, and sees what is
// there. Method: a few painted pictures and texts are embedded and held against embeddings written
// down from the CPU (VERNISSAGE_UPDATE_GOLDEN=1 writes them anew; that the CPU agrees with libtorch
// is curator_training_test's), and nearly each text must find its picture. Compiled for the CPU and
// for the emulated kernels. Tolerances: golden/clip/README's for unit embeddings.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/clip/clip_encoder.h"
#include "engine/clip/tokenizer.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "training/dataset/painter/painter.h"

#ifdef VERNISSAGE_TEST_CUDA_CLIP
#include "engine/cuda/clip/clip.h"
#else
#include "engine/cpu/clip/clip.h"
#endif

namespace vernissage {
namespace {

using training::Facts;
using training::Medium;
using training::Subject;

constexpr int kSize = 64;

struct Sight {
  Subject subject;
  const char* text;
};
constexpr Sight kSights[] = {
    {Subject::lighthouse, "a lighthouse"},   {Subject::round_dance, "a round dance"},
    {Subject::forest, "a forest"},           {Subject::street, "a street"},
    {Subject::master, "a man with a beard"}, {Subject::calm_sea, "the sea"},
    {Subject::waves, "wavy lines"},          {Subject::bouquet, "flowers in a vase"},
};

ClipNetwork shipped() {
  return load_clip(std::filesystem::path(VERNISSAGE_SOURCE_DIR) / "models/curator.safetensors");
}

struct Embedded {
  std::vector<float> pictures, texts;  // (kSights, E)
};

template <class Encoder>
Embedded embed(Encoder& encoder, const ClipNetwork& network) {
  std::vector<uint8_t> rgb(std::size(kSights) * kSize * kSize * 3);
  std::vector<std::vector<int32_t>> tokens;
  const Tokenizer tokenizer(network);
  for (size_t i = 0; i < std::size(kSights); ++i) {
    Facts facts = training::facts_of(5);
    facts.subject = kSights[i].subject;
    facts.medium = Medium::oil;
    facts.light = training::Light::noon;
    facts.count = 6;
    paint_facts(facts, kSize, std::span(rgb).subspan(i * kSize * kSize * 3, kSize * kSize * 3));
    tokens.push_back(tokenizer.encode(kSights[i].text));
  }
  return {encoder.embed_images(static_cast<int>(std::size(kSights)), kSize, kSize, rgb),
          encoder.embed_tokens(tokens)};
}

#ifdef VERNISSAGE_TEST_CUDA_CLIP
Embedded embed_here(const ClipNetwork& network, Precision precision) {
  return embed(*make_cuda_clip_encoder(network, precision, /*batch_max=*/8), network);
}
#else
Embedded embed_here(const ClipNetwork& network, Precision) {
  return embed(*make_cpu_clip_encoder(network, /*threads=*/1, /*batch_max=*/8), network);
}
#endif

Embedded expected() {
  const MappedFile file(testing::golden("models/curator.safetensors"));
  const Safetensors stored(file.bytes());
  return {stored.tensors().at("pictures").to_f32(), stored.tensors().at("texts").to_f32()};
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& golden,
                 double tolerance, const char* what) {
  ASSERT_EQ(actual.size(), golden.size()) << what;
  double most = 0;
  for (size_t i = 0; i < actual.size(); ++i)
    most = std::max(most, std::abs(double{actual[i]} - golden[i]));
  EXPECT_LE(most, tolerance) << what;
}

TEST(Curator, SeesWhatWasWrittenDown) {
  const ClipNetwork network = shipped();
  const Embedded full = embed_here(network, Precision::f32);
#ifndef VERNISSAGE_TEST_CUDA_CLIP
  if (std::getenv("VERNISSAGE_UPDATE_GOLDEN") != nullptr) {
    const Tensor pictures{{std::ssize(kSights), network.config.embedding}, full.pictures};
    const Tensor texts{{std::ssize(kSights), network.config.embedding}, full.texts};
    write_safetensors(
        std::filesystem::path(VERNISSAGE_SOURCE_DIR) / "tests/golden/models/curator.safetensors",
        {}, {{"pictures", pictures.view()}, {"texts", texts.view()}});
  }
#else
  const Embedded half = embed_here(network, Precision::f16);
  expect_near(half.pictures, expected().pictures, 3e-3, "pictures in f16");
  expect_near(half.texts, expected().texts, 3e-3, "texts in f16");
#endif
  expect_near(full.pictures, expected().pictures, 4e-6, "pictures");
  expect_near(full.texts, expected().texts, 4e-6, "texts");
}

// Judged on thousands it names one subject in two, which these eight are far from testing; but
// finding seven of eight by chance happens once in 290,000 times.
TEST(Curator, FindsThePicturesOfNearlyAllTexts) {
  const ClipNetwork network = shipped();
  const Embedded all = expected();
  const auto width = static_cast<size_t>(network.config.embedding);
  size_t found = 0;
  for (size_t text = 0; text < std::size(kSights); ++text) {
    std::vector<double> scores(std::size(kSights), 0.0);
    for (size_t picture = 0; picture < scores.size(); ++picture)
      for (size_t k = 0; k < width; ++k)
        scores[picture] += double{all.texts[text * width + k]} * all.pictures[picture * width + k];
    const auto best =
        static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    found += best == text ? 1 : 0;
  }
  EXPECT_GE(found, std::size(kSights) - 1);
}

TEST(Curator, SpeaksEveryQueryInWholeWords) {
  const ClipNetwork network = shipped();
  const Tokenizer tokenizer(network);
  for (const char* query : {"beauty", "a round dance", "a date", "the master", "a storm",
                            "a harbour", "silence", "joy", "a café"}) {
    const std::string text = query;
    const auto words = static_cast<size_t>(std::count(text.begin(), text.end(), ' ') + 1);
    EXPECT_EQ(tokenizer.length(text), words + 2) << query;
  }
}

}  // namespace
}  // namespace vernissage
