// One layer of the mapping network: product, bias and activation in one launch. At a few samples
// the weights are all there is to move, 1 MiB at width 512, so every warp of the device takes a row
// and reads it 16 bytes a lane.
#include "kernels/kernels.h"
#include "kernels/stylegan2/row_products.h"

namespace vernissage {
namespace {

constexpr int kThreads = 128;  // 128 blocks at width 512: one for nearly every multiprocessor
constexpr int kWarps = kThreads / 32;

/// VECTOR 4 when I is a multiple of 4, else 1.
template <int VECTOR>
__global__ void __launch_bounds__(kThreads) fully_connected_kernel(FullyConnected op) {
  griddep_wait();
  const int o = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / 32;
  if (o >= op.o) return;  // whole warps leave
  const int first = static_cast<int>(blockIdx.y) * kRowSamples;
  const int count = min(kRowSamples, op.n - first);
  float sums[kRowSamples];
  row_products<VECTOR, false>(op.weight + static_cast<int64_t>(o) * op.i,
                              op.x + static_cast<int64_t>(first) * op.i, op.i, op.i, count, sums);
  if (threadIdx.x % 32 != 0) return;
  const float bias = op.bias != nullptr ? op.bias[o] : 0.0f;
#pragma unroll
  for (int s = 0; s < kRowSamples; ++s)
    if (s < count)
      op.y[static_cast<int64_t>(first + s) * op.o + o] =
          op.gain * activate(sums[s] + bias, op.act, op.alpha);
}

}  // namespace

void fully_connected(const FullyConnected& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(ceil_div(op.o, kWarps)),
                  static_cast<unsigned>(ceil_div(op.n, kRowSamples)));
  if (op.i % 4 == 0)
    launch_dependent(fully_connected_kernel<4>, grid, kThreads, /*shared_bytes=*/0, stream, op);
  else
    launch_dependent(fully_connected_kernel<1>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

}  // namespace vernissage
