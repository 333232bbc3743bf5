// Copies that change form: the constant for every sample, the picture as bytes, activations as
// planes.
#include "kernels/epilogue.h"
#include "kernels/kernels.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;

__device__ int64_t thread_index() {
  return static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

dim3 grid_for(int64_t threads, int n = 1) {
  return dim3(static_cast<unsigned>(ceil_div(threads, kThreads)), static_cast<unsigned>(n));
}

template <class T>
__global__ void __launch_bounds__(kThreads) repeat_kernel(Repeat<T> op) {
  const int64_t index = thread_index();
  if (index < op.count) op.y[blockIdx.y * op.count + index] = op.x[index];
}

__global__ void __launch_bounds__(kThreads) pack_rgb8_kernel(PackRgb8 op) {
  const int64_t index = thread_index();
  if (index >= op.count) return;
  // Two roundings, not one: fused, values just below a level would fall one short of the reference.
  const float level = __fadd_rn(__fmul_rn(op.image[index], 127.5f), 128.0f);
  op.pixels[index] = static_cast<uint8_t>(fminf(fmaxf(level, 0.0f), 255.0f));
}

template <class T>
__global__ void __launch_bounds__(kThreads) to_nchw_kernel(ToNchw<T> op) {
  const int area = op.h * op.w;
  const int64_t index = thread_index();
  const int64_t sample = static_cast<int64_t>(area) * op.c;
  if (index >= sample) return;
  const int64_t c = index / area;
  const int64_t pixel = index % area;
  op.y[blockIdx.y * sample + index] = to_float(op.x[blockIdx.y * sample + pixel * op.c + c]);
}

}  // namespace

template <class T>
void repeat(const Repeat<T>& op, Stream stream) {
  check(op);
  launch(repeat_kernel<T>, grid_for(op.count, op.n), kThreads, /*shared_bytes=*/0, stream, op);
}

void pack_rgb8(const PackRgb8& op, Stream stream) {
  check(op);
  launch(pack_rgb8_kernel, grid_for(op.count), kThreads, /*shared_bytes=*/0, stream, op);
}

template <class T>
void to_nchw(const ToNchw<T>& op, Stream stream) {
  check(op);
  const int64_t sample = static_cast<int64_t>(op.h) * op.w * op.c;
  launch(to_nchw_kernel<T>, grid_for(sample, op.n), kThreads, /*shared_bytes=*/0, stream, op);
}

template void repeat(const Repeat<float>&, Stream);
template void repeat(const Repeat<f16>&, Stream);
template void to_nchw(const ToNchw<float>&, Stream);
template void to_nchw(const ToNchw<f16>&, Stream);

}  // namespace vernissage
