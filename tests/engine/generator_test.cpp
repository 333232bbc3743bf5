// Goal: the CPU backend paints what the reference implementations paint.
// Method: every golden model, every stored case: the mapping's w, every layer of the hooked forward
// pass, and the image of the fused forward pass, against the stored float32 tensors. Tolerances are
// those of golden/README: the reference's own float32 error against float64, times 2 to 4 because
// both sides round.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine.h"
#include "tests/support/golden_network.h"

namespace vernissage {
namespace {

constexpr double kMax = 2e-5;  // of the reference's largest value
constexpr double kRms = 1e-5;  // of the reference's root mean square

void expect_near(const std::string& what, const std::vector<float>& actual,
                 const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double largest = 0, difference = 0, squares = 0, errors = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double a = actual[i], e = expected[i];
    largest = std::max(largest, std::abs(e));
    difference = std::isfinite(a) ? std::max(difference, std::abs(a - e)) : INFINITY;
    squares += e * e;
    errors += (a - e) * (a - e);
  }
  EXPECT_LE(difference, kMax * largest) << what;
  EXPECT_LE(std::sqrt(errors), kRms * std::sqrt(squares)) << what;
}

class GoldenModels : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenModels, EveryLayerAndImageIsTheReferences) {
  const testing::GoldenModel model = testing::golden_model(GetParam());
  Generator generator(model.network, make_backend("cpu", Precision::f32, 1), 2);
  const std::vector<float> w = generator.map(model.z(), model.c());
  int layers = 0;
  for (const testing::GoldenCase& one : model.cases) {
    const std::string where = model.name + " " + one.name + " ";
    const std::vector<float> ws = model.ws(one, w);
    const Noise noise{one.noise, {}};
    if (const auto stored = model.tensors.find(one.name + "/ws"); stored != model.tensors.end())
      expect_near(where + "ws", ws, stored->second.values);
    const std::vector<float>& image = model.tensors.at(one.name + "/image").values;
    expect_near(where + "fused image", generator.paint_f32(ws, noise), image);
    const auto hooked = generator.paint_with_hook(
        ws, noise, [&](const std::string& layer, const std::vector<float>& values, int, int) {
          const auto expected = model.tensors.find(one.name + "/act." + layer);
          if (expected == model.tensors.end()) return;
          expect_near(where + layer, values, expected->second.values);
          ++layers;
        });
    expect_near(where + "hooked image", hooked, image);
  }
  EXPECT_GE(layers, 2 * model.network.config.block_count() - 1) << "every convolution is compared";
}

INSTANTIATE_TEST_SUITE_P(Cpu, GoldenModels, ::testing::ValuesIn(testing::golden_models()),
                         [](const auto& model) { return model.param; });

TEST(Generator, RefusesInputsOfTheWrongSize) {
  const testing::GoldenModel model = testing::golden_model("ada32");
  Generator generator(model.network, make_backend("cpu", Precision::f32, 1), 2);
  const int z_dim = model.network.config.z_dim;
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const std::vector<float> odd(z_dim + 1, 0.5f);
  EXPECT_EQ(message([&] { generator.map(odd); }), "z: expected a multiple of 64 values, got 65");
  EXPECT_EQ(message([&] { generator.map(std::span(odd).first(z_dim), odd); }),
            "c: expected 1 x 0 values, got 65");
  EXPECT_EQ(message([&] { generator.paint(odd); }),
            "ws: expected a multiple of 8 x 64 values, got 65");
  const std::vector<float> ws(8 * 64, 0.1f);
  EXPECT_EQ(message([&] {
              generator.paint(ws, {NoiseMode::random, {1, 2}});
            }),
            "random noise: expected 1 seeds, got 2");
}

TEST(Generator, BytesAreTheQuantisedFloats) {
  const testing::GoldenModel model = testing::golden_model("ada32");
  Generator generator(model.network, make_backend("cpu", Precision::f32, 1), 2);
  const std::vector<float> ws = model.ws(model.cases.front(), generator.map(model.z()));
  const std::vector<float> image = generator.paint_f32(ws);
  const std::vector<uint8_t> pixels = generator.paint(ws);
  ASSERT_EQ(pixels.size(), image.size());
  const size_t plane = 32 * 32;
  for (size_t n = 0; n < 2; ++n)
    for (size_t i = 0; i < plane; ++i)
      for (size_t c = 0; c < 3; ++c) {
        const float scaled = std::clamp(image[(n * 3 + c) * plane + i] * 127.5f + 128, 0.f, 255.f);
        ASSERT_EQ(pixels[(n * plane + i) * 3 + c], static_cast<uint8_t>(scaled)) << i;
      }
}

TEST(Devices, UnknownOnesAreRefusedByName) {
  try {
    make_backend("tpu", Precision::f32, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "device tpu: expected auto, cpu or cuda");
  }
  EXPECT_THROW(make_backend("cpu", Precision::f16, 0), Error);
  EXPECT_THROW(make_backend("cpu", Precision::f32, -1), Error);
}

}  // namespace
}  // namespace vernissage
