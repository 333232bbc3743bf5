// Copies that change form: the constant for every sample, the picture as bytes, smaller pictures,
// activations as planes.
#include "kernels/kernels.h"
#include "kernels/stylegan2/epilogue.h"

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
__global__ void __launch_bounds__(kThreads) broadcast_constant_kernel(BroadcastConstant<T> op) {
  griddep_wait();
  const int64_t index = thread_index();
  if (index >= op.count) return;
  T value = op.x[index];
  if (op.style != nullptr)
    value = from_float<T>(to_float(value) * op.style[blockIdx.y * op.c + index % op.c]);
  op.y[blockIdx.y * op.count + index] = value;
}

__global__ void __launch_bounds__(kThreads) pack_rgb8_kernel(PackRgb8 op) {
  griddep_wait();
  const int64_t index = thread_index();
  if (index < op.count) op.pixels[index] = rgb8(op.image[index]);
}

/// The mean of whole numbers, rounded once: exact in 32 bits for sides up to 4096, since the
/// weights sum to side² ≤ 2^24 and 255 · 2^24 + 2^23 < 2^32.
__global__ void __launch_bounds__(kThreads) area_downsample_kernel(AreaDownsample op) {
  griddep_wait();
  const int64_t index = thread_index();
  const int64_t sample = static_cast<int64_t>(op.size) * op.size * op.c;
  if (index >= sample) return;
  const int c = static_cast<int>(index % op.c);
  const int col = static_cast<int>(index / op.c) % op.size;
  const int row = static_cast<int>(index / op.c) / op.size;
  // In units of 1/size of a pixel, input pixel k is [k · size, (k + 1) · size) and this one
  // [row · side, (row + 1) · side).
  const int top = row * op.side;
  const int bottom = top + op.side;
  const int left = col * op.side;
  const int right = left + op.side;
  const uint8_t* x = op.x + static_cast<int64_t>(blockIdx.y) * op.side * op.side * op.c + c;
  uint32_t sum = 0;
  for (int y = top / op.size; y * op.size < bottom; ++y) {
    const int rows = min(bottom, (y + 1) * op.size) - max(top, y * op.size);
    uint32_t across = 0;
    for (int k = left / op.size; k * op.size < right; ++k) {
      const int cols = min(right, (k + 1) * op.size) - max(left, k * op.size);
      across += static_cast<uint32_t>(cols) * x[(static_cast<int64_t>(y) * op.side + k) * op.c];
    }
    sum += static_cast<uint32_t>(rows) * across;
  }
  const auto whole = static_cast<uint32_t>(op.side) * static_cast<uint32_t>(op.side);
  op.y[blockIdx.y * sample + index] = static_cast<uint8_t>((sum + whole / 2) / whole);
}

template <class T>
__global__ void __launch_bounds__(kThreads) to_nchw_kernel(ToNchw<T> op) {
  griddep_wait();
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
void broadcast_constant(const BroadcastConstant<T>& op, Stream stream) {
  check(op);
  launch_dependent(broadcast_constant_kernel<T>, grid_for(op.count, op.n), kThreads,
                   /*shared_bytes=*/0, stream, op);
}

void pack_rgb8(const PackRgb8& op, Stream stream) {
  check(op);
  launch_dependent(pack_rgb8_kernel, grid_for(op.count), kThreads, /*shared_bytes=*/0, stream, op);
}

void area_downsample(const AreaDownsample& op, Stream stream) {
  check(op);
  const int64_t sample = static_cast<int64_t>(op.size) * op.size * op.c;
  launch_dependent(area_downsample_kernel, grid_for(sample, op.n), kThreads, /*shared_bytes=*/0,
                   stream, op);
}

template <class T>
void to_nchw(const ToNchw<T>& op, Stream stream) {
  check(op);
  const int64_t sample = static_cast<int64_t>(op.h) * op.w * op.c;
  launch_dependent(to_nchw_kernel<T>, grid_for(sample, op.n), kThreads, /*shared_bytes=*/0, stream,
                   op);
}

template void broadcast_constant(const BroadcastConstant<float>&, Stream);
template void broadcast_constant(const BroadcastConstant<f16>&, Stream);
template void to_nchw(const ToNchw<float>&, Stream);
template void to_nchw(const ToNchw<f16>&, Stream);

}  // namespace vernissage
