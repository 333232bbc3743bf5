// Attention without tensor cores: a warp takes a query, keeps its scores in shared memory and lets
// every lane take a key, then a channel. For float32, for devices before compute capability 8.0 and
// for heads of odd widths; attention_mma.cu is the one that matters for speed.
#include "kernels/stylegan2/epilogue.h"
#include "kernels/transformer/attention_mma.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / 32;
constexpr int kTokensMax = 1024;  // as check() promises
constexpr int kHeadMax = 256;

__device__ __forceinline__ float max_lanes(float value) {
  for (int distance = 16; distance > 0; distance /= 2)
    value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFu, value, distance));
  return value;
}

template <class T>
__global__ void __launch_bounds__(kThreads) attention_kernel(Attention<T> op) {
  VERNISSAGE_SHARED(float, all_scores, kWarps* kTokensMax);
  VERNISSAGE_SHARED(float, all_queries, kWarps* kHeadMax);
  griddep_wait();
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int i = static_cast<int>(blockIdx.x) * kWarps + warp;
  if (i >= op.queries) return;  // whole warps leave, and none waits for another
  float* const scores = all_scores + warp * kTokensMax;
  float* const query = all_queries + warp * kHeadMax;

  const int width = op.heads * op.head;
  const int64_t row = 3 * static_cast<int64_t>(width);
  const int offset = static_cast<int>(blockIdx.y) * op.head;
  const T* const sample = op.qkv + static_cast<int64_t>(blockIdx.z) * op.t * row + offset;
  const T* const keys = sample + width;
  const T* const values = sample + 2 * width;
  const float scale = 1.0f / sqrtf(static_cast<float>(op.head));
  for (int d = lane; d < op.head; d += 32)
    query[d] = (to_float(sample[i * row + d]) + op.bias[offset + d]) * scale;
  __syncwarp();  // every lane reads the whole query

  const int count = op.causal ? i + 1 : op.t;
  float largest = -INFINITY;
  for (int j = lane; j < count; j += 32) {
    const T* const key = keys + j * row;
    float score = 0;
    for (int d = 0; d < op.head; ++d) score = fmaf(query[d], to_float(key[d]), score);
    scores[j] = score;
    largest = fmaxf(largest, score);
  }
  largest = max_lanes(largest);
  float sum = 0;
  for (int j = lane; j < count; j += 32) {
    scores[j] = expf(scores[j] - largest);
    sum += scores[j];
  }
  sum = sum_lanes<32>(sum);
  __syncwarp();  // every lane reads all scores
  T* const y = op.y + (static_cast<int64_t>(blockIdx.z) * op.queries + i) * width + offset;
  for (int d = lane; d < op.head; d += 32) {
    float value = 0;
    for (int j = 0; j < count; ++j) value = fmaf(scores[j], to_float(values[j * row + d]), value);
    y[d] = from_float<T>(value / sum + op.bias[2 * width + offset + d]);
  }
}

}  // namespace

template <class T>
void attention(const Attention<T>& op, Stream stream, bool tensor_cores) {
  check(op);
  if constexpr (std::is_same_v<T, f16>) {
    if (tensor_cores && attention_fits_tensor_cores(op.head)) {
      attention_mma(op, stream);
      return;
    }
  }
  const dim3 grid(static_cast<unsigned>(ceil_div(op.queries, kWarps)),
                  static_cast<unsigned>(op.heads), static_cast<unsigned>(op.n));
  launch_dependent(attention_kernel<T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

template void attention(const Attention<float>&, Stream, bool);
template void attention(const Attention<f16>&, Stream, bool);

}  // namespace vernissage
