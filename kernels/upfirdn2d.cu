// Upsampling, filtering, downsampling and the epilogue in one pass. Memory bound: one thread makes
// four channels of one output pixel and visits only the taps that meet a sample, not the zeros
// between them; neighbouring threads take neighbouring channels, so rows are read whole.
#include "kernels/epilogue.h"
#include "kernels/kernels.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;

/// The first tap at or after 0 that meets a sample: `position` is the upsampled place of tap 0.
__device__ int first_tap(int position, int up) {
  const int past = position % up;
  return past == 0 ? 0 : (past > 0 ? up - past : -past);
}

/// VECTOR 4 when C is a multiple of 4, else 1.
template <int VECTOR, class T>
__global__ void __launch_bounds__(kThreads)
    upfirdn2d_kernel(Upfirdn2d<T> op, int out_h, int out_w) {
  const int groups = ceil_div(op.c, 4);
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= static_cast<int64_t>(out_h) * out_w * groups) return;
  const int pixel = static_cast<int>(index / groups);
  const int c = static_cast<int>(index % groups) * 4;
  const int n = static_cast<int>(blockIdx.y);
  const int top = pixel / out_w * op.down_y - op.pad_y0;  // upsampled place of the filter's corner
  const int left = pixel % out_w * op.down_x - op.pad_x0;

  const T* sample = op.x + static_cast<int64_t>(n) * op.h * op.w * op.c;
  Pack4<float> sums = {};
  for (int a = first_tap(top, op.up_y); a < op.fh; a += op.up_y) {
    const int y = (top + a) / op.up_y;
    if (top + a < 0 || y >= op.h) continue;
    const float* filter_row = op.filter + (op.flip ? a : op.fh - 1 - a) * op.fw;
    for (int b = first_tap(left, op.up_x); b < op.fw; b += op.up_x) {
      const int x = (left + b) / op.up_x;
      if (left + b < 0 || x >= op.w) continue;
      const float tap = filter_row[op.flip ? b : op.fw - 1 - b];
      const T* place = sample + (static_cast<int64_t>(y) * op.w + x) * op.c;
      const Pack4<float> values = load_channels<VECTOR>(place, c, op.c);
      for (int j = 0; j < 4; ++j) sums.v[j] = fmaf(tap, values.v[j], sums.v[j]);
    }
  }
  for (int j = 0; j < 4; ++j) sums.v[j] *= op.gain;

  const int area = out_h * out_w;
  const int64_t element = (static_cast<int64_t>(n) * area + pixel) * op.c + c;
  const float noise = noise_of(op.epilogue, n, pixel, area);
  finish4<VECTOR>(op.epilogue, op.y, sums, noise, n, c, op.c, element);
}

}  // namespace

template <class T>
void upfirdn2d(const Upfirdn2d<T>& op, Stream stream) {
  check(op);
  const int height = out_height(op);
  const int width = out_width(op);
  const int64_t threads = static_cast<int64_t>(height) * width * ceil_div(op.c, 4);
  const dim3 grid(static_cast<unsigned>(ceil_div(threads, kThreads)), static_cast<unsigned>(op.n));
  if (op.c % 4 == 0)
    launch(upfirdn2d_kernel<4, T>, grid, kThreads, /*shared_bytes=*/0, stream, op, height, width);
  else
    launch(upfirdn2d_kernel<1, T>, grid, kThreads, /*shared_bytes=*/0, stream, op, height, width);
}

template void upfirdn2d(const Upfirdn2d<float>&, Stream);
template void upfirdn2d(const Upfirdn2d<f16>&, Stream);

}  // namespace vernissage
