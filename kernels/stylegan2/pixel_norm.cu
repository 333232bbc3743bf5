// Each row scaled to a mean square of one. Rows are short and few: a block takes one.
#include "kernels/kernels.h"
#include "kernels/stylegan2/epilogue.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

__global__ void __launch_bounds__(kThreads) pixel_norm_kernel(PixelNorm op) {
  VERNISSAGE_SHARED(float, warp_sums, kWarps);
  griddep_wait();
  const float* x = op.x + static_cast<int64_t>(blockIdx.x) * op.x_stride;
  float* y = op.y + static_cast<int64_t>(blockIdx.x) * op.y_stride;
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < op.f; i += kThreads) sum = fmaf(x[i], x[i], sum);
  sum = sum_lanes<32>(sum);
  if (threadIdx.x % 32 == 0) warp_sums[threadIdx.x / 32] = sum;
  __syncthreads();  // warp_sums is whole; in place, each thread rewrites only what it read itself
  sum = 0;
  for (int k = 0; k < kWarps; ++k) sum += warp_sums[k];
  const float scale = 1.0f / sqrtf(sum / static_cast<float>(op.f) + 1e-8f);
  for (int i = static_cast<int>(threadIdx.x); i < op.f; i += kThreads) y[i] = x[i] * scale;
}

}  // namespace

void pixel_norm(const PixelNorm& op, Stream stream) {
  check(op);
  launch_dependent(pixel_norm_kernel, dim3(static_cast<unsigned>(op.n)), kThreads,
                   /*shared_bytes=*/0, stream, op);
}

}  // namespace vernissage
