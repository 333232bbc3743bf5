// The demodulation coefficients of all layers in one launch: a warp sums over the inputs of one
// output channel, a block makes kOutputs of them.
#include "kernels/epilogue.h"
#include "kernels/kernels.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kOutputs = 32;  // of one block

__global__ void __launch_bounds__(kThreads) demodulate_kernel(Demodulate op) {
  const DemodulateLayer layer = op.layers[blockIdx.x];
  const int n = static_cast<int>(blockIdx.z);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const float* style = layer.style + static_cast<int64_t>(n) * layer.i;
  const int first = static_cast<int>(blockIdx.y) * kOutputs;
  const int end = first + kOutputs < layer.o ? first + kOutputs : layer.o;
  for (int o = first + warp; o < end; o += kWarps) {
    const float* square = layer.square + static_cast<int64_t>(o) * layer.i;
    float sum = 0;
    for (int i = lane; i < layer.i; i += 32) sum = fmaf(style[i] * style[i], square[i], sum);
    sum = sum_lanes<32>(sum);
    if (lane == 0) layer.demod[static_cast<int64_t>(n) * layer.o + o] = 1.0f / sqrtf(sum + 1e-8f);
  }
}

}  // namespace

void demodulate(const Demodulate& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(op.layer_count),
                  static_cast<unsigned>(ceil_div(op.o_max, kOutputs)), static_cast<unsigned>(op.n));
  launch(demodulate_kernel, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

}  // namespace vernissage
