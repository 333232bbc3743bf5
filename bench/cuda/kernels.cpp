// Every kernel of the synthesis at every shape of config-f 1024, in half precision, batch 1 and 8.
// Time is device time within a CUDA graph; memory is hot where it fits the cache, as it is inside
// the network.
#include "bench/cuda/kernels.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/cuda/support.h"
#include "bench/suites.h"
#include "kernels/kernels.h"

namespace vernissage::bench {
namespace {

constexpr int kResolution = 1024;
constexpr int kStyleDim = 512;
constexpr int kNumWs = 18;  // of config-f 1024

KernelWork modulated_conv_work(int n, int side) {
  ModulatedConv<f16> op = layer_conv(n, side);
  if (const int64_t partial = partial_count(side, side, op.o, 1); partial > 0)
    op.partials = memory().single("partials", n * partial);
  return kernel_work(op, [op] { modulated_conv(op, memory().timer.stream(), conv_path()); });
}

KernelWork transposed_conv_work(int n, int side) {
  const TransposedConv<f16> op = layer_transposed_conv(n, side);
  return kernel_work(op, [op] { transposed_conv(op, memory().timer.stream(), conv_path()); });
}

// The other way of the same layer: the filter in the weight, one launch.
KernelWork phased_conv_work(int n, int side) {
  const int i = channels(side / 2), o = channels(side), h = side / 2;
  PhasedConv<f16> op;
  op.x = memory().half("x", int64_t(n) * h * h * i);
  op.weight = memory().half("weight", int64_t(36) * i * o);
  op.y = memory().half("y", int64_t(n) * side * side * o);
  op.n = n, op.h = h, op.w = h, op.i = i, op.o = o;
  op.epilogue = whole_epilogue(n, side, o);
  if (const int64_t partial = partial_count(h, h, o, 4); partial > 0)
    op.partials = memory().single("partials", n * partial);
  return kernel_work(op, [op] { phased_conv(op, memory().timer.stream(), conv_path()); });
}

KernelWork upfirdn2d_work(int n, int side) {  // the filter behind transposed_conv
  const int c = channels(side), h = side + 1;
  const int64_t in = int64_t(n) * h * h * c, out = int64_t(n) * side * side * c;
  Upfirdn2d<f16> op;
  op.x = memory().half("x", in);
  op.filter = memory().single("filter", 16);
  op.y = memory().half("y", out);
  op.n = n, op.h = h, op.w = h, op.c = c, op.fh = 4, op.fw = 4;
  op.pad_x0 = op.pad_x1 = op.pad_y0 = op.pad_y1 = 1;
  op.gain = 4;
  op.epilogue = whole_epilogue(n, side, c);
  op.epilogue.demod = nullptr;  // transposed_conv has applied it
  return {2.0 * 16 * double(out), 2.0 * double(in + out) + 4.0 * side * side,
          [op] { upfirdn2d(op, memory().timer.stream()); }};
}

KernelWork noise_bias_act_work(int n, int side) {
  const int c = channels(side);
  const int64_t count = int64_t(n) * side * side * c;
  NoiseBiasAct<f16> op;
  op.x = memory().half("x", count);
  op.y = memory().half("y", count);
  op.n = n, op.h = side, op.w = side, op.o = c;
  op.epilogue = whole_epilogue(n, side, c);
  return {6.0 * double(count), 4.0 * double(count) + 4.0 * side * side,
          [op] { noise_bias_act(op, memory().timer.stream()); }};
}

KernelWork to_rgb_work(int n, int side) {
  const int i = channels(side);
  const int64_t pixels = int64_t(n) * side * side;
  ToRgb<f16> op;
  op.x = memory().half("x", pixels * i);
  op.weight = memory().single("rgb weight", int64_t(3) * i);
  op.style = memory().single("style", int64_t(n) * i);
  op.bias = memory().single("bias", 3);
  if (side > 4) {
    op.previous = memory().single("previous", pixels / 4 * 3);
    op.filter = memory().single("filter", 16);
  }
  op.image = memory().single("image", pixels * 3);
  op.n = n, op.h = side, op.w = side, op.i = i;
  return {2.0 * 3 * double(pixels) * i,
          2.0 * double(pixels) * i + 4.0 * 3 * double(pixels) * (side > 4 ? 1.25 : 1),
          [op] { to_rgb(op, memory().timer.stream()); }};
}

// Copies a table of layers to the device.
template <class Layer>
const Layer* upload(const std::string& role, const std::vector<Layer>& layers) {
  const size_t bytes = layers.size() * sizeof(Layer);
  void* const device = memory().buffers[role].at_least(bytes, DeviceBuffer::Fill::f32);
  check_cuda(cudaMemcpy(device, layers.data(), bytes, cudaMemcpyHostToDevice), "a table of layers");
  return static_cast<const Layer*>(device);
}

// Input channels of the layers that have a style, from 4 up: conv0, conv1, to_rgb of every block.
std::vector<int> style_widths() {
  std::vector<int> widths;
  for (int side = 4; side <= kResolution; side *= 2) {
    if (side > 4) widths.push_back(channels(side / 2));
    widths.push_back(channels(side));
    widths.push_back(channels(side));
  }
  return widths;
}

KernelWork styles_work(int n) {
  std::vector<StyleLayer> layers;
  double weights = 0;
  for (const int width : style_widths()) {
    const std::string id = std::to_string(layers.size());
    StyleLayer layer;
    layer.weight = memory().single("affine weight " + id, int64_t(width) * kStyleDim);
    layer.bias = memory().single("affine bias " + id, width);
    layer.style = memory().single("style " + id, int64_t(n) * width);
    layer.i = width;
    layer.w_index = int(layers.size()) % kNumWs;
    layer.normalise = true;
    layers.push_back(layer);
    weights += double(width) * kStyleDim;
  }
  Styles op;
  op.layers = upload("style layers", layers);
  op.num_ws = kNumWs;
  op.ws = memory().single("ws", int64_t(n) * op.num_ws * kStyleDim);
  op.n = n, op.layer_count = int(layers.size()), op.w_dim = kStyleDim, op.i_max = 512;
  return {2 * weights * n, 4 * weights, [op] { styles(op, memory().timer.stream()); }};
}

KernelWork demodulate_work(int n) {
  std::vector<DemodulateLayer> layers;
  double weights = 0;
  for (int side = 4; side <= kResolution; side *= 2) {
    for (const int i : {side > 4 ? channels(side / 2) : 0, channels(side)}) {
      if (i == 0) continue;
      const std::string id = std::to_string(layers.size());
      const int o = channels(side);
      DemodulateLayer layer;
      layer.square = memory().single("square " + id, int64_t(i) * o);
      layer.style = memory().single("demodulated style " + id, int64_t(n) * i);
      layer.demod = memory().single("demod " + id, int64_t(n) * o);
      layer.i = i, layer.o = o;
      layers.push_back(layer);
      weights += double(i) * o;
    }
  }
  Demodulate op;
  op.layers = upload("demodulated layers", layers);
  op.n = n, op.layer_count = int(layers.size()), op.o_max = 512;
  return {2 * weights * n, 4 * weights, [op] { demodulate(op, memory().timer.stream()); }};
}

KernelWork pixel_norm_work(int n) {
  PixelNorm op;
  op.x = memory().single("z", int64_t(n) * kStyleDim);
  op.y = memory().single("normalised z", int64_t(n) * kStyleDim);
  op.n = n, op.f = op.x_stride = op.y_stride = kStyleDim;
  return {3.0 * n * kStyleDim, 8.0 * n * kStyleDim,
          [op] { pixel_norm(op, memory().timer.stream()); }};
}

KernelWork broadcast_constant_work(int n) {
  BroadcastConstant<f16> op;
  op.count = 16 * 512;
  op.x = memory().half("x", op.count);
  op.y = memory().half("y", n * op.count);
  op.n = n;
  return {0, 2.0 * double(op.count) * (n + 1),
          [op] { broadcast_constant(op, memory().timer.stream()); }};
}

KernelWork pack_rgb8_work(int n) {
  PackRgb8 op;
  op.count = int64_t(n) * 3 * kResolution * kResolution;
  op.image = memory().single("image", op.count);
  op.pixels = reinterpret_cast<uint8_t*>(memory().half("pixels", op.count / 2));
  return {4.0 * double(op.count), 5.0 * double(op.count),
          [op] { pack_rgb8(op, memory().timer.stream()); }};
}

KernelWork to_nchw_work(int n) {
  ToNchw<float> op;
  op.n = n, op.h = kResolution, op.w = kResolution, op.c = 3;
  const int64_t count = int64_t(n) * 3 * kResolution * kResolution;
  op.x = memory().single("image", count);
  op.y = memory().single("planes", count);
  return {0, 8.0 * double(count), [op] { to_nchw(op, memory().timer.stream()); }};
}

}  // namespace

void register_cuda_kernels() {
  for (const int n : {1, 8}) {
    const std::string batch = "/b" + std::to_string(n);
    for (int side = 4; side <= kResolution; side *= 2) {
      const int c = channels(side);
      const std::string same = shape(side, c, c) + batch;
      register_kernel("modulated_conv/" + same, [=] { return modulated_conv_work(n, side); });
      if (side > 4) {
        const std::string up = shape(side, channels(side / 2), c) + batch;
        register_kernel("transposed_conv/" + up, [=] { return transposed_conv_work(n, side); });
        register_kernel("phased_conv/" + up, [=] { return phased_conv_work(n, side); });
        register_kernel("upfirdn2d/" + same, [=] { return upfirdn2d_work(n, side); });
      }
      register_kernel("noise_bias_act/" + same, [=] { return noise_bias_act_work(n, side); });
      register_kernel("to_rgb/" + shape(side, c, 3) + batch, [=] { return to_rgb_work(n, side); });
    }
    register_kernel("styles/26_layers" + batch, [=] { return styles_work(n); });
    register_kernel("demodulate/17_layers" + batch, [=] { return demodulate_work(n); });
    register_kernel("pixel_norm/512" + batch, [=] { return pixel_norm_work(n); });
    register_kernel("broadcast_constant/4x4x512" + batch,
                    [=] { return broadcast_constant_work(n); });
    register_kernel("pack_rgb8/1024x1024x3" + batch, [=] { return pack_rgb8_work(n); });
    register_kernel("to_nchw/1024x1024x3" + batch, [=] { return to_nchw_work(n); });
  }
}

}  // namespace vernissage::bench
