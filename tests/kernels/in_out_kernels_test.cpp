// Goal: the kernels before and after the convolutions are right in every way they can be launched.
// Method: each shape that selects another form of a kernel (lanes to a pixel, vector or scalar
// loads, blocks that share a row), around the sizes where the choice changes, against the reference
// in double within the error of the arithmetic (support/compare.h), in three thread orders, and
// each sample alone with the same bytes as in its batch. What is made of whole numbers must be
// equal.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>

#include "kernels/reference.h"
#include "tests/support/compare.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

class Machines : public ::testing::Test {
 protected:
  void TearDown() override { set_order(0); }
};

struct RgbShape {
  int n, h, w, i, c;
};
/// Four lanes a pixel, eight, a whole warp (up to 64 x 64 pixels, from 128 or 256 channels on), and
/// one channel at a time.
constexpr RgbShape kRgbShapes[] = {
    {2, 66, 66, 16, 3},  {2, 66, 64, 32, 3},  {1, 6, 10, 24, 4}, {3, 66, 64, 40, 3},
    {1, 64, 64, 256, 3}, {1, 66, 64, 256, 3}, {2, 4, 4, 512, 3}, {5, 2, 2, 264, 1},
    {2, 30, 34, 36, 2},  {1, 34, 66, 129, 3},
};

template <class T>
void check_rgb() {
  for (const RgbShape& shape : kRgbShapes) {
    SCOPED_TRACE(std::to_string(shape.h) + "x" + std::to_string(shape.w) + "x" +
                 std::to_string(shape.i));
    Operands operands(21, sizeof(T) == 2);
    ToRgb<float> op;
    op.n = shape.n, op.h = shape.h, op.w = shape.w, op.i = shape.i, op.c = shape.c;
    op.clamp = 1.25f;
    op.x = operands.stored(int64_t{op.n} * op.h * op.w * op.i);
    op.weight = operands.uniform(int64_t{op.c} * op.i, -0.2f, 0.2f);
    op.style = operands.uniform(int64_t{op.n} * op.i);
    op.bias = operands.uniform(op.c);
    op.previous = operands.uniform(int64_t{op.n} * (op.h / 2) * (op.w / 2) * op.c);
    op.filter = operands.uniform(16, -0.3f, 0.3f);
    std::vector<double> expected(output_count(op)), magnitude(expected.size());
    reference::to_rgb(op, expected.data());
    reference::to_rgb(magnitude_of(op, operands), magnitude.data());
    KernelMachine<T> machine;
    std::vector<float> first;
    for (const uint64_t order : kOrders) {
      set_order(order);
      const std::vector<float> image = machine.run(op);
      expect_close(image, expected, magnitude, terms(op), Storage::f32);
      if (first.empty()) first = image;
      EXPECT_EQ(image, first) << "order " << order;
    }
    for (int n = 0; n < op.n && op.n > 1; ++n) {
      OneSample sample(n);
      const ToRgb<float> alone = map_inputs<float>(op, sample);
      const int64_t count = output_count(alone);
      EXPECT_EQ(machine.run(alone),
                std::vector<float>(first.begin() + n * count, first.begin() + (n + 1) * count));
    }

    // Bytes instead of the image: those that the image would have become.
    std::vector<uint8_t> bytes(first.size());
    PackRgb8 pack;
    pack.image = first.data();
    pack.count = static_cast<int64_t>(first.size());
    reference::pack_rgb8(pack, bytes.data());
    Upload<T> upload;
    ToRgb<T> on_device = map_inputs<T>(op, upload);
    DeviceArray<uint8_t> pixels(first.size());
    on_device.pixels = pixels.data();
    to_rgb(on_device, nullptr);
    EXPECT_EQ(pixels.read(), bytes);
    EXPECT_TRUE(pixels.guards_intact() && upload.guards_intact());
  }
}

TEST_F(Machines, ToRgbIsRightInEveryFormAsFloat) {
  check_rgb<float>();
}
TEST_F(Machines, ToRgbIsRightInEveryFormAsHalf) {
  check_rgb<f16>();
}

TEST_F(Machines, ToRgbWritesTheImageOrBytesNeverBoth) {
  float x[4] = {}, numbers[4] = {};
  uint8_t bytes[4] = {};
  ToRgb<float> op;
  op.x = x, op.weight = op.style = numbers;
  op.n = op.h = op.w = op.i = op.c = 1;
  EXPECT_THROW(to_rgb(op, nullptr), InvalidArgument);
  op.image = numbers, op.pixels = bytes;
  EXPECT_THROW(to_rgb(op, nullptr), InvalidArgument);
}

TEST_F(Machines, RepeatScalesByTheStyleOfEachSample) {
  constexpr int kN = 3, kC = 12, kPixels = 16;
  Operands operands(24, true);
  const float* x = operands.stored(kC * kPixels);
  const float* style = operands.uniform(kN * kC, -2, 2);
  Upload<f16> upload;
  for (const uint64_t order : kOrders) {
    set_order(order);
    DeviceArray<f16> y(size_t{kN} * kC * kPixels);
    broadcast_constant(BroadcastConstant<f16>{upload.stored(x, 1, kC * kPixels), y.data(), kN,
                                              kC * kPixels, upload.plain(style, kN, kC), kC},
                       nullptr);
    const std::vector<f16> values = y.read();
    for (int n = 0; n < kN; ++n)
      for (int k = 0; k < kC * kPixels; ++k)
        ASSERT_EQ(values[size_t(n) * kC * kPixels + k].bits,
                  from_float<f16>(x[k] * style[n * kC + k % kC]).bits)
            << n << " " << k;
    EXPECT_TRUE(y.guards_intact() && upload.guards_intact());
  }
}

/// By the definition: every output pixel is a square of the input, in exact rational arithmetic.
std::vector<uint8_t> shrunk(const std::vector<uint8_t>& x, int n, int side, int size, int c) {
  std::vector<uint8_t> y;
  for (int sample = 0; sample < n; ++sample)
    for (int row = 0; row < size; ++row)
      for (int col = 0; col < size; ++col)
        for (int channel = 0; channel < c; ++channel) {
          // size steps to an input pixel, side to an output pixel: whole steps, no shares.
          uint64_t sum = 0;
          for (int a = 0; a < side; ++a)
            for (int b = 0; b < side; ++b) {
              const int from_row = (row * side + a) / size, from_col = (col * side + b) / size;
              sum += x[((size_t(sample) * side + from_row) * side + from_col) * c + channel];
            }
          const uint64_t whole = uint64_t(side) * side;
          y.push_back(static_cast<uint8_t>((2 * sum + whole) / (2 * whole)));
        }
  return y;
}

TEST_F(Machines, ShrinkIsTheExactMean) {
  for (const auto [n, side, size, c] :
       {std::array{1, 1, 1, 1}, std::array{2, 8, 4, 3}, std::array{1, 8, 8, 3},
        std::array{3, 16, 6, 3}, std::array{1, 32, 1, 4}, std::array{2, 15, 7, 1},
        std::array{1, 33, 32, 3}}) {
    SCOPED_TRACE(std::to_string(side) + " to " + std::to_string(size));
    std::mt19937 random(side);
    std::vector<uint8_t> x(size_t(n) * side * side * c);
    for (uint8_t& value : x) value = static_cast<uint8_t>(random());
    for (const uint64_t order : kOrders) {
      set_order(order);
      DeviceArray<uint8_t> from{std::span<const uint8_t>(x)};
      DeviceArray<uint8_t> to(size_t(n) * size * size * c);
      area_downsample({from.data(), to.data(), n, c, side, size}, nullptr);
      EXPECT_EQ(to.read(), shrunk(x, n, side, size, c));
      EXPECT_TRUE(to.guards_intact());
    }
  }
}

/// The largest sums that fit: nothing wraps.
TEST_F(Machines, ShrinkOfTheLargestWhitePictureIsWhite) {
  constexpr int kSide = 4096;
  const std::vector<uint8_t> white(size_t{kSide} * kSide, 255);
  DeviceArray<uint8_t> from{std::span<const uint8_t>(white)};
  for (const int size : {1, 3}) {
    DeviceArray<uint8_t> to(size_t{1} * size * size);
    area_downsample({from.data(), to.data(), 1, 1, kSide, size}, nullptr);
    EXPECT_EQ(to.read(), std::vector<uint8_t>(size_t{1} * size * size, 255));
  }
  AreaDownsample larger{from.data(), from.data(), 1, 1, 8, 9};
  EXPECT_THROW(area_downsample(larger, nullptr), InvalidArgument);
  AreaDownsample huge{from.data(), from.data(), 1, 1, kSide + 1, 1};
  EXPECT_THROW(area_downsample(huge, nullptr), InvalidArgument);
}

TEST_F(Machines, StylesAreTheSameBytesHoweverManyBlocksShareARow) {
  constexpr int kN = 6, kNumWs = 3;
  for (const int w_dim : {45, 64}) {
    const int widths[] = {512, 3, 64, 65, 200, 512};
    Operands operands(22, false);
    Styles op;
    op.n = kN, op.num_ws = kNumWs, op.w_dim = w_dim, op.i_max = 512;
    op.layer_count = static_cast<int>(std::size(widths));
    const float* ws = operands.uniform(int64_t{kN} * kNumWs * w_dim);
    std::vector<StyleLayer> layers;
    for (const int i : widths) {
      StyleLayer layer;
      layer.i = i;
      layer.weight = operands.uniform(int64_t{i} * w_dim);
      layer.bias = operands.uniform(i, 0, 2);
      layer.w_index = static_cast<int>(layers.size()) % kNumWs;
      layer.normalise = layers.size() % 3 != 1;
      layers.push_back(layer);
    }
    const std::vector<uint32_t> zeros(style_counters(kN, op.layer_count), 0u);
    DeviceArray<uint32_t> counters{std::span<const uint32_t>(zeros)};
    const auto run = [&](bool shared) {
      Upload<float> upload;
      std::deque<DeviceArray<float>> results;
      std::vector<StyleLayer> on_device = layers;
      for (StyleLayer& layer : on_device) {
        layer.weight = upload.plain(layer.weight, 0, int64_t{layer.i} * w_dim);
        layer.bias = upload.plain(layer.bias, 0, layer.i);
        results.emplace_back(size_t{kN} * layer.i);
        layer.style = results.back().data();
      }
      DeviceArray<StyleLayer> table{std::span<const StyleLayer>(on_device)};
      Styles launched = op;
      launched.layers = table.data();
      launched.ws = upload.plain(ws, kN, int64_t{kNumWs} * w_dim);
      launched.arrived = shared ? counters.data() : nullptr;
      styles(launched, nullptr);
      std::vector<std::vector<float>> values;
      for (const auto& result : results) {
        values.push_back(result.read());
        EXPECT_TRUE(result.guards_intact());
      }
      return values;
    };
    const auto alone = run(false);
    for (size_t l = 0; l < layers.size(); ++l)
      for (int n = 0; n < kN && layers[l].normalise; ++n) {
        float largest = 0;
        for (int i = 0; i < layers[l].i; ++i)
          largest = std::max(largest, std::abs(alone[l][size_t(n) * layers[l].i + i]));
        EXPECT_EQ(largest, 1.0f) << "layer " << l << " sample " << n;
      }
    for (const uint64_t order : kOrders) {
      set_order(order);
      EXPECT_EQ(run(true), alone) << "order " << order;
      EXPECT_EQ(counters.read(), zeros) << "the next launch needs them as they were";
    }
    set_order(0);
  }
}

TEST_F(Machines, FullyConnectedEqualsTheReference) {
  struct Shape {
    int n, i, o;
  };
  for (const auto [n, i, o] : {Shape{1, 1, 1}, Shape{5, 3, 7}, Shape{2, 64, 33}, Shape{9, 130, 5},
                               Shape{4, 512, 64}, Shape{32, 40, 12}}) {
    SCOPED_TRACE(std::to_string(n) + " " + std::to_string(i) + " " + std::to_string(o));
    Operands operands(23, false);
    reference::Dense dense;
    dense.i = i, dense.o = o;
    dense.weight = operands.uniform(int64_t{o} * i);
    dense.bias = operands.uniform(o);
    dense.act = Activation::lrelu;
    dense.gain = 1.4142135f;
    const float* x = operands.uniform(int64_t{n} * i);
    const auto in_double = [&](const float* values) {
      const std::vector<double> wide(values, values + int64_t{n} * i);
      return reference::dense(dense, std::span<const double>(wide));
    };
    const std::vector<double> expected = in_double(x);
    const auto run = [&](const float* rows, int count) {
      Upload<float> upload;
      DeviceArray<float> y(size_t(count) * o);
      FullyConnected op;
      op.x = upload.plain(rows, count, i);
      op.weight = upload.plain(dense.weight, 0, int64_t{o} * i);
      op.bias = upload.plain(dense.bias, 0, o);
      op.y = y.data();
      op.n = count, op.i = i, op.o = o;
      op.act = dense.act;
      op.gain = dense.gain;
      fully_connected(op, nullptr);
      EXPECT_TRUE(y.guards_intact() && upload.guards_intact());
      return y.read();
    };
    const std::vector<float> first = run(x, n);
    Magnitudes absolute(operands);
    dense.act = Activation::linear;
    const float *weight = dense.weight, *bias = dense.bias;
    dense.weight = absolute.plain(weight, 0, int64_t{o} * i);
    dense.bias = absolute.plain(bias, 0, o);
    const std::vector<double> magnitude = in_double(absolute.plain(x, n, i));
    dense.weight = weight, dense.bias = bias, dense.act = Activation::lrelu;
    expect_close(first, expected, magnitude, i + 1, Storage::f32);
    for (const uint64_t order : kOrders) {
      set_order(order);
      EXPECT_EQ(run(x, n), first) << "order " << order;
    }
    set_order(0);
    for (int sample = 0; sample < n; ++sample)
      EXPECT_EQ(run(x + int64_t{sample} * i, 1),
                std::vector<float>(first.begin() + sample * o, first.begin() + (sample + 1) * o));
  }
}

}  // namespace
}  // namespace vernissage::testing
