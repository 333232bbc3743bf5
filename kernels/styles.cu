// The styles of all layers in one launch: a block makes one layer's style of one sample, a warp one
// element at a time. A block sees the whole row, so it can divide by the row's largest value.
#include "kernels/epilogue.h"
#include "kernels/kernels.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

__global__ void __launch_bounds__(kThreads) styles_kernel(Styles op) {
  VERNISSAGE_DYNAMIC_SHARED(float, row);  // (i_max): the style before it is normalised
  VERNISSAGE_SHARED(float, warp_largest, kWarps);
  const StyleLayer layer = op.layers[blockIdx.x];
  const int n = static_cast<int>(blockIdx.y);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const float* w = op.ws + (static_cast<int64_t>(n) * op.num_ws + layer.w_index) * op.w_dim;
  float largest = 0;  // of this warp's elements
  for (int i = warp; i < layer.i; i += kWarps) {
    const float* weight = layer.weight + static_cast<int64_t>(i) * op.w_dim;
    float sum = 0;
    for (int j = lane; j < op.w_dim; j += 32) sum = fmaf(weight[j], w[j], sum);
    const float style = layer.scale * (sum_lanes<32>(sum) + layer.bias[i]);
    largest = fmaxf(largest, fabsf(style));
    if (lane == 0) row[i] = style;
  }
  if (lane == 0) warp_largest[warp] = largest;
  __syncthreads();  // row and warp_largest are whole
  largest = 0;
  for (int k = 0; k < kWarps; ++k) largest = fmaxf(largest, warp_largest[k]);
  const float divisor = layer.normalise && largest > 0 ? largest : 1.0f;
  float* style = layer.style + static_cast<int64_t>(n) * layer.i;
  for (int i = static_cast<int>(threadIdx.x); i < layer.i; i += kThreads)
    style[i] = row[i] / divisor;
}

}  // namespace

void styles(const Styles& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(op.layer_count), static_cast<unsigned>(op.n));
  const size_t shared_bytes = sizeof(float) * static_cast<size_t>(op.i_max);
  launch(styles_kernel, grid, kThreads, shared_bytes, stream, op);
}

}  // namespace vernissage
