// Goal: the curator's training computes what the engine will run, goes downhill, and a run that was
// stopped and gone on with is the run that was not. Method: a tiny network of two layers;
// libtorch's towers against the engine's on the CPU; four steps at once against two and two through
// the stored state, bit for bit.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "base/error.h"
#include "engine/cpu/clip/clip.h"
#include "training/clip/judge.h"
#include "training/clip/trainer.h"
#include "training/dataset/painter/painter.h"

namespace vernissage::training {
namespace {

CuratorOptions tiny() {
  CuratorOptions options;
  ClipConfig& config = options.config;
  config.image_size = 32;
  config.patch_size = 8;
  config.vision = {32, 2, 2, 64, ClipActivation::quick_gelu};
  config.text = {32, 2, 2, 64, ClipActivation::gelu};
  config.embedding = 16;
  config.context = 24;
  config.source = "vernissage";
  options.batch = 12;
  options.images = 1200;
  options.warmup_images = 24;
  return options;
}

std::vector<std::string> few_merges() {
  return learn_merges(count_caption_words(100), 60);
}

at::Tensor pictures(int64_t first, int n, int size) {
  const auto rgb = at::empty({n, size, size, 3}, at::kByte);
  const auto bytes = static_cast<size_t>(size * size * 3);
  for (int i = 0; i < n; ++i)
    paint_into(kTrainingSeeds + static_cast<uint64_t>(first + i), size,
               {rgb.data_ptr<uint8_t>() + static_cast<size_t>(i) * bytes, bytes});
  return rgb;
}

CuratorTrainer::Step next_step(CuratorTrainer& trainer, const CuratorOptions& options) {
  return trainer.step(pictures(trainer.images_seen(), options.batch, options.config.image_size));
}

/// The shipped network too: what was judged in libtorch is what the gallery runs.
std::vector<ClipNetwork> networks_to_compare() {
  const CuratorOptions options = tiny();
  CuratorTrainer trainer(options, few_merges());
  for (int i = 0; i < 2; ++i) next_step(trainer, options);
  return {trainer.network(),
          load_clip(std::filesystem::path(VERNISSAGE_SOURCE_DIR) / "models/curator.safetensors")};
}

class CuratorTraining : public ::testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
};

// Both sum in float32; 1e-5 of a unit vector's values is 80 roundings, the README of the golden
// data measures 2e-6 for larger towers.
TEST_F(CuratorTraining, TheEngineEmbedsAsTheTrainerDoes) {
  for (const ClipNetwork& network : networks_to_compare()) {
    const auto engine = make_cpu_clip_encoder(network, /*threads=*/1, /*batch_max=*/4);
    const JudgedPictures judged = look_at_pictures(network, 0, 6);
    const std::vector<float> images = engine->embed_images(6, judged.size, judged.size, judged.rgb);
    const auto of_trainer = judged.embeddings.contiguous();
    ASSERT_EQ(static_cast<int64_t>(images.size()), of_trainer.numel());
    for (size_t i = 0; i < images.size(); ++i)
      EXPECT_NEAR(images[i], of_trainer.data_ptr<float>()[i], 1e-5);

    const Words words(network.merges, network.config.context);
    std::vector<std::vector<int32_t>> ids;
    for (const std::string& text : judged.captions) {
      const auto wide = words.encode(text);
      ids.emplace_back(wide.begin(), wide.end());
    }
    const std::vector<float> texts = engine->embed_tokens(ids);
    const auto words_of_trainer = embed_words(network, judged.captions).contiguous();
    ASSERT_EQ(static_cast<int64_t>(texts.size()), words_of_trainer.numel());
    for (size_t i = 0; i < texts.size(); ++i)
      EXPECT_NEAR(texts[i], words_of_trainer.data_ptr<float>()[i], 1e-5);
  }
}

TEST_F(CuratorTraining, StoppedAndGoneOnWithIsTheSameRun) {
  const CuratorOptions options = tiny();
  const auto merges = few_merges();
  CuratorTrainer whole(options, merges), first(options, merges);
  for (int i = 0; i < 4; ++i) next_step(whole, options);
  for (int i = 0; i < 2; ++i) next_step(first, options);
  CuratorTrainer second(options, first.state());
  EXPECT_EQ(second.images_seen(), 2 * options.batch);
  for (int i = 0; i < 2; ++i) next_step(second, options);
  const StoredState a = whole.state(), b = second.state();
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors)
    EXPECT_TRUE(tensor.equal(b.tensors.at(name))) << name;
}

// What was learnt stays: of an unchanged vocabulary everything, of a longer one the same embeddings
// of texts that use no new merge.
TEST_F(CuratorTraining, BeginsWithAnotherNetworksValues) {
  const CuratorOptions options = tiny();
  CuratorTrainer trainer(options, few_merges());
  for (int i = 0; i < 3; ++i) next_step(trainer, options);
  const ClipNetwork from = trainer.network();
  const auto more =
      learn_merges({{"xylophone", 9}, {"zzzz", 5}}, from.merges.size() + 6, from.merges);
  ASSERT_EQ(more.size(), from.merges.size() + 6);
  const ClipNetwork begun = CuratorTrainer(options, more, from).network();
  const std::vector<std::string> texts = {"a harbour at night", "silence"};
  EXPECT_TRUE(embed_words(from, texts).equal(embed_words(begun, texts)));
  const Words words(more, 24), before(from.merges, 24);
  EXPECT_LT(words.encode("xylophone").size(), before.encode("xylophone").size());
  auto others = from.merges;
  std::swap(others[0], others[1]);
  EXPECT_THROW(CuratorTrainer(options, others, from), Error);
}

TEST_F(CuratorTraining, RefusesAStateOfOtherOptions) {
  CuratorOptions options = tiny();
  const CuratorTrainer trainer(options, few_merges());
  options.batch = 13;
  try {
    const CuratorTrainer other(options, trainer.state());
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("batch 12"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("batch 13"), std::string::npos) << error.what();
  }
}

// The same twelve pictures over and over: from chance, ln 12 = 2.48 or above, to telling them
// apart.
TEST_F(CuratorTraining, LearnsAFewPicturesByHeart) {
  CuratorOptions options = tiny();
  options.rate = 3e-3;
  CuratorTrainer trainer(options, few_merges());
  const auto rgb = pictures(0, options.batch, options.config.image_size);
  const double before = next_step(trainer, options).loss;
  // step() takes captions by the number of pictures seen; here the loss is taken by hand instead.
  const ClipNetwork start = trainer.network();
  ClipTensors p = tensors_of(start);
  std::vector<at::Tensor> variables;
  for (auto& [name, tensor] : p) variables.push_back(tensor.requires_grad_());
  std::vector<std::vector<int64_t>> texts;
  for (int64_t i = 0; i < options.batch; ++i)
    texts.push_back({start.config.start_token(), 97 + i, start.config.end_token()});
  const auto tokens = padded(texts);
  const auto images = rgb.permute({0, 3, 1, 2}).to(at::kFloat).div(255).contiguous();
  double loss = 0;
  for (int step = 0; step < 60; ++step) {
    const auto value =
        contrastive_loss(embed_pictures(start.config, p, images),
                         embed_texts(start.config, p, tokens), tokens, p.at("logit_scale"));
    loss = value.item<double>();
    const auto gradients = torch::autograd::grad({value}, variables);
    const at::NoGradGuard no_gradients;
    for (size_t i = 0; i < variables.size(); ++i)
      variables[i].detach().add_(gradients[i].sign(), -0.003);
  }
  EXPECT_GT(before, 2.0);
  EXPECT_LT(loss, 1.0);
}

// Two rows with one text share it: a network that cannot tell them apart is not punished for it.
TEST_F(CuratorTraining, EqualTextsAreEachOthersAnswer) {
  const auto unit = at::eye(3);
  const auto pictures_embedded = at::stack({unit[0], unit[0], unit[1]});
  const auto tokens = at::tensor(std::vector<int64_t>{5, 6, 5, 6, 7, 6}).view({3, 2});
  const auto loss =
      contrastive_loss(pictures_embedded, pictures_embedded, tokens, at::tensor(4.0f));
  // Rows 1 and 2: two equal logits e^4 against 0; the loss of each is ln 2 + ln(1 + e^-e^4 / 2) ≈
  // ln 2.
  EXPECT_NEAR(loss.item<double>(), 2.0 / 3 * std::log(2.0), 1e-5);
}

}  // namespace
}  // namespace vernissage::training
