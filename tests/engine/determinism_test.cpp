// Goal: a picture is a function of (network, w, noise, backend) and of nothing else.
// Method: the same samples painted again, alone and in batches of other sizes and positions, by one
// thread and by two, must agree byte for byte, for every noise mode and every golden model of 32
// pixels.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/cpu/passes.h"
#include "engine/engine.h"
#include "kernels/philox.h"
#include "tests/support/golden_network.h"

namespace vernissage {
namespace {

constexpr int kSamples = 8;

struct Pictures {
  std::vector<float> w, ws, values;
  std::vector<uint8_t> bytes;
};

class Painting : public ::testing::TestWithParam<NoiseMode> {
 protected:
  Painting() : network_(testing::golden_network("ada32")) {
    for (int n = 0; n < kSamples; ++n) {
      const std::vector<float> one = z_from_seed(100 + n, network_.config.z_dim);
      z_.insert(z_.end(), one.begin(), one.end());
      seeds_.push_back(uint64_t{0x9E3779B97F4A7C15u} * (n + 1));
    }
  }

  Generator generator(int batch_max, int threads) const {
    return Generator(network_, make_backend("cpu", Precision::f32, threads), batch_max);
  }

  /// Samples [first, first + count), mapped and painted together.
  Pictures paint(Generator& painter, int first, int count) const {
    const size_t z_dim = network_.config.z_dim;
    Pictures made;
    made.w = painter.map(std::span(z_).subspan(first * z_dim, count * z_dim));
    made.ws = broadcast_truncated(made.w, painter.w_avg(), network_.config.num_ws(), 0.7f, {});
    Noise noise{GetParam(), {}};
    if (GetParam() == NoiseMode::random)
      noise.seeds.assign(seeds_.begin() + first, seeds_.begin() + first + count);
    made.values = painter.paint_f32(made.ws, noise);
    made.bytes = painter.paint(made.ws, noise);
    return made;
  }

  Network network_;
  std::vector<float> z_;
  std::vector<uint64_t> seeds_;
};

void expect_same(const Pictures& a, const Pictures& b) {
  EXPECT_EQ(a.w, b.w);
  EXPECT_TRUE(a.values == b.values);
  EXPECT_TRUE(a.bytes == b.bytes);
}

TEST_P(Painting, IsTheSameAgain) {
  Generator once = generator(kSamples, 1), again = generator(kSamples, 1);
  const Pictures first = paint(once, 0, kSamples);
  expect_same(first, paint(once, 0, kSamples));
  expect_same(first, paint(again, 0, kSamples));
}

TEST_P(Painting, DoesNotDependOnTheBatch) {
  Generator wide = generator(kSamples, 1), narrow = generator(3, 1);
  const Pictures all = paint(wide, 0, kSamples);
  // Eight by batches of three: 3, 3, 2.
  expect_same(all, paint(narrow, 0, kSamples));
  const size_t picture = all.values.size() / kSamples;
  for (const int n : {0, 5, 7}) {
    const Pictures alone = paint(wide, n, 1);
    EXPECT_TRUE(
        std::equal(alone.values.begin(), alone.values.end(), all.values.begin() + n * picture))
        << n;
    EXPECT_TRUE(std::equal(alone.bytes.begin(), alone.bytes.end(), all.bytes.begin() + n * picture))
        << n;
  }
}

TEST_P(Painting, DoesNotDependOnTheThreads) {
  Generator one = generator(2, 1), two = generator(2, 2);
  expect_same(paint(one, 0, 2), paint(two, 0, 2));
}

INSTANTIATE_TEST_SUITE_P(Cpu, Painting,
                         ::testing::Values(NoiseMode::constant, NoiseMode::none, NoiseMode::random),
                         [](const auto& mode) {
                           return mode.param == NoiseMode::constant ? "constant"
                                  : mode.param == NoiseMode::none   ? "none"
                                                                    : "random";
                         });

/// The largest difference of two runs of floats.
float difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

class RandomNoise : public ::testing::Test {
 protected:
  Network network_ = testing::golden_network("ada32");

  std::vector<float> paint(const Network& network, const Noise& noise) const {
    Generator painter(network, make_backend("cpu", Precision::f32, 1), 1);
    const auto w = painter.map(z_from_seed(7, network.config.z_dim));
    return painter.paint_f32(
        broadcast_truncated(w, painter.w_avg(), network.config.num_ws(), 1.0f, {}), noise);
  }
};

TEST_F(RandomNoise, AnotherSeedIsAnotherPicture) {
  const auto first = paint(network_, {NoiseMode::random, {1}});
  EXPECT_GT(difference(first, paint(network_, {NoiseMode::random, {2}})), 1e-3f);
  EXPECT_GT(difference(first, paint(network_, {NoiseMode::random, {uint64_t{1} << 32 | 1}})),
            1e-3f);
}

TEST(NoiseMap, IsNormalNoiseUpToRounding) {
  // The polynomials err by 2e-7, the definition's angle by half a unit of 2π in float32, 2.4e-7;
  // both times the radius, at most √(-2 log 2^-25) = 5.9.
  constexpr int kResolution = 256;
  std::vector<float> map(kResolution * kResolution);
  cpu::random_noise(0x123456789ABCDEFu, 11, kResolution, map.data());
  double sum = 0, squares = 0;
  for (uint32_t i = 0; i < map.size(); ++i) {
    ASSERT_NEAR(map[i], normal_noise(0x123456789ABCDEFu, 11, i), 5.9 * 4.4e-7) << i;
    sum += map[i];
    squares += double{map[i]} * map[i];
  }
  // Five standard errors of the mean and of the variance of 65536 unit normals.
  EXPECT_NEAR(sum / map.size(), 0, 5 / 256.0);
  EXPECT_NEAR(squares / map.size(), 1, 5 * std::sqrt(2.0) / 256);
}

TEST_F(RandomNoise, IsThePhiloxMapOfSeedLayerAndPixel) {
  // The maps written into the network as its constant noise must paint the very same picture. A
  // layer's number is its place in the forward pass: b4.conv1, b4.torgb, b8.conv0, b8.conv1,
  // b8.torgb, …
  const uint64_t seed = 0xFEEDFACE12345678u;
  Network written = network_;
  uint32_t layer = 0;
  for (int r = 4; r <= network_.config.resolution; r *= 2)
    for (const char* name : {"conv0", "conv1", "torgb"}) {
      if (r == 4 && std::string(name) == "conv0") continue;
      const auto map =
          written.parameters.find("synthesis.b" + std::to_string(r) + "." + name + ".noise_const");
      if (map != written.parameters.end())
        for (uint32_t i = 0; i < map->second.values.size(); ++i)
          map->second.values[i] = normal_noise(seed, layer, i);
      ++layer;
    }
  const auto random = paint(network_, {NoiseMode::random, {seed}});
  const auto constant = paint(written, {NoiseMode::constant, {}});
  float largest = 0;
  for (const float value : random) largest = std::max(largest, std::abs(value));
  // The backend forms the normals with polynomials of its own: rounding of the map, carried to the
  // picture.
  EXPECT_LE(difference(random, constant), 2e-5f * largest);
}

}  // namespace
}  // namespace vernissage
