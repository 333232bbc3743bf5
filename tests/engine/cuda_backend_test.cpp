// Goal: the CUDA backend paints what the reference implementations paint, and the same bytes
// whatever the batch, the run and the order in which threads happen to go. Method: every golden
// model and stored case, in both precisions: the mapping's w, every layer of the hooked forward
// pass, the image of the fused forward pass. Tolerances are golden/README's for whole networks: the
// measured error of the reference against float64 (f32), and of the same network with every value
// rounded to half (f16), each times 2 to 4. Compiled twice: on the emulated kernels, and on a
// device.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/cuda/backend.h"
#include "engine/engine.h"
#include "kernels/philox.h"
#include "tests/support/golden_network.h"

#ifdef VERNISSAGE_EMULATED
#include "kernels/emulation/emulation.h"
#endif

namespace vernissage {
namespace {

struct Tolerance {
  double max;  // of the reference's largest value
  double rms;  // of the reference's root mean square
};
Tolerance tolerance_of(Precision precision) {
  return precision == Precision::f32 ? Tolerance{2e-5, 1e-5} : Tolerance{1.2e-2, 5e-3};
}

void expect_near(const std::string& what, const std::vector<float>& actual,
                 const std::vector<float>& expected, Precision precision) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double largest = 0, difference = 0, squares = 0, errors = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double a = actual[i], e = expected[i];
    largest = std::max(largest, std::abs(e));
    difference = std::isfinite(a) ? std::max(difference, std::abs(a - e)) : INFINITY;
    squares += e * e;
    errors += (a - e) * (a - e);
  }
  const Tolerance tolerance = tolerance_of(precision);
  EXPECT_LE(difference, tolerance.max * largest) << what;
  EXPECT_LE(std::sqrt(errors), tolerance.rms * std::sqrt(squares)) << what;
}

Generator generator_of(const testing::GoldenModel& model, Precision precision, int batch_max) {
  return Generator(model.network, make_cuda_backend(precision), batch_max);
}

/// Distinct w vectors for `n` samples, all from the model's own two latents.
std::vector<float> many_ws(const testing::GoldenModel& model, Generator& generator, int n) {
  const std::vector<float> w = generator.map(model.z(), model.c());
  const auto width = static_cast<size_t>(model.network.config.w_dim);
  const std::vector<float> a(w.begin(), w.begin() + static_cast<std::ptrdiff_t>(width));
  const std::vector<float> b(w.begin() + static_cast<std::ptrdiff_t>(width), w.end());
  std::vector<float> all;
  for (int k = 0; k < n; ++k) {
    const std::vector<float> between = lerp(a, b, static_cast<float>(k) / static_cast<float>(n));
    all.insert(all.end(), between.begin(), between.end());
  }
  return broadcast_truncated(all, generator.w_avg(), model.network.config.num_ws(), 0.8f, {});
}

std::vector<uint64_t> many_seeds(int n) {
  std::vector<uint64_t> seeds;
  for (int k = 0; k < n; ++k) seeds.push_back(0x9E3779B97F4A7C15ull * static_cast<uint64_t>(k + 1));
  return seeds;
}

class CudaGoldenModels : public ::testing::TestWithParam<std::tuple<std::string, Precision>> {};

std::string precision_name(Precision precision) {
  return precision == Precision::f32 ? "f32" : "f16";
}

TEST_P(CudaGoldenModels, EveryLayerAndImageIsTheReferences) {
  const auto& [name, precision] = GetParam();
  const testing::GoldenModel model = testing::golden_model(name);
  Generator generator = generator_of(model, precision, 2);
  const std::vector<float> w = generator.map(model.z(), model.c());
  int layers = 0;
  for (const testing::GoldenCase& one : model.cases) {
    const std::string where = model.name + " " + one.name + " ";
    const std::vector<float> ws = model.ws(one, w);
    const Noise noise{one.noise, {}};
    // The mapping is float32 in both precisions.
    if (const auto stored = model.tensors.find(one.name + "/ws"); stored != model.tensors.end())
      expect_near(where + "ws", ws, stored->second.values, Precision::f32);
    const std::vector<float>& image = model.tensors.at(one.name + "/image").values;
    expect_near(where + "image", generator.paint_f32(ws, noise), image, precision);
    const bool layered =
        std::any_of(model.tensors.begin(), model.tensors.end(),
                    [&](const auto& t) { return t.first.starts_with(one.name + "/act."); });
    if (!layered) continue;  // the stored case has an image only
    generator.paint_with_hook(
        ws, noise, [&](const std::string& layer, const std::vector<float>& values, int, int) {
          const auto expected = model.tensors.find(one.name + "/act." + layer);
          if (expected == model.tensors.end()) return;
          expect_near(where + layer, values, expected->second.values, precision);
          ++layers;
        });
  }
  EXPECT_GE(layers, 2 * model.network.config.block_count() - 1) << "every convolution is compared";
}

INSTANTIATE_TEST_SUITE_P(Cuda, CudaGoldenModels,
                         ::testing::Combine(::testing::ValuesIn(testing::golden_models()),
                                            ::testing::Values(Precision::f32, Precision::f16)),
                         [](const auto& instance) {
                           return std::get<0>(instance.param) + "_" +
                                  precision_name(std::get<1>(instance.param));
                         });

class CudaPictures : public ::testing::TestWithParam<Precision> {};

TEST_P(CudaPictures, AreTheSameBytesAloneAndInAnyBatch) {
  const testing::GoldenModel model = testing::golden_model("tf_ada32cond");
  constexpr int kSamples = 8;
  Generator whole = generator_of(model, GetParam(), kSamples);
  const std::vector<float> ws = many_ws(model, whole, kSamples);
  const std::vector<uint64_t> seeds = many_seeds(kSamples);
  const std::vector<float> expected = whole.paint_f32(ws, {NoiseMode::random, seeds});
  const std::vector<uint8_t> expected_bytes = whole.paint(ws, {NoiseMode::random, seeds});
  const size_t row = ws.size() / kSamples;
  const size_t image = expected.size() / kSamples;
  for (int batch : {1, 3}) {
    Generator parts = generator_of(model, GetParam(), batch);  // splits the eight
    EXPECT_EQ(parts.paint_f32(ws, {NoiseMode::random, seeds}), expected) << "batches of " << batch;
    EXPECT_EQ(parts.paint(ws, {NoiseMode::random, seeds}), expected_bytes)
        << "batches of " << batch;
  }
  // Another place in the batch, and fewer than were reserved for.
  const std::vector<float> last =
      whole.paint_f32(std::span(ws).last(row), {NoiseMode::random, {seeds.back()}});
  EXPECT_TRUE(
      std::equal(last.begin(), last.end(), expected.end() - static_cast<std::ptrdiff_t>(image)));
}

TEST_P(CudaPictures, AreTheSameBytesAfterOthersWerePainted) {
  const testing::GoldenModel model = testing::golden_model("extra_ada16_resnet");
  Generator generator = generator_of(model, GetParam(), 2);
  const std::vector<float> ws = many_ws(model, generator, 4);
  const std::span<const float> first = std::span(ws).first(ws.size() / 2);
  const std::span<const float> second = std::span(ws).last(ws.size() / 2);
  const std::vector<float> expected = generator.paint_f32(first);
  EXPECT_NE(generator.paint_f32(second), expected);
  EXPECT_NE(generator.paint_f32(first, {NoiseMode::none, {}}), expected);
  EXPECT_EQ(generator.paint_f32(first), expected) << "a replayed record";
  Generator again = generator_of(model, GetParam(), 2);
  EXPECT_EQ(again.paint_f32(first), expected) << "another instance";
}

TEST_P(CudaPictures, WithRandomNoiseAreThoseOfTheReferenceMaps) {
  // The same maps, handed to a second network as its constant noise. On a device the elementary
  // functions round differently from the host's, so this is a comparison within the tolerance.
  testing::GoldenModel model = testing::golden_model("ada32");
  Generator generator = generator_of(model, GetParam(), 1);
  const std::vector<float> ws = many_ws(model, generator, 1);
  const uint64_t seed = 0x0123456789ABCDEFull;
  const std::vector<float> random = generator.paint_f32(ws, {NoiseMode::random, {seed}});
  EXPECT_EQ(generator.paint_f32(ws, {NoiseMode::random, {seed}}), random);
  EXPECT_NE(generator.paint_f32(ws, {NoiseMode::random, {seed + 1}}), random);

  uint32_t layer = 0;  // the order of the forward pass: conv0, conv1, torgb of each block
  for (int r = 4; r <= model.network.config.resolution; r *= 2) {
    for (const char* conv : {"conv0", "conv1"}) {
      if (r == 4 && conv == std::string("conv0")) continue;
      Tensor& noise = model.network.parameters.at("synthesis.b" + std::to_string(r) + "." + conv +
                                                  ".noise_const");
      for (size_t pixel = 0; pixel < noise.values.size(); ++pixel)
        noise.values[pixel] = normal_noise(seed, layer, static_cast<uint32_t>(pixel));
      ++layer;
    }
    ++layer;
  }
  Generator constant = generator_of(model, GetParam(), 1);
  expect_near("random noise", random, constant.paint_f32(ws), GetParam());
}

#ifdef VERNISSAGE_EMULATED
TEST_P(CudaPictures, AreTheSameBytesInEveryThreadOrder) {
  const testing::GoldenModel model = testing::golden_model("extra_ada16_orig");
  std::vector<float> expected;
  for (const uint64_t order : {0, 1, 20260}) {
    emulation::set_order(order);
    Generator generator = generator_of(model, GetParam(), 2);
    const std::vector<float> image = generator.paint_f32(many_ws(model, generator, 2));
    if (expected.empty()) expected = image;
    EXPECT_EQ(image, expected) << "order " << order;
  }
  emulation::set_order(0);
}
#endif

INSTANTIATE_TEST_SUITE_P(Cuda, CudaPictures, ::testing::Values(Precision::f32, Precision::f16),
                         [](const auto& instance) { return precision_name(instance.param); });

TEST(CudaMapping, GivesALatentTheSameBytesInAnyCompany) {
  const testing::GoldenModel model = testing::golden_model("tf_ada32cond");
  Generator generator = generator_of(model, Precision::f32, 1);
  const auto z_dim = static_cast<size_t>(model.network.config.z_dim);
  const auto c_dim = static_cast<size_t>(model.network.config.c_dim);
  const auto w_dim = static_cast<size_t>(model.network.config.w_dim);
  constexpr size_t kLatents = 40;  // more than the mapping takes at once
  std::vector<float> z, c(kLatents * c_dim);
  for (uint32_t k = 0; k < kLatents; ++k) {
    const std::vector<float> one = z_from_seed(k, static_cast<int>(z_dim));
    z.insert(z.end(), one.begin(), one.end());
    c[k * c_dim + k % c_dim] = 1;
  }
  const std::vector<float> together = generator.map(z, c);
  for (size_t k = 0; k < kLatents; ++k) {
    const std::vector<float> alone = generator.map(std::span(z).subspan(k * z_dim, z_dim),
                                                   std::span(c).subspan(k * c_dim, c_dim));
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(),
                           together.begin() + static_cast<std::ptrdiff_t>(k * w_dim)))
        << "latent " << k;
  }
}

TEST(CudaDevice, IsThereOrMissingWithTheDriversReason) {
  const std::vector<DeviceInfo> devices = list_cuda_devices();
  ASSERT_FALSE(devices.empty());
  if (devices[0].usable) {
    EXPECT_EQ(devices[0].name, "cuda:0");
    EXPECT_FALSE(devices[0].detail.empty());
    EXPECT_TRUE(make_cuda_backend(Precision::f16)->describe().ends_with(", f16"));
    return;
  }
  // Not a word of versions where no driver is installed at all.
  const bool driver = dlopen("libcuda.so.1", RTLD_LAZY) != nullptr;
  EXPECT_TRUE(driver ? devices[0].reason.starts_with("no CUDA device: ")
                     : devices[0].reason == "no CUDA driver")
      << devices[0].reason;
  try {
    make_cuda_backend(Precision::f32);
    FAIL() << "a backend without a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), devices[0].reason);
  }
}

}  // namespace
}  // namespace vernissage
