// Goal: the plain loops that define right are right.
// Method: every single-operation golden of the official implementation, in float32, within 3e-6 of
// the largest magnitude: the bound golden/stylegan2/README.md derives from the measured error of
// the official implementation (5.5e-7) and ours. Bytes exactly. In double the same loops must be
// nearer still than float32 can tell. Seeds are the engine's (latents_test).
#include "kernels/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "kernels/philox.h"
#include "tests/support/compare.h"
#include "tests/support/golden_ops.h"

namespace vernissage::testing {
namespace {

constexpr double kOpTolerance = 3e-6;

struct ReferenceMachine {
  std::vector<float> run(const ModulatedConv<float>& op) const {
    std::vector<float> y(int64_t{op.n} * op.h * op.w * op.o);
    reference::modulated_conv(op, y.data());
    return y;
  }
  std::vector<float> run(const TransposedConv<float>& op) const {
    std::vector<float> y(int64_t{op.n} * (2 * op.h + 1) * (2 * op.w + 1) * op.o);
    reference::transposed_conv(op, y.data());
    return y;
  }
  std::vector<float> run(const Upfirdn2d<float>& op) const {
    std::vector<float> y(int64_t{op.n} * out_height(op) * out_width(op) * op.c);
    reference::upfirdn2d(op, y.data());
    return y;
  }
  std::vector<float> run(const NoiseBiasAct<float>& op) const {
    std::vector<float> y(int64_t{op.n} * op.h * op.w * op.o);
    reference::noise_bias_act(op, y.data());
    return y;
  }
  std::vector<float> demodulate(int n, int o, int i, const std::vector<float>& square,
                                const std::vector<float>& style) const {
    std::vector<float> demod(int64_t{n} * o);
    Demodulate op;
    op.n = n;
    DemodulateLayer layer;
    layer.square = square.data(), layer.style = style.data(), layer.i = i, layer.o = o;
    reference::demodulate(op, layer, demod.data());
    return demod;
  }
};

TEST(Reference, Upfirdn2dEqualsTheOfficialOne) {
  ReferenceMachine machine;
  const auto cases = golden_ops("upfirdn2d");
  EXPECT_EQ(cases.size(), 17u);
  for (const GoldenOp& golden : cases)
    EXPECT_LE(relative_to_absmax(golden_upfirdn2d(golden, machine), golden.nhwc("y")), kOpTolerance)
        << golden.name;
}

TEST(Reference, BiasActEqualsTheOfficialOneForEveryActivation) {
  ReferenceMachine machine;
  const auto cases = golden_ops("bias_act");
  EXPECT_EQ(cases.size(), 20u);
  std::set<std::string> activations;
  for (const GoldenOp& golden : cases) {
    Tensor y = golden.tensor("y");
    if (golden.params.at("dim").integer() == 0) y.shape.insert(y.shape.begin(), 1);
    EXPECT_LE(relative_to_absmax(golden_bias_act(golden, machine), nhwc(y)), kOpTolerance)
        << golden.name;
    activations.insert(golden.params.at("act").text);
  }
  EXPECT_EQ(activations.size(), 9u);
}

TEST(Reference, ModulatedConvEqualsTheOfficialOneFusedAndUnfused) {
  ReferenceMachine machine;
  const auto cases = golden_ops("modulated_conv2d");
  EXPECT_EQ(cases.size(), 15u);
  for (const GoldenOp& golden : cases) {
    const std::vector<float> y = golden_modulated_conv2d(golden, machine);
    EXPECT_LE(relative_to_absmax(y, golden.nhwc("y_fused")), kOpTolerance) << golden.name;
    EXPECT_LE(relative_to_absmax(y, golden.nhwc("y_unfused")), kOpTolerance) << golden.name;
  }
}

/// A dense layer with the gains its parameters say.
reference::Dense dense_layer(const Tensor& weight, const std::vector<float>& bias,
                             double lr_multiplier, const std::string& activation) {
  reference::Dense op;
  op.weight = weight.values.data();
  op.bias = bias.empty() ? nullptr : bias.data();
  op.o = static_cast<int>(weight.shape[0]), op.i = static_cast<int>(weight.shape[1]);
  op.weight_gain = static_cast<float>(lr_multiplier / std::sqrt(static_cast<double>(op.i)));
  op.bias_gain = static_cast<float>(lr_multiplier);
  op.act = nonlinearity_from_name(activation);
  op.gain = activation == "lrelu" ? std::sqrt(2.0f) : 1.0f;
  return op;
}

TEST(Reference, DenseEqualsTheOfficialOne) {
  const auto cases = golden_ops("dense");
  EXPECT_EQ(cases.size(), 6u);
  for (const GoldenOp& golden : cases) {
    const Tensor weight = golden.tensor("weight");
    const std::vector<float> bias =
        golden.has("bias") ? golden.tensor("bias").values : std::vector<float>();
    const reference::Dense op = dense_layer(weight, bias, golden.params.at("lr_multiplier").number,
                                            golden.params.at("activation").text);
    const std::vector<float> x = golden.tensor("x").values;
    EXPECT_LE(relative_to_absmax(reference::dense<float>(op, x), golden.tensor("y").values),
              kOpTolerance)
        << golden.name;
  }
}

TEST(Reference, PixelNormEqualsTheOfficialOne) {
  for (const GoldenOp& golden : golden_ops("normalize_2nd_moment")) {
    const Tensor x = golden.tensor("x");
    PixelNorm op;
    op.x = x.values.data();
    op.n = static_cast<int>(x.shape[0]);
    op.f = op.x_stride = op.y_stride = static_cast<int>(x.shape[1]);
    std::vector<float> y(x.values.size());
    reference::pixel_norm(op, y.data());
    EXPECT_LE(relative_to_absmax(y, golden.tensor("y").values), kOpTolerance) << golden.name;
  }
}

TEST(Reference, MappingWithTruncationEqualsTheOfficialOne) {
  const auto cases = golden_ops("mapping");
  EXPECT_EQ(cases.size(), 4u);
  for (const GoldenOp& golden : cases) {
    const double lr = golden.params.at("lr_multiplier").number;
    std::vector<Tensor> weights, biases;
    for (int l = 0; l < golden.params.at("num_layers").integer(); ++l) {
      weights.push_back(golden.tensor("param.fc" + std::to_string(l) + ".weight"));
      biases.push_back(golden.tensor("param.fc" + std::to_string(l) + ".bias"));
    }
    reference::Mapping op;
    op.z_dim = golden.params.at("z_dim").integer();
    for (size_t l = 0; l < weights.size(); ++l)
      op.layers.push_back(dense_layer(weights[l], biases[l].values, lr, "lrelu"));
    Tensor embed_weight, embed_bias;
    std::vector<float> c;
    if (golden.params.at("c_dim").integer() > 0) {
      embed_weight = golden.tensor("param.embed.weight");
      embed_bias = golden.tensor("param.embed.bias");
      op.embed = dense_layer(embed_weight, embed_bias.values, 1, "linear");
      c = golden.tensor("c").values;
    }
    const std::vector<float> z = golden.tensor("z").values,
                             w_avg = golden.tensor("param.w_avg").values;
    const std::vector<float> w = reference::mapping<float>(op, z, c);
    const int num_ws = golden.params.at("num_ws").integer();
    for (const double psi : {0.0, 0.5, 0.7, 1.0})
      for (const int cutoff : {-1, 3}) {
        char name[40];
        std::snprintf(name, sizeof name, "ws_psi%g_cut%s", psi, cutoff < 0 ? "None" : "3");
        const std::vector<float> ws = reference::truncate<float>(w, w_avg, num_ws, psi, cutoff);
        EXPECT_LE(relative_to_absmax(ws, golden.tensor(name).values), kOpTolerance)
            << golden.name << name;
      }
    const std::vector<float> centre = reference::truncate<float>(w, w_avg, 1, 0, -1);
    for (size_t i = 0; i < centre.size(); ++i) ASSERT_EQ(centre[i], w_avg[i % w_avg.size()]);
  }
}

TEST(Reference, BytesEqualTheOfficialOnesExactly) {
  for (const GoldenOp& golden : golden_ops("to_uint8")) {
    const std::vector<float> x = golden.tensor("x").values;
    std::vector<uint8_t> y(x.size());
    PackRgb8 op;
    op.image = x.data();
    op.count = static_cast<int64_t>(x.size());
    reference::pack_rgb8(op, y.data());
    EXPECT_EQ(y, golden.bytes("y"));
  }
  const float special[] = {-1,
                           0,
                           1,
                           std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity()};
  uint8_t bytes[6];
  PackRgb8 op;
  op.image = special;
  op.count = 6;
  reference::pack_rgb8(op, bytes);
  EXPECT_EQ(std::vector<uint8_t>(bytes, bytes + 6), (std::vector<uint8_t>{0, 128, 255, 0, 255, 0}));
}

/// Skip connection by the official filter golden: an image of nothing but the previous one is its
/// doubling.
TEST(Reference, ToRgbAddsThePreviousImageDoubled) {
  for (const GoldenOp& golden : golden_ops("upfirdn2d")) {
    if (golden.name != "upfirdn2d.skip_up2") continue;
    const Tensor previous = golden.tensor("x"), filter = golden.tensor("f");
    const std::vector<float> pixels = nhwc(previous);
    ToRgb<float> op;
    op.n = static_cast<int>(previous.shape[0]), op.c = static_cast<int>(previous.shape[1]);
    op.h = 2 * static_cast<int>(previous.shape[2]), op.w = 2 * static_cast<int>(previous.shape[3]);
    op.i = 1;
    const std::vector<float> x(int64_t{op.n} * op.h * op.w, 1.0f), style(op.n, 1.0f);
    const std::vector<float> weight = {100, 0.25f, -0.5f}, bias = {1, 0, 0};
    op.x = x.data(), op.style = style.data(), op.weight = weight.data(), op.bias = bias.data();
    op.previous = pixels.data(), op.filter = filter.values.data();
    op.clamp = 10;
    std::vector<float> image(x.size() * 3);
    reference::to_rgb(op, image.data());
    std::vector<float> expected = golden.nhwc("y");
    const float own[] = {10, 0.25f, -0.5f};  // the clamp comes before the sum
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += own[i % 3];
    EXPECT_LE(relative_to_absmax(image, expected), kOpTolerance);
  }
}

TEST(Reference, NormalisedStylesHaveAbsoluteMaximumOne) {
  const std::vector<float> ws = {1, 2, 3, -4, 0.5f, 0, 7, 1}, weight = {1, 0, 0, 1, -1, 2},
                           bias = {1, 1, 1};
  Styles op;
  op.ws = ws.data(), op.n = 2, op.num_ws = 2, op.w_dim = 2;
  StyleLayer layer;
  layer.weight = weight.data(), layer.bias = bias.data(), layer.i = 3, layer.w_index = 1,
  layer.scale = 0.5f;
  std::vector<double> plain(6), normalised(6);
  reference::style(op, layer, plain.data());
  EXPECT_EQ(plain, (std::vector<double>{2, -1.5, -5, 4, 1, -2}));
  layer.normalise = true;
  reference::style(op, layer, normalised.data());
  for (int i = 0; i < 6; ++i) EXPECT_DOUBLE_EQ(normalised[i], plain[i] / (i < 3 ? 5 : 4));
}

/// Salmon et al. publish known answers for Philox4x32-10; the normal map must then be standard
/// normal. Bounds are five standard errors of 2^18 independent values.
TEST(Reference, PhiloxGivesItsPublishedAnswersAndNormalNoise) {
  const Philox4 zeros = philox4x32({{0, 0, 0, 0}}, 0, 0);
  EXPECT_EQ(std::vector<uint32_t>(zeros.v, zeros.v + 4),
            (std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const Philox4 ones = philox4x32({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u);
  EXPECT_EQ(std::vector<uint32_t>(ones.v, ones.v + 4),
            (std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  const Philox4 pi =
      philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0);
  EXPECT_EQ(std::vector<uint32_t>(pi.v, pi.v + 4),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));

  constexpr int kCount = 1 << 18;
  double sum = 0, squares = 0, fourth = 0, neighbours = 0, layers = 0;
  double before = 0;
  for (int i = 0; i < kCount; ++i) {
    const double v = normal_noise(0x123456789ABCDEFu, 3, static_cast<uint32_t>(i));
    sum += v, squares += v * v, fourth += v * v * v * v;
    neighbours += v * before;
    layers += v * normal_noise(0x123456789ABCDEFu, 4, static_cast<uint32_t>(i));
    before = v;
  }
  const double error = 5 / std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(sum / kCount, 0, error);
  EXPECT_NEAR(squares / kCount, 1, error * std::sqrt(2.0));
  EXPECT_NEAR(fourth / kCount, 3, error * std::sqrt(96.0));
  EXPECT_NEAR(neighbours / kCount, 0, error);
  EXPECT_NEAR(layers / kCount, 0, error);
}

}  // namespace
}  // namespace vernissage::testing
