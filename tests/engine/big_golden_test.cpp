// Goal: the real sizes are right too: config-f at 256 and 1024 pixels, 512 channels wide.
// Method: weights from the seed that defines them, two pictures each, on the CPU backend: w,
// sixteen crops of the fused image, and of every layer of the hooked forward pass 64 samples, mean,
// deviation and largest value. Tolerances are golden/README's for whole networks: 2e-5 of the
// layer's largest value, 1e-5 of its root mean square (there: the reference's own float32 error
// against float64, times 2 to 4).
#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine.h"
#include "tests/support/big_network.h"

namespace vernissage {
namespace {

constexpr double kMax = 2e-5;
constexpr double kRms = 1e-5;

/// Differences of some values of a tensor whose largest value and root mean square are known.
class Differences {
 public:
  void add(double actual, double expected) {
    const double error = std::abs(actual - expected);
    largest_ = std::isfinite(actual) ? std::max(largest_, error) : INFINITY;
    squares_ += error * error;
    ++count_;
  }
  void expect_within(const std::string& what, double largest, double root_mean_square) const {
    EXPECT_LE(largest_, kMax * largest) << what;
    EXPECT_LE(std::sqrt(squares_ / count_), kRms * root_mean_square) << what;
  }

 private:
  double largest_ = 0, squares_ = 0;
  int count_ = 0;
};

void expect_layer(const std::string& what, const float* values, size_t count,
                  const testing::BigPicture::Layer& expected) {
  const double root_mean_square = std::hypot(expected.mean, expected.deviation);
  Differences differences;
  for (size_t i = 0; i < expected.index.size(); ++i)
    differences.add(values[expected.index[i]], expected.value[i]);
  if (!expected.index.empty()) differences.expect_within(what, expected.largest, root_mean_square);
  double sum = 0, squares = 0, largest = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += values[i];
    squares += double{values[i]} * values[i];
    largest = std::max(largest, std::abs(double{values[i]}));
  }
  const double mean = sum / count;
  EXPECT_NEAR(mean, expected.mean, kRms * root_mean_square) << what;
  // The stored deviation is the unbiased one.
  const double variance = (squares / count - mean * mean) * count / (count - 1.0);
  EXPECT_NEAR(std::sqrt(variance), expected.deviation, kRms * root_mean_square) << what;
  EXPECT_NEAR(largest, expected.largest, kMax * expected.largest) << what;
}

class BigGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(BigGolden, PicturesAndLayersAreTheReferences) {
  const testing::BigGolden golden = testing::big_golden(GetParam());
  Generator generator(testing::big_network(GetParam()), make_backend("cpu", Precision::f32, 1), 1);
  const NetworkConfig& config = generator.config();
  const size_t r = config.resolution, crop = golden.crop_size;
  ASSERT_EQ(golden.pictures.size(), 2u);
  for (const testing::BigPicture& picture : golden.pictures) {
    const std::vector<float> w = generator.map(picture.z);
    Differences of_w;
    double largest = 0, squares = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      of_w.add(w[i], picture.w[i]);
      largest = std::max(largest, std::abs(double{picture.w[i]}));
      squares += double{picture.w[i]} * picture.w[i];
    }
    of_w.expect_within("w", largest, std::sqrt(squares / w.size()));

    const std::vector<float> ws =
        broadcast_truncated(w, generator.w_avg(), config.num_ws(), 1.0f, {});
    int layers = 0;
    generator.paint_with_hook(
        ws, {}, [&](const std::string& name, const std::vector<float>& values, int, int) {
          const auto expected = picture.layers.find(name);
          if (expected == picture.layers.end()) return;
          expect_layer(name, values.data(), values.size(), expected->second);
          ++layers;
        });
    EXPECT_EQ(layers + 1, static_cast<int>(picture.layers.size())) << "all but \"image\"";

    const std::vector<float> image = generator.paint_f32(ws);
    const auto& whole = picture.layers.at("image");
    Differences of_image;
    const float* expected = picture.crops.data();
    for (const auto& [top, left] : golden.crop_corners)
      for (int c = 0; c < config.image_channels; ++c)
        for (size_t y = top; y < top + crop; ++y)
          for (size_t x = left; x < left + crop; ++x)
            of_image.add(image[(c * r + y) * r + x], *expected++);
    of_image.expect_within("crops", whole.largest, std::hypot(whole.mean, whole.deviation));
    expect_layer("fused image", image.data(), image.size(), whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, BigGolden, ::testing::Values("f256", "f1024"),
                         [](const auto& network) { return std::string(network.param); });

}  // namespace
}  // namespace vernissage
