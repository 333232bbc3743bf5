// Goal: every kernel computes what the reference says, whatever the shape, and nothing else.
// Method: each case of cases.h, stored as float and as half, in three orders of threads and blocks
// (on a device: three times), against the reference in double, element by element within the error
// of the arithmetic (support/compare.h). Outputs start as NaN, so a value not written fails; guard
// zones around every array must stay as they were; the bytes must be the same in every order, and
// the same for a sample alone as within its batch. Then the official goldens on the same kernels.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "kernels/reference.h"
#include "tests/kernels/cases.h"
#include "tests/support/compare.h"
#include "tests/support/golden_ops.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

void reference_of(const ModulatedConv<float>& op, double* y) {
  reference::modulated_conv(op, y);
}
void reference_of(const TransposedConv<float>& op, double* y) {
  reference::transposed_conv(op, y);
}
void reference_of(const Upfirdn2d<float>& op, double* y) {
  reference::upfirdn2d(op, y);
}
void reference_of(const NoiseBiasAct<float>& op, double* y) {
  reference::noise_bias_act(op, y);
}
void reference_of(const ToRgb<float>& op, double* y) {
  reference::to_rgb(op, y);
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

template <class T, class Op>
void check_kernel(const Op& op, Operands& operands, Storage output) {
  std::vector<double> expected(output_count(op)), magnitude(expected.size());
  reference_of(op, expected.data());
  reference_of(magnitude_of(op, operands), magnitude.data());

  KernelMachine<T> machine;
  std::vector<float> first;
  for (const uint64_t order : kOrders) {
    set_order(order);
    const std::vector<float> y = machine.run(op);
    if (first.empty()) {
      expect_close(y, expected, magnitude, terms(op), output);
      first = y;
    } else {
      EXPECT_TRUE(same_bytes(y, first)) << "order " << order << " gives other bytes";
    }
  }
  set_order(0);
  for (int n = 0; n < op.n && op.n > 1; ++n) {
    OneSample sample(n);
    const Op alone = map_inputs<float>(op, sample);
    const int64_t count = output_count(alone);
    const std::vector<float> within(first.begin() + n * count, first.begin() + (n + 1) * count);
    EXPECT_TRUE(same_bytes(machine.run(alone), within))
        << "sample " << n << " differs when it is alone";
  }
}

/// T is the storage type under test.
template <class T>
class Kernels : public ::testing::Test {
 protected:
  void TearDown() override { set_order(0); }
  static constexpr bool kHalf = sizeof(T) == 2;
  static constexpr Storage kStorage = kHalf ? Storage::f16 : Storage::f32;
};
struct StorageNames {
  template <class T>
  static std::string GetName(int) {
    return sizeof(T) == 2 ? "f16" : "f32";
  }
};
using StorageTypes = ::testing::Types<float, f16>;
TYPED_TEST_SUITE(Kernels, StorageTypes, StorageNames);

TYPED_TEST(Kernels, ModulatedConvEqualsTheReference) {
  for (const ConvCase& c : kConvCases) {
    SCOPED_TRACE(c.name);
    Operands operands(1, this->kHalf);
    ModulatedConv<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.i = c.i, op.o = c.o, op.k = c.k;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.i);
    op.weight = operands.stored(int64_t{c.o} * c.k * c.k * c.i);
    if (c.style) op.style = operands.uniform(int64_t{c.n} * c.i, -2, 2);
    op.epilogue = make_epilogue(c.epilogue, operands, c.n, int64_t{c.h} * c.w, c.o);
    check_kernel<TypeParam>(op, operands, this->kStorage);
  }
}

TYPED_TEST(Kernels, TransposedConvEqualsTheReference) {
  for (const TransposedCase& c : kTransposedCases) {
    SCOPED_TRACE(c.name);
    Operands operands(2, this->kHalf);
    TransposedConv<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.i = c.i, op.o = c.o;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.i);
    op.weight = operands.stored(int64_t{c.o} * 9 * c.i);
    if (c.style) op.style = operands.uniform(int64_t{c.n} * c.i, -2, 2);
    if (c.demod) op.demod = operands.uniform(int64_t{c.n} * c.o, 0.1f, 0.6f);
    check_kernel<TypeParam>(op, operands, this->kStorage);
  }
}

TYPED_TEST(Kernels, Upfirdn2dEqualsTheReference) {
  for (const UpfirdnCase& c : kUpfirdnCases) {
    SCOPED_TRACE(c.name);
    Operands operands(3, this->kHalf);
    Upfirdn2d<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.c = c.c, op.fh = c.fh, op.fw = c.fw;
    op.up_x = c.up_x, op.up_y = c.up_y, op.down_x = c.down_x, op.down_y = c.down_y;
    op.pad_x0 = c.pad_x0, op.pad_x1 = c.pad_x1, op.pad_y0 = c.pad_y0, op.pad_y1 = c.pad_y1;
    op.flip = c.flip, op.gain = c.gain;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.c);
    op.filter = operands.uniform(int64_t{c.fh} * c.fw);
    op.epilogue =
        make_epilogue(c.epilogue, operands, c.n, int64_t{out_height(op)} * out_width(op), c.c);
    check_kernel<TypeParam>(op, operands, this->kStorage);
  }
}

TYPED_TEST(Kernels, NoiseBiasActEqualsTheReference) {
  for (const ActCase& c : act_cases()) {
    SCOPED_TRACE(c.name);
    Operands operands(4, this->kHalf);
    NoiseBiasAct<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.o = c.o;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.o, -4, 4);
    op.epilogue = make_epilogue(c.epilogue, operands, c.n, int64_t{c.h} * c.w, c.o);
    check_kernel<TypeParam>(op, operands, this->kStorage);
  }
}

TYPED_TEST(Kernels, NoiseBiasActMayWorkInPlace) {
  Operands operands(5, this->kHalf);
  NoiseBiasAct<float> op;
  op.n = 2, op.h = 5, op.w = 7, op.o = 12;
  op.x = operands.stored(output_count(op), -4, 4);
  op.epilogue = make_epilogue(kWhole, operands, op.n, 35, op.o);
  KernelMachine<TypeParam> machine;
  const std::vector<float> apart = machine.run(op);
  Upload<TypeParam> upload;
  NoiseBiasAct<TypeParam> in_place = map_inputs<TypeParam>(op, upload);
  std::vector<TypeParam> x(output_count(op));
  for (size_t i = 0; i < x.size(); ++i) x[i] = from_float<TypeParam>(op.x[i]);
  DeviceArray<TypeParam> both{std::span<const TypeParam>(x)};
  in_place.x = in_place.y = both.data();
  noise_bias_act(in_place, nullptr);
  const std::vector<TypeParam> y = both.read();
  for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(to_float(y[i]), apart[i]) << i;
}

TYPED_TEST(Kernels, ToRgbEqualsTheReference) {
  for (const RgbCase& c : kRgbCases) {
    SCOPED_TRACE(c.name);
    Operands operands(6, this->kHalf);
    ToRgb<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.i = c.i, op.c = c.c, op.clamp = c.clamp;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.i);
    op.weight = operands.uniform(int64_t{c.c} * c.i);
    op.style = operands.uniform(int64_t{c.n} * c.i);
    if (c.bias) op.bias = operands.uniform(c.c);
    if (c.previous) {
      op.previous = operands.uniform(int64_t{c.n} * (c.h / 2) * (c.w / 2) * c.c);
      op.filter = operands.uniform(16);
    }
    check_kernel<TypeParam>(op, operands, Storage::f32);  // the image is float whatever x is
  }
}

TYPED_TEST(Kernels, RepeatCopiesExactly) {
  for (const int count : {1, 3, 64, 1000}) {
    Operands operands(7, this->kHalf);
    std::vector<TypeParam> x(count);
    const float* values = operands.stored(count);
    for (int i = 0; i < count; ++i) x[i] = from_float<TypeParam>(values[i]);
    for (const uint64_t order : kOrders) {
      set_order(order);
      DeviceArray<TypeParam> from{std::span<const TypeParam>(x)};
      DeviceArray<TypeParam> to(5 * size_t{1} * count);
      broadcast_constant(BroadcastConstant<TypeParam>{from.data(), to.data(), 5, count}, nullptr);
      const std::vector<TypeParam> y = to.read();
      for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(to_float(y[i]), values[i % count]);
      EXPECT_TRUE(to.guards_intact());
    }
  }
}

TYPED_TEST(Kernels, ToNchwMovesEveryValueExactly) {
  for (const auto [n, h, w, c] : {std::array{1, 1, 1, 1}, std::array{2, 7, 5, 3},
                                  std::array{5, 4, 9, 33}, std::array{1, 8, 8, 64}}) {
    Operands operands(8, this->kHalf);
    const int64_t count = int64_t{n} * h * w * c;
    ToNchw<float> op;
    op.n = n, op.h = h, op.w = w, op.c = c;
    op.x = operands.stored(count);
    std::vector<float> expected(count);
    reference::to_nchw(op, expected.data());
    std::vector<TypeParam> x(count);
    for (int64_t i = 0; i < count; ++i) x[i] = from_float<TypeParam>(op.x[i]);
    for (const uint64_t order : kOrders) {
      set_order(order);
      DeviceArray<TypeParam> from{std::span<const TypeParam>(x)};
      DeviceArray<float> to(count);
      to_nchw(ToNchw<TypeParam>{from.data(), to.data(), n, h, w, c}, nullptr);
      EXPECT_EQ(to.read(), expected);
      EXPECT_TRUE(to.guards_intact());
    }
  }
}

// ---- float32 whatever the activations are stored as

class GroupedKernels : public ::testing::Test {
 protected:
  void TearDown() override { set_order(0); }
};

TEST_F(GroupedKernels, StylesEqualTheReference) {
  constexpr int kN = 5, kNumWs = 4, kW = 45;
  const int widths[] = {1, 3, 13, 33, 65, 129, 64, 300};
  Operands operands(9, false);
  Styles op;
  op.ws = operands.uniform(kN * kNumWs * kW);
  op.n = kN, op.num_ws = kNumWs, op.w_dim = kW;
  op.i_max = 300;
  std::vector<StyleLayer> layers;
  for (const int i : widths) {
    StyleLayer layer;
    layer.i = i;
    layer.weight = operands.uniform(int64_t{i} * kW);
    layer.bias = operands.uniform(i, 0, 2);
    layer.w_index = static_cast<int>(layers.size()) % kNumWs;
    layer.scale = layers.size() % 3 == 0 ? 0.25f : 1.0f;
    layer.normalise = layers.size() % 2 == 1;
    layers.push_back(layer);
  }
  op.layer_count = static_cast<int>(layers.size());

  const auto run = [&](const float* ws, int n) {
    Upload<float> upload;
    std::deque<DeviceArray<float>> results;
    std::vector<StyleLayer> on_device = layers;
    for (StyleLayer& layer : on_device) {
      layer.weight = upload.plain(layer.weight, 0, int64_t{layer.i} * kW);
      layer.bias = upload.plain(layer.bias, 0, layer.i);
      results.emplace_back(size_t{1} * n * layer.i);
      layer.style = results.back().data();
    }
    DeviceArray<StyleLayer> table{std::span<const StyleLayer>(on_device)};
    Styles launched = op;
    launched.n = n;
    launched.layers = table.data();
    launched.ws = upload.plain(ws, n, kNumWs * kW);
    styles(launched, nullptr);
    std::vector<std::vector<float>> values;
    for (const auto& result : results) {
      values.push_back(result.read());
      EXPECT_TRUE(result.guards_intact());
    }
    EXPECT_TRUE(upload.guards_intact());
    return values;
  };

  const auto first = run(op.ws, kN);
  for (size_t l = 0; l < layers.size(); ++l) {
    SCOPED_TRACE("layer " + std::to_string(l));
    const size_t count = size_t{kN} * layers[l].i;
    std::vector<double> expected(count), magnitude(count), plain(count);
    reference::style(op, layers[l], expected.data());
    Magnitudes absolute(operands);
    StyleLayer magnitudes = layers[l];
    magnitudes.weight = absolute.plain(layers[l].weight, 0, int64_t{layers[l].i} * kW);
    magnitudes.normalise = false;
    Styles op_magnitudes = op;
    op_magnitudes.ws = absolute.plain(op.ws, kN, kNumWs * kW);
    reference::style(op_magnitudes, magnitudes, magnitude.data());
    if (layers[l].normalise) {
      // An error of the largest value is passed on to the whole row by the division.
      StyleLayer unnormalised = layers[l];
      unnormalised.normalise = false;
      reference::style(op, unnormalised, plain.data());
      for (int n = 0; n < kN; ++n) {
        double largest = 0, largest_magnitude = 0;
        for (int i = 0; i < layers[l].i; ++i) {
          largest = std::max(largest, std::abs(plain[n * layers[l].i + i]));
          largest_magnitude = std::max(largest_magnitude, magnitude[n * layers[l].i + i]);
        }
        for (int i = 0; i < layers[l].i; ++i) {
          double& m = magnitude[n * layers[l].i + i];
          m = m / largest + std::abs(expected[n * layers[l].i + i]) * largest_magnitude / largest;
        }
      }
    }
    expect_close(first[l], expected, magnitude, kW, Storage::f32);
  }
  for (const uint64_t order : kOrders) {
    set_order(order);
    EXPECT_EQ(run(op.ws, kN), first) << "order " << order;
  }
  set_order(0);
  for (int n = 0; n < kN; ++n) {
    const auto alone = run(op.ws + n * kNumWs * kW, 1);
    for (size_t l = 0; l < layers.size(); ++l)
      EXPECT_EQ(alone[l], std::vector<float>(first[l].begin() + n * layers[l].i,
                                             first[l].begin() + (n + 1) * layers[l].i));
  }
}

TEST_F(GroupedKernels, AStyleOfZerosIsNotDividedByZero) {
  const std::vector<float> zeros(8, 0.0f);
  Upload<float> upload;
  DeviceArray<float> style(8);
  StyleLayer layer;
  layer.weight = upload.plain(zeros.data(), 0, 8);
  layer.bias = upload.plain(zeros.data(), 0, 8);
  layer.style = style.data();
  layer.i = 8;
  layer.normalise = true;
  DeviceArray<StyleLayer> table{std::span<const StyleLayer>(&layer, 1)};
  Styles op;
  op.layers = table.data();
  op.ws = upload.plain(zeros.data(), 1, 1);
  op.n = op.layer_count = op.num_ws = op.w_dim = 1;
  op.i_max = 8;
  styles(op, nullptr);
  EXPECT_EQ(style.read(), zeros);
}

TEST_F(GroupedKernels, DemodulationEqualsTheReference) {
  constexpr int kN = 5;
  const std::pair<int, int> shapes[] = {{1, 1}, {3, 5}, {33, 13}, {65, 129}, {129, 64}, {64, 300}};
  Operands operands(10, false);
  std::vector<DemodulateLayer> layers;
  for (const auto& [i, o] : shapes) {
    DemodulateLayer layer;
    layer.i = i, layer.o = o;
    layer.square = operands.uniform(int64_t{i} * o, 0, 1);
    layer.style = operands.uniform(int64_t{kN} * i, -2, 2);
    layers.push_back(layer);
  }
  Demodulate op;
  op.n = kN, op.layer_count = static_cast<int>(layers.size()), op.o_max = 300;

  const auto run = [&](int first_sample, int n) {
    Upload<float> upload;
    std::deque<DeviceArray<float>> results;
    std::vector<DemodulateLayer> on_device = layers;
    for (DemodulateLayer& layer : on_device) {
      layer.square = upload.plain(layer.square, 0, int64_t{layer.i} * layer.o);
      layer.style = upload.plain(layer.style + first_sample * layer.i, n, layer.i);
      results.emplace_back(size_t{1} * n * layer.o);
      layer.demod = results.back().data();
    }
    DeviceArray<DemodulateLayer> table{std::span<const DemodulateLayer>(on_device)};
    Demodulate launched = op;
    launched.n = n;
    launched.layers = table.data();
    demodulate(launched, nullptr);
    std::vector<std::vector<float>> values;
    for (const auto& result : results) {
      values.push_back(result.read());
      EXPECT_TRUE(result.guards_intact());
    }
    return values;
  };

  const auto first = run(0, kN);
  for (size_t l = 0; l < layers.size(); ++l) {
    SCOPED_TRACE("layer " + std::to_string(l));
    std::vector<double> expected(size_t{kN} * layers[l].o);
    reference::demodulate(op, layers[l], expected.data());
    // Nothing cancels in a sum of squares: the error is relative to the result.
    expect_close(first[l], expected, std::vector<double>(expected.size(), 0.0), layers[l].i,
                 Storage::f32);
  }
  for (const uint64_t order : kOrders) {
    set_order(order);
    EXPECT_EQ(run(0, kN), first) << "order " << order;
  }
  set_order(0);
  for (int n = 0; n < kN; ++n) {
    const auto alone = run(n, 1);
    for (size_t l = 0; l < layers.size(); ++l)
      EXPECT_EQ(alone[l], std::vector<float>(first[l].begin() + n * layers[l].o,
                                             first[l].begin() + (n + 1) * layers[l].o));
  }
}

TEST_F(GroupedKernels, PixelNormEqualsTheReferenceAndKeepsToItsColumns) {
  for (const auto [n, f, x_stride, y_stride] :
       {std::array{1, 1, 1, 1}, std::array{2, 5, 5, 5}, std::array{5, 40, 40, 88},
        std::array{3, 513, 600, 513}}) {
    SCOPED_TRACE(f);
    Operands operands(11, false);
    PixelNorm op;
    op.n = n, op.f = f, op.x_stride = x_stride, op.y_stride = y_stride;
    op.x = operands.uniform(int64_t{n} * x_stride);
    const size_t count = size_t{1} * n * y_stride;
    std::vector<double> expected(count, 0);
    reference::pixel_norm(op, expected.data());
    std::vector<float> first;
    for (const uint64_t order : kOrders) {
      set_order(order);
      Upload<float> upload;
      PixelNorm launched = op;
      launched.x = upload.plain(op.x, n, x_stride);
      DeviceArray<float> y{std::span<const float>(std::vector<float>(count, 0.0f))};
      launched.y = y.data();
      pixel_norm(launched, nullptr);
      const std::vector<float> values = y.read();
      EXPECT_TRUE(y.guards_intact() && upload.guards_intact());
      expect_close(values, expected, std::vector<double>(count, 0.0), f, Storage::f32);
      if (first.empty()) first = values;
      EXPECT_TRUE(same_bytes(values, first));
    }
    DeviceArray<float> both{std::span<const float>(op.x, size_t{1} * n * x_stride)};
    PixelNorm in_place = op;
    in_place.x = in_place.y = both.data();
    in_place.y_stride = x_stride;
    pixel_norm(in_place, nullptr);
    const std::vector<float> values = both.read();
    for (int row = 0; row < n; ++row)
      for (int i = 0; i < f; ++i)
        ASSERT_EQ(values[row * x_stride + i], first[row * y_stride + i]) << row << " " << i;
  }
}

/// Every byte's two neighbours of its border, the official boundary values, and what is no picture
/// at all.
TEST_F(GroupedKernels, BytesEqualTheReferenceExactly) {
  std::vector<float> image;
  for (int level = -2; level <= 258; ++level) {
    const float border = (static_cast<float>(level) - 128.0f) / 127.5f;
    image.insert(image.end(),
                 {std::nextafter(border, -9.0f), border, std::nextafter(border, 9.0f)});
  }
  image.insert(image.end(),
               {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                -std::numeric_limits<float>::infinity(), 1e30f, -1e30f, -0.0f});
  std::vector<uint8_t> expected;
  std::vector<std::pair<std::vector<float>, std::vector<uint8_t>>> pictures;
  PackRgb8 op;
  op.image = image.data(), op.count = static_cast<int64_t>(image.size());
  expected.resize(image.size());
  reference::pack_rgb8(op, expected.data());
  pictures.emplace_back(image, expected);
  for (const GoldenOp& golden : golden_ops("to_uint8"))
    pictures.emplace_back(golden.tensor("x").values, golden.bytes("y"));
  for (const auto& [values, bytes] : pictures)
    for (const uint64_t order : kOrders) {
      set_order(order);
      DeviceArray<float> from{std::span<const float>(values)};
      DeviceArray<uint8_t> to(values.size());
      pack_rgb8(PackRgb8{from.data(), to.data(), static_cast<int64_t>(values.size())}, nullptr);
      EXPECT_EQ(to.read(), bytes);
      EXPECT_TRUE(to.guards_intact());
    }
}

// ---- the official implementation

template <class T>
struct GoldenMachine : KernelMachine<T> {
  std::vector<float> demodulate(int n, int o, int i, const std::vector<float>& square,
                                const std::vector<float>& style) const {
    Upload<float> upload;
    DeviceArray<float> demod(size_t{1} * n * o);
    DemodulateLayer layer;
    layer.square = upload.plain(square.data(), 0, int64_t{o} * i);
    layer.style = upload.plain(style.data(), n, i);
    layer.demod = demod.data();
    layer.i = i, layer.o = o;
    DeviceArray<DemodulateLayer> table{std::span<const DemodulateLayer>(&layer, 1)};
    Demodulate op;
    op.layers = table.data();
    op.n = n, op.layer_count = 1, op.o_max = o;
    vernissage::demodulate(op, nullptr);
    return demod.read();
  }
};

/// The bounds of golden/stylegan2/README.md for one operation.
template <class T>
constexpr double kGoldenTolerance = sizeof(T) == 2 ? 4e-3 : 3e-6;

TYPED_TEST(Kernels, Upfirdn2dEqualsTheOfficialOne) {
  GoldenMachine<TypeParam> machine;
  for (const uint64_t order : kOrders) {
    set_order(order);
    for (const GoldenOp& golden : golden_ops("upfirdn2d"))
      EXPECT_LE(relative_to_absmax(golden_upfirdn2d(golden, machine), golden.nhwc("y")),
                kGoldenTolerance<TypeParam>)
          << golden.name << " in order " << order;
  }
}

TYPED_TEST(Kernels, BiasActEqualsTheOfficialOne) {
  GoldenMachine<TypeParam> machine;
  for (const uint64_t order : kOrders) {
    set_order(order);
    for (const GoldenOp& golden : golden_ops("bias_act")) {
      Tensor y = golden.tensor("y");
      if (golden.params.at("dim").integer() == 0) y.shape.insert(y.shape.begin(), 1);
      EXPECT_LE(relative_to_absmax(golden_bias_act(golden, machine), nhwc(y)),
                kGoldenTolerance<TypeParam>)
          << golden.name << " in order " << order;
    }
  }
}

TYPED_TEST(Kernels, ModulatedConvEqualsTheOfficialOne) {
  GoldenMachine<TypeParam> machine;
  for (const uint64_t order : kOrders) {
    set_order(order);
    for (const GoldenOp& golden : golden_ops("modulated_conv2d"))
      EXPECT_LE(
          relative_to_absmax(golden_modulated_conv2d(golden, machine), golden.nhwc("y_fused")),
          kGoldenTolerance<TypeParam>)
          << golden.name << " in order " << order;
  }
}

TEST_F(GroupedKernels, PixelNormEqualsTheOfficialOne) {
  for (const GoldenOp& golden : golden_ops("normalize_2nd_moment")) {
    const Tensor x = golden.tensor("x");
    DeviceArray<float> values{std::span<const float>(x.values)};
    PixelNorm op;
    op.x = op.y = values.data();
    op.n = static_cast<int>(x.shape[0]);
    op.f = op.x_stride = op.y_stride = static_cast<int>(x.shape[1]);
    pixel_norm(op, nullptr);
    EXPECT_LE(relative_to_absmax(values.read(), golden.tensor("y").values),
              kGoldenTolerance<float>);
  }
}

// ---- what must be refused

template <class Op>
std::string refusal(const Op& op, void (*launcher)(const Op&, Stream)) {
  try {
    launcher(op, nullptr);
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TYPED_TEST(Kernels, BrokenOperationsAreRefusedByField) {
  using T = TypeParam;
  T x[16] = {}, y[16] = {};
  float numbers[16] = {};
  uint64_t seeds[1] = {};
  ModulatedConv<T> conv;
  conv.x = x, conv.weight = x, conv.y = y;
  conv.n = conv.h = conv.w = conv.i = conv.o = conv.k = 1;
  const auto broken = [&](auto change) {
    ModulatedConv<T> op = conv;
    change(op);
    return refusal<ModulatedConv<T>>(
        op, [](const ModulatedConv<T>& o, Stream stream) { modulated_conv(o, stream); });
  };
  EXPECT_NE(broken([](auto& op) { op.x = nullptr; }).find("modulated_conv: x"), std::string::npos);
  EXPECT_NE(broken([](auto& op) { op.k = 2; }).find("k is 2"), std::string::npos);
  EXPECT_NE(broken([](auto& op) { op.o = 0; }).find("o is 0"), std::string::npos);
  EXPECT_NE(broken([](auto& op) { op.n = -1; }).find("n is -1"), std::string::npos);
  EXPECT_NE(broken([&](auto& op) {
              op.epilogue.noise = numbers, op.epilogue.noise_seeds = seeds;
            }).find("noise_seeds"),
            std::string::npos);
  Upfirdn2d<T> fir;
  fir.x = x, fir.filter = numbers, fir.y = y;
  fir.n = fir.h = fir.w = fir.c = 1, fir.fh = fir.fw = 4;
  EXPECT_NE(refusal<Upfirdn2d<T>>(fir, upfirdn2d<T>).find("upfirdn2d: "), std::string::npos);
  fir.fh = 33;
  EXPECT_NE(refusal<Upfirdn2d<T>>(fir, upfirdn2d<T>).find("fh is 33"), std::string::npos);
  ToRgb<T> rgb;
  rgb.x = x, rgb.weight = rgb.style = numbers, rgb.image = numbers;
  rgb.n = rgb.h = rgb.w = rgb.i = 1, rgb.c = 5;
  EXPECT_NE(refusal<ToRgb<T>>(rgb, to_rgb<T>).find("c is 5"), std::string::npos);
}

}  // namespace
}  // namespace vernissage::testing
