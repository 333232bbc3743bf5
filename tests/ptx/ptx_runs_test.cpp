// Goal: what nvcc makes of the kernels gives the reference's values, breaks none of the rules that
// tests/ptx/machine.h checks, and costs as many instructions as bench/results/instructions.md says.
// Method: every kernel of the network's synthesis on the PTX of the build itself, at shapes whose
// blocks do what the real layers' blocks do and at ragged ones, against the reference in double.
// The table counts what was executed; VERNISSAGE_UPDATE_GOLDEN=1 writes it anew. It is compared
// only where the compiler is the one the table names: another one makes other instructions.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "kernels/convolution/conv_mma.h"
#include "kernels/convolution/conv_split_k.h"
#include "kernels/convolution/conv_up.h"
#include "kernels/launch_model.h"
#include "kernels/reference.h"
#include "kernels/stylegan2/fir.h"
#include "tests/kernels/cases.h"
#include "tests/ptx/launches.h"
#include "tests/support/compare.h"
#include "tests/support/kernel_machine.h"

namespace vernissage::testing {
namespace {

using ptx_runs::Kind;
using ptx_runs::Launched;
using ptx_runs::PtxLaunches;

const std::string kTable = VERNISSAGE_SOURCE_DIR "/bench/results/instructions.md";

std::vector<std::string> modules() {
  std::vector<std::string> paths;
  std::istringstream list(VERNISSAGE_PTX_FILES);
  for (std::string path; std::getline(list, path, '|');) paths.push_back(path);
  return paths;
}

/// A row of the table: a launch and the values it stored.
struct Row {
  std::string what;
  Launched launched;
  int64_t values;
};
std::vector<Row>& rows() {
  static std::vector<Row> all;
  return all;
}
void note(const std::string& what, const PtxLaunches& ptx, int64_t values) {
  for (const Launched& launched : ptx.launched()) {
    EXPECT_EQ(launched.counts.ldmatrix_conflicts, 0u) << what << ", " << launched.kernel;
    rows().push_back({what, launched, values});
  }
}

/// What a synthesis layer in the middle of a network asks of its epilogue: constant noise and the
/// style of its reader.
constexpr EpilogueCase kMiddle = {
    true, true, NoiseKind::shared, Activation::lrelu, 0.2f, 1.4142135f, 256, false, true};
constexpr EpilogueCase kFilter = {
    false, true, NoiseKind::shared, Activation::lrelu, 0.2f, 1.4142135f, 256, false, true};
constexpr EpilogueCase kSeeds = {
    true, true, NoiseKind::seeds, Activation::lrelu, 0.2f, 1.4142135f, 2, false, true};

std::vector<float> floats(const std::vector<f16>& stored) {
  std::vector<float> values(stored.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = to_float(stored[i]);
  return values;
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
void reference_of(const Upfirdn2d<float>& op, double* y) {
  reference::upfirdn2d(op, y);
}
void reference_of(const ToRgb<float>& op, double* y) {
  reference::to_rgb(op, y);
}

/// Runs `launch` and compares what it returns.
template <class Op, class Launch>
void check(const std::string& what, const Op& op, Operands& operands, Storage storage,
           const Launch& launch) {
  SCOPED_TRACE(what);
  std::vector<double> expected(output_count(op)), magnitude(expected.size());
  reference_of(op, expected.data());
  reference_of(magnitude_of(op, operands), magnitude.data());
  PtxLaunches ptx(modules());
  expect_close(launch(), expected, magnitude, terms(op), storage);
  note(what, ptx, output_count(op));
}
template <class T, class Op>
void check_by_launcher(const std::string& what, const Op& op, Operands& operands) {
  // The picture is float32 whatever the activations are.
  const bool half = sizeof(T) == 2 && !std::is_same_v<Op, ToRgb<float>>;
  check(what, op, operands, half ? Storage::f16 : Storage::f32,
        [&] { return KernelMachine<T>().run(op); });
}

ModulatedConv<float> convolution(Operands& operands, int n, int h, int w, int i, int o, int k,
                                 const EpilogueCase& epilogue) {
  ModulatedConv<float> op;
  op.n = n, op.h = h, op.w = w, op.i = i, op.o = o, op.k = k;
  op.x = operands.stored(int64_t{n} * h * w * i);
  op.weight = operands.stored(int64_t{o} * k * k * i, -0.25f, 0.25f);
  op.epilogue = make_epilogue(epilogue, operands, n, int64_t{h} * w, o);
  return op;
}
ToRgb<float> picture(Operands& operands, int n, int h, int w, int i) {
  ToRgb<float> rgb;
  rgb.n = n, rgb.h = h, rgb.w = w, rgb.i = i, rgb.c = 3, rgb.clamp = 256;
  rgb.weight = operands.uniform(int64_t{3} * i);
  rgb.style = operands.uniform(int64_t{n} * i);
  rgb.bias = operands.uniform(3);
  rgb.previous = operands.uniform(int64_t{n} * (h / 2) * (w / 2) * 3);
  rgb.filter = operands.keep({1 / 64.f, 3 / 64.f, 3 / 64.f, 1 / 64.f, 3 / 64.f, 9 / 64.f, 9 / 64.f,
                              3 / 64.f, 3 / 64.f, 9 / 64.f, 9 / 64.f, 3 / 64.f, 1 / 64.f, 3 / 64.f,
                              3 / 64.f, 1 / 64.f});
  return rgb;
}

/// A convolution on a tile of kConvTiles, or from kConvTileCount on of kPatchTiles.
std::vector<float> on_tile(const Product<f16>& product, const ToRgb<f16>& rgb, int tile,
                           DeviceArray<f16>& y) {
  if (tile < kConvTileCount)
    run_on_tile(product, rgb, tile, nullptr);
  else
    run_on_patches(product, rgb, tile - kConvTileCount, nullptr);
  return floats(y.read());
}
template <class Op>
void check_tile(const std::string& what, const Op& op, Operands& operands, int tile) {
  check(what, op, operands, Storage::f16, [&] {
    Upload<f16> upload;
    auto on_device = map_inputs<f16>(op, upload);
    DeviceArray<f16> y(output_count(op));
    on_device.y = y.data();
    return on_tile(product_of(on_device), ToRgb<f16>(), tile, y);
  });
}

/// A convolution with the picture in its epilogue; the last one stores bytes and no activation.
void check_picture(const std::string& what, int n, int h, int w, int channels, int tile,
                   bool last) {
  SCOPED_TRACE(what);
  Operands operands(41, /*half=*/true);
  const ModulatedConv<float> conv = convolution(operands, n, h, w, channels, channels, 3, kMiddle);
  ToRgb<float> rgb = picture(operands, n, h, w, channels);
  std::vector<double> expected(output_count(conv)), magnitude(expected.size());
  reference_of(conv, expected.data());
  reference_of(magnitude_of(conv, operands), magnitude.data());
  // The picture is made of the activation before next_style, as half.
  ModulatedConv<float> unscaled = conv;
  unscaled.epilogue.next_style = nullptr;
  std::vector<float> plain(output_count(conv));
  reference::modulated_conv(unscaled, plain.data());
  for (float& value : plain) value = to_float(from_float<f16>(value));
  rgb.x = plain.data();
  std::vector<double> image(output_count(rgb)), image_magnitude(image.size());
  reference_of(rgb, image.data());
  reference_of(magnitude_of(rgb, operands), image_magnitude.data());

  Upload<f16> upload;
  ConvToRgb<f16> op = {map_inputs<f16>(conv, upload), map_inputs<f16>(rgb, upload)};
  DeviceArray<f16> y(output_count(conv));
  DeviceArray<float> colours(output_count(rgb));
  DeviceArray<uint8_t> pixels(output_count(rgb));
  op.conv.y = last ? nullptr : y.data();
  op.rgb.x = nullptr;
  if (last)
    op.rgb.pixels = pixels.data();
  else
    op.rgb.image = colours.data();
  PtxLaunches ptx(modules());
  run_on_patches(product_of(op.conv), op.rgb, tile, nullptr);
  if (!last) {
    expect_close(floats(y.read()), expected, magnitude, terms(conv), Storage::f16);
    // A product's half may be one step off the reference's.
    for (size_t k = 0; k < image.size(); ++k) image_magnitude[k] *= 0x1p-11 / tolerance(terms(rgb));
    expect_close(colours.read(), image, image_magnitude, terms(rgb), Storage::f32);
  } else {
    const std::vector<uint8_t> stored = pixels.read();
    for (size_t k = 0; k < image.size(); ++k) {
      const double level = std::clamp(image[k] * 127.5 + 128, 0.0, 255.0);
      ASSERT_NEAR(stored[k], std::floor(level), 1 + image_magnitude[k] * 127.5 * 0x1p-11) << k;
    }
  }
  note(what, ptx, output_count(conv));
}

Upfirdn2d<float> filter_behind(Operands& operands, int n, int h, int w, int c,
                               const EpilogueCase& epilogue) {
  Upfirdn2d<float> op;
  op.n = n, op.h = h + 1, op.w = w + 1, op.c = c, op.fh = op.fw = 4, op.gain = 4;
  op.pad_x0 = op.pad_x1 = op.pad_y0 = op.pad_y1 = 1;
  op.x = operands.stored(int64_t{n} * (h + 1) * (w + 1) * c);
  op.filter = picture(operands, 1, 2, 2, 1).filter;
  op.epilogue = make_epilogue(epilogue, operands, n, int64_t{h} * w, c);
  return op;
}

template <class T>
void check_filter(const std::string& what, const Upfirdn2d<float>& op, int rows,
                  Operands& operands) {
  check(what + ", " + std::to_string(rows) + " rows a thread", op, operands,
        sizeof(T) == 2 ? Storage::f16 : Storage::f32, [&] {
          Upload<T> upload;
          auto on_device = map_inputs<T>(op, upload);
          DeviceArray<T> y(output_count(op));
          on_device.y = y.data();
          run_fir(on_device, rows, nullptr);
          std::vector<float> values;
          for (const T value : y.read()) values.push_back(to_float(value));
          return values;
        });
}

TEST(PtxRuns, FilterBehindTheUpConvolution) {
  Operands half(43, /*half=*/true), single(43, /*half=*/false);
  check_filter<f16>("filter f16, 32 x 64, 32 channels", filter_behind(half, 1, 32, 64, 32, kFilter),
                    kFirRows, half);
  check_filter<f16>("filter f16, 32 x 16, 128 channels",
                    filter_behind(half, 1, 32, 16, 128, kFilter), kFirFewRows, half);
  check_filter<f16>("filter f16, 2 of 13 x 29, 24 channels",
                    filter_behind(half, 2, 13, 29, 24, kFilter), kFirFewRows, half);
  check_by_launcher<f16>("filter f16, 2 of 13 x 29, 24 channels, all options",
                         filter_behind(half, 2, 13, 29, 24, kWhole), half);
  EpilogueCase seeds = kFilter;
  seeds.noise = NoiseKind::seeds;
  check_filter<f16>("filter f16, 9 x 16, 32 channels, noise from seeds",
                    filter_behind(half, 1, 9, 16, 32, seeds), kFirFewRows, half);
  Upfirdn2d<float> other = filter_behind(half, 1, 19, 17, 32, kFilter);
  other.filter = half.uniform(16);
  check_filter<f16>("filter f16, 19 x 17, 32 channels, not separable", other, kFirRows, half);
  check_filter<float>("filter f32, 32 x 32, 32 channels",
                      filter_behind(single, 1, 32, 32, 32, kFilter), kFirRows, single);
}

TEST(PtxRuns, Upsampling) {
  Operands operands(44, /*half=*/true);
  Upfirdn2d<float> op = filter_behind(operands, 1, 7, 8, 32, kNothing);
  op.up_x = op.up_y = 2;
  op.pad_x0 = op.pad_y0 = 2;
  check_by_launcher<f16>("upsampling f16, 8 x 9, 32 channels", op, operands);
}

TEST(PtxRuns, ConvolutionByPatches) {
  check_picture("patch, last, 16 x 64, 32 channels", 1, 16, 64, 32, 2, /*last=*/true);
  check_picture("patch with picture, 16 x 32, 64 channels", 1, 16, 32, 64, 1, /*last=*/false);
  check_picture("patch with picture, 16 x 16, 128 channels", 1, 16, 16, 128, 0, /*last=*/false);
  Operands operands(45, /*half=*/true);
  check_tile("patch, 8 x 32, 128 channels", convolution(operands, 1, 8, 32, 128, 128, 3, kMiddle),
             operands, kConvTileCount);
  check_tile("patch, 2 of 13 x 17, 72 to 136 channels, all options",
             convolution(operands, 2, 13, 17, 72, 136, 3, kWhole), operands, kConvTileCount);
}

TransposedConv<float> transposed(Operands& operands, int n, int h, int w, int i, int o) {
  TransposedConv<float> op;
  op.n = n, op.h = h, op.w = w, op.i = i, op.o = o;
  op.x = operands.stored(int64_t{n} * h * w * i);
  op.weight = operands.stored(int64_t{o} * 9 * i, -0.25f, 0.25f);
  op.demod = operands.uniform(int64_t{n} * o, 0.1f, 0.6f);
  return op;
}

TEST(PtxRuns, UpConvolutionByPatches) {
  Operands operands(46, /*half=*/true);
  const auto by_up_kernel = [&](const std::string& what, const TransposedConv<float>& op) {
    check(what, op, operands, Storage::f16, [&] {
      Upload<f16> upload;
      auto on_device = map_inputs<f16>(op, upload);
      DeviceArray<f16> y(output_count(op));
      on_device.y = y.data();
      run_up_kernel(on_device, nullptr);
      return floats(y.read());
    });
  };
  by_up_kernel("up-convolution, 15 x 31, 64 to 32 channels",
               transposed(operands, 1, 15, 31, 64, 32));
  by_up_kernel("up-convolution, 2 of 9 x 17, 64 to 40 channels",
               transposed(operands, 2, 9, 17, 64, 40));
  check_tile("four phases, 2 of 9 x 17, 64 to 40 channels", transposed(operands, 2, 9, 17, 64, 40),
             operands, 0);
}

TEST(PtxRuns, ConvolutionOnEveryTile) {
  for (int tile = 0; tile < kConvTileCount; ++tile) {
    Operands operands(47, /*half=*/true);
    check_tile("tile " + std::to_string(tile) + ", 16 x 16, 64 to 128 channels",
               convolution(operands, 1, 16, 16, 64, 128, 3, kMiddle), operands, tile);
  }
  Operands operands(48, /*half=*/true);
  check_tile("tile 3, 5 of 4 x 4, 24 to 40 channels, all options",
             convolution(operands, 5, 4, 4, 24, 40, 3, kWhole), operands, 3);
  check_tile("tile 1, 1 x 1, 13 x 11, 40 to 24 channels, noise from seeds",
             convolution(operands, 1, 13, 11, 40, 24, 1, kSeeds), operands, 1);
}

TEST(PtxRuns, SharesOfTaps) {
  Operands operands(49, /*half=*/true);
  const ModulatedConv<float> op = convolution(operands, 1, 8, 8, 64, 64, 3, kMiddle);
  check("shares, 8 x 8, 64 channels", op, operands, Storage::f16, [&] {
    Upload<f16> upload;
    auto on_device = map_inputs<f16>(op, upload);
    DeviceArray<f16> y(output_count(op));
    DeviceArray<float> partials(static_cast<size_t>(partial_count(op.h, op.w, op.o, 1)));
    on_device.y = y.data(), on_device.partials = partials.data();
    modulated_conv(on_device, nullptr, ConvPath::mma);
    return floats(y.read());
  });
  PhasedConv<float> up;
  up.n = 2, up.h = 4, up.w = 4, up.i = 32, up.o = 72;
  up.x = operands.stored(int64_t{up.n} * up.h * up.w * up.i);
  up.weight = operands.stored(int64_t{4} * up.o * 9 * up.i, -0.25f, 0.25f);
  up.epilogue = make_epilogue(kWhole, operands, up.n, int64_t{4} * up.h * up.w, up.o);
  check("shares in four phases, 2 of 4 x 4, 32 to 72 channels", up, operands, Storage::f16, [&] {
    Upload<f16> upload;
    auto on_device = map_inputs<f16>(up, upload);
    DeviceArray<f16> y(output_count(up));
    DeviceArray<float> partials(static_cast<size_t>(partial_count(up.h, up.w, up.o, 4)) * 2);
    on_device.y = y.data(), on_device.partials = partials.data();
    phased_conv(on_device, nullptr, ConvPath::mma);
    return floats(y.read());
  });
}

TEST(PtxRuns, PlainConvolutions) {
  for (const bool half : {true, false}) {
    Operands operands(50, half);
    const ModulatedConv<float> op = convolution(operands, 1, 9, 11, 24, 20, 3, kWhole);
    TransposedConv<float> up;
    up.n = 1, up.h = 5, up.w = 6, up.i = 24, up.o = 20;
    up.x = operands.stored(int64_t{up.h} * up.w * up.i);
    up.weight = operands.stored(int64_t{up.o} * 9 * up.i, -0.25f, 0.25f);
    up.style = operands.uniform(up.i);
    if (half) {
      check_by_launcher<f16>("plain f16, 9 x 11, 24 to 20 channels", op, operands);
      check_by_launcher<f16>("plain transposed f16, 5 x 6, 24 to 20 channels", up, operands);
    } else {
      check_by_launcher<float>("plain f32, 9 x 11, 24 to 20 channels", op, operands);
      check_by_launcher<float>("plain transposed f32, 5 x 6, 24 to 20 channels", up, operands);
    }
  }
}

TEST(PtxRuns, PicturesOnTheirOwn) {
  for (const bool half : {true, false}) {
    Operands operands(51, half);
    for (const auto& [h, w, i] :
         {std::array{8, 8, 512}, std::array{72, 64, 64}, std::array{6, 10, 13}}) {
      ToRgb<float> op = picture(operands, 1, h, w, i);
      op.x = operands.stored(int64_t{h} * w * i);
      const std::string shape =
          std::to_string(h) + " x " + std::to_string(w) + ", " + std::to_string(i) + " channels";
      if (half)
        check_by_launcher<f16>("picture f16, " + shape, op, operands);
      else
        check_by_launcher<float>("picture f32, " + shape, op, operands);
    }
  }
}

TEST(PtxRuns, StylesAndDemodulation) {
  constexpr int kN = 2, kW = 64, kI = 96, kO = 80;
  Operands operands(52, /*half=*/false);
  Upload<float> upload;
  DeviceArray<float> style(kN * kI), demod(kN * kO);
  DeviceArray<uint32_t> arrived(std::vector<uint32_t>(4, 0));
  StyleLayer layer;
  layer.weight = operands.uniform(kI * kW), layer.bias = operands.uniform(kI, 0, 2);
  layer.i = kI, layer.normalise = true;
  StyleLayer there = layer;
  there.weight = upload.plain(layer.weight, 0, kI * kW);
  there.bias = upload.plain(layer.bias, 0, kI), there.style = style.data();
  DeviceArray<StyleLayer> table{std::span<const StyleLayer>(&there, 1)};
  Styles op;
  op.ws = operands.uniform(kN * kW);
  op.n = kN, op.layer_count = 1, op.num_ws = 1, op.w_dim = kW, op.i_max = kI;
  Styles on_device = op;
  on_device.layers = table.data(), on_device.ws = upload.plain(op.ws, kN, kW);
  on_device.arrived = arrived.data();
  DemodulateLayer second;
  second.square = operands.uniform(kO * kI, 0, 1), second.i = kI, second.o = kO;
  DemodulateLayer second_there = second;
  second_there.square = upload.plain(second.square, 0, kO * kI);
  second_there.style = style.data(), second_there.demod = demod.data();
  DeviceArray<DemodulateLayer> second_table{std::span<const DemodulateLayer>(&second_there, 1)};
  Demodulate after;
  after.layers = second_table.data(), after.n = kN, after.layer_count = 1, after.o_max = kO;
  {
    PtxLaunches ptx(modules());
    styles(on_device, nullptr);
    note("styles, 2 of 64 to 96", ptx, kN * kI);
  }
  std::vector<double> expected(kN * kI);
  reference::style(op, layer, expected.data());
  const std::vector<float> styles_made = style.read();
  expect_close(styles_made, expected, std::vector<double>(expected.size(), 8.0), kW, Storage::f32);
  EXPECT_EQ(arrived.read(), std::vector<uint32_t>(4, 0)) << "the counters are not as found";
  PtxLaunches ptx(modules());
  demodulate(after, nullptr);
  note("demodulation, 2 of 96 to 80", ptx, kN * kO);
  second.style = styles_made.data();
  std::vector<double> coefficients(kN * kO);
  reference::demodulate(after, second, coefficients.data());
  expect_close(demod.read(), coefficients, std::vector<double>(coefficients.size(), 0.0), kI,
               Storage::f32);
}

/// Instructions of a warp in the first launch that `launching` makes.
template <class Launching>
double executed_by_a_warp(const Launching& launching) {
  PtxLaunches ptx(modules());
  launching();
  const ptx_runs::Counts& counts = ptx.launched().front().counts;
  return static_cast<double>(counts.executed()) / static_cast<double>(counts.warps);
}

/// Of a convolution of 8 x 16 pixels on a tile, in_channels wide, and whether in shares of taps.
double convolution_by_a_warp(int tile, int in_channels, bool shares) {
  Operands operands(53, /*half=*/true);
  const int out_channels =
      tile < kConvTileCount ? kConvTiles[tile].block_n : kPatchTiles[tile - kConvTileCount].block_n;
  const ModulatedConv<float> op = convolution(operands, 1, shares ? 4 : 8, shares ? 8 : 16,
                                              in_channels, out_channels, 3, kMiddle);
  Upload<f16> upload;
  auto on_device = map_inputs<f16>(op, upload);
  DeviceArray<f16> y(output_count(op));
  DeviceArray<float> partials(static_cast<size_t>(partial_count(op.h, op.w, op.o, 1)));
  on_device.y = y.data(), on_device.partials = partials.data();
  return executed_by_a_warp([&] {
    if (shares)
      run_split(product_of(on_device), nullptr);
    else
      on_tile(product_of(on_device), ToRgb<f16>(), tile, y);
  });
}
double up_convolution_by_a_warp(int in_channels) {
  Operands operands(54, /*half=*/true);
  const TransposedConv<float> op = transposed(operands, 1, 7, 15, in_channels, 32);
  Upload<f16> upload;
  auto on_device = map_inputs<f16>(op, upload);
  DeviceArray<f16> y(output_count(op));
  on_device.y = y.data();
  return executed_by_a_warp([&] { run_up_kernel(on_device, nullptr); });
}

/// Instructions of `per` k-tiles more and of none, from counts at one and at three times `per`.
void expect_work(const char* what, const WarpWork& work, double one, double three, double per) {
  const double k_tile = (three - one) / (2 * per), fixed = one - per * k_tile;
  std::printf("%s: fixed %.0f, a k-tile %.1f\n", what, fixed, k_tile);
  EXPECT_NEAR(work.k_tile, k_tile, 0.05 * k_tile) << what;
  EXPECT_NEAR(work.fixed, fixed, 0.05 * fixed) << what;
}

// The prediction is of these kernels, not of those it was written for.
TEST(LaunchModel, HasTheInstructionsThatAreExecuted) {
  for (int t = 0; t < kPatchTileCount; ++t)
    expect_work(("patch tile " + std::to_string(t)).c_str(), kPatchWork[t],
                convolution_by_a_warp(kConvTileCount + t, 32, false),
                convolution_by_a_warp(kConvTileCount + t, 96, false), 1);
  for (int t = 0; t < kConvTileCount; ++t)
    expect_work(("tile " + std::to_string(t)).c_str(), kConvWork[t],
                convolution_by_a_warp(t, kConvTiles[t].block_k, false),
                convolution_by_a_warp(t, 3 * kConvTiles[t].block_k, false), 9);
  expect_work("shares, tile 4", kSplitWork[1], convolution_by_a_warp(4, 64, true),
              convolution_by_a_warp(4, 192, true), 1);
  expect_work("up-convolution", kUpWork, up_convolution_by_a_warp(32), up_convolution_by_a_warp(96),
              1);
  for (const Row& row : rows()) {
    const double a_value =
        static_cast<double>(row.launched.counts.executed()) * 32 / static_cast<double>(row.values);
    const bool many = row.what.starts_with("filter f16, 32 x 64");
    if (!many && !row.what.starts_with("filter f16, 32 x 16")) continue;
    std::printf("filter, %s rows a thread: %.1f a value\n", many ? "16" : "8", a_value);
    EXPECT_NEAR(kFilterWork[many ? 1 : 0], a_value, 0.05 * a_value);
  }
}

constexpr const char* kTableHead = R"(# Instructions of an output value

Written by ptx_runs_test with VERNISSAGE_UPDATE_GOLDEN=1. **Nothing here is a measurement of time.** The
PTX that nvcc makes of the kernels for sm_90, carried out by tests/ptx on the host at the shapes named,
and counted: what a warp executes, times 32, over the values that the launch makes. Of a picture in an
epilogue these are the activation's values, stored or not; of shares of taps, the results.

- `all`: without moves and reads of parameters, which become operands of other instructions. `address`:
  integer arithmetic; `test`: comparisons and selections; `control`: branches, barriers, shuffles;
  `local`: a thread's memory outside its registers.
- ptxas adds and removes: at one time a disassembler counted 93, 92 and 26 machine instructions where
  this table said 87, 86 and 26 (the filter with a branch a tap, the last patch, the up-convolution).
- `L2 bytes`: sectors of 32 bytes read past the first-level cache, those of plain loads once a block.
- `conflicts`: accesses of shared memory by plain loads and stores beyond the least, in percent of those
  instructions. ldmatrix has none, which the test asserts.

)";

std::string table() {
  std::ostringstream out;
  out << kTableHead << "Compiler: " << VERNISSAGE_NVCC_RELEASE << "\n\n"
      << "| case | kernel | blocks x threads | all | mma | ldmatrix | copy | global | shared | "
         "arithmetic | convert | address | test | control | local | L2 bytes | conflicts % |\n"
      << "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  char cell[64];
  for (const Row& row : rows()) {
    const ptx_runs::Counts& counts = row.launched.counts;
    const ptx_runs::Grid& grid = row.launched.grid;
    out << "| " << row.what << " | `" << row.launched.kernel << "` | " << counts.blocks << " x "
        << grid.threads[0] << " |";
    const auto add = [&](double value) {
      std::snprintf(cell, sizeof cell, value < 10 ? " %.2f |" : " %.1f |", value);
      out << (value == 0 ? " – |" : cell);
    };
    const double share = 32.0 / static_cast<double>(row.values);
    add(static_cast<double>(counts.executed()) * share);
    for (int k = 0; k < ptx_runs::kKinds - 1; ++k)
      add(static_cast<double>(counts.instructions[static_cast<size_t>(k)]) * share);
    add(static_cast<double>(counts.sectors_read) * 32 / static_cast<double>(row.values));
    const double shared = static_cast<double>(counts.of(Kind::shared));
    add(shared == 0 ? 0 : 100 * static_cast<double>(counts.shared_conflicts) / shared);
    out << "\n";
  }
  return out.str();
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// After all tests: the rows are in the order of the tests above, which all have to have run.
class TableOfInstructions : public ::testing::Environment {
 public:
  void TearDown() override {
    if (::testing::UnitTest::GetInstance()->successful_test_count() !=
        ::testing::UnitTest::GetInstance()->total_test_count())
      return;  // some failed, or were not asked for
    if (std::getenv("VERNISSAGE_UPDATE_GOLDEN") != nullptr) std::ofstream(kTable) << table();
    const std::string committed = content(kTable);
    if (committed.find("Compiler: " VERNISSAGE_NVCC_RELEASE "\n") == std::string::npos) {
      std::printf("The table is of another compiler than %s: not compared\n",
                  VERNISSAGE_NVCC_RELEASE);
      return;
    }
    EXPECT_EQ(table(), committed)
        << "VERNISSAGE_UPDATE_GOLDEN=1 ptx_runs_test writes it anew; say in the commit why";
  }
};
const ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new TableOfInstructions);

}  // namespace
}  // namespace vernissage::testing
