// The demodulation coefficients of all layers in one launch: a warp sums over the inputs of one
// output channel for up to four samples, a block makes kOutputs channels.
#include "kernels/kernels.h"
#include "kernels/stylegan2/row_products.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kOutputs = 32;  // of one block

__global__ void __launch_bounds__(kThreads) demodulate_kernel(Demodulate op) {
  griddep_wait();
  const DemodulateLayer layer = op.layers[blockIdx.y];
  const int first = static_cast<int>(blockIdx.z) * kRowSamples;
  const int count = min(kRowSamples, op.n - first);
  const float* style = layer.style + static_cast<int64_t>(first) * layer.i;
  float* demod = layer.demod + static_cast<int64_t>(first) * layer.o;
  const int first_output = static_cast<int>(blockIdx.x) * kOutputs;
  const int end = min(first_output + kOutputs, layer.o);
  for (int o = first_output + static_cast<int>(threadIdx.x) / 32; o < end; o += kWarps) {
    const float* square = layer.square + static_cast<int64_t>(o) * layer.i;
    float sums[kRowSamples];
    if (layer.i % 4 == 0)
      row_products<4, true>(square, style, layer.i, layer.i, count, sums);
    else
      row_products<1, true>(square, style, layer.i, layer.i, count, sums);
    if (threadIdx.x % 32 != 0) continue;
#pragma unroll
    for (int s = 0; s < kRowSamples; ++s)
      if (s < count) demod[static_cast<int64_t>(s) * layer.o + o] = 1.0f / sqrtf(sums[s] + 1e-8f);
  }
}

}  // namespace

void demodulate(const Demodulate& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(ceil_div(op.o_max, kOutputs)),
                  static_cast<unsigned>(op.layer_count),
                  static_cast<unsigned>(ceil_div(op.n, kRowSamples)));
  launch_dependent(demodulate_kernel, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

}  // namespace vernissage
