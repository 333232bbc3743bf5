// Layer norm and the norm of an embedding: a warp takes a row. A row is read once and kept in
// registers, so that the variance is summed from the differences; the quicker E[x²] - E[x]² loses
// every digit where the mean is large.
#include "kernels/stylegan2/epilogue.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

__device__ __forceinline__ int row_of_warp() {
  return static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / 32;
}

/// PACKS of four channels a lane: rows up to 128 · PACKS.
template <int PACKS, class T>
__global__ void __launch_bounds__(kThreads) layer_norm_kernel(LayerNorm<T> op) {
  griddep_wait();
  const int m = row_of_warp();
  if (m >= op.m) return;  // whole warps leave
  const int first = static_cast<int>(threadIdx.x) % 32 * 4;
  float* const x = op.x + (op.rows != nullptr ? op.rows[m] : m) * op.stride;
  Pack4<float> values[PACKS];
  float sum = 0;
#pragma unroll
  for (int p = 0; p < PACKS; ++p) {
    const int i = first + p * 128;
    if (i >= op.w) break;
    values[p] = load4(x + i);
    sum += (values[p].v[0] + values[p].v[1]) + (values[p].v[2] + values[p].v[3]);
  }
  const float width = static_cast<float>(op.w);
  const float mean = sum_lanes<32>(sum) / width;
  float squares = 0;
#pragma unroll
  for (int p = 0; p < PACKS; ++p) {
    if (first + p * 128 >= op.w) break;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float difference = values[p].v[j] - mean;
      squares = fmaf(difference, difference, squares);
    }
  }
  const float scale = 1.0f / sqrtf(sum_lanes<32>(squares) / width + op.eps);
  T* const y = op.y + static_cast<int64_t>(m) * op.w;
#pragma unroll
  for (int p = 0; p < PACKS; ++p) {
    const int i = first + p * 128;
    if (i >= op.w) break;
    const Pack4<float> weight = load4(op.weight + i), bias = load4(op.bias + i);
    Pack4<float> result;
#pragma unroll
    for (int j = 0; j < 4; ++j)
      result.v[j] = fmaf((values[p].v[j] - mean) * scale, weight.v[j], bias.v[j]);
    store4(y + i, result);
    if (op.next_bias != nullptr) {
      const Pack4<float> next = load4(op.next_bias + i);
#pragma unroll
      for (int j = 0; j < 4; ++j) values[p].v[j] += next.v[j];
      store4(x + i, values[p]);
    }
  }
}

__global__ void __launch_bounds__(kThreads) l2_normalize_kernel(L2Normalize op) {
  griddep_wait();
  const int m = row_of_warp();
  if (m >= op.m) return;  // whole warps leave
  float* const x = op.x + static_cast<int64_t>(m) * op.w;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float squares = 0;
  for (int i = lane; i < op.w; i += 32) squares = fmaf(x[i], x[i], squares);
  const float norm = sqrtf(sum_lanes<32>(squares));
  for (int i = lane; i < op.w; i += 32) x[i] = x[i] / norm;
}

}  // namespace

template <class T>
void layer_norm(const LayerNorm<T>& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(ceil_div(op.m, kWarps)));
  // Half the registers, and twice the warps, for all but the largest networks.
  if (op.w <= 1024)
    launch_dependent(layer_norm_kernel<8, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
  else
    launch_dependent(layer_norm_kernel<16, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

void l2_normalize(const L2Normalize& op, Stream stream) {
  check(op);
  launch_dependent(l2_normalize_kernel, dim3(static_cast<unsigned>(ceil_div(op.m, kWarps))),
                   kThreads,
                   /*shared_bytes=*/0, stream, op);
}

template void layer_norm(const LayerNorm<float>&, Stream);
template void layer_norm(const LayerNorm<f16>&, Stream);

}  // namespace vernissage
