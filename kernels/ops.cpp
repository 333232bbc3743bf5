// The rules of ops.h, checked on the host before anything is launched.
#include "kernels/ops.h"

#include <utility>

#include "kernels/rules.h"

namespace vernissage {
namespace {

constexpr int kFilterSideMax = 32;
constexpr int kStyleWidthMax = 8192;
constexpr int kToRgbWidthMax = 3072;
constexpr int kDownsampleSideMax = 4096;

template <class T>
void check_epilogue(const Rules& rules, const Epilogue<T>& epilogue) {
  rules.require(epilogue.noise == nullptr || epilogue.noise_seeds == nullptr,
                "epilogue.noise and epilogue.noise_seeds are both given");
  rules.range(static_cast<int>(epilogue.act), 0, static_cast<int>(Activation::swish),
              "epilogue.act");
}

template <class T>
void check_conv(const Rules& rules, const ModulatedConv<T>& op) {
  rules.pointer(op.x, "x");
  rules.pointer(op.weight, "weight");
  rules.require(static_cast<const void*>(op.x) != op.y, "y is x, which is read while y is written");
  rules.batch(op.n);
  rules.pixels(op.n, op.h, op.w);
  rules.size(op.i, "i");
  rules.size(op.o, "o");
  rules.require(op.k == 1 || op.k == 3, "k is " + std::to_string(op.k) + ", expected 1 or 3");
  check_epilogue(rules, op.epilogue);
}

template <class T>
void check_rgb(const Rules& rules, const ToRgb<T>& op) {
  rules.pointer(op.weight, "weight");
  rules.pointer(op.style, "style");
  rules.require((op.image == nullptr) != (op.pixels == nullptr),
                "one of image and pixels is expected");
  rules.require((op.previous == nullptr) == (op.filter == nullptr),
                "previous and filter belong together, one is null");
  rules.require(op.previous == nullptr || op.previous != op.image,
                "image is previous, which is read while it is written");
  rules.batch(op.n);
  rules.pixels(op.n, op.h, op.w);
  rules.range(op.i, 1, kToRgbWidthMax, "i");
  rules.range(op.c, 1, 4, "c");
  rules.require(op.previous == nullptr || (op.h % 2 == 0 && op.w % 2 == 0),
                "h and w must be even to hold the previous image twice as large");
}

}  // namespace

template <class T>
void check(const ModulatedConv<T>& op) {
  const Rules rules("modulated_conv");
  check_conv(rules, op);
  rules.pointer(op.y, "y");
}

template <class T>
void check(const TransposedConv<T>& op) {
  const Rules rules("transposed_conv");
  rules.pointer(op.x, "x");
  rules.pointer(op.weight, "weight");
  rules.pointer(op.y, "y");
  rules.require(static_cast<const void*>(op.x) != op.y, "y is x, which is read while y is written");
  rules.batch(op.n);
  rules.size(op.h, "h");
  rules.size(op.w, "w");
  rules.pixels(op.n, 2 * int64_t{op.h} + 1, 2 * int64_t{op.w} + 1);
  rules.size(op.i, "i");
  rules.size(op.o, "o");
}

template <class T>
void check(const PhasedConv<T>& op) {
  const Rules rules("phased_conv");
  rules.pointer(op.x, "x");
  rules.pointer(op.weight, "weight");
  rules.pointer(op.y, "y");
  rules.require(static_cast<const void*>(op.x) != op.y, "y is x, which is read while y is written");
  rules.batch(op.n);
  rules.size(op.h, "h");
  rules.size(op.w, "w");
  rules.pixels(op.n, 2 * int64_t{op.h}, 2 * int64_t{op.w});
  rules.size(op.i, "i");
  rules.size(op.o, "o");
  check_epilogue(rules, op.epilogue);
}

template <class T>
void check(const Upfirdn2d<T>& op) {
  const Rules rules("upfirdn2d");
  rules.pointer(op.x, "x");
  rules.pointer(op.filter, "filter");
  rules.pointer(op.y, "y");
  rules.require(static_cast<const void*>(op.x) != op.y, "y is x, which is read while y is written");
  rules.batch(op.n);
  rules.pixels(op.n, op.h, op.w);
  rules.size(op.c, "c");
  rules.range(op.fh, 1, kFilterSideMax, "fh");
  rules.range(op.fw, 1, kFilterSideMax, "fw");
  rules.range(op.up_x, 1, kFilterSideMax, "up_x");
  rules.range(op.up_y, 1, kFilterSideMax, "up_y");
  rules.range(op.down_x, 1, kFilterSideMax, "down_x");
  rules.range(op.down_y, 1, kFilterSideMax, "down_y");
  const std::pair<int, const char*> pads[] = {
      {op.pad_x0, "pad_x0"}, {op.pad_x1, "pad_x1"}, {op.pad_y0, "pad_y0"}, {op.pad_y1, "pad_y1"}};
  for (const auto& [value, field] : pads) rules.range(value, -kGridMax, kGridMax, field);
  rules.require(op.h * op.up_y + op.pad_y0 + op.pad_y1 >= op.fh, "y would have no rows");
  rules.require(op.w * op.up_x + op.pad_x0 + op.pad_x1 >= op.fw, "y would have no columns");
  rules.pixels(op.n, out_height(op), out_width(op));
  check_epilogue(rules, op.epilogue);
}

template <class T>
void check(const NoiseBiasAct<T>& op) {
  const Rules rules("noise_bias_act");
  rules.pointer(op.x, "x");
  rules.pointer(op.y, "y");
  rules.batch(op.n);
  rules.pixels(op.n, op.h, op.w);
  rules.size(op.o, "o");
  check_epilogue(rules, op.epilogue);
}

template <class T>
void check(const ToRgb<T>& op) {
  const Rules rules("to_rgb");
  check_rgb(rules, op);
  rules.pointer(op.x, "x");
}

template <class T>
void check(const ConvToRgb<T>& op) {
  const Rules rules("conv_to_rgb");
  check_conv(rules, op.conv);
  check_rgb(rules, op.rgb);
  rules.require(op.rgb.x == nullptr, "rgb.x is given, but it is what conv makes");
  rules.require(op.conv.n == op.rgb.n && op.conv.h == op.rgb.h && op.conv.w == op.rgb.w &&
                    op.conv.o == op.rgb.i,
                "conv and rgb differ in n, h, w or the channels between them");
}

template <class T>
void check(const BroadcastConstant<T>& op) {
  const Rules rules("broadcast_constant");
  rules.pointer(op.x, "x");
  rules.pointer(op.y, "y");
  rules.batch(op.n);
  rules.size(op.count, "count");
  if (op.style != nullptr) rules.size(op.c, "c");
}

template <class T>
void check(const ToNchw<T>& op) {
  const Rules rules("to_nchw");
  rules.pointer(op.x, "x");
  rules.pointer(op.y, "y");
  rules.require(static_cast<const void*>(op.x) != op.y, "y is x, which is read while y is written");
  rules.batch(op.n);
  rules.pixels(op.n, op.h, op.w);
  rules.size(op.c, "c");
}

void check(const Styles& op) {
  const Rules rules("styles");
  rules.pointer(op.layers, "layers");
  rules.pointer(op.ws, "ws");
  rules.batch(op.n);
  rules.range(op.layer_count, 1, kGridMax, "layer_count");
  rules.size(op.num_ws, "num_ws");
  rules.size(op.w_dim, "w_dim");
  rules.range(op.i_max, 1, kStyleWidthMax, "i_max");
}

void check(const Demodulate& op) {
  const Rules rules("demodulate");
  rules.pointer(op.layers, "layers");
  rules.batch(op.n);
  rules.range(op.layer_count, 1, kGridMax, "layer_count");
  rules.size(op.o_max, "o_max");
}

void check(const PixelNorm& op) {
  const Rules rules("pixel_norm");
  rules.pointer(op.x, "x");
  rules.pointer(op.y, "y");
  rules.batch(op.n);
  rules.size(op.f, "f");
  rules.range(op.x_stride, op.f, INT32_MAX, "x_stride");
  rules.range(op.y_stride, op.f, INT32_MAX, "y_stride");
  rules.require(op.x != op.y || op.x_stride == op.y_stride, "in place with two different strides");
}

void check(const FullyConnected& op) {
  const Rules rules("fully_connected");
  rules.pointer(op.x, "x");
  rules.pointer(op.weight, "weight");
  rules.pointer(op.y, "y");
  rules.require(op.x != op.y, "y is x, which is read while y is written");
  rules.batch(op.n);
  rules.size(op.i, "i");
  rules.size(op.o, "o");
  rules.range(static_cast<int>(op.act), 0, static_cast<int>(Activation::swish), "act");
}

void check(const PackRgb8& op) {
  const Rules rules("pack_rgb8");
  rules.pointer(op.image, "image");
  rules.pointer(op.pixels, "pixels");
  rules.range(op.count, 1, int64_t{1} << 40, "count");
}

void check(const AreaDownsample& op) {
  const Rules rules("area_downsample");
  rules.pointer(op.x, "x");
  rules.pointer(op.y, "y");
  rules.batch(op.n);
  rules.range(op.c, 1, 4, "c");
  rules.range(op.side, 1, kDownsampleSideMax, "side");
  rules.range(op.size, 1, op.side, "size");
}

template void check(const ModulatedConv<float>&);
template void check(const ModulatedConv<f16>&);
template void check(const TransposedConv<float>&);
template void check(const TransposedConv<f16>&);
template void check(const PhasedConv<float>&);
template void check(const PhasedConv<f16>&);
template void check(const Upfirdn2d<float>&);
template void check(const Upfirdn2d<f16>&);
template void check(const NoiseBiasAct<float>&);
template void check(const NoiseBiasAct<f16>&);
template void check(const ToRgb<float>&);
template void check(const ToRgb<f16>&);
template void check(const ConvToRgb<f16>&);
template void check(const BroadcastConstant<float>&);
template void check(const BroadcastConstant<f16>&);
template void check(const ToNchw<float>&);
template void check(const ToNchw<f16>&);

}  // namespace vernissage
