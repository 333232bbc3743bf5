// Goal: pictures that go from the generator to the image tower without leaving the device become
// what they become by way of the host, however batches of the one and passes of the other fall.
// Method: more pictures than a pass holds, painted in batches that do not divide it, on the
// emulated kernels; the same vectors to the bit. Scaling is compared on its own, up and down, with
// the host's.
#include <gtest/gtest.h>

#include <random>

#include "engine/clip/preprocess.h"
#include "engine/cuda/backend.h"
#include "engine/cuda/clip/clip.h"
#include "engine/cuda/clip/scaling.h"
#include "engine/engine.h"
#include "tests/support/golden_clip.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

constexpr int kSide = 16;

std::vector<float> some_ws(Generator& generator, size_t n) {
  const NetworkConfig& config = generator.config();
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> z(n * static_cast<size_t>(config.z_dim));
  for (float& value : z) value = normal(random);
  return broadcast_truncated(generator.map(z), generator.w_avg(), config.num_ws(), 1.0f, {});
}

TEST(ClipPainted, PicturesOnTheDeviceAreThoseOfTheHostInEveryBatch) {
  constexpr size_t kPictures = 67;  // a pass holds 64
  constexpr int kBatch = 5;
  const auto encoder =
      make_cuda_clip_encoder(testing::clip_golden("tiny-vit").network, Precision::f16, 8);
  Generator generator(testing::tiny_network(kSide), make_cuda_backend(Precision::f32), kBatch);
  const std::vector<float> ws = some_ws(generator, kPictures);
  const Noise noise{NoiseMode::none, {}};
  const std::vector<float> there = encoder->embed_painted(generator, ws, noise);
  EXPECT_EQ(there, encoder->embed_images(kPictures, kSide, kSide, generator.paint(ws, noise)));

  const size_t row = ws.size() / kPictures, width = there.size() / kPictures;
  EXPECT_EQ(encoder->embed_painted(generator, std::span(ws).subspan(65 * row, row), noise),
            std::vector<float>(there.begin() + static_cast<std::ptrdiff_t>(65 * width),
                               there.begin() + static_cast<std::ptrdiff_t>(66 * width)));
}

TEST(ClipPainted, AFailedCallLeavesNothingBehind) {
  const auto encoder =
      make_cuda_clip_encoder(testing::clip_golden("tiny-vit").network, Precision::f32, 8);
  Generator generator(testing::tiny_network(kSide), make_cuda_backend(Precision::f32), 2);
  const std::vector<float> ws = some_ws(generator, 3);
  const std::vector<float> before = encoder->embed_painted(generator, ws, {NoiseMode::none, {}});
  EXPECT_THROW(encoder->embed_painted(generator, ws, {NoiseMode::random, {1}}), Error);
  EXPECT_EQ(encoder->embed_painted(generator, ws, {NoiseMode::none, {}}), before);
}

TEST(ClipPainted, ScalingOnTheDeviceIsTheHostsToTheByte) {
  DeviceRuntime runtime;
  DeviceScaling scaling(runtime);
  std::mt19937 random(3);
  for (const auto& [side, size] : {std::pair{32, 64}, {64, 32}, {50, 50}, {96, 28}, {17, 40}}) {
    constexpr int kPictures = 3;
    const size_t from = static_cast<size_t>(side) * static_cast<size_t>(side) * 3;
    const size_t to = static_cast<size_t>(size) * static_cast<size_t>(size) * 3;
    std::vector<uint8_t> x(kPictures * from), y(kPictures * to), expected;
    for (uint8_t& value : x) value = random() % 4 != 0 ? static_cast<uint8_t>(random()) : 255;
    scaling.prepare(side, size, kPictures);
    DeviceMemory there(x.size(), "pictures"), scaled(y.size(), "smaller ones");
    runtime.to_device(there.data(), x.data(), x.size());
    scaling.run(kPictures, reinterpret_cast<const uint8_t*>(there.data()),
                reinterpret_cast<uint8_t*>(scaled.data()));
    runtime.to_host(y.data(), scaled.data(), y.size());
    runtime.synchronize();
    for (size_t k = 0; k < kPictures; ++k) {
      const auto one = resize_and_crop(std::span(x).subspan(k * from, from), side, side, size);
      expected.insert(expected.end(), one.begin(), one.end());
    }
    EXPECT_EQ(y, expected) << side << " to " << size;
  }
}

/// Rules of the kernels are said in the network's words, before anything is loaded.
TEST(ClipOnCuda, RefusesWhatItsKernelsDoNotTake) {
  const testing::ClipGolden model = testing::clip_golden("tiny-vit");
  EXPECT_THROW(make_cuda_clip_encoder(model.network, Precision::f16, 0), Error);
  ClipNetwork network = model.network;
  network.parameters.at("visual.conv1.weight").values[7] = 1e6f;  // no half is that large
  EXPECT_NO_THROW(make_cuda_clip_encoder(network, Precision::f32, 1));
  try {
    make_cuda_clip_encoder(network, Precision::f16, 1);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("visual.conv1.weight"), std::string::npos)
        << error.what();
  }
}

/// All zeros have no direction: that is said, and no vector of not-a-numbers is given.
TEST(ClipOnCuda, SaysWhenAnEmbeddingHasNoDirection) {
  ClipNetwork network = testing::clip_golden("tiny-vit").network;
  for (float& value : network.parameters.at("visual.proj").values) value = 0;
  const auto encoder = make_cuda_clip_encoder(network, Precision::f16, 4);
  const std::vector<uint8_t> rgb(2 * 64 * 64 * 3, 100);
  try {
    encoder->embed_images(2, 64, 64, rgb);
    ADD_FAILURE() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("picture 0: its embedding has no direction"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace vernissage
