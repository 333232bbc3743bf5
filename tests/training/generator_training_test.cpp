// Goal: the generator's training computes the gradients that it claims, can be interrupted
// anywhere, and its networks are what the engine paints. Method: first and second derivatives
// against central differences in float64; libtorch's own transposed and depthwise convolutions
// beside ours; a run that was stored and gone on with beside one that was not, bit by bit; the
// engine's picture of a trained network beside libtorch's; the Fréchet distance of distributions
// whose distance is known.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/stylegan2/latents.h"
#include "training/dataset/painter/painter.h"
#include "training/dataset/picture_choice.h"
#include "training/dataset/picture_source.h"
#include "training/gan/augment.h"
#include "training/gan/judge.h"
#include "training/gan/samples.h"
#include "training/gan/state_files.h"
#include "training/gan/trainer.h"
#include "training/torch/resampling.h"

namespace vernissage::training {
namespace {

namespace fs = std::filesystem;

NetworkConfig small_generator(int resolution, std::vector<int> widths) {
  NetworkConfig config;
  config.resolution = resolution;
  config.z_dim = config.w_dim = 8;
  config.mapping_widths = {8, 8};
  config.widths = std::move(widths);
  config.source = "vernissage";
  return config;
}

TrainerOptions small_training() {
  TrainerOptions options;
  options.network = small_generator(16, {8, 8, 8});
  options.discriminator = {16, 3, {8, 8, 8}, 2};
  options.batch = 4;
  options.r1_interval = 2;
  options.path_interval = 3;
  return options;
}

// Four pictures that differ; what they show does not matter here.
at::Tensor pictures(int step) {
  const auto batch = at::empty({4, 16, 16, 3}, at::kByte);
  for (int i = 0; i < 4; ++i)
    paint_into(uint64_t(step * 4 + i), 16, {batch.data_ptr<uint8_t>() + i * 768, 768});
  return batch;
}

Parameters in_double(const Parameters& parameters) {
  Parameters result;
  for (const auto& [name, tensor] : parameters) result[name] = tensor.to(at::kDouble);
  // Everything away from zero, or some derivatives are zero and prove nothing.
  for (auto& [name, tensor] : result)
    if (name.ends_with("bias") || name.ends_with("noise_strength"))
      tensor = tensor + 0.3 * at::randn(tensor.sizes(), at::kDouble);
  require_gradients(result);
  return result;
}

// Central differences of `loss` at three elements of every trained parameter. A step h leaves an
// error of about h² · |third derivative|/6 + 1e-16/h relative: 1e-8 at best, where no leaky ReLU is
// at its corner. 1e-5 of the larger of gradient and 1 covers the third derivatives of these small
// networks hundredfold; a wrong formula is off by parts of one.
void expect_gradients(Parameters& parameters, const std::function<at::Tensor()>& loss) {
  constexpr double kStep = 1e-5, kTolerance = 1e-5;
  const auto inputs = trained(parameters);
  const auto gradients = torch::autograd::grad({loss()}, inputs, {}, false, false, true);
  size_t index = 0;
  int nonzero = 0;
  for (auto& [name, tensor] : parameters) {
    if (!is_trained(name)) continue;
    const auto gradient =
        gradients[index].defined() ? gradients[index].contiguous() : at::zeros_like(inputs[index]);
    ++index;
    for (int64_t k = 0; k < 3; ++k) {
      const int64_t element = (k * 7919 + 13) % tensor.numel();
      double* value = tensor.data_ptr<double>() + element;
      const double before = *value;
      *value = before + kStep;
      const double above = loss().item<double>();
      *value = before - kStep;
      const double below = loss().item<double>();
      *value = before;
      const double expected = (above - below) / (2 * kStep);
      const double actual = gradient.data_ptr<double>()[element];
      EXPECT_NEAR(actual, expected, kTolerance * std::max(1.0, std::abs(expected)))
          << name << " element " << element;
      nonzero += std::abs(expected) > 1e-4;
    }
  }
  EXPECT_GT(nonzero, 10);
}

class Gradients : public ::testing::Test {
 protected:
  // Members are drawn in order, so this one comes first.
  at::Generator random_ = [] {
    at::Generator random = at::globalContext().defaultGenerator(at::kCPU);
    random.set_current_seed(7);
    return random;
  }();

  NetworkConfig config_ = small_generator(8, {4, 3});
  Parameters generator_ = in_double(initial_generator(config_));
  at::Tensor z_ = at::randn({2, 8}, at::kDouble);
  std::vector<at::Tensor> noise_ = {at::randn({2, 1, 4, 4}, at::kDouble),
                                    at::randn({2, 1, 8, 8}, at::kDouble),
                                    at::randn({2, 1, 8, 8}, at::kDouble)};

  reference::TorchGenerator generator() const {
    return {config_, [this](const std::string& name) { return generator_.at(name); }, at::kDouble};
  }
  at::Tensor ws(const reference::TorchGenerator& of) const {
    return of.map(z_).unsqueeze(1).expand({-1, config_.num_ws(), -1});
  }
};

TEST_F(Gradients, OfTheGeneratorAreItsDifferences) {
  const auto direction = at::randn({2, 3, 8, 8}, at::kDouble);
  expect_gradients(generator_, [&] {
    const auto g = generator();
    return (g.synthesize(ws(g), noise_) * direction).mean();
  });
}

TEST_F(Gradients, OfThePathLengthsAreTheirDifferences) {
  const auto direction = at::randn({2, 3, 8, 8}, at::kDouble) / 8;
  expect_gradients(generator_, [&] {
    const auto g = generator();
    return (path_lengths(g, ws(g), noise_, direction) - 0.5).square().mean();
  });
}

TEST_F(Gradients, OfDiscriminatorAndItsGradientPenaltyAreTheirDifferences) {
  const DiscriminatorConfig config{8, 3, {4, 3}, 2};
  auto parameters = in_double(initial_discriminator(config));
  const auto images = at::randn({4, 3, 8, 8}, at::kDouble);
  expect_gradients(parameters, [&] {
    return discriminator_loss(discriminate(config, parameters, images.flip(0), at::kDouble),
                              discriminate(config, parameters, images * 0.5, at::kDouble));
  });
  expect_gradients(parameters,
                   [&] { return gradient_penalty(config, parameters, images, 2, at::kDouble); });
}

// The same sums in another order: float64's rounding times a few hundred terms.
TEST(Resampling, IsWhatLibtorchComputesDirectly) {
  const auto x = at::randn({2, 5, 6, 6}, at::kDouble), w = at::randn({5, 4, 3, 3}, at::kDouble);
  EXPECT_TRUE(at::allclose(reference::transposed_convolution(x, w),
                           at::conv_transpose2d(x, w, {}, 2), 1e-12, 1e-12));
  const auto filter = at::randn({5, 1, 4, 4}, at::kDouble);
  for (const auto& [stride, padding] : {std::pair{1, 2}, {2, 1}, {1, 1}})
    EXPECT_TRUE(at::allclose(reference::filtered(x, filter, stride, padding),
                             at::conv2d(x, filter, {}, stride, padding, 1, 5), 1e-12, 1e-12));
}

class Sitting : public ::testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    folder_ = fs::temp_directory_path() /
              ("vernissage-train-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

void expect_same_bytes(const std::map<std::string, at::Tensor>& a,
                       const std::map<std::string, at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    const auto& other = b.at(name);
    ASSERT_EQ(tensor.sizes(), other.sizes()) << name;
    EXPECT_EQ(
        std::memcmp(tensor.contiguous().data_ptr(), other.contiguous().data_ptr(), tensor.nbytes()),
        0)
        << name;
  }
}

TEST_F(Sitting, GoneOnWithTakesTheStepsOfOneThatWasNeverInterrupted) {
  Trainer whole(small_training());
  for (int step = 0; step < 7; ++step) whole.step(pictures(step));
  Trainer first(small_training());
  for (int step = 0; step < 4; ++step) first.step(pictures(step));
  save_state(folder_, first.images(), {first.state(), {{"note", "half"}}});
  TrainerOptions other_seed = small_training();
  other_seed.seed = 99;  // nothing of a fresh trainer may shine through
  Trainer second(other_seed);
  const auto stored = load_newest_state(folder_);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->metadata.at("note"), "half");
  second.restore(stored->tensors);
  for (int step = 4; step < 7; ++step) second.step(pictures(step));
  expect_same_bytes(whole.state(), second.state());
  EXPECT_EQ(whole.network().parameters.at("mapping.w_avg").values,
            second.network().parameters.at("mapping.w_avg").values);
}

// The transforms are drawn, p has moved away from 0, and both are part of what is stored.
TEST_F(Sitting, WithAugmentationTooIsTheSameRunWhenInterrupted) {
  TrainerOptions options = small_training();
  options.augment = {0.1, 2, 40};  // p moves by 0.2 every other step
  Trainer whole(options), first(options);
  for (int step = 0; step < 9; ++step) whole.step(pictures(step));
  first.restore(Trainer(options).state());
  for (int step = 0; step < 5; ++step) first.step(pictures(step));
  save_state(folder_, first.images(), {first.state(), {}});
  Trainer second(options);
  second.restore(load_newest_state(folder_)->tensors);
  for (int step = 5; step < 9; ++step) second.step(pictures(step));
  expect_same_bytes(whole.state(), second.state());
  TrainerOptions without = options;
  without.augment.target = 0;
  Trainer plain(without);
  for (int step = 0; step < 9; ++step) plain.step(pictures(step));
  EXPECT_NE(whole.take_report().discriminator_loss, plain.take_report().discriminator_loss);
}

// Steps change every trained parameter but none of the fixed ones, and the losses are reported.
TEST_F(Sitting, TrainsEveryParameterOfBothNetworks) {
  Trainer trainer(small_training());
  const auto before = trainer.state();
  for (int step = 0; step < 3; ++step) trainer.step(pictures(step));
  const auto after = trainer.state();
  for (const auto& [name, tensor] : before) {
    if (!name.starts_with("generator.") && !name.starts_with("discriminator.")) continue;
    EXPECT_EQ(at::equal(tensor, after.at(name)), !is_trained(name)) << name;
  }
  const TrainingReport report = trainer.take_report();
  EXPECT_GT(report.generator_loss, 0);
  EXPECT_GT(report.discriminator_loss, 0);
  EXPECT_GT(report.r1, 0);
  EXPECT_GT(report.path_length, 0);
}

TEST_F(Sitting, StatesAreCutIntoFilesOfSixteenMegabytesAtMost) {
  const std::map<std::string, at::Tensor> tensors = {
      {"large", at::randn({5, 1000, 1000})},
      {"none", at::empty({0, 3})},
      {"count", at::tensor({int64_t{5}, int64_t{-7}}, at::kLong)},
      {"one", at::tensor(2.5f).squeeze()}};
  save_state(folder_, 10, {tensors, {}});
  save_state(folder_, 1000, {tensors, {}});
  int files = 0, folders = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    folders += entry.is_directory();
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_LE(entry.file_size(), uintmax_t(kStateFileBytesMax)) << entry.path();
  }
  EXPECT_EQ(folders, 1) << "the older state is gone";
  EXPECT_EQ(files, 2);
  expect_same_bytes(load_newest_state(folder_)->tensors, tensors);
  EXPECT_FALSE(load_newest_state(folder_ / "elsewhere"));

  const fs::path part = folder_ / "state-000000001000" / "part-001.safetensors";
  fs::remove(part);
  try {
    load_newest_state(folder_);
    FAIL() << "a state without its second file was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("large: expected 5000000 elements"), std::string::npos)
        << error.what();
  }
}

// 2e-5 of the largest value is golden/README's bound for a whole network in float32; after f16
// storage both sides paint from the very same numbers.
TEST_F(Sitting, TheEnginePaintsTheTrainedNetworkAsLibtorchDoes) {
  Trainer trainer(small_training());
  for (int step = 0; step < 3; ++step) trainer.step(pictures(step));
  const fs::path path = folder_ / "g.safetensors";
  save_network(path, trainer.network(), {{"licence", "MIT"}}, DType::f16);
  const Network network = load_network(path);
  EXPECT_EQ(network.config.source, "vernissage");

  const auto z = z_from_seed(3, 8);
  const reference::TorchGenerator torch(network, at::kCPU, at::kFloat);
  const at::NoGradGuard no_gradients;
  const auto w = torch.map(at::tensor(z).unsqueeze(0));
  const auto expected =
      torch.synthesize(w.unsqueeze(1).expand({-1, network.config.num_ws(), -1})).contiguous();
  Generator engine(network, make_backend("cpu", Precision::f32, 1), 1);
  const auto ws =
      broadcast_truncated(engine.map(z), engine.w_avg(), network.config.num_ws(), 1, {});
  const auto actual = engine.paint_f32(ws);
  ASSERT_EQ(int64_t(actual.size()), expected.numel());
  const double largest = expected.abs().max().item<float>();
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected.data_ptr<float>()[i], 2e-5 * largest);
}

// Central differences in float64 through resampling and colours; 1e-5 as in expect_gradients().
TEST(Augmentation, IsDifferentiableInThePictures) {
  at::Generator random = at::globalContext().defaultGenerator(at::kCPU);
  random.set_current_seed(3);
  Augmentation drawn = draw_augmentation(4, 16, 1, at::kCPU);
  drawn = {drawn.geometry.to(at::kDouble), drawn.colour.to(at::kDouble)};
  auto images = at::randn({4, 3, 16, 16}, at::kDouble).requires_grad_();
  const auto direction = at::randn({4, 3, 16, 16}, at::kDouble);
  const auto loss = [&] { return (augmented(images, drawn).sin() * direction).sum(); };
  const auto gradient = torch::autograd::grad({loss()}, {images})[0].contiguous();
  int nonzero = 0;
  for (int64_t k = 0; k < 40; ++k) {
    const int64_t element = (k * 7919 + 13) % images.numel();
    double* value = images.data_ptr<double>() + element;
    const double before = *value;
    *value = before + 1e-5;
    const double above = loss().item<double>();
    *value = before - 1e-5;
    const double below = loss().item<double>();
    *value = before;
    const double expected = (above - below) / 2e-5;
    EXPECT_NEAR(gradient.data_ptr<double>()[element], expected,
                1e-5 * std::max(1.0, std::abs(expected)));
    nonzero += std::abs(expected) > 1e-3;
  }
  EXPECT_GT(nonzero, 10);
}

// Resampling at the pixels' own centres leaves rounding alone: 1e-5 is some eighty of float32's
// steps.
TEST(Augmentation, LeavesPicturesAloneWithProbabilityZeroAndChangesAllWithOne) {
  const auto images = at::rand({64, 3, 16, 16}) * 2 - 1;
  const auto alone = augmented(images, draw_augmentation(64, 16, 0, at::kCPU));
  EXPECT_LT((alone - images).abs().max().item<float>(), 1e-5);
  const auto changed = augmented(images, draw_augmentation(64, 16, 1, at::kCPU));
  EXPECT_GT((changed - images).abs().flatten(1).amax(1).min().item<float>(), 0.05);
  // Rotations are drawn with 1 - √(1 - p), so at p = 1 each always; at p = 0.3 some pictures stay.
  const auto some = augmented(images, draw_augmentation(64, 16, 0.05, at::kCPU));
  const auto kept = ((some - images).abs().flatten(1).amax(1) < 1e-5).sum().item<int64_t>();
  EXPECT_GT(kept, 10);  // of 64, about half: 0.95^13
  EXPECT_LT(kept, 60);
}

// A grey axis stays grey under hue, saturation and luma flip, and a flip turns dark to light.
TEST(Augmentation, ColoursAreTurnedAboutTheGreyAxis) {
  const auto drawn = draw_augmentation(256, 16, 1, at::kCPU);
  const auto linear = drawn.colour.slice(2, 0, 3);
  const auto grey = at::matmul(linear, at::ones({3, 1})).squeeze(2);
  EXPECT_LT((grey - grey.mean(1, true)).abs().max().item<float>(), 1e-5);
  const auto flipped = (grey.select(1, 0) < 0).to(at::kFloat).mean().item<float>();
  EXPECT_NEAR(flipped, 0.5, 0.16);  // five standard deviations of a fair coin thrown 256 times
}

TEST(AugmentControl, RaisesTheProbabilityWhileTheDiscriminatorIsTooSureAndLowersItElse) {
  AugmentControl control({0.6, 2, 100});
  control.add(8, 10);
  EXPECT_EQ(control.p(), 0) << "not before the interval is full";
  control.add(10, 10);
  EXPECT_FLOAT_EQ(float(control.sureness()), 0.9f);
  EXPECT_FLOAT_EQ(float(control.p()), 0.2f);
  AugmentControl copy({0.6, 2, 100});
  copy.add(1, 10);
  copy.restore(control.state());
  for (AugmentControl* each : {&control, &copy}) {
    each->add(2, 10);
    each->add(2, 10);
    EXPECT_EQ(each->p(), 0) << "never below 0";
    for (int i = 0; i < 20; ++i) each->add(10, 10);
    EXPECT_EQ(each->p(), 1) << "never above 1";
  }
}

TEST(PrecisionRecall, AreSharesOfEachOthersNeighbourhoods) {
  const auto real = at::randn({300, 4}, at::kDouble);
  const auto same = precision_recall(real, real);
  EXPECT_EQ(same.precision, 1);
  EXPECT_EQ(same.recall, 1);
  const auto far = precision_recall(real + 100, real);
  EXPECT_EQ(far.precision, 0);
  EXPECT_EQ(far.recall, 0);
  // One real picture over and over: inside the manifold, which it does not cover.
  const auto one = precision_recall(real.slice(0, 0, 1).expand({300, 4}), real);
  EXPECT_EQ(one.precision, 1);
  EXPECT_LT(one.recall, 0.05);
}

// A way of even steps, and one that does everything in the last of its four steps.
TEST(Smoothness, IsOneForEvenStepsAndTheirNumberForAJump) {
  const auto even = at::linspace(-1, 1, 5).view({1, 5, 1, 1, 1}).expand({1, 5, 3, 8, 8});
  EXPECT_NEAR(smoothness(even).mean, 0.25, 1e-6);
  EXPECT_NEAR(smoothness(even).unevenness, 1, 1e-6);
  auto jump = at::zeros({1, 5, 3, 8, 8});
  jump.select(1, 4).fill_(1);
  EXPECT_NEAR(smoothness(jump).unevenness, 4, 1e-6);
}

TEST(PictureSource, GivesPicturesInTheirOrderWhoeverPaintsThem) {
  PictureSource source([](uint64_t index, std::span<uint8_t> rgb) { rgb[0] = uint8_t(index); }, 1,
                       5,
                       /*threads=*/3, /*ahead=*/4);
  for (int batch = 0; batch < 10; ++batch) {
    const auto pictures = source.next(6);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(pictures[i][0][0][0].item<int>(), 5 + batch * 6 + i);
  }
}

TEST(PictureSource, ThrowsWhatThePainterThrew) {
  PictureSource source(
      [](uint64_t index, std::span<uint8_t>) {
        if (index == 2) throw Error("out of paint");
      },
      1, 0, 1, 4);
  EXPECT_THROW(source.next(4), Error);
}

TEST(PictureChoice, PicksOnlyWhatWasChosenAndNeverTwice) {
  const PictureChoice choice({"hills", "calm sea"}, {"oil"});
  uint64_t last = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    const uint64_t seed = choice.seed(i);
    const Facts facts = facts_of(seed);
    EXPECT_TRUE(facts.subject == Subject::hills || facts.subject == Subject::calm_sea);
    EXPECT_EQ(facts.medium, Medium::oil);
    EXPECT_TRUE(i == 0 || seed > last);
    last = seed;
  }
  EXPECT_EQ(PictureChoice({}, {}).seed(3), 3 * PictureChoice::kSeedsEach);
  EXPECT_THROW(PictureChoice({"unicorn"}, {}), Error);
}

// Two normal distributions with the same covariance I and means d apart: d². With covariances a² I
// and b² I and the same mean: D (a - b)². Exact for samples whose own moments are made exact.
TEST(FrechetDistance, IsThatOfNormalDistributions) {
  auto x = at::randn({500, 6}, at::kDouble);
  x = x - x.mean(0);
  const auto cholesky = at::linalg_cholesky(at::mm(x.t(), x) / 499.0);
  x = at::mm(x, at::linalg_inv(cholesky).t());  // mean 0, covariance I
  EXPECT_NEAR(frechet_distance(x, x), 0, 1e-9);
  EXPECT_NEAR(frechet_distance(x, x + 2), 6 * 4, 1e-9);
  EXPECT_NEAR(frechet_distance(3 * x, x), 6 * 4, 1e-9);
}

TEST(RandomFeatures, TellPaintingsFromNoise) {
  std::vector<at::Tensor> sets;
  for (int set = 0; set < 2; ++set) {
    sets.push_back(at::empty({64, 64, 64, 3}, at::kByte));
    for (int i = 0; i < 64; ++i)
      paint_into(uint64_t(set * 64 + i), 64, {sets.back().data_ptr<uint8_t>() + i * 12288, 12288});
  }
  const auto noise = at::randint(0, 256, {64, 64, 64, 3}).to(at::kByte);
  const auto paintings = random_features(sets[0]);
  EXPECT_LT(2 * frechet_distance(random_features(sets[1]), paintings),
            frechet_distance(random_features(noise), paintings));
}

TEST(Neighbours, FindTheCopy) {
  const auto known = at::randint(0, 256, {20, 64, 64, 3}).to(at::kByte);
  const auto found = nearest(known.slice(0, 7, 9), known);
  EXPECT_EQ(found.indices, (std::vector<int64_t>{7, 8}));
  EXPECT_EQ(found.distances, (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace vernissage::training
