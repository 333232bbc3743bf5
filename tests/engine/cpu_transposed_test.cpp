// Goal: the CPU backend's own transposed convolution is the definition's.
// Method: T[2i + a, 2j + b] = Σ x[i, j] w[a, b] in double, for channel counts that fill their
// blocks and that do not, for one tile row and for several jobs, by one thread and by three.
// Tolerance: golden/README's for one layer in float32, 3e-6 of the largest value.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/cpu/passes.h"
#include "engine/cpu/transposed.h"

// The vectors are wider than what some builds pass in registers; here only their number of lanes is
// used.
#pragma GCC diagnostic ignored "-Wpsabi"
#include "engine/cpu/vector.h"

namespace vernissage::cpu {
namespace {

struct Shape {
  int in_channels, out_channels, resolution;
};

class Transposed : public ::testing::TestWithParam<Shape> {};

TEST_P(Transposed, IsTheDefinitionForAnyThreads) {
  const auto [in, out, r] = GetParam();
  const int width = 2 * r + 1;
  std::mt19937 engine(20);
  std::normal_distribution<float> normal;
  std::vector<float> weight(size_t(out) * in * 9), x(size_t(padded(in)) * r * r);
  for (float& value : weight) value = normal(engine);
  for (float& value : x) value = normal(engine);  // the padding as well: its weights are zero

  std::vector<double> expected(size_t(out) * width * width);
  for (int o = 0; o < out; ++o)
    for (int i = 0; i < in; ++i)
      for (int y = 0; y < r; ++y)
        for (int k = 0; k < r; ++k) {
          const double value = x[((size_t(i / kBlock) * r + y) * r + k) * kBlock + i % kBlock];
          for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b)
              expected[(size_t(o) * width + 2 * y + a) * width + 2 * k + b] +=
                  value * weight[(size_t(o) * in + i) * 9 + a * 3 + b];
        }
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));

  const TransposedConvolution convolution(in, out, r, weight);
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    std::vector<float> blocked(size_t(padded(out)) * width * width, NAN), actual(expected.size());
    std::vector<float> scratchpad(convolution.scratchpad_bytes(threads) / sizeof(float));
    convolution.execute(x.data(), blocked.data(), scratchpad.data(), threads);
    unblock(out, width, blocked.data(), actual.data());
    for (size_t i = 0; i < actual.size(); ++i)
      ASSERT_NEAR(actual[i], expected[i], 3e-6 * largest) << i;
    if (first.empty()) first = actual;
    EXPECT_TRUE(actual == first) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Transposed,
                         ::testing::Values(Shape{16, 16, 2}, Shape{20, 5, 4}, Shape{32, 48, 6},
                                           Shape{3, 40, 24}, Shape{64, 32, 32}),
                         [](const auto& shape) {
                           return std::to_string(shape.param.in_channels) + "to" +
                                  std::to_string(shape.param.out_channels) + "at" +
                                  std::to_string(shape.param.resolution);
                         });

}  // namespace
}  // namespace vernissage::cpu
