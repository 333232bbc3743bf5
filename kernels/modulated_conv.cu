// Modulated convolution and its transposed form with stride 2, as one implicit matrix product: rows
// are output pixels of the whole batch, columns output channels, the inner dimension runs over
// filter taps and input channels. The transposed form splits into four phases by the parity of the
// output row and column; in each, a pixel sees 1, 2 or 4 of the nine taps, so no product with a
// zero is made.
//
// A block makes 64 x 64 results from slices 16 deep, staged in shared memory; each of its 256
// threads keeps 4 x 4 sums in registers. The style scales the input while it is staged. Slices come
// in a fixed order, so the sums do not depend on the batch or on the other blocks.
#include "kernels/epilogue.h"
#include "kernels/kernels.h"

namespace vernissage {
namespace {

constexpr int BLOCK_PIXELS = 64;
constexpr int BLOCK_CHANNELS = 64;
constexpr int BLOCK_INNER = 16;
constexpr int kThreads = 256;
constexpr int kTapsMax = 9;
// A row of a staged slice, in packs of four: one pack of padding spreads the transposing stores
// over banks.
constexpr int kRowPacks = BLOCK_PIXELS / 4 + 1;
static_assert(BLOCK_PIXELS == BLOCK_CHANNELS, "both slices are staged by the same threads");
static_assert(kThreads * 4 == BLOCK_PIXELS * BLOCK_INNER, "one pack of each slice per thread");
static_assert(kThreads * 16 == BLOCK_PIXELS * BLOCK_CHANNELS, "4 x 4 results per thread");

/// Output pixel (r, c) of the phase reads input (r + dy, c + dx) through weight tap `weight`.
struct Tap {
  int8_t dy, dx, weight;
};

/// Output pixels (out_y + step · r, out_x + step · c) for r < rows, c < cols.
struct Phase {
  int rows, cols, out_y, out_x;
  int tap_count;
  Tap taps[kTapsMax];
};

template <class T>
struct Product {
  const T* x;
  const T* weight;
  const float* style;
  T* y;
  int n, h, w, i, o;
  int weight_taps;  // taps a weight has in memory
  int out_h, out_w, step;
  Phase phases[4];
  Epilogue<T> epilogue;
};

template <class T>
struct Pixel {  // a row of the product
  int n, r, c;
  bool exists;
};

template <class T>
__device__ Pixel<T> pixel_of(const Product<T>& op, const Phase& phase, int row) {
  const int per_sample = phase.rows * phase.cols;
  const int n = row / per_sample;
  const int rest = row - n * per_sample;
  return {n, rest / phase.cols, rest % phase.cols, n < op.n};
}

/// The four inputs at channels c … c+3 under a tap, times the style; zeros outside.
template <int VECTOR, class T>
__device__ Pack4<float> load_input(const Product<T>& op, const Pixel<T>& pixel, Tap tap, int c) {
  const int y = pixel.r + tap.dy;
  const int x = pixel.c + tap.dx;
  const bool inside = pixel.exists && c < op.i && y >= 0 && y < op.h && x >= 0 && x < op.w;
  if (!inside) return {};
  const int64_t place = (static_cast<int64_t>(pixel.n) * op.h + y) * op.w + x;
  Pack4<float> values = load_channels<VECTOR>(op.x + place * op.i, c, op.i);
  if (op.style != nullptr) {
    const float* row = op.style + static_cast<int64_t>(pixel.n) * op.i;
    const Pack4<float> style = load_channels<VECTOR>(row, c, op.i);
    for (int j = 0; j < 4; ++j) values.v[j] *= style.v[j];
  }
  return values;
}

template <int VECTOR, class T>
__device__ Pack4<float> load_weight(const Product<T>& op, int o, Tap tap, int c) {
  if (o >= op.o || c >= op.i) return {};
  const int64_t row = static_cast<int64_t>(o) * op.weight_taps + tap.weight;
  return load_channels<VECTOR>(op.weight + row * op.i, c, op.i);
}

/// VECTOR 4 when I is a multiple of 4, else 1.
template <int VECTOR, class T>
__global__ void __launch_bounds__(kThreads) modulated_conv_kernel(Product<T> op) {
  VERNISSAGE_SHARED(Pack4<float>, pixels, BLOCK_INNER * kRowPacks);
  VERNISSAGE_SHARED(Pack4<float>, channels, BLOCK_INNER * kRowPacks);
  const Phase& phase = op.phases[blockIdx.z];
  const int first_row = static_cast<int>(blockIdx.x) * BLOCK_PIXELS;
  const int first_channel = static_cast<int>(blockIdx.y) * BLOCK_CHANNELS;
  if (first_row >= op.n * phase.rows * phase.cols)
    return;  // phases differ in size; whole blocks leave

  // Staging: a thread brings four inner elements of one pixel and of one channel.
  const int thread = static_cast<int>(threadIdx.x);
  const int staged_row = thread / 4;
  const int staged_inner = thread % 4 * 4;
  const Pixel<T> staged_pixel = pixel_of(op, phase, first_row + staged_row);
  const int slices_per_tap = ceil_div(op.i, BLOCK_INNER);
  const int slices = slices_per_tap * phase.tap_count;
  int tap_index = 0;
  int inner = staged_inner;
  Pack4<float> next_input = load_input<VECTOR>(op, staged_pixel, phase.taps[0], inner);
  Pack4<float> next_weight =
      load_weight<VECTOR>(op, first_channel + staged_row, phase.taps[0], inner);

  const int row_pack = thread / 16;
  const int channel_pack = thread % 16;
  float sums[4][4] = {};
  for (int slice = 0; slice < slices; ++slice) {
    __syncthreads();  // everybody has read the slice before
    for (int j = 0; j < 4; ++j) {
      const int pack = (staged_inner + j) * kRowPacks + staged_row / 4;
      pixels[pack].v[staged_row % 4] = next_input.v[j];
      channels[pack].v[staged_row % 4] = next_weight.v[j];
    }
    __syncthreads();  // the slice is whole
    inner += BLOCK_INNER;
    if (inner >= slices_per_tap * BLOCK_INNER) {
      inner = staged_inner;
      ++tap_index;
    }
    if (tap_index < phase.tap_count) {  // fetched now, so that it travels while we multiply
      const Tap tap = phase.taps[tap_index];
      next_input = load_input<VECTOR>(op, staged_pixel, tap, inner);
      next_weight = load_weight<VECTOR>(op, first_channel + staged_row, tap, inner);
    }
#pragma unroll
    for (int k = 0; k < BLOCK_INNER; ++k) {
      const Pack4<float> a = pixels[k * kRowPacks + row_pack];
      const Pack4<float> b = channels[k * kRowPacks + channel_pack];
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) sums[r][c] = fmaf(a.v[r], b.v[c], sums[r][c]);
    }
  }

  const int o = first_channel + channel_pack * 4;
  if (o >= op.o) return;
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const Pixel<T> pixel = pixel_of(op, phase, first_row + row_pack * 4 + r);
    if (!pixel.exists) continue;
    const int place =
        (phase.out_y + op.step * pixel.r) * op.out_w + phase.out_x + op.step * pixel.c;
    const int area = op.out_h * op.out_w;
    const int64_t element = (static_cast<int64_t>(pixel.n) * area + place) * op.o + o;
    const float noise = noise_of(op.epilogue, pixel.n, place, area);
    const Pack4<float> v = {{sums[r][0], sums[r][1], sums[r][2], sums[r][3]}};
    if (op.o % 4 == 0)
      finish4<4>(op.epilogue, op.y, v, noise, pixel.n, o, op.o, element);
    else
      finish4<1>(op.epilogue, op.y, v, noise, pixel.n, o, op.o, element);
  }
}

template <class T>
void run(const Product<T>& op, int phase_count, Stream stream) {
  int rows = 0;
  for (int p = 0; p < phase_count; ++p) {
    const int own = op.n * op.phases[p].rows * op.phases[p].cols;
    rows = own > rows ? own : rows;
  }
  const dim3 grid(static_cast<unsigned>(ceil_div(rows, BLOCK_PIXELS)),
                  static_cast<unsigned>(ceil_div(op.o, BLOCK_CHANNELS)),
                  static_cast<unsigned>(phase_count));
  if (op.i % 4 == 0)
    launch(modulated_conv_kernel<4, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
  else
    launch(modulated_conv_kernel<1, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

Tap tap(int dy, int dx, int weight) {
  return {static_cast<int8_t>(dy), static_cast<int8_t>(dx), static_cast<int8_t>(weight)};
}

}  // namespace

template <class T>
void modulated_conv(const ModulatedConv<T>& op, Stream stream) {
  check(op);
  Phase phase = {op.h, op.w, 0, 0, op.k == 3 ? 9 : 1, {}};  // one tap, at 0, 0, unless K is 3
  for (int t = 0; op.k == 3 && t < 9; ++t) phase.taps[t] = tap(t / 3 - 1, t % 3 - 1, t);
  run(Product<T>{op.x,
                 op.weight,
                 op.style,
                 op.y,
                 op.n,
                 op.h,
                 op.w,
                 op.i,
                 op.o,
                 op.k * op.k,
                 op.h,
                 op.w,
                 1,
                 {phase},
                 op.epilogue},
      1, stream);
}

template <class T>
void transposed_conv(const TransposedConv<T>& op, Stream stream) {
  check(op);
  Product<T> product = {op.x, op.weight, op.style,     op.y,         op.n, op.h, op.w, op.i,
                        op.o, 9,         2 * op.h + 1, 2 * op.w + 1, 2,    {},   {}};
  product.epilogue.demod = op.demod;
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 2; ++b) {
      // Output row 2r+a gets weight row p from input row (2r+a-p)/2 where that is whole: p = 0 from
      // r and p = 2 from r-1 on even rows, p = 1 from r on odd ones. Columns alike.
      Phase& phase = product.phases[a * 2 + b];
      phase = {op.h + 1 - a, op.w + 1 - b, a, b, 0, {}};
      for (int p = a; p < 3; p += 2)
        for (int q = b; q < 3; q += 2)
          phase.taps[phase.tap_count++] = tap(-(p / 2), -(q / 2), p * 3 + q);
    }
  }
  run(product, 4, stream);
}

template void modulated_conv(const ModulatedConv<float>&, Stream);
template void modulated_conv(const ModulatedConv<f16>&, Stream);
template void transposed_conv(const TransposedConv<float>&, Stream);
template void transposed_conv(const TransposedConv<f16>&, Stream);

}  // namespace vernissage
