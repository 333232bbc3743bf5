// One pass of scaling a picture, in whole numbers. Pillow stores the bytes between the passes, so
// two launches it is. A thread makes one byte; neighbours read overlapping bytes, which the caches
// hold.
#include "kernels/stylegan2/epilogue.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kFractionBits = 22;

__global__ void __launch_bounds__(kThreads) resample_kernel(Resample op) {
  griddep_wait();
  const int index = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
  const int row = op.size * op.inner;
  if (index >= row) return;
  const int j = index / op.inner;
  const int count = op.count[j];
  const int32_t* const weights = op.weights + static_cast<int64_t>(j) * op.taps;
  const uint8_t* const x = op.x + static_cast<int64_t>(blockIdx.x) * op.length * op.inner +
                           static_cast<int64_t>(op.first[j]) * op.inner + index % op.inner;
  int sum = 1 << (kFractionBits - 1);
  for (int k = 0; k < count; ++k) sum += weights[k] * x[static_cast<int64_t>(k) * op.inner];
  sum >>= kFractionBits;
  op.y[static_cast<int64_t>(blockIdx.x) * row + index] =
      static_cast<uint8_t>(sum < 0 ? 0 : (sum > 255 ? 255 : sum));
}

}  // namespace

void resample(const Resample& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(op.outer),
                  static_cast<unsigned>(ceil_div(op.size * op.inner, kThreads)));
  launch_dependent(resample_kernel, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

}  // namespace vernissage
