// Goal: both towers give what the reference gives, and the same bytes whatever the batch. Method:
// every golden network, both activations: each value that the goldens store inside the towers, the
// pooled values, unit embeddings, similarities and rankings. Tolerances are golden/clip/README's:
// the measured error of the reference against float64, times 2 to 8. Compiled for each machine: on
// the CPU, on the emulated kernels, and on a device.
#include "engine/clip/clip_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "engine/clip/preprocess.h"
#include "engine/engine.h"
#include "tests/support/golden_clip.h"
#include "tests/support/golden_network.h"

#ifdef VERNISSAGE_TEST_CUDA_CLIP
#include "engine/cuda/backend.h"
#include "engine/cuda/clip/clip.h"
#else
#include "engine/cpu/backend.h"
#include "engine/cpu/clip/clip.h"
#endif

namespace vernissage {
namespace {

struct Tolerance {
  double inside;      // of the reference's largest value
  double pooled;      // likewise
  double unit;        // of a unit embedding's values
  double cosine;      // 1 - cosine to the golden embedding
  double similarity;  // of a room's cosine
};
Tolerance tolerance_of(Precision precision) {
  return precision == Precision::f32 ? Tolerance{1e-5, 1e-5, 4e-6, 1e-6, 4e-6}
                                     : Tolerance{8e-3, 6e-3, 3e-3, 2e-5, 2e-3};
}

#ifdef VERNISSAGE_TEST_CUDA_CLIP
std::unique_ptr<ClipEncoder> make_encoder(const ClipNetwork& network, Precision precision,
                                          int batch_max) {
  return make_cuda_clip_encoder(network, precision, batch_max);
}
std::unique_ptr<Backend> make_painter() {
  return make_cuda_backend(Precision::f32);
}
const std::vector<Precision> kPrecisions = {Precision::f32, Precision::f16};
#else
std::unique_ptr<ClipEncoder> make_encoder(const ClipNetwork& network, Precision, int batch_max) {
  return make_cpu_clip_encoder(network, /*threads=*/0, batch_max);
}
std::unique_ptr<Backend> make_painter() {
  return make_cpu_backend(/*threads=*/0);
}
const std::vector<Precision> kPrecisions = {Precision::f32};
#endif

void expect_near(const std::string& what, const std::vector<float>& actual,
                 const std::vector<float>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::abs(double{actual[i]} - expected[i]), tolerance) << what << ", element " << i;
}

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(double{value}));
  return most;
}

double dot(const float* a, const float* b, int width) {
  return std::inner_product(a, a + width, b, 0.0, std::plus<>(),
                            [](float x, float y) { return double{x} * y; });
}

void expect_embeddings(const std::string& what, const std::vector<float>& actual,
                       const std::vector<float>& expected, int width, const Tolerance& tolerance) {
  expect_near(what, actual, expected, tolerance.unit);
  for (size_t i = 0; i + size_t(width) <= actual.size(); i += size_t(width)) {
    const double a = dot(actual.data() + i, actual.data() + i, width);
    const double e = dot(expected.data() + i, expected.data() + i, width);
    EXPECT_NEAR(a, 1, 1e-6) << what;
    EXPECT_LE(1 - dot(actual.data() + i, expected.data() + i, width) / std::sqrt(a * e),
              tolerance.cosine)
        << what;
  }
}

const std::vector<float>& pixels_of(const testing::ClipGolden& model) {
  return model.tensors.at("pixel_values").values;
}
int images_of(const testing::ClipGolden& model) {
  return static_cast<int>(model.tensors.at("pixel_values").shape[0]);
}

class ClipGoldens : public ::testing::TestWithParam<std::tuple<std::string, Precision>> {
 protected:
  void SetUp() override {
    model_ = testing::clip_golden(std::get<0>(GetParam()));
    tolerance_ = tolerance_of(precision());
  }
  Precision precision() const { return std::get<1>(GetParam()); }
  int width() const { return model_.network.config.embedding; }
  const std::vector<float>& golden(const std::string& name) const {
    return model_.tensors.at(name).values;
  }

  testing::ClipGolden model_;
  Tolerance tolerance_{};
};

TEST_P(ClipGoldens, EveryValueInsideTheTowersIsTheReferences) {
  const auto encoder = make_encoder(model_.network, precision(), 4);
  // The encoder may go through them in passes: what it shows is laid together.
  std::map<std::string, std::vector<float>> shown;
  encoder->set_tap(
      [&](const std::string& name, const std::vector<float>& values, int tokens, int channels) {
        EXPECT_EQ(values.size() % (size_t(tokens) * size_t(channels)), 0u) << name;
        std::vector<float>& all = shown[name];
        all.insert(all.end(), values.begin(), values.end());
      });
  encoder->embed_pixels(images_of(model_), pixels_of(model_));
  encoder->embed_tokens(model_.texts);
  const ClipConfig& config = encoder->config();
  std::vector<std::string> names = {"vision.patch_embed", "vision.embeddings", "vision.pre_ln",
                                    "vision.pooled",      "text.embeddings",   "text.final_ln",
                                    "text.pooled"};
  for (int i = 0; i < config.vision.layers; ++i)
    names.push_back("vision.block." + std::to_string(i) + ".out");
  for (int i = 0; i < config.text.layers; ++i)
    names.push_back("text.block." + std::to_string(i) + ".out");
  for (const std::string& name : names) {
    ASSERT_TRUE(shown.contains(name)) << name;
    const double relative = name.ends_with("pooled") ? tolerance_.pooled : tolerance_.inside;
    expect_near(name, shown[name], golden(name), relative * largest(golden(name)));
  }
}

TEST_P(ClipGoldens, EmbeddingsAreTheReferences) {
  const auto encoder = make_encoder(model_.network, precision(), 4);
  expect_embeddings("pictures", encoder->embed_pixels(images_of(model_), pixels_of(model_)),
                    golden("image_embeds_norm"), width(), tolerance_);
  expect_embeddings("texts", encoder->embed_tokens(model_.texts), golden("text_embeds_norm"),
                    width(), tolerance_);
}

// Of the networks whose goldens have rooms.
class ClipRoomGoldens : public ClipGoldens {};

TEST_P(ClipRoomGoldens, RoomsRankAsTheReferenceRanksThem) {
  ASSERT_FALSE(model_.room_texts.empty());
  const auto encoder = make_encoder(model_.network, precision(), 8);
  const int rooms = static_cast<int>(model_.tensors.at("rooms.embeds_norm").shape[0]), e = width();
  const int templates = static_cast<int>(model_.room_texts.size()) / rooms;
  const std::vector<float> texts = encoder->embed_tokens(model_.room_texts);
  std::vector<float> ensembles(size_t(rooms) * size_t(e));
  for (int room = 0; room < rooms; ++room) {
    float* sum = ensembles.data() + room * e;
    for (int t = 0; t < templates; ++t)
      for (int c = 0; c < e; ++c) sum[c] += texts[size_t((room * templates + t) * e + c)];
    const double length = std::sqrt(dot(sum, sum, e));
    for (int c = 0; c < e; ++c) sum[c] = static_cast<float>(sum[c] / length);
  }
  expect_near("ensembles", ensembles, golden("rooms.embeds_norm"), tolerance_.unit);
  const std::vector<float> images = encoder->embed_pixels(images_of(model_), pixels_of(model_));
  const std::vector<float>& expected = golden("rooms.similarity");
  for (int i = 0; i < images_of(model_); ++i) {
    std::vector<double> scores;
    for (int room = 0; room < rooms; ++room) {
      scores.push_back(dot(images.data() + i * e, ensembles.data() + room * e, e));
      EXPECT_NEAR(scores.back(), expected[size_t(i * rooms + room)], tolerance_.similarity);
    }
    const auto order = [rooms](const auto& of) {
      std::vector<int> index(static_cast<size_t>(rooms));
      std::iota(index.begin(), index.end(), 0);
      std::sort(index.begin(), index.end(), [&](int a, int b) { return of(a) > of(b); });
      return index;
    };
    EXPECT_EQ(order([&](int room) { return scores[size_t(room)]; }),
              order([&](int room) { return double{expected[size_t(i * rooms + room)]}; }));
  }
}

TEST_P(ClipGoldens, EmbeddingsAreTheSameBytesAloneAndInAnyBatch) {
  const auto encoder = make_encoder(model_.network, precision(), 4);
  // More pictures and texts than a pass holds, and texts of every length.
  const ClipConfig& config = encoder->config();
  const size_t one = pixels_of(model_).size() / size_t(images_of(model_));
  constexpr int kImages = 11;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> pixels(one * kImages);
  for (float& value : pixels) value = normal(random);
  std::vector<std::vector<int32_t>> texts;
  for (const int length : {2, 3, 9, 16, 17, 40, config.context}) {
    std::vector<int32_t> text(size_t(length), config.start_token());
    for (size_t i = 1; i + 1 < text.size(); ++i)
      text[i] = static_cast<int32_t>(random() % uint32_t(config.start_token()));
    text.back() = config.end_token();
    texts.push_back(std::move(text));
  }
  const std::vector<float> images = encoder->embed_pixels(kImages, pixels);
  const std::vector<float> words = encoder->embed_tokens(texts);
  const auto row = [this](const std::vector<float>& all, size_t index) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(index * size_t(width()));
    return std::vector<float>(first, first + width());
  };
  for (const int batch_max : {1, 3}) {
    const auto other = make_encoder(model_.network, precision(), batch_max);
    EXPECT_EQ(other->embed_pixels(kImages, pixels), images) << batch_max;
    EXPECT_EQ(other->embed_tokens(texts), words) << batch_max;
  }
  for (const size_t i : {0, 5, kImages - 1})
    EXPECT_EQ(encoder->embed_pixels(1, std::span(pixels).subspan(size_t(i) * one, one)),
              row(images, i))
        << i;
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(encoder->embed_tokens({&texts[i], 1}), row(words, i)) << i;
    std::vector<int32_t> padded = texts[i];
    padded.resize(size_t(config.context), 0);
    EXPECT_EQ(encoder->embed_tokens({&padded, 1}), row(words, i)) << i << ", padded";
    std::fill(padded.begin() + std::ptrdiff_t(texts[i].size()), padded.end(), config.end_token());
    EXPECT_EQ(encoder->embed_tokens({&padded, 1}), row(words, i)) << i << ", padded with the end";
  }
}

TEST_P(ClipGoldens, ShowingValuesChangesNone) {
  const auto encoder = make_encoder(model_.network, precision(), 4);
  const std::vector<float> images = encoder->embed_pixels(images_of(model_), pixels_of(model_));
  const std::vector<float> words = encoder->embed_tokens(model_.texts);
  encoder->set_tap([](const std::string&, const std::vector<float>&, int, int) {});
  expect_near("pictures", encoder->embed_pixels(images_of(model_), pixels_of(model_)), images,
              2 * tolerance_.unit);
  expect_near("texts", encoder->embed_tokens(model_.texts), words, 2 * tolerance_.unit);
  encoder->set_tap(nullptr);
  EXPECT_EQ(encoder->embed_pixels(images_of(model_), pixels_of(model_)), images);
  EXPECT_EQ(encoder->embed_tokens(model_.texts), words);
}

std::string instance_name(
    const ::testing::TestParamInfo<std::tuple<std::string, Precision>>& instance) {
  std::string name = std::get<0>(instance.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name + (std::get<1>(instance.param) == Precision::f32 ? "_f32" : "_f16");
}

INSTANTIATE_TEST_SUITE_P(Clip, ClipGoldens,
                         ::testing::Combine(::testing::ValuesIn(testing::clip_goldens()),
                                            ::testing::ValuesIn(kPrecisions)),
                         instance_name);
INSTANTIATE_TEST_SUITE_P(Clip, ClipRoomGoldens,
                         ::testing::Combine(::testing::Values("tiny-vit", "tiny-vit-gelu"),
                                            ::testing::ValuesIn(kPrecisions)),
                         instance_name);

std::vector<uint8_t> noise_pictures(int n, int height, int width) {
  std::mt19937 random(5);
  std::vector<uint8_t> rgb(size_t(n) * size_t(height) * size_t(width) * 3);
  for (uint8_t& value : rgb) value = static_cast<uint8_t>(random() >> 24);
  return rgb;
}

TEST(ClipEncoderPictures, AreScaledCroppedAndNormalisedFirst) {
  const testing::ClipGolden model = testing::clip_golden("tiny-vit");
  const auto encoder = make_encoder(model.network, Precision::f32, 4);
  const ClipConfig& config = encoder->config();
  constexpr int kCount = 6, kHeight = 90, kWidth = 131;
  const std::vector<uint8_t> rgb = noise_pictures(kCount, kHeight, kWidth);
  const size_t bytes = rgb.size() / kCount, size = size_t(config.image_size), one = 3 * size * size;
  std::vector<float> pixels(kCount * one);
  for (size_t i = 0; i < kCount; ++i)
    normalise(resize_and_crop(std::span(rgb).subspan(i * bytes, bytes), kHeight, kWidth,
                              config.image_size),
              config, std::span(pixels).subspan(i * one, one));
  EXPECT_EQ(encoder->embed_images(kCount, kHeight, kWidth, rgb),
            encoder->embed_pixels(kCount, pixels));
}

TEST(ClipEncoderPictures, AsPaintedAreThePicturesOnDisk) {
  const testing::ClipGolden model = testing::clip_golden("tiny-vit");
  const testing::GoldenModel painter = testing::golden_model("ada32");
  const auto encoder = make_encoder(model.network, Precision::f32, 2);
  Generator generator(painter.network, make_painter(), 2);
  const std::vector<float> w = generator.map(painter.z(), painter.c());
  const std::vector<float> ws =
      broadcast_truncated(w, generator.w_avg(), generator.config().num_ws(), 0.7f, {});
  const int n = static_cast<int>(w.size()) / generator.config().w_dim;
  const int resolution = generator.config().resolution;
  const Noise noise{NoiseMode::none, {}};
  EXPECT_EQ(encoder->embed_painted(generator, ws, noise),
            encoder->embed_images(n, resolution, resolution, generator.paint(ws, noise)));
}

TEST(ClipEncoderErrors, NameWhatIsWrong) {
  const testing::ClipGolden model = testing::clip_golden("tiny-vit");
  const auto encoder = make_encoder(model.network, Precision::f32, 2);
  const ClipConfig& config = encoder->config();
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const auto of_text = [&](std::vector<int32_t> text) {
    return message([&] { encoder->embed_tokens({&text, 1}); });
  };
  EXPECT_EQ(of_text({config.start_token(), 5}), "text 0: without its end, token 49407");
  EXPECT_EQ(of_text({}), "text 0: without its end, token 49407");
  EXPECT_EQ(of_text({config.start_token(), -1, config.end_token()}),
            "text 0: token -1, expected 0 to 49407");
  EXPECT_EQ(of_text({config.start_token(), 49408, config.end_token()}),
            "text 0: token 49408, expected 0 to 49407");
  std::vector<int32_t> longer(size_t(config.context), 1);
  longer.push_back(config.end_token());
  EXPECT_EQ(of_text(longer), "text 0: 78 tokens, at most 77 are read");
  EXPECT_NE(message([&] { encoder->embed_pixels(1, std::vector<float>(7)); }).find("got 7"),
            std::string::npos);
  EXPECT_NE(
      message([&] { encoder->embed_images(1, 2, 2, std::vector<uint8_t>(11)); }).find("got 11"),
      std::string::npos);
  EXPECT_TRUE(encoder->embed_tokens({}).empty());
}

}  // namespace
}  // namespace vernissage
