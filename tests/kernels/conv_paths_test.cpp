// Goal: the convolutions on tensor cores, every tile of the table, are the reference's within the
// error of the arithmetic, and their bytes depend on nothing else: not on the tile, the batch or
// the order of threads. Method: shapes around every edge of a tile (channels that are multiples of
// eight only, rows that fill no tile, rows of several samples in one tile), each option of the
// epilogue, all on every tile, against the reference in double (support/compare.h; products of
// halves are exact in float32, so the bound for sums is the plain kernel's). Then the parts: the
// folded weight of the composite up-convolution against the two operations it replaces, the second
// output, what the kernel must leave to the plain one, and the table's own choices.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "kernels/convolution/conv_mma.h"
#include "kernels/convolution/conv_up.h"
#include "kernels/convolution/conv_weights.h"
#include "kernels/reference.h"
#include "kernels/stylegan2/fir.h"
#include "tests/kernels/cases.h"
#include "tests/support/compare.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

struct TensorCoreCase {
  const char* name;
  int n, h, w, i, o, k;
  EpilogueCase epilogue;
};
constexpr EpilogueCase kSeeds = {
    true, true, NoiseKind::seeds, Activation::lrelu, 0.2f, 1.4142135f, 2, false, true};
const TensorCoreCase kCases[] = {
    {"least", 1, 1, 1, 8, 8, 3, kNothing},
    {"samples_share_a_tile", 5, 4, 4, 24, 40, 3, kWhole},
    {"channels_before_a_tile_ends", 1, 8, 8, 72, 56, 3, kLayer},
    {"channels_after_a_tile_ends", 2, 5, 3, 136, 136, 3, kWhole},
    {"rows_after_a_tile_ends", 1, 13, 11, 32, 32, 3, kSeeds},
    {"wide", 2, 2, 67, 16, 24, 3, kLayer},
    {"tall", 1, 67, 2, 64, 8, 3, kLayer},
    {"patch_exactly", 1, 8, 16, 32, 32, 3, kLayer},
    {"patches_that_overhang", 2, 9, 17, 8, 40, 3, kWhole},
    {"patches_of_many_k_tiles", 1, 9, 17, 104, 136, 3, kSeeds},
    {"patch_of_two_k_tiles", 1, 8, 17, 56, 72, 3, kWhole},
    {"pointwise",
     2,
     9,
     9,
     40,
     24,
     1,
     {false, false, NoiseKind::none, Activation::linear, 0.2f, 0.7f}},
};

/// The kernel and its tile: those of kConvTiles, then those of kPatchTiles.
constexpr int kTileCount = kConvTileCount + kPatchTileCount;
TileShape tile_shape(int tile) {
  return tile < kConvTileCount ? kConvTiles[tile] : kPatchTiles[tile - kConvTileCount];
}
bool fits_tile(const Product<f16>& op, int tile) {
  return fits_tensor_cores(op) && (tile < kConvTileCount || fits_patches(op));
}
void run(const Product<f16>& op, const ToRgb<f16>& rgb, int tile) {
  if (tile < kConvTileCount)
    run_on_tile(op, rgb, tile, nullptr);
  else
    run_on_patches(op, rgb, tile - kConvTileCount, nullptr);
}

/// The operation's result on one tile, and its second output when `plain` is given; nothing where
/// the kernel does not take it.
template <class Op>
std::vector<float> on_tile(const Op& op, int tile, std::vector<float>* plain = nullptr) {
  Upload<f16> upload;
  auto on_device = map_inputs<f16>(op, upload);
  DeviceArray<f16> y(output_count(op)), second(output_count(op));
  on_device.y = y.data();
  Product<f16> whole = product_of(on_device);
  if (plain != nullptr) whole.epilogue.plain = second.data();
  if (!fits_tile(whole, tile)) return {};
  run(whole, ToRgb<f16>(), tile);
  const auto floats = [](const std::vector<f16>& stored) {
    std::vector<float> values(stored.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = to_float(stored[i]);
    return values;
  };
  EXPECT_TRUE(y.guards_intact() && second.guards_intact() && upload.guards_intact())
      << "a kernel wrote outside its output";
  if (plain != nullptr) *plain = floats(second.read());
  return floats(y.read());
}

void reference_of(const ModulatedConv<float>& op, double* y) {
  reference::modulated_conv(op, y);
}
void reference_of(const TransposedConv<float>& op, double* y) {
  reference::transposed_conv(op, y);
}
void reference_of(const PhasedConv<float>& op, double* y) {
  reference::phased_conv(op, y);
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

template <class Op>
void check_tiles(const Op& op, Operands& operands) {
  std::vector<double> expected(output_count(op)), magnitude(expected.size());
  reference_of(op, expected.data());
  reference_of(magnitude_of(op, operands), magnitude.data());
  // The two kernels sum in different orders, so each has bytes of its own.
  for (const int kernel : {0, kConvTileCount}) {
    const int end = kernel == 0 ? kConvTileCount : kTileCount;
    std::vector<float> first;
    for (int tile = kernel; tile < end; ++tile) {
      SCOPED_TRACE("tile " + std::to_string(tile));
      set_order(kOrders[static_cast<size_t>(tile) % std::size(kOrders)]);
      const std::vector<float> y = on_tile(op, tile);
      if (y.empty()) break;
      if (first.empty()) {
        expect_close(y, expected, magnitude, terms(op), Storage::f16);
        first = y;
      } else {
        EXPECT_TRUE(same_bytes(y, first)) << "other bytes than the kernel's first tile gives";
      }
    }
    set_order(0);
    EXPECT_TRUE(kernel > 0 || !first.empty()) << "the case is not one for tensor cores";
    for (int n = 0; n < op.n && op.n > 1 && !first.empty(); ++n) {
      OneSample sample(n);
      const Op alone = map_inputs<float>(op, sample);
      const int64_t count = output_count(alone);
      const std::vector<float> within(first.begin() + n * count, first.begin() + (n + 1) * count);
      EXPECT_TRUE(same_bytes(on_tile(alone, kernel + n % (end - kernel)), within))
          << "sample " << n << " differs when it is alone";
    }
  }
}

TEST(TensorCoreConvolutions, EqualTheReferenceOnEveryTile) {
  for (const TensorCoreCase& c : kCases) {
    SCOPED_TRACE(c.name);
    Operands operands(31, /*half=*/true);
    ModulatedConv<float> op;
    op.n = c.n, op.h = c.h, op.w = c.w, op.i = c.i, op.o = c.o, op.k = c.k;
    op.x = operands.stored(int64_t{c.n} * c.h * c.w * c.i);
    op.weight = operands.stored(int64_t{c.o} * c.k * c.k * c.i);
    op.epilogue = make_epilogue(c.epilogue, operands, c.n, int64_t{c.h} * c.w, c.o);
    check_tiles(op, operands);
  }
}

TEST(TensorCoreConvolutions, TransposedEqualTheReferenceOnEveryTile) {
  for (const auto& [n, h, w, i, o] :
       {std::array{1, 1, 1, 8, 8}, std::array{3, 4, 5, 24, 40}, std::array{1, 8, 8, 72, 136}}) {
    Operands operands(32, /*half=*/true);
    TransposedConv<float> op;
    op.n = n, op.h = h, op.w = w, op.i = i, op.o = o;
    op.x = operands.stored(int64_t{n} * h * w * i);
    op.weight = operands.stored(int64_t{o} * 9 * i);
    op.demod = operands.uniform(int64_t{n} * o, 0.1f, 0.6f);
    check_tiles(op, operands);
  }
}

TEST(TensorCoreConvolutions, TransposedWithAllPhasesInABlockEqualTheReference) {
  for (const auto& [n, h, w, i, o] :
       {std::array{1, 1, 1, 8, 8}, std::array{2, 7, 15, 24, 40}, std::array{2, 8, 16, 72, 32},
        std::array{1, 9, 17, 136, 72}}) {
    SCOPED_TRACE(std::to_string(h) + " x " + std::to_string(w));
    Operands operands(39, /*half=*/true);
    TransposedConv<float> op;
    op.n = n, op.h = h, op.w = w, op.i = i, op.o = o;
    op.x = operands.stored(int64_t{n} * h * w * i);
    op.weight = operands.stored(int64_t{o} * 9 * i);
    if (o != 32) op.demod = operands.uniform(int64_t{n} * o, 0.1f, 0.6f);
    std::vector<double> expected(output_count(op)), magnitude(expected.size());
    reference_of(op, expected.data());
    reference_of(magnitude_of(op, operands), magnitude.data());
    const auto made = [](const TransposedConv<float>& which) {
      Upload<f16> upload;
      TransposedConv<f16> on_device = map_inputs<f16>(which, upload);
      DeviceArray<f16> y(output_count(which));
      on_device.y = y.data();
      EXPECT_TRUE(fits_up_kernel(on_device));
      run_up_kernel(on_device, nullptr);
      std::vector<float> values;
      for (const f16 value : y.read()) values.push_back(to_float(value));
      EXPECT_TRUE(y.guards_intact() && upload.guards_intact()) << "wrote outside its output";
      return values;
    };
    std::vector<float> first;
    for (const uint64_t order : kOrders) {
      set_order(order);
      const std::vector<float> y = made(op);
      if (first.empty()) {
        expect_close(y, expected, magnitude, terms(op), Storage::f16);
        first = y;
      } else {
        EXPECT_TRUE(same_bytes(y, first)) << "order " << order << " gives other bytes";
      }
    }
    set_order(0);
    for (int sample_index = 0; sample_index < n && n > 1; ++sample_index) {
      OneSample sample(sample_index);
      const TransposedConv<float> alone = map_inputs<float>(op, sample);
      const int64_t count = output_count(alone);
      EXPECT_TRUE(same_bytes(made(alone), {first.begin() + sample_index * count,
                                           first.begin() + (sample_index + 1) * count}));
    }
  }
}

TEST(TensorCoreConvolutions, LargeTransposedOnesAreMadeWithAllPhasesInABlock) {
  Operands operands(40, /*half=*/true);
  TransposedConv<float> op;
  op.n = 1, op.h = op.w = 128, op.i = op.o = 8;
  op.x = operands.stored(int64_t{op.h} * op.w * op.i);
  op.weight = operands.stored(int64_t{op.o} * 9 * op.i);
  Upload<f16> upload;
  TransposedConv<f16> on_device = map_inputs<f16>(op, upload);
  DeviceArray<f16> chosen(output_count(op)), expected(output_count(op));
  on_device.y = chosen.data();
  transposed_conv(on_device, nullptr, ConvPath::mma);
  on_device.y = expected.data();
  run_up_kernel(on_device, nullptr);
  const std::vector<f16> a = chosen.read(), b = expected.read();
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(f16)), 0);
  EXPECT_FALSE(prefers_up_kernel(64, 64));
}

PhasedConv<float> phased_case(Operands& operands, int n, int h, int w, int i, int o,
                              const EpilogueCase& epilogue) {
  PhasedConv<float> op;
  op.n = n, op.h = h, op.w = w, op.i = i, op.o = o;
  op.x = operands.stored(int64_t{n} * h * w * i);
  op.weight = operands.stored(int64_t{4} * o * 9 * i);
  op.epilogue = make_epilogue(epilogue, operands, n, int64_t{4} * h * w, o);
  return op;
}

TEST(TensorCoreConvolutions, PhasedEqualTheReferenceOnEveryTile) {
  Operands operands(33, /*half=*/true);
  check_tiles(phased_case(operands, 1, 1, 1, 8, 8, kNothing), operands);
  check_tiles(phased_case(operands, 3, 4, 5, 24, 40, kWhole), operands);
  check_tiles(phased_case(operands, 1, 8, 8, 72, 136, kSeeds), operands);
}

TEST(PlainConvolutions, PhasedEqualTheReferenceInBothPrecisions) {
  for (const bool half : {false, true}) {
    Operands operands(34, half);
    PhasedConv<float> op = phased_case(operands, 2, 3, 5, 13, 33, kWhole);
    op.style = operands.uniform(int64_t{op.n} * op.i, -2, 2);
    std::vector<double> expected(output_count(op)), magnitude(expected.size());
    reference_of(op, expected.data());
    reference_of(magnitude_of(op, operands), magnitude.data());
    const auto check_storage = [&]<class T>(Storage storage) {
      Upload<T> upload;
      auto on_device = map_inputs<T>(op, upload);
      DeviceArray<T> y(output_count(op));
      on_device.y = y.data();
      phased_conv(on_device, nullptr);
      std::vector<float> values;
      for (const T value : y.read()) values.push_back(to_float(value));
      expect_close(values, expected, magnitude, terms(op), storage);
    };
    if (half)
      check_storage.template operator()<f16>(Storage::f16);
    else
      check_storage.template operator()<float>(Storage::f32);
  }
}

TEST(CompositeUpConvolution, IsTheTransposedConvolutionWithItsFilter) {
  // An unsymmetric filter and every border pixel: a mirrored axis or a shifted tap would show. All
  // in double but for the folded weight, which is rounded once: so its error is one rounding of
  // each term, 2^-24 of the sum of magnitudes.
  constexpr int n = 2, h = 4, w = 3, i = 5, o = 3;
  constexpr float gain = 4;
  Operands operands(35, /*half=*/false);
  TransposedConv<float> up;
  up.n = n, up.h = h, up.w = w, up.i = i, up.o = o;
  up.x = operands.uniform(n * h * w * i);
  up.weight = operands.uniform(o * 9 * i);
  const float* filter = operands.uniform(16, 0.1f, 1.0f);
  std::vector<double> between(output_count(up));
  reference::transposed_conv(up, between.data());

  Upfirdn2d<double> fir;
  fir.x = between.data(), fir.filter = filter;
  fir.n = n, fir.h = 2 * h + 1, fir.w = 2 * w + 1, fir.c = o, fir.fh = fir.fw = 4;
  fir.pad_x0 = fir.pad_x1 = fir.pad_y0 = fir.pad_y1 = 1;
  fir.gain = gain;
  std::vector<double> expected(int64_t{n} * 4 * h * w * o);
  reference::upfirdn2d(fir, expected.data());

  const std::vector<float> folded =
      compose_up_weight({up.weight, size_t{o * 9 * i}}, o, i, {filter, 16}, gain);
  PhasedConv<float> composite;
  composite.n = n, composite.h = h, composite.w = w, composite.i = i, composite.o = o;
  composite.x = up.x, composite.weight = folded.data();
  std::vector<double> actual(expected.size()), magnitude(expected.size());
  reference::phased_conv(composite, actual.data());
  reference_of(magnitude_of(composite, operands), magnitude.data());
  for (size_t k = 0; k < expected.size(); ++k)
    ASSERT_NEAR(actual[k], expected[k], 0x1p-24 * magnitude[k] + 1e-12) << "element " << k;
}

TEST(SecondOutput, IsTheValueBeforeTheNextStyleOnBothPaths) {
  Operands operands(36, /*half=*/true);
  ModulatedConv<float> op;
  op.n = 2, op.h = 9, op.w = 18, op.i = 16, op.o = 24, op.k = 3;
  op.x = operands.stored(int64_t{op.n} * op.h * op.w * op.i);
  op.weight = operands.stored(int64_t{op.o} * 9 * op.i);
  op.epilogue = make_epilogue(kWhole, operands, op.n, int64_t{op.h} * op.w, op.o);
  ModulatedConv<float> unscaled = op;
  unscaled.epilogue.next_style = nullptr;
  for (int tile = 0; tile < kTileCount; ++tile) {
    std::vector<float> plain;
    const std::vector<float> y = on_tile(op, tile, &plain);
    ASSERT_FALSE(y.empty());
    EXPECT_TRUE(same_bytes(y, on_tile(op, tile))) << "a second output changes the first";
    EXPECT_TRUE(same_bytes(plain, on_tile(unscaled, tile)));
  }
  Upload<f16> upload;
  ModulatedConv<f16> on_device = map_inputs<f16>(op, upload);
  DeviceArray<f16> y(output_count(op)), second(output_count(op)), alone(output_count(op));
  on_device.y = y.data(), on_device.epilogue.plain = second.data();
  modulated_conv(on_device, nullptr);
  on_device.y = alone.data(), on_device.epilogue.plain = nullptr;
  on_device.epilogue.next_style = nullptr;
  modulated_conv(on_device, nullptr);
  const std::vector<f16> a = second.read(), b = alone.read();
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(f16)), 0);
}

/// A convolution with its picture on one tile: y (unless it is not stored), then the image or the
/// bytes as floats.
struct Painted {
  std::vector<float> y, image;
};
Painted painted_on_tile(const ModulatedConv<float>& conv, const ToRgb<float>& rgb, int tile,
                        bool store, bool bytes) {
  Upload<f16> upload;
  ConvToRgb<f16> op = {map_inputs<f16>(conv, upload), map_inputs<f16>(rgb, upload)};
  op.rgb.x = nullptr;
  DeviceArray<f16> y(output_count(conv));
  DeviceArray<float> image(output_count(rgb));
  DeviceArray<uint8_t> pixels(output_count(rgb));
  op.conv.y = store ? y.data() : nullptr;
  if (bytes)
    op.rgb.pixels = pixels.data();
  else
    op.rgb.image = image.data();
  run(product_of(op.conv), op.rgb, tile);
  EXPECT_TRUE(y.guards_intact() && image.guards_intact() && pixels.guards_intact() &&
              upload.guards_intact())
      << "a kernel wrote outside its output";
  Painted painted;
  if (store)
    for (const f16 value : y.read()) painted.y.push_back(to_float(value));
  if (bytes) {
    const std::vector<uint8_t> stored = pixels.read();
    painted.image.assign(stored.begin(), stored.end());
  } else {
    painted.image = image.read();
  }
  return painted;
}

TEST(RgbEpilogue, PaintsWhatToRgbPaintsFromTheStoredActivation) {
  for (const bool first : {false, true}) {
    const int channels = first ? 40 : 128;
    SCOPED_TRACE(first ? "the first picture" : "a picture below");
    Operands operands(37, /*half=*/true);
    ModulatedConv<float> conv;
    conv.n = 2, conv.h = 32, conv.w = 36, conv.i = 8, conv.o = channels, conv.k = 3;
    conv.x = operands.stored(int64_t{conv.n} * conv.h * conv.w * conv.i);
    conv.weight = operands.stored(int64_t{conv.o} * 9 * conv.i);
    conv.epilogue = make_epilogue(kWhole, operands, conv.n, int64_t{conv.h} * conv.w, conv.o);
    ToRgb<float> rgb;
    rgb.n = conv.n, rgb.h = conv.h, rgb.w = conv.w, rgb.i = conv.o, rgb.c = 3, rgb.clamp = 8;
    rgb.weight = operands.uniform(int64_t{rgb.c} * rgb.i);
    rgb.style = operands.uniform(int64_t{rgb.n} * rgb.i);
    rgb.bias = operands.uniform(rgb.c);
    if (!first) {
      rgb.previous = operands.uniform(int64_t{rgb.n} * (rgb.h / 2) * (rgb.w / 2) * rgb.c);
      rgb.filter = operands.uniform(16);
    }
    ASSERT_TRUE(fits_rgb_epilogue(conv.h, conv.w, conv.o));

    for (const int kernel : {0, kConvTileCount}) {
      std::vector<float> plain, picture;
      const std::vector<float> y = on_tile(conv, kernel, &plain);
      ToRgb<float> separate = rgb;  // what it sums is the activation as stored
      separate.x = operands.keep(plain);
      std::vector<double> expected(output_count(rgb)), magnitude(expected.size());
      reference::to_rgb(separate, expected.data());
      reference::to_rgb(magnitude_of(separate, operands), magnitude.data());
      for (int tile = kernel; tile < (kernel == 0 ? kConvTileCount : kTileCount); ++tile) {
        if (tile_shape(tile).block_n < channels) continue;
        SCOPED_TRACE("tile " + std::to_string(tile));
        set_order(kOrders[static_cast<size_t>(tile) % std::size(kOrders)]);
        const bool store = tile % 2 == 0;
        const Painted painted = painted_on_tile(conv, rgb, tile, store, /*bytes=*/false);
        expect_close(painted.image, expected, magnitude, terms(rgb), Storage::f32);
        EXPECT_TRUE(!store || same_bytes(painted.y, y)) << "the picture changes the activation";
        if (picture.empty()) picture = painted.image;
        EXPECT_TRUE(same_bytes(painted.image, picture)) << "other bytes than the first tile gives";
      }
      set_order(0);
      std::vector<uint8_t> bytes(picture.size());
      reference::pack_rgb8({.image = picture.data(), .count = static_cast<int64_t>(bytes.size())},
                           bytes.data());
      const Painted alone = painted_on_tile(conv, rgb, kernel, /*store=*/false, /*bytes=*/true);
      EXPECT_TRUE(same_bytes(alone.image, {bytes.begin(), bytes.end()}));
    }
  }
}

TEST(RgbEpilogue, IsRefusedWhereTheOperationsDoNotMeet) {
  const float numbers[16] = {};
  f16 values[16] = {};
  float image[16];
  ConvToRgb<f16> op;
  op.conv.x = values, op.conv.weight = values;
  op.conv.n = op.conv.h = op.conv.w = 1, op.conv.i = op.conv.o = 8;
  op.rgb.weight = op.rgb.style = numbers, op.rgb.image = image;
  op.rgb.n = op.rgb.h = op.rgb.w = 1, op.rgb.i = 8;
  EXPECT_NO_THROW(check(op));
  ConvToRgb<f16> other = op;
  other.rgb.i = 16;
  EXPECT_THROW(check(other), InvalidArgument);
  other = op;
  other.rgb.x = values;
  EXPECT_THROW(check(other), InvalidArgument);
  other = op;
  other.rgb.image = nullptr;
  EXPECT_THROW(check(other), InvalidArgument);
  EXPECT_FALSE(fits_rgb_epilogue(16, 16, 32)) << "too few pixels";
  EXPECT_FALSE(fits_rgb_epilogue(33, 33, 32)) << "a CTA tile would hold two samples";
  EXPECT_FALSE(fits_rgb_epilogue(64, 64, 136)) << "more channels than a CTA tile";
}

/// An epilogue that the kernel of the filter takes, another that it leaves, and filters that are
/// and are not a column times a row.
struct FilterCase {
  int h, w, pad;
  bool separable, flip;
  EpilogueCase epilogue;
};
constexpr EpilogueCase kBehind = {
    false, true, NoiseKind::shared, Activation::lrelu, 0.2f, 1.4142135f, 1.5f, false, true};
constexpr EpilogueCase kBehindSeeds = {
    false, false, NoiseKind::seeds, Activation::linear, 0.2f, 0.7f, -1, false, false};

Upfirdn2d<float> filter_of(const FilterCase& c, Operands& operands) {
  Upfirdn2d<float> op;
  op.n = 2, op.h = c.h, op.w = c.w, op.c = 24, op.fh = op.fw = 4, op.gain = 4;
  op.pad_x0 = op.pad_x1 = op.pad_y0 = op.pad_y1 = c.pad;
  op.flip = c.flip;
  op.x = operands.stored(int64_t{op.n} * c.h * c.w * op.c);
  std::vector<float> product;  // exact, and no symmetry hides a mirrored axis
  for (const float column : {1.0f, 3.0f, -2.0f, 5.0f})
    for (const float row : {2.0f, 1.0f, 4.0f, -1.0f}) product.push_back(column * row / 32);
  op.filter = c.separable ? operands.keep(product) : operands.uniform(16);
  op.epilogue =
      make_epilogue(c.epilogue, operands, op.n, int64_t{out_height(op)} * out_width(op), op.c);
  return op;
}

TEST(FilterBehindTheUpConvolution, EqualsTheReference) {
  // Heights around the rows of a thread, a border that cuts and ones that pad, more than the
  // filter.
  const FilterCase cases[] = {
      {5, 7, 1, false, false, kWhole},  {9, 3, 1, false, false, kBehind},
      {8, 9, -1, true, false, kBehind}, {4, 4, 3, true, true, kBehind},
      {18, 5, 1, true, false, kBehind}, {34, 6, 1, true, false, kBehindSeeds},
      {3, 2, 5, true, false, kBehind},  {10, 6, 2, false, true, kBehindSeeds}};
  for (const bool half : {false, true}) {
    for (const FilterCase& c : cases) {
      SCOPED_TRACE(std::to_string(c.h) + " x " + std::to_string(c.w));
      Operands operands(38, half);
      const Upfirdn2d<float> op = filter_of(c, operands);
      std::vector<double> expected(output_count(op)), magnitude(expected.size());
      reference::upfirdn2d(op, expected.data());
      reference::upfirdn2d(magnitude_of(op, operands), magnitude.data());
      if (half)
        expect_close(KernelMachine<f16>().run(op), expected, magnitude, terms(op), Storage::f16);
      else
        expect_close(KernelMachine<float>().run(op), expected, magnitude, terms(op), Storage::f32);
    }
  }
}

template <class T>
std::vector<uint32_t> filtered_bits(const Upfirdn2d<float>& op, int rows) {
  Upload<T> upload;
  auto on_device = map_inputs<T>(op, upload);
  DeviceArray<T> y(output_count(op));
  on_device.y = y.data();
  run_fir(on_device, rows, nullptr);
  std::vector<uint32_t> bits;
  for (const T value : y.read()) {
    if constexpr (sizeof(T) == sizeof(uint16_t))
      bits.push_back(value.bits);
    else
      bits.push_back(std::bit_cast<uint32_t>(value));
  }
  return bits;
}

TEST(FilterBehindTheUpConvolution, HasTheSameBytesWithFewRowsAndMany) {
  for (const bool separable : {false, true})
    for (const auto& epilogue : {kBehind, kBehindSeeds}) {
      Operands halves(39, /*half=*/true), floats(39, /*half=*/false);
      const FilterCase which = {37, 9, 1, separable, false, epilogue};
      const Upfirdn2d<float> half = filter_of(which, halves), full = filter_of(which, floats);
      EXPECT_EQ(filtered_bits<f16>(half, kFirRows), filtered_bits<f16>(half, kFirFewRows));
      EXPECT_EQ(filtered_bits<float>(full, kFirRows), filtered_bits<float>(full, kFirFewRows));
    }
  Upfirdn2d<f16> large;
  large.n = 1, large.h = large.w = 1025, large.c = 32, large.fh = large.fw = 4;
  large.pad_x0 = large.pad_x1 = large.pad_y0 = large.pad_y1 = 1;
  EXPECT_EQ(fir_rows(large), kFirRows);
  large.h = large.w = 65, large.c = 512;
  EXPECT_EQ(fir_rows(large), kFirFewRows);
}

TEST(ConvolutionPaths, LeaveToThePlainKernelWhatTensorCoresCannotTake) {
  const float one = 1;
  ModulatedConv<f16> op;
  op.n = op.h = op.w = 1, op.i = 16, op.o = 8;
  EXPECT_TRUE(fits_tensor_cores(product_of(op)));
  const auto fits = [&op](auto change) {
    ModulatedConv<f16> other = op;
    change(other);
    return fits_tensor_cores(product_of(other));
  };
  EXPECT_FALSE(fits([](auto& o) { o.i = 12; }));
  EXPECT_FALSE(fits([](auto& o) { o.o = 4; }));
  EXPECT_FALSE(fits([&one](auto& o) { o.style = &one; }));
  EXPECT_FALSE(fits([](auto& o) { o.epilogue.act = Activation::swish; }));
  EXPECT_TRUE(fits([](auto& o) { o.epilogue.act = Activation::lrelu; }));
  EXPECT_EQ(best_conv_path(7), ConvPath::plain);
  EXPECT_EQ(best_conv_path(8), ConvPath::mma);
  EXPECT_EQ(best_conv_path(9), ConvPath::mma);
}

TEST(ConvolutionTiles, AreChosenForTheWidestNetworkAsTheWavesSay) {
  const auto patch_tile_of = [](int side, int channels, int n) {
    return choose_patch_tile(n, side, side, channels, channels);
  };
  // 64² by 512: 128 tiles of 128 x 128 for 132 SMs, one nearly full wave; likewise 128² and 256².
  EXPECT_EQ(patch_tile_of(64, 512, 1), 0);
  EXPECT_EQ(patch_tile_of(128, 256, 1), 0);
  EXPECT_EQ(patch_tile_of(256, 128, 1), 0);
  EXPECT_EQ(patch_tile_of(512, 64, 1), 1);
  EXPECT_EQ(patch_tile_of(1024, 32, 1), 2);
  EXPECT_EQ(patch_tile_of(1024, 32, 8), 2);
  // 32² by 512: 32 large tiles would leave most SMs idle.
  EXPECT_EQ(patch_tile_of(32, 512, 1), 2);
  EXPECT_EQ(patch_tile_of(32, 512, 16), 0);

  const auto up_tile_of = [](int side, int in, int out, int n) {
    TransposedConv<f16> op;
    op.n = n, op.h = op.w = side, op.i = in, op.o = out;
    return choose_tile(shape_of(product_of(op)));
  };
  EXPECT_EQ(up_tile_of(64, 512, 256, 1), 0);
  EXPECT_EQ(up_tile_of(512, 64, 32, 1), 2);
  EXPECT_EQ(choose_tile({1, {16}, {9}, 512, 512}), 4);
}

}  // namespace
}  // namespace vernissage::testing
