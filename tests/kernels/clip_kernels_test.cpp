// Goal: the kernels of CLIP's towers compute what the golden operators and the plain loops say,
// whatever the shape, and nothing else. Method: golden/clip/ops.safetensors within the tolerances
// of its README; then shapes around every size at which a kernel does something else, against the
// reference in double within bounds that follow from the arithmetic, in three orders of threads,
// each sample alone with the same bytes as in its batch. Outputs start as NaN between guard zones.
// Whole numbers must be equal. Compiled twice: on the emulation, and on a device.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "engine/clip/bicubic.h"
#include "kernels/transformer/reference.h"
#include "kernels/transformer/transformer_ops.h"
#include "tests/support/clip_operators.h"
#include "tests/support/compare.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

class ClipKernels : public ::testing::Test {
 protected:
  void TearDown() override { set_order(0); }
};

// ---- layer norm

/// The launch, its inputs copied there and its result copied back; what is left of x in *stream.
template <class T>
std::vector<float> run(const LayerNorm<float>& op, std::span<const float> x,
                       std::vector<float>* stream = nullptr) {
  Upload<T> upload;
  DeviceArray<float> rows_of_x{x};
  DeviceArray<T> y(size_t(op.m) * op.w);
  LayerNorm<T> launched;
  launched.x = rows_of_x.data();
  std::unique_ptr<DeviceArray<int32_t>> rows;
  if (op.rows != nullptr) {
    rows = std::make_unique<DeviceArray<int32_t>>(std::span(op.rows, size_t(op.m)));
    launched.rows = rows->data();
  }
  launched.stride = op.stride;
  launched.next_bias = upload.plain(op.next_bias, 0, op.w);
  launched.weight = upload.plain(op.weight, 0, op.w);
  launched.bias = upload.plain(op.bias, 0, op.w);
  launched.y = y.data();
  launched.m = op.m, launched.w = op.w, launched.eps = op.eps;
  layer_norm(launched, nullptr);
  if (stream != nullptr) *stream = floats_of(rows_of_x);
  EXPECT_TRUE(upload.guards_intact() && rows_of_x.guards_intact());
  return floats_of(y);
}

template <class T>
void check_golden_norm() {
  const std::vector<float> x = clip_ops().floats("layer_norm.x"),
                           expected = clip_ops().floats("layer_norm.y");
  const std::vector<float> weight = clip_ops().floats("layer_norm.weight"),
                           bias = clip_ops().floats("layer_norm.bias");
  LayerNorm<float> op;
  op.m = 7, op.w = 96, op.stride = 96;
  op.weight = weight.data(), op.bias = bias.data();
  const std::vector<float> y = run<T>(op, x);
  // Ordinary rows; offset 30; offset 100 with spread 0.01; spread 1e-4; constant.
  constexpr double kBounds[] = {1e-5, 1e-5, 1e-5, 1e-5, 3e-3, 1e-6, 1e-6};
  for (size_t row = 0; row < 7; ++row) {
    SCOPED_TRACE("row " + std::to_string(row));
    for (size_t i = row * 96; i < (row + 1) * 96; ++i) {
      const double stored =
          storage_error(sizeof(T) == 2 ? Storage::f16 : Storage::f32, double(expected[i]));
      ASSERT_LE(std::abs(double(y[i]) - expected[i]), kBounds[row] * (1 + kHalfUnit) + stored) << i;
    }
  }
}
TEST_F(ClipKernels, LayerNormIsTheGoldenOneAsFloat) {
  check_golden_norm<float>();
}
TEST_F(ClipKernels, LayerNormIsTheGoldenOneAsHalf) {
  check_golden_norm<f16>();
}

template <class T>
void check_norm_shapes() {
  for (const auto [m, w] : {std::array{1, 4}, std::array{3, 128}, std::array{9, 132},
                            std::array{8, 768}, std::array{2, 1664}, std::array{2, 2048}}) {
    SCOPED_TRACE(std::to_string(m) + " x " + std::to_string(w));
    Operands operands(31, false);
    LayerNorm<float> op;
    op.m = m, op.w = w, op.stride = 2 * w;  // every other row of a wider matrix
    op.weight = operands.uniform(w, -2, 2), op.bias = operands.uniform(w);
    op.next_bias = operands.uniform(w);
    const std::span<const float> x(operands.uniform(int64_t{2} * m * w, -1, 3), size_t(2) * m * w);
    std::vector<float> copy(x.begin(), x.end());
    op.x = copy.data();
    std::vector<double> expected(size_t(m) * w);
    reference::layer_norm(op, expected.data());
    // A value at distance 2 of a mean whose error is that of a sum of w, over a spread of
    // about 1.15.
    const std::vector<double> magnitude(expected.size(), 2 * 3 / 1.15 + 1);
    std::vector<float> first, stream;
    for (const uint64_t order : kOrders) {
      set_order(order);
      const std::vector<float> y = run<T>(op, x, &stream);
      if (first.empty()) {
        expect_close(y, expected, magnitude, w + 4, sizeof(T) == 2 ? Storage::f16 : Storage::f32);
        first = y;
      }
      ASSERT_EQ(y, first) << "order " << order;
      for (size_t i = 0; i < stream.size(); ++i) {
        const bool read = i / size_t(w) % 2 == 0;
        ASSERT_EQ(stream[i], read ? x[i] + op.next_bias[i % size_t(w)] : x[i]) << i;
      }
    }
    // Rows by number, in another order: the same rows, the same bytes, and x as it was without
    // next_bias.
    std::vector<int32_t> numbers;
    for (int k = m; k-- > 0;) numbers.push_back(k);
    op.rows = numbers.data();
    op.next_bias = nullptr;
    const std::vector<float> reversed = run<T>(op, x, &stream);
    EXPECT_TRUE(std::equal(stream.begin(), stream.end(), x.begin()));
    for (int k = 0; k < m; ++k)
      for (int i = 0; i < w; ++i)
        ASSERT_EQ(reversed[size_t(k) * w + i], first[size_t(m - 1 - k) * w + i]);
  }
}
TEST_F(ClipKernels, LayerNormIsRightAtEveryWidthAsFloat) {
  check_norm_shapes<float>();
}
TEST_F(ClipKernels, LayerNormIsRightAtEveryWidthAsHalf) {
  check_norm_shapes<f16>();
}

// ---- activation

template <class T>
void check_activation() {
  std::vector<float> x = clip_ops().floats("act.x");
  const size_t count = x.size();
  x.resize(564, 0.0f);  // a multiple of 4
  if (sizeof(T) == 2)
    for (float& value : x) value = to_float(from_float<f16>(value));
  Operands operands(33, false);
  const float* bias = operands.uniform(564);
  const std::vector<float> zeros(564, 0.0f);
  for (const GeluForm act : {GeluForm::quick_gelu, GeluForm::gelu}) {
    const auto run_with = [&](const float* with) {
      std::vector<T> twice;  // two rows
      for (int row = 0; row < 2; ++row)
        for (const float value : x) twice.push_back(from_float<T>(value));
      DeviceArray<T> values{std::span<const T>(twice)};
      Upload<T> upload;
      bias_gelu(BiasGelu<T>{values.data(), upload.plain(with, 0, 564), 2, 564, act}, nullptr);
      return floats_of(values);
    };
    const std::vector<float> y = run_with(zeros.data()), biased = run_with(bias);
    const std::vector<float> expected =
        clip_ops().floats(act == GeluForm::gelu ? "act.gelu" : "act.quick_gelu");
    for (size_t i = 0; i < x.size(); ++i) {
      const double bound = 2e-6 * std::max(1.0, std::abs(double(x[i])));
      const Storage storage = sizeof(T) == 2 ? Storage::f16 : Storage::f32;
      // As half, x is not the golden one any more.
      const double exact =
          sizeof(T) == 2 || i >= count ? reference::gelu(double(x[i]), act) : double(expected[i]);
      ASSERT_LE(std::abs(y[i] - exact), bound + storage_error(storage, exact)) << x[i];
      const double with_bias = reference::gelu(double(x[i]) + bias[i], act);
      ASSERT_LE(std::abs(biased[i] - with_bias), bound * 1.5 + storage_error(storage, with_bias));
      ASSERT_EQ(y[i], y[564 + i]);
    }
  }
}
TEST_F(ClipKernels, ActivationsAreTheGoldenOnesAsFloat) {
  check_activation<float>();
}
TEST_F(ClipKernels, ActivationsAreTheGoldenOnesAsHalf) {
  check_activation<f16>();
}
TEST_F(ClipKernels, ReferenceActivationsAreTheGoldenOnes) {
  const std::vector<float> x = clip_ops().floats("act.x"), exact = clip_ops().floats("act.gelu"),
                           quick = clip_ops().floats("act.quick_gelu");
  for (size_t i = 0; i < x.size(); ++i) {
    const double bound = 0x1p-23 * std::max(1.0, std::abs(double(x[i])));
    ASSERT_NEAR(reference::gelu(double(x[i]), GeluForm::gelu), exact[i], bound);
    ASSERT_NEAR(reference::gelu(double(x[i]), GeluForm::quick_gelu), quick[i], bound);
  }
}

// ---- tokens

template <class T>
std::vector<float> run(ImagePatches<T> op, const uint8_t* x, const float* values) {
  const size_t count = size_t(op.n) * 3 * op.size * op.size;
  Upload<T> upload;
  std::unique_ptr<DeviceArray<uint8_t>> bytes;
  if (x != nullptr) {
    bytes = std::make_unique<DeviceArray<uint8_t>>(std::span(x, count));
    op.x = bytes->data();
  }
  op.values = upload.plain(values, 0, static_cast<int64_t>(count));
  const int side = op.size / op.patch;
  DeviceArray<T> y(size_t(op.n) * side * side * op.columns);
  op.y = y.data();
  image_patches(op, nullptr);
  return floats_of(y);
}

template <class T>
void check_golden_patches(double bound) {
  constexpr int kN = 2, kSize = 24, kPatch = 8, kOut = 20;
  constexpr int kUsed = 3 * kPatch * kPatch, kColumns = kUsed + 8;
  const std::vector<float> x = clip_ops().floats("patch.x"),
                           weight = clip_ops().floats("patch.weight");
  ImagePatches<T> op;
  op.n = kN, op.size = kSize, op.patch = kPatch, op.columns = kColumns;
  const std::vector<float> rows = run(op, nullptr, x.data());
  ImagePatches<float> plain;
  plain.values = x.data();
  plain.n = kN, plain.size = kSize, plain.patch = kPatch, plain.columns = kColumns;
  std::vector<double> expected(rows.size());
  reference::image_patches(plain, expected.data());
  for (size_t i = 0; i < rows.size(); ++i)
    ASSERT_EQ(rows[i], to_float(from_float<T>(static_cast<float>(expected[i])))) << i;
  std::vector<float> y;
  for (size_t row = 0; row < size_t{kN} * 9; ++row)
    for (int o = 0; o < kOut; ++o) {
      double sum = 0;
      for (int i = 0; i < kUsed; ++i)
        sum += double(rows[row * kColumns + i]) * weight[size_t(o) * kUsed + i];
      y.push_back(static_cast<float>(sum));
    }
  expect_within(y, clip_ops().floats("patch.y"), bound);
}
TEST_F(ClipKernels, PatchesAreTheGoldenConvolutionAsFloat) {
  check_golden_patches<float>(1e-5);
}
TEST_F(ClipKernels, PatchesAreTheGoldenConvolutionAsHalf) {
  // 192 products of x rounded to half (its error at most 2^-11 |x|) with the weights' magnitudes.
  const std::vector<float> x = clip_ops().floats("patch.x"),
                           weight = clip_ops().floats("patch.weight");
  double largest = 0, sum = 0, most = 0;
  for (const float value : x) largest = std::max(largest, std::abs(double(value)));
  for (size_t i = 0; i < weight.size(); ++i) {
    if (i % 192 == 0) sum = 0;
    most = std::max(most, sum += std::abs(double(weight[i])));
  }
  check_golden_patches<f16>(1e-5 + kHalfUnit * largest * most);
}

/// One patch as large as the picture is the picture itself, channel by channel: the golden tensors.
template <class T>
void check_normalised(double bound) {
  const GoldenFile file("clip/preprocess/golden.safetensors");
  for (const char* name : {"noise_100x81.64", "formula_1024x1024.64"}) {
    const std::vector<uint8_t> bytes = file.bytes(std::string(name) + ".crop_u8");
    ImagePatches<T> op;
    op.n = 1, op.size = op.patch = 64, op.columns = 3 * 64 * 64;
    const float mean[] = {0.48145466f, 0.4578275f, 0.40821073f};
    const float std_dev[] = {0.26862954f, 0.26130258f, 0.27577711f};
    std::copy_n(mean, 3, op.mean);
    std::copy_n(std_dev, 3, op.std_dev);
    expect_within(run(op, bytes.data(), nullptr), file.floats(std::string(name) + ".tensor"),
                  bound);
  }
}
TEST_F(ClipKernels, PixelsAreNormalisedAsTheGoldenOnesAsFloat) {
  check_normalised<float>(1e-6);
}
TEST_F(ClipKernels, PixelsAreNormalisedAsTheGoldenOnesAsHalf) {
  check_normalised<f16>(1e-6 + kHalfUnit * 2.2);  // no value is larger
}

TEST_F(ClipKernels, TokensGetTheirPositions) {
  for (const auto [n, t, w] :
       {std::array{1, 2, 4}, std::array{2, 5, 132}, std::array{2, 3, 1028}}) {
    Operands operands(34, true);
    AddPositions op;
    op.n = n, op.t = t, op.w = w;
    const float* patches = operands.uniform(int64_t{n} * (t - 1) * w);
    const float* token = operands.uniform(w);
    const float* position = operands.uniform(int64_t{t} * w);
    op.patches = patches, op.class_token = token, op.position = position;
    std::vector<double> expected(size_t(n) * t * w);
    reference::add_positions(op, expected.data());
    Upload<f16> upload;
    DeviceArray<float> x(expected.size());
    op.patches = upload.plain(patches, n, int64_t{t - 1} * w);
    op.class_token = upload.plain(token, 0, w);
    op.position = upload.plain(position, t, w);
    op.x = x.data();
    add_positions(op, nullptr);
    const std::vector<float> placed = floats_of(x);
    for (size_t i = 0; i < placed.size(); ++i)
      ASSERT_EQ(placed[i], static_cast<float>(expected[i]));

    constexpr int kWords = 11;
    std::vector<int32_t> ids;
    for (int k = 0; k < n * t; ++k) ids.push_back((k * 7 + 10) % kWords);
    TokenEmbedding<float> words;
    words.n = n, words.t = t, words.w = w;
    words.ids = ids.data(), words.position = position;
    words.table = operands.stored(int64_t{kWords} * w);
    reference::token_embedding(words, expected.data());
    DeviceArray<int32_t> ids_there{std::span<const int32_t>(ids)};
    const auto check_words = [&]<class T>(T) {
      Upload<T> there;
      DeviceArray<float> y(expected.size());
      TokenEmbedding<T> launched;
      launched.n = n, launched.t = t, launched.w = w;
      launched.ids = ids_there.data();
      launched.table = there.stored(words.table, kWords, w);
      launched.position = there.plain(position, t, w);
      launched.x = y.data();
      token_embedding(launched, nullptr);
      const std::vector<float> read = floats_of(y);
      for (size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i], static_cast<float>(expected[i]));
    };
    check_words(float{});
    check_words(f16{});
  }
}

TEST_F(ClipKernels, UnitVectorsAreTheGoldenOnes) {
  for (const char* name : {"sim.image", "sim.text"}) {
    const std::vector<float> x = clip_ops().floats(name);
    DeviceArray<float> rows{std::span<const float>(x)};
    l2_normalize({rows.data(), static_cast<int>(x.size() / 40), 40}, nullptr);
    // A sum of forty squares, a root, a division.
    expect_within(floats_of(rows), clip_ops().floats(std::string(name) + "_norm"),
                  tolerance(40) + 0x1p-24);
  }
}

// ---- scaling

/// Both passes, cropped to the centre as the golden data says.
std::vector<uint8_t> scaled(const std::vector<uint8_t>& picture, int height, int width, int size) {
  const int shorter = std::min(height, width);
  const int to_height = static_cast<int>(int64_t{size} * height / shorter);
  const int to_width = static_cast<int>(int64_t{size} * width / shorter);
  const auto half_even = [](int twice) { return static_cast<int>(std::nearbyint(twice / 2.0)); };
  std::vector<uint8_t> values = picture;
  const auto pass = [&](int64_t outer, int length, int to, int crop, int inner) {
    const BicubicTable table = bicubic_table(length, to, crop, size);
    DeviceArray<uint8_t> x{std::span<const uint8_t>(values)};
    DeviceArray<uint8_t> y(size_t(outer) * size * inner);
    DeviceArray<int32_t> first{std::span<const int32_t>(table.first)};
    DeviceArray<int32_t> count{std::span<const int32_t>(table.count)};
    DeviceArray<int32_t> weights{std::span<const int32_t>(table.weights)};
    Resample op;
    op.x = x.data(), op.y = y.data();
    op.first = first.data(), op.count = count.data(), op.weights = weights.data();
    op.outer = outer, op.length = length, op.size = size, op.inner = inner, op.taps = table.taps;
    resample(op, nullptr);
    EXPECT_TRUE(y.guards_intact());
    Resample host = op;
    host.x = values.data();
    host.first = table.first.data(), host.count = table.count.data();
    host.weights = table.weights.data();
    std::vector<uint8_t> expected(size_t(outer) * size * inner);
    reference::resample(host, expected.data());
    values = y.read();
    EXPECT_EQ(values, expected);
  };
  pass(height, width, to_width, half_even(to_width - size), 3);
  pass(1, height, to_height, half_even(to_height - size), size * 3);
  return values;
}

TEST_F(ClipKernels, ScalingIsExactToTheByte) {
  const GoldenFile file("clip/preprocess/golden.safetensors");
  struct Case {
    const char* name;
    int height, width;
  };
  for (const auto& [name, height, width] :
       {Case{"noise_33x90", 90, 33}, Case{"noise_100x81", 81, 100},
        Case{"painterly_64x64", 64, 64}}) {
    SCOPED_TRACE(name);
    const std::vector<uint8_t> source = file.bytes(std::string(name) + ".source_u8");
    EXPECT_EQ(scaled(source, height, width, 64), file.bytes(std::string(name) + ".64.crop_u8"));
    // Enlarged: four windows of the result are known.
    constexpr int kSize = 224, kWindow = 24;
    constexpr int kCorners[][2] = {{0, 0}, {100, 100}, {200, 200}, {0, 200}};
    const std::vector<uint8_t> large = scaled(source, height, width, kSize);
    std::vector<uint8_t> windows;
    for (const auto& [top, left] : kCorners)
      for (int row = top; row < top + kWindow; ++row) {
        const auto begin = large.begin() + (row * kSize + left) * 3;
        windows.insert(windows.end(), begin, begin + kWindow * 3);
      }
    EXPECT_EQ(windows, file.bytes(std::string(name) + ".224.patches_u8"));
  }
}

// ---- refusals

TEST_F(ClipKernels, RefuseWhatTheirRulesExclude) {
  float numbers[16] = {};
  f16 halves[16] = {};
  uint8_t bytes[16] = {};
  int32_t counts[4] = {};
  LayerNorm<f16> norm;
  norm.x = numbers, norm.weight = norm.bias = numbers, norm.y = halves;
  norm.m = 1, norm.w = norm.stride = 6;
  EXPECT_THROW(layer_norm(norm, nullptr), InvalidArgument);  // not a multiple of 4
  norm.w = norm.stride = 2052;
  EXPECT_THROW(layer_norm(norm, nullptr), InvalidArgument);
  Attention<f16> attend;
  attend.qkv = halves, attend.bias = numbers, attend.y = halves + 8;
  attend.n = attend.t = attend.heads = 1, attend.head = 8;
  attend.queries = 2;
  EXPECT_THROW(attention(attend, nullptr, true), InvalidArgument);
  attend.queries = 1, attend.head = 257;
  EXPECT_THROW(attention(attend, nullptr, true), InvalidArgument);
  ImagePatches<float> patches;
  patches.y = numbers;
  patches.n = 1, patches.size = 4, patches.patch = 2, patches.columns = 12;
  EXPECT_THROW(image_patches(patches, nullptr), InvalidArgument);  // neither x nor values
  patches.values = numbers, patches.columns = 11;
  EXPECT_THROW(image_patches(patches, nullptr), InvalidArgument);
  patches.patch = 3, patches.columns = 27;
  EXPECT_THROW(image_patches(patches, nullptr), InvalidArgument);
  Resample pass;
  pass.x = bytes, pass.first = pass.count = pass.weights = counts;
  pass.y = bytes;
  pass.outer = 1, pass.length = pass.size = pass.inner = pass.taps = 1;
  EXPECT_THROW(resample(pass, nullptr), InvalidArgument);  // y is x
  EXPECT_THROW(l2_normalize({numbers, 0, 4}, nullptr), InvalidArgument);
  EXPECT_THROW(bias_gelu(BiasGelu<float>{numbers, numbers, 1, 2}, nullptr), InvalidArgument);
}

}  // namespace
}  // namespace vernissage::testing
