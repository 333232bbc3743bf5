// Upsampling, filtering, downsampling and the epilogue in one pass. Memory bound: one thread makes
// four channels of one output pixel and visits only the taps that meet a sample, not the zeros
// between them; neighbouring threads take neighbouring channels, so rows are read whole. The filter
// behind an up-convolution has a kernel of its own, which reads 16 bytes at a time and each of them
// 7 times instead of 16; it sums in the same order, so both give the same bytes.
#include "kernels/kernels.h"
#include "kernels/stylegan2/epilogue.h"

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
  griddep_wait();
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

constexpr int kRows = 4;  // output pixels of a thread, one above the other

/// A 4 x 4 filter at stride 1 and an activation of two slopes; C a multiple of Pack16's count.
template <class T>
__global__ void __launch_bounds__(kThreads) fir_kernel(Upfirdn2d<T> op, int out_h, int out_w) {
  constexpr int kCount = Pack16<T>::kCount;
  griddep_wait();
  const int groups = op.c / kCount;
  const int index = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (index >= out_w * groups) return;
  const int column = index / groups;
  const int c = index % groups * kCount;
  const int first_row = static_cast<int>(blockIdx.y) * kRows;
  const int n = static_cast<int>(blockIdx.z);

  float filter[16];
#pragma unroll
  for (int k = 0; k < 16; ++k) filter[k] = op.filter[op.flip ? k : 15 - k];
  float sums[kRows][kCount] = {};
  const T* sample = op.x + static_cast<int64_t>(n) * op.h * op.w * op.c + c;
#pragma unroll
  for (int i = 0; i < kRows + 3; ++i) {
    const int y = first_row - op.pad_y0 + i;
    if (y < 0 || y >= op.h) continue;
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      const int x = column - op.pad_x0 + b;
      if (x < 0 || x >= op.w) continue;
      const T* place = sample + (static_cast<int64_t>(y) * op.w + x) * op.c;
      const Pack16<T> values = *reinterpret_cast<const Pack16<T>*>(place);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const int a = i - r;
        if (a < 0 || a > 3) continue;
#pragma unroll
        for (int j = 0; j < kCount; ++j)
          sums[r][j] = fmaf(filter[a * 4 + b], to_float(values.v[j]), sums[r][j]);
      }
    }
  }

  const Epilogue<T>& epilogue = op.epilogue;
  const float slope = slope_of(epilogue);
  const int area = out_h * out_w;
  const int64_t channel = static_cast<int64_t>(n) * op.c + c;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    if (first_row + r >= out_h) return;
    const int pixel = (first_row + r) * out_w + column;
    const int64_t element = (static_cast<int64_t>(n) * area + pixel) * op.c + c;
    const float noise = noise_of(epilogue, n, pixel, area);
    Pack16<T> plain, scaled;
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      const float demod = epilogue.demod != nullptr ? epilogue.demod[channel + j] : 1.0f;
      const float bias = epilogue.bias != nullptr ? epilogue.bias[c + j] : 0.0f;
      float v = finish_sum(epilogue, sums[r][j] * op.gain, demod, noise, bias, slope);
      if (epilogue.residual != nullptr) v += to_float(epilogue.residual[element + j]);
      plain.v[j] = from_float<T>(v);
      if (epilogue.next_style != nullptr) v *= epilogue.next_style[channel + j];
      scaled.v[j] = from_float<T>(v);
    }
    *reinterpret_cast<Pack16<T>*>(op.y + element) = scaled;
    if (epilogue.plain != nullptr) *reinterpret_cast<Pack16<T>*>(epilogue.plain + element) = plain;
  }
}

template <class T>
bool fits_fir(const Upfirdn2d<T>& op) {
  return op.fh == 4 && op.fw == 4 && op.up_x == 1 && op.up_y == 1 && op.down_x == 1 &&
         op.down_y == 1 && op.c % Pack16<T>::kCount == 0 && has_two_slopes(op.epilogue.act) &&
         int64_t{out_width(op)} * op.c <= INT32_MAX;
}

}  // namespace

template <class T>
void upfirdn2d(const Upfirdn2d<T>& op, Stream stream) {
  check(op);
  const int height = out_height(op);
  const int width = out_width(op);
  if (fits_fir(op)) {
    const int across = width * (op.c / Pack16<T>::kCount);
    const dim3 blocks(static_cast<unsigned>(ceil_div(across, kThreads)),
                      static_cast<unsigned>(ceil_div(height, kRows)), static_cast<unsigned>(op.n));
    return launch_dependent(fir_kernel<T>, blocks, kThreads, /*shared_bytes=*/0, stream, op, height,
                            width);
  }
  const int64_t threads = static_cast<int64_t>(height) * width * ceil_div(op.c, 4);
  const dim3 grid(static_cast<unsigned>(ceil_div(threads, kThreads)), static_cast<unsigned>(op.n));
  if (op.c % 4 == 0)
    launch_dependent(upfirdn2d_kernel<4, T>, grid, kThreads, /*shared_bytes=*/0, stream, op, height,
                     width);
  else
    launch_dependent(upfirdn2d_kernel<1, T>, grid, kThreads, /*shared_bytes=*/0, stream, op, height,
                     width);
}

template void upfirdn2d(const Upfirdn2d<float>&, Stream);
template void upfirdn2d(const Upfirdn2d<f16>&, Stream);

}  // namespace vernissage
