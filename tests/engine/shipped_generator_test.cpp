// Goal: the generator that comes with the project is the one that was judged, and every backend
// paints with it what libtorch painted when it was. Method: four seeds at truncation 0.7 against
// tests/golden/models/generator.safetensors, float32 pictures averaged down to 16x16. Tolerances
// are golden/README's for whole networks, of the largest value: 2e-5 in float32, 1.2e-2 with
// activations and weights in half. An average is no further off than the worst of its pixels.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/cpu/backend.h"
#include "engine/cuda/backend.h"
#include "engine/engine.h"
#include "engine/formats/safetensors.h"
#include "engine/stylegan2/latents.h"
#include "tests/support/golden_data.h"

namespace vernissage {
namespace {

constexpr int kSeeds = 4, kSide = 16, kChannels = 3;
constexpr float kPsi = 0.7f;

Network shipped() {
  return load_network(VERNISSAGE_SOURCE_DIR "/models/generator.safetensors");
}

// (N, C, R, R) → (N, C, 16, 16)
std::vector<float> averaged(const std::vector<float>& images, int resolution) {
  const int factor = resolution / kSide;
  std::vector<float> result;
  for (int plane = 0; plane < kSeeds * kChannels; ++plane)
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        double sum = 0;
        for (int a = 0; a < factor; ++a)
          for (int b = 0; b < factor; ++b)
            sum +=
                images[size_t((plane * resolution + y * factor + a) * resolution + x * factor + b)];
        result.push_back(static_cast<float>(sum / (factor * factor)));
      }
  return result;
}

struct Machine {
  const char* name;
  std::unique_ptr<Backend> (*make)();
  double tolerance;  // of the largest value
};

class ShippedGenerator : public ::testing::TestWithParam<Machine> {};

TEST_P(ShippedGenerator, PaintsWhatWasJudged) {
  const Network network = shipped();
  Generator generator(network, GetParam().make(), kSeeds);
  std::vector<float> z;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const auto one = z_from_seed(seed, network.config.z_dim);
    z.insert(z.end(), one.begin(), one.end());
  }
  const auto ws =
      broadcast_truncated(generator.map(z), generator.w_avg(), network.config.num_ws(), kPsi, {});
  const auto actual = averaged(generator.paint_f32(ws), network.config.resolution);

  const MappedFile file(testing::golden("models/generator.safetensors"));
  const std::vector<float> expected = Safetensors(file.bytes()).tensors().at("images").to_f32();
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (const float value : expected) largest = std::max(largest, std::abs(double(value)));
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected[i], GetParam().tolerance * largest) << i;
}

INSTANTIATE_TEST_SUITE_P(
    Machines, ShippedGenerator,
    ::testing::Values(Machine{"cpu", [] { return make_cpu_backend(1); }, 2e-5},
                      Machine{"cuda_f32", [] { return make_cuda_backend(Precision::f32); }, 2e-5},
                      Machine{"cuda_f16", [] { return make_cuda_backend(Precision::f16); },
                              1.2e-2}),
    [](const auto& machine) { return machine.param.name; });

// Untrained networks paint too; the page must be able to say which it is.
TEST(ShippedGenerator, SaysWhatItIs) {
  const NetworkConfig config = shipped().config;
  EXPECT_EQ(config.source, "vernissage");
  EXPECT_FALSE(config.untrained);
  EXPECT_GE(config.resolution, 64);
}

}  // namespace
}  // namespace vernissage
