// What a launch costs: its arithmetic and the memory it moves at least, from the operation's struct
// alone. launch_model.h says how long an H200 is expected to take over it, launch_costs()
// (engine/stylegan2) adds them up over a network.
//
// Counted: a product and its sum are two operations; products with the zeros around an image are
// counted, epilogues are not. Every input, weight and output moves once, whatever caches do.
#pragma once

#include <algorithm>

#include "kernels/convolution/conv_tiles.h"
#include "kernels/ops.h"

namespace vernissage {

struct Work {
  double flop = 0, bytes = 0;
};

/// A device and how near kernels are expected to come to it.
struct Machine {
  double flop_per_s = 790e12;      // half products, float32 sums: measured, 8192^3 by cuBLAS
  double bytes_per_s = 4.3e12;     // measured, a copy of 1 GiB, bytes read and written
  double l2_bytes_per_s = 6.0e12;  // an assumption
  int sms = kTableSms;
  // An assumption between 1.98 GHz, which nvidia-smi showed on an H200 after a long product, and
  // what power leaves of it. At this clock 790 TFLOP/s are 83 % of 132 SMs' 4096 operations.
  double clock_hz = 1.755e9;
  double memory_share = 0.8;  // of bytes_per_s, by kernels that only move memory: an assumption
  double plain_share = 0.5;   // of 256 float32 operations a clock and SM, by plain convolutions
  double least_s = 1.2e-6;    // the shortest kernel, its start included: an assumption
  double gap_s = 0.8e-6;      // to the next, in a recorded graph with dependent launches: the same
};
inline constexpr Machine kH200 = {};

/// max(flop / flop_per_s, bytes / bytes_per_s): no kernel is faster.
constexpr double floor_s(const Work& work, const Machine& machine = kH200) {
  return std::max(work.flop / machine.flop_per_s, work.bytes / machine.bytes_per_s);
}

/// The parts of an epilogue that lie in memory, for N samples of `pixels` pixels and O channels; y
/// itself is not among them.
template <class T>
double epilogue_bytes(const Epilogue<T>& e, int n, double pixels, int o) {
  const double rows = static_cast<double>(n) * o;
  double bytes = 0;
  if (e.demod != nullptr) bytes += sizeof(float) * rows;
  if (e.bias != nullptr) bytes += sizeof(float) * o;
  if (e.noise != nullptr) bytes += sizeof(float) * pixels * (e.noise_per_sample ? n : 1);
  if (e.residual != nullptr) bytes += sizeof(T) * rows * pixels;
  if (e.plain != nullptr) bytes += sizeof(T) * rows * pixels;
  if (e.next_style != nullptr) bytes += sizeof(float) * rows;
  return bytes;
}

/// Of a convolution with `taps` weights an output channel and input channel in memory, `products`
/// products of a channel pair, from `in` to `out` pixels of the whole batch.
template <class T>
Work convolution_work(double taps, double products, double in, double out, int i, int o) {
  const double pairs = static_cast<double>(i) * o;
  return {2 * products * pairs, sizeof(T) * (in * i + taps * pairs + out * o)};
}

template <class T>
Work work_of(const ModulatedConv<T>& op) {
  const double pixels = static_cast<double>(op.h) * op.w, all = pixels * op.n;
  const double out = op.y != nullptr ? all : 0;
  Work work = convolution_work<T>(op.k * op.k, op.k * op.k * all, all, out, op.i, op.o);
  if (op.style != nullptr) work.bytes += sizeof(float) * static_cast<double>(op.n) * op.i;
  work.bytes += epilogue_bytes(op.epilogue, op.n, pixels, op.o);
  return work;
}
template <class T>
Work work_of(const TransposedConv<T>& op) {
  const double all = static_cast<double>(op.h) * op.w * op.n;
  const double out = (2.0 * op.h + 1) * (2.0 * op.w + 1) * op.n;
  Work work = convolution_work<T>(9, 9 * all, all, out, op.i, op.o);
  if (op.style != nullptr) work.bytes += sizeof(float) * static_cast<double>(op.n) * op.i;
  if (op.demod != nullptr) work.bytes += sizeof(float) * static_cast<double>(op.n) * op.o;
  return work;
}
template <class T>
Work work_of(const PhasedConv<T>& op) {
  const double pixels = static_cast<double>(op.h) * op.w, all = pixels * op.n;
  Work work = convolution_work<T>(36, 36 * all, all, 4 * all, op.i, op.o);
  if (op.style != nullptr) work.bytes += sizeof(float) * static_cast<double>(op.n) * op.i;
  work.bytes += epilogue_bytes(op.epilogue, op.n, 4 * pixels, op.o);
  return work;
}
template <class T>
Work work_of(const Upfirdn2d<T>& op) {
  const double pixels = static_cast<double>(out_height(op)) * out_width(op);
  const double values = pixels * op.n * op.c;
  const double taps = ((op.fh + op.up_y - 1) / op.up_y) * ((op.fw + op.up_x - 1) / op.up_x);
  const double in = static_cast<double>(op.h) * op.w * op.n * op.c;
  return {2 * taps * values,
          sizeof(T) * (in + values) + epilogue_bytes(op.epilogue, op.n, pixels, op.c)};
}
template <class T>
Work work_of(const NoiseBiasAct<T>& op) {
  const double pixels = static_cast<double>(op.h) * op.w;
  return {0,
          2 * sizeof(T) * pixels * op.n * op.o + epilogue_bytes(op.epilogue, op.n, pixels, op.o)};
}
template <class T>
Work work_of(const ToRgb<T>& op) {
  const double pixels = static_cast<double>(op.h) * op.w * op.n;
  Work work = {2 * pixels * op.i * op.c, op.x != nullptr ? sizeof(T) * pixels * op.i : 0};
  work.bytes += sizeof(float) * (static_cast<double>(op.n) + op.c) * op.i;
  work.bytes += (op.pixels != nullptr ? 1 : sizeof(float)) * pixels * op.c;
  if (op.previous != nullptr) {  // a quarter of the pixels; 4 taps of 16 meet a value
    work.flop += 2 * 4 * pixels * op.c;
    work.bytes += sizeof(float) * pixels / 4 * op.c;
  }
  return work;
}
template <class T>
Work work_of(const ConvToRgb<T>& op) {
  const Work conv = work_of(op.conv), rgb = work_of(op.rgb);
  return {conv.flop + rgb.flop, conv.bytes + rgb.bytes};
}
/// Of the styles of layers with `rows` input channels in all.
inline Work styles_work(int n, double rows, int w_dim) {
  return {2 * n * rows * w_dim, sizeof(float) * (rows * w_dim + n * 2 * rows)};
}
/// Of the demodulation of layers with `pairs` input and output channels multiplied, in all.
inline Work demodulate_work(int n, double pairs) {
  return {2 * n * pairs, sizeof(float) * pairs};
}
inline Work work_of(const FullyConnected& op) {
  const double pairs = static_cast<double>(op.i) * op.o;
  return {2 * op.n * pairs, sizeof(float) * (pairs + (static_cast<double>(op.n) * (op.i + op.o)))};
}
inline Work work_of(const PixelNorm& op) {
  return {0, sizeof(float) * 2.0 * op.n * op.f};
}
template <class T>
Work work_of(const BroadcastConstant<T>& op) {
  return {0, sizeof(T) * static_cast<double>(op.count) * (op.n + 1)};
}

}  // namespace vernissage
