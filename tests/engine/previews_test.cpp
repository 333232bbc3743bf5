// Goal: what leaves a backend as bytes is the picture and its exact reductions, on every backend,
// whatever else is asked of it before and after. Method: pictures of golden networks by the CPU
// backend and by the CUDA backend on the emulated kernels, bytes against the float32 image of the
// same pass and previews against the mean by its definition, all equal; between the two backends
// within one level, since their images differ in the last bits and may fall on either side of one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "engine/cpu/backend.h"
#include "engine/cuda/backend.h"
#include "engine/cuda/batches.h"
#include "engine/engine.h"
#include "tests/support/golden_network.h"

namespace vernissage {
namespace {

struct Machine {
  const char* name;
  std::unique_ptr<Backend> (*make)();
};
const Machine kMachines[] = {
    {"cpu", [] { return make_cpu_backend(1); }},
    {"cuda_f32", [] { return make_cuda_backend(Precision::f32); }},
    {"cuda_f16", [] { return make_cuda_backend(Precision::f16); }},
};

class Pictures : public ::testing::TestWithParam<Machine> {
 protected:
  Generator generator(int batch_max) {
    return Generator(model_.network, GetParam().make(), batch_max);
  }
  std::vector<float> ws(Generator& from) {
    return model_.ws(model_.cases.front(), from.map(model_.z(), model_.c()));
  }
  int side() const { return model_.network.config.resolution; }
  int colours() const { return model_.network.config.image_channels; }

  testing::GoldenModel model_ = testing::golden_model("ada32");
};

/// By the definition: with `size` steps to a pixel of the picture and `side` to one of the preview,
/// a preview's byte is the rounded mean over side² steps.
std::vector<uint8_t> shrunk(const std::vector<uint8_t>& x, size_t n, int side, int size, int c) {
  std::vector<uint8_t> y;
  const auto pixel = [&](size_t sample, int row, int col, int channel) {
    return x[((sample * side + row) * side + col) * c + channel];
  };
  for (size_t sample = 0; sample < n; ++sample)
    for (int row = 0; row < size; ++row)
      for (int col = 0; col < size; ++col)
        for (int channel = 0; channel < c; ++channel) {
          int64_t sum = 0;
          for (int a = row * side; a < (row + 1) * side; ++a)
            for (int b = col * side; b < (col + 1) * side; ++b)
              sum += pixel(sample, a / size, b / size, channel);
          y.push_back(static_cast<uint8_t>((2 * sum + side * side) / (2 * side * side)));
        }
  return y;
}

TEST_P(Pictures, AreTheBytesOfTheImageInWhateverOrderTheyAreAskedFor) {
  Generator painter = generator(2);
  const std::vector<float> latents = ws(painter);
  const std::vector<uint8_t> pixels = painter.paint(latents);
  const std::vector<float> image = painter.paint_f32(latents);
  EXPECT_EQ(painter.paint(latents), pixels);
  EXPECT_EQ(painter.paint_f32(latents), image);
  const size_t plane = static_cast<size_t>(side()) * side();
  ASSERT_EQ(pixels.size(), image.size());
  for (size_t k = 0; k < image.size(); ++k) {
    const size_t c = k / plane % colours(), n = k / plane / colours();
    // Two roundings: the compiler must not make one of the product and the sum.
    const volatile float product = image[k] * 127.5f;
    const float level = std::clamp(product + 128.0f, 0.0f, 255.0f);
    ASSERT_EQ(pixels[(n * plane + k % plane) * colours() + c], static_cast<uint8_t>(level)) << k;
  }
}

TEST_P(Pictures, ReduceToTheExactMeanAndOnlyDownward) {
  Generator painter = generator(2);
  const std::vector<float> latents = ws(painter);
  const std::vector<uint8_t> pixels = painter.paint(latents);
  const size_t n = pixels.size() / (static_cast<size_t>(side()) * side() * colours());
  const std::vector<int> sizes = {32, 16, 24, 5, 1};
  const auto previews = painter.paint_previews(latents, sizes);
  ASSERT_EQ(previews.size(), sizes.size());
  EXPECT_EQ(previews[0], pixels);
  for (size_t k = 0; k < sizes.size(); ++k)
    EXPECT_EQ(previews[k], shrunk(pixels, n, side(), sizes[k], colours())) << sizes[k];
  EXPECT_EQ(generator(1).paint_previews(latents, sizes), previews) << "in batches of one";
  for (const int size : {0, 33}) {
    try {
      painter.paint_previews(latents, std::vector<int>{size});
      ADD_FAILURE() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "preview: expected 1 to 32 pixels, got " + std::to_string(size));
    }
  }
}

TEST_P(Pictures, AreTheSameWhenABatchIsFilledUp) {
  Generator painter = generator(3);
  const std::vector<float> two = ws(painter);
  const size_t row = two.size() / 2;
  std::vector<float> latents;
  for (int k = 0; k < 3; ++k) {
    const auto begin = two.begin() + static_cast<std::ptrdiff_t>(k % 2 * row);
    latents.insert(latents.end(), begin, begin + static_cast<std::ptrdiff_t>(row));
  }
  const std::vector<uint64_t> seeds = {1, 2, 3};
  const std::vector<uint8_t> three = painter.paint(latents, {NoiseMode::random, seeds});
  const size_t picture = three.size() / 3;
  const int launches = painter.backend().launches();
  EXPECT_EQ(launches > 0, std::string(GetParam().name) != "cpu");
  for (size_t k = 0; k < 3; ++k) {
    const std::vector<uint8_t> one =
        painter.paint(std::span(latents).subspan(k * row, row), {NoiseMode::random, {seeds[k]}});
    EXPECT_TRUE(std::equal(one.begin(), one.end(),
                           three.begin() + static_cast<std::ptrdiff_t>(k * picture)))
        << "sample " << k;
    EXPECT_EQ(painter.backend().launches(), launches) << "launches do not depend on the batch";
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Pictures, ::testing::ValuesIn(kMachines),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(Previews, OfTheEmulatedDeviceAreTheCpusWithinALevel) {
  const testing::GoldenModel model = testing::golden_model("ada32");
  Generator cpu(model.network, make_cpu_backend(1), 2);
  Generator device(model.network, make_cuda_backend(Precision::f32), 2);
  const std::vector<float> latents = model.ws(model.cases.front(), cpu.map(model.z()));
  const std::vector<int> sizes = {32, 12};
  const auto ours = cpu.paint_previews(latents, sizes);
  const auto theirs = device.paint_previews(latents, sizes);
  for (size_t k = 0; k < sizes.size(); ++k)
    for (size_t i = 0; i < ours[k].size(); ++i)
      ASSERT_LE(std::abs(int{theirs[k][i]} - int{ours[k][i]}), 1) << sizes[k] << " " << i;
}

TEST(Batches, AreFilledUpToTheNextThatIsRecorded) {
  const std::pair<int, int> expected[] = {{1, 1},   {2, 2},   {3, 4},   {4, 4},
                                          {5, 8},   {9, 16},  {16, 16}, {17, 32},
                                          {32, 32}, {33, 64}, {64, 64}, {65, 96}};
  for (const auto& [n, bucket] : expected) EXPECT_EQ(bucket_of(n), bucket) << n;
}

}  // namespace
}  // namespace vernissage
