// The styles of all layers in one launch. A block makes 64 elements of one layer's style for up to
// four samples, a warp one element at a time, so that the weights are read once for the four and
// every multiprocessor has a share of them. The largest value of a row is known only when all its
// blocks are done: the last of them to arrive divides the row.
#include "kernels/kernels.h"
#include "kernels/stylegan2/row_products.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kRowsPerBlock = 64;

/// The largest magnitude of a row, the same in every thread. Other blocks wrote parts of it, so it
/// is read past the first-level cache. `warp_largest` is free again after the next barrier.
__device__ float largest_of(const volatile float* row, int count, float* warp_largest) {
  float largest = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads)
    largest = fmaxf(largest, fabsf(row[i]));
  for (int distance = 16; distance > 0; distance /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFFu, largest, distance));
  if (threadIdx.x % 32 == 0) warp_largest[threadIdx.x / 32] = largest;
  __syncthreads();  // warp_largest is whole
  largest = 0;
  for (int k = 0; k < kWarps; ++k) largest = fmaxf(largest, warp_largest[k]);
  return largest;
}

/// VECTOR 4 when W is a multiple of 4, else 1.
template <int VECTOR>
__global__ void __launch_bounds__(kThreads) styles_kernel(Styles op, int rows_per_block) {
  VERNISSAGE_SHARED(float, warp_largest, kRowSamples* kWarps);
  VERNISSAGE_SHARED(int, is_last, 1);
  griddep_wait();
  const StyleLayer layer = op.layers[blockIdx.y];
  const int first_row = static_cast<int>(blockIdx.x) * rows_per_block;
  if (first_row >= layer.i) return;  // the grid is made for the widest layer; whole blocks leave
  const int end_row = min(first_row + rows_per_block, layer.i);
  const int first = static_cast<int>(blockIdx.z) * kRowSamples;
  const int count = min(kRowSamples, op.n - first);

  const float* w = op.ws + (static_cast<int64_t>(first) * op.num_ws + layer.w_index) * op.w_dim;
  const int64_t w_stride = static_cast<int64_t>(op.num_ws) * op.w_dim;
  float* style = layer.style + static_cast<int64_t>(first) * layer.i;
  for (int i = first_row + static_cast<int>(threadIdx.x) / 32; i < end_row; i += kWarps) {
    float sums[kRowSamples];
    row_products<VECTOR, false>(layer.weight + static_cast<int64_t>(i) * op.w_dim, w, w_stride,
                                op.w_dim, count, sums);
    if (threadIdx.x % 32 != 0) continue;
#pragma unroll
    for (int s = 0; s < kRowSamples; ++s)
      if (s < count)
        style[static_cast<int64_t>(s) * layer.i + i] = layer.scale * (sums[s] + layer.bias[i]);
  }
  if (!layer.normalise) return;

  __threadfence();  // what this thread stored is seen by whoever sees the count below
  __syncthreads();  // every thread has stored
  if (threadIdx.x == 0) {
    const auto blocks = static_cast<uint32_t>(ceil_div(layer.i, rows_per_block));
    bool last = true;
    if (blocks > 1) {
      uint32_t* arrived = op.arrived + blockIdx.z * gridDim.y + blockIdx.y;
      last = atomicAdd(arrived, 1u) == blocks - 1;
      if (last) *arrived = 0;  // as it was found, for the next launch
    }
    is_last[0] = last ? 1 : 0;
  }
  __syncthreads();  // is_last is written
  if (is_last[0] == 0) return;
  __threadfence();  // the row is read after the count
  for (int s = 0; s < count; ++s) {
    float* row = style + static_cast<int64_t>(s) * layer.i;
    const float largest = largest_of(row, layer.i, warp_largest + s * kWarps);
    const float divisor = largest > 0 ? largest : 1.0f;
    volatile float* values = row;
    for (int i = static_cast<int>(threadIdx.x); i < layer.i; i += kThreads)
      values[i] = values[i] / divisor;
  }
}

}  // namespace

int style_counters(int n, int layer_count) {
  return ceil_div(n, kRowSamples) * layer_count;
}

void styles(const Styles& op, Stream stream) {
  check(op);
  const int rows_per_block = op.arrived != nullptr ? kRowsPerBlock : op.i_max;
  const dim3 grid(static_cast<unsigned>(ceil_div(op.i_max, rows_per_block)),
                  static_cast<unsigned>(op.layer_count),
                  static_cast<unsigned>(ceil_div(op.n, kRowSamples)));
  if (op.w_dim % 4 == 0)
    launch_dependent(styles_kernel<4>, grid, kThreads, /*shared_bytes=*/0, stream, op,
                     rows_per_block);
  else
    launch_dependent(styles_kernel<1>, grid, kThreads, /*shared_bytes=*/0, stream, op,
                     rows_per_block);
}

}  // namespace vernissage
