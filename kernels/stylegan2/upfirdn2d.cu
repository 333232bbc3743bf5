// Upsampling, filtering, downsampling and the epilogue in one pass. Memory bound: one thread makes
// four channels of one output pixel and visits only the taps that meet a sample, not the zeros
// between them; neighbouring threads take neighbouring channels, so rows are read whole. The filter
// behind an up-convolution, at stride 1, has a kernel of its own: the general one would be bound by
// its instructions, not by memory.
#include <type_traits>

#include "kernels/stylegan2/fir.h"
#include "kernels/stylegan2/two_slopes.h"

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

/// The 4 x 4 filter as the sums take it: the sum over a row of pixels first, then over four such
/// sums. A filter that is a column times a row, to the last bit, takes 8 products a value instead
/// of 16.
struct Fir {
  float column[4], row[4];
  bool separable;
};
template <class T>
__device__ __forceinline__ Fir fir_of(const Upfirdn2d<T>& op) {
  float f[16];
#pragma unroll
  for (int k = 0; k < 16; ++k) f[k] = op.filter[op.flip ? k : 15 - k];
  Fir fir;
  const float pivot = 1.0f / f[0];
  fir.separable = f[0] != 0;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    fir.row[k] = f[k];
    fir.column[k] = f[4 * k] * pivot;
  }
#pragma unroll
  for (int k = 0; k < 16; ++k)
    fir.separable = fir.separable && fir.column[k / 4] * fir.row[k % 4] == f[k];
  return fir;
}

/// What a thread of fir_kernel works on: COUNT channels of one output column, ROWS output rows.
template <class T>
struct FirPlace {
  static constexpr int kCount = Pack16<T>::kCount;
  using Stored = std::conditional_t<sizeof(T) == 2, uint4, float4>;
  int column, c, first_row, n;
  const T* taps[4];  // of the four columns that the filter meets, row 0; inside the picture
  float row[4];      // the filter's row, 0 where a column lies outside

  __device__ __forceinline__ FirPlace(const Upfirdn2d<T>& op, const Fir& fir, int index, int rows) {
    const int groups = op.c / kCount;
    column = index / groups;
    c = (index - column * groups) * kCount;
    first_row = static_cast<int>(blockIdx.y) * rows;
    n = static_cast<int>(blockIdx.z);
    const T* const sample = op.x + static_cast<int64_t>(n) * op.h * op.w * op.c + c;
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      const int x = column - op.pad_x0 + b;
      taps[b] = sample + min(max(x, 0), op.w - 1) * op.c;
      row[b] = x >= 0 && x < op.w ? fir.row[b] : 0.0f;
    }
  }
  /// The four values of row y, or of the nearest row there is.
  __device__ __forceinline__ void load(const Upfirdn2d<T>& op, int y, Stored (&stored)[4]) const {
    const int64_t offset = min(max(y, 0), op.h - 1) * (int64_t{op.w} * op.c);
#pragma unroll
    for (int b = 0; b < 4; ++b) stored[b] = *reinterpret_cast<const Stored*>(taps[b] + offset);
  }
  /// The sum over the filter's row; `inside`: the picture has the row of `stored`.
  __device__ __forceinline__ void sum(const Stored (&stored)[4], bool inside,
                                      float (&sums)[kCount]) const {
#pragma unroll
    for (int j = 0; j < kCount; ++j) sums[j] = 0;
    if (!inside) return;
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      float values[kCount];
      unpack(stored[b], values);
#pragma unroll
      for (int j = 0; j < kCount; ++j) sums[j] = fmaf(row[b], values[j], sums[j]);
    }
  }
};

/// What the epilogue needs of a thread's values, with all that folds into it.
template <class T>
struct FirEnd {
  static constexpr int kCount = Pack16<T>::kCount;
  float bias[kCount], style[kCount];
  float slope, bound, strength;
  const float* noise;
  T* y;

  __device__ __forceinline__ FirEnd(const Upfirdn2d<T>& op, const FirPlace<T>& place, int area) {
    const Epilogue<T>& e = op.epilogue;
    const int64_t sample = place.n;
    load_factors(e.bias, place.c, e.gain, 0.0f, bias);
    load_factors(e.next_style, sample * op.c + place.c, 1.0f, 1.0f, style);
    slope = slope_of(e);
    bound = bound_of(e);
    strength = e.noise_strength * e.gain;
    noise = e.noise == nullptr ? nullptr : e.noise + (e.noise_per_sample ? sample * area : 0);
    y = op.y + sample * area * op.c + place.c;
  }
  template <bool SEEDS>
  __device__ __forceinline__ float noise_at(const Epilogue<T>& e, int n, int pixel) const {
    if (SEEDS)
      return strength * normal_noise(e.noise_seeds[n], e.noise_layer, static_cast<uint32_t>(pixel));
    return noise != nullptr ? strength * noise[pixel] : 0.0f;
  }
  /// Of sums that hold noise and bias already.
  __device__ __forceinline__ void store(int channels, int pixel, float (&v)[kCount]) const {
#pragma unroll
    for (int j = 0; j < kCount; ++j) v[j] = bend(v[j], slope, bound) * style[j];
    *reinterpret_cast<typename FirPlace<T>::Stored*>(y + static_cast<int64_t>(pixel) * channels) =
        pack(v);
  }
};

/// A filter that is no product, tap by tap: right, not fast. No released network has one.
template <class T, bool SEEDS>
__device__ __forceinline__ void filter_by_taps(const Upfirdn2d<T>& op, const FirPlace<T>& place,
                                               const FirEnd<T>& end, int rows, int out_h,
                                               int out_w) {
  constexpr int kCount = Pack16<T>::kCount;
#pragma unroll 1
  for (int row = place.first_row; row < min(place.first_row + rows, out_h); ++row) {
    const int pixel = row * out_w + place.column;
    const float z = end.template noise_at<SEEDS>(op.epilogue, place.n, pixel);
    float v[kCount];
#pragma unroll
    for (int j = 0; j < kCount; ++j) v[j] = z + end.bias[j];
#pragma unroll 1
    for (int k = 0; k < 16; ++k) {
      const int y = row - op.pad_y0 + k / 4, x = place.column - op.pad_x0 + k % 4;
      if (y < 0 || y >= op.h || x < 0 || x >= op.w) continue;
      const T* at = op.x + ((static_cast<int64_t>(place.n) * op.h + y) * op.w + x) * op.c + place.c;
      float values[kCount];
      unpack(*reinterpret_cast<const typename FirPlace<T>::Stored*>(at), values);
      const float tap = op.filter[op.flip ? k : 15 - k] * op.gain * op.epilogue.gain;
#pragma unroll
      for (int j = 0; j < kCount; ++j) v[j] = fmaf(tap, values[j], v[j]);
    }
    end.store(op.c, pixel, v);
  }
}

constexpr int kFirThreads = 128;
// Blocks of an SM that registers leave room for: 102 of them a thread, and with seeds, which would
// spill there, 128.
constexpr int kFirBlocks = 5, kFirSeededBlocks = 4;

/// A 4 x 4 filter at stride 1 with an epilogue that folds, without demodulation, residual and
/// second output; C a multiple of Pack16's count. A thread walks down ROWS rows (a multiple of 4)
/// of one column with the last four sums over a row of pixels in registers, so that it reads a
/// pixel of its column once and has the next row's on their way.
template <class T, int ROWS, bool SEEDS>
__global__ void __launch_bounds__(kFirThreads, SEEDS ? kFirSeededBlocks : kFirBlocks)
    fir_kernel(const __grid_constant__ Upfirdn2d<T> op, int out_h, int out_w) {
  constexpr int kCount = Pack16<T>::kCount;
  griddep_wait();
  const int index = static_cast<int>(blockIdx.x) * kFirThreads + static_cast<int>(threadIdx.x);
  if (index >= out_w * (op.c / kCount)) return;
  Fir fir = fir_of(op);
  const FirPlace<T> place(op, fir, index, ROWS);
  const FirEnd<T> end(op, place, out_h * out_w);
  if (!fir.separable) return filter_by_taps<T, SEEDS>(op, place, end, ROWS, out_h, out_w);
#pragma unroll
  for (int k = 0; k < 4; ++k) fir.column[k] *= op.gain * op.epilogue.gain;

  int pixel = place.first_row * out_w + place.column;
  const int top = place.first_row - op.pad_y0;
  const auto inside = [&](int i) { return top + i >= 0 && top + i < op.h; };
  typename FirPlace<T>::Stored next[4];
  float sums[4][kCount];
  place.load(op, top, next);
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    place.sum(next, inside(i), sums[i]);
    place.load(op, top + i + 1, next);
  }
#pragma unroll 1
  for (int r = 0; r < ROWS; r += 4) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (place.first_row + r + k >= out_h) return;
      const float z = end.template noise_at<SEEDS>(op.epilogue, place.n, pixel);
      place.sum(next, inside(r + k + 3), sums[(k + 3) % 4]);
      place.load(op, top + r + k + 4, next);
      float v[kCount];
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        v[j] = z + end.bias[j];
#pragma unroll
        for (int a = 0; a < 4; ++a) v[j] = fmaf(fir.column[a], sums[(k + a) % 4][j], v[j]);
      }
      end.store(op.c, pixel, v);
      pixel += out_w;
    }
  }
}

template <class T, int ROWS>
void launch_fir(const Upfirdn2d<T>& op, Stream stream) {
  const int height = out_height(op), width = out_width(op);
  const int across = width * (op.c / Pack16<T>::kCount);
  const dim3 blocks(static_cast<unsigned>(ceil_div(across, kFirThreads)),
                    static_cast<unsigned>(ceil_div(height, ROWS)), static_cast<unsigned>(op.n));
  const bool seeds = op.epilogue.noise_seeds != nullptr && op.epilogue.noise_strength != 0;
  const auto start = [&](auto kernel) {
    launch_dependent(kernel, blocks, kFirThreads, /*shared_bytes=*/0, stream, op, height, width);
  };
  if (seeds)
    start(fir_kernel<T, ROWS, true>);
  else
    start(fir_kernel<T, ROWS, false>);
}

constexpr int64_t kFirBlocksMin = 4 * kTableSms;

}  // namespace

template <class T>
bool fits_fir(const Upfirdn2d<T>& op) {
  return op.fh == 4 && op.fw == 4 && op.up_x == 1 && op.up_y == 1 && op.down_x == 1 &&
         op.down_y == 1 && op.c % Pack16<T>::kCount == 0 && folds(op.epilogue) &&
         op.epilogue.demod == nullptr && op.epilogue.residual == nullptr &&
         op.epilogue.plain == nullptr && int64_t{out_width(op)} * op.c <= INT32_MAX &&
         int64_t{op.w} * op.c <= INT32_MAX;
}

template <class T>
int fir_rows(const Upfirdn2d<T>& op) {
  const int64_t across = ceil_div(int64_t{out_width(op)} * (op.c / Pack16<T>::kCount), kFirThreads);
  return across * ceil_div(out_height(op), kFirRows) * op.n >= kFirBlocksMin ? kFirRows
                                                                             : kFirFewRows;
}

template <class T>
void run_fir(const Upfirdn2d<T>& op, int rows, Stream stream) {
  VERNISSAGE_ASSERT(fits_fir(op));
  if (rows == kFirRows) return launch_fir<T, kFirRows>(op, stream);
  VERNISSAGE_ASSERT_OP(rows, ==, kFirFewRows);
  launch_fir<T, kFirFewRows>(op, stream);
}

template <class T>
void upfirdn2d(const Upfirdn2d<T>& op, Stream stream) {
  check(op);
  const int height = out_height(op);
  const int width = out_width(op);
  if (fits_fir(op)) return run_fir(op, fir_rows(op), stream);
  const int64_t threads = static_cast<int64_t>(height) * width * ceil_div(op.c, 4);
  const dim3 grid(static_cast<unsigned>(ceil_div(threads, kThreads)), static_cast<unsigned>(op.n));
  if (op.c % 4 == 0)
    launch_dependent(upfirdn2d_kernel<4, T>, grid, kThreads, /*shared_bytes=*/0, stream, op, height,
                     width);
  else
    launch_dependent(upfirdn2d_kernel<1, T>, grid, kThreads, /*shared_bytes=*/0, stream, op, height,
                     width);
}

template bool fits_fir(const Upfirdn2d<float>&);
template bool fits_fir(const Upfirdn2d<f16>&);
template int fir_rows(const Upfirdn2d<float>&);
template int fir_rows(const Upfirdn2d<f16>&);
template void run_fir(const Upfirdn2d<float>&, int, Stream);
template void run_fir(const Upfirdn2d<f16>&, int, Stream);
template void upfirdn2d(const Upfirdn2d<float>&, Stream);
template void upfirdn2d(const Upfirdn2d<f16>&, Stream);

}  // namespace vernissage
