// The convolutions: which kernel takes them, and the plain one, in float32 arithmetic for any type,
// shape and device, the reference on a device.
//
// A block makes 64 x 64 results from k-tiles 16 deep, staged in shared memory; each of its 256
// threads keeps 4 x 4 sums in registers. The style scales the input while it is staged. K-tiles
// come in a fixed order, so the sums do not depend on the batch or on the other blocks.
#include "kernels/convolution/conv_mma.h"
#include "kernels/convolution/conv_product.h"
#include "kernels/convolution/conv_split_k.h"
#include "kernels/convolution/conv_up.h"
#include "kernels/kernels.h"
#include "kernels/stylegan2/epilogue.h"

namespace vernissage {
namespace {

constexpr int BLOCK_PIXELS = 64;
constexpr int BLOCK_CHANNELS = 64;
constexpr int BLOCK_INNER = 16;
constexpr int kThreads = 256;
// A row of a staged k-tile, in packs of four: one pack of padding spreads the transposing stores
// over banks.
constexpr int kRowPacks = BLOCK_PIXELS / 4 + 1;
static_assert(BLOCK_PIXELS == BLOCK_CHANNELS, "both k-tiles are staged by the same threads");
static_assert(kThreads * 4 == BLOCK_PIXELS * BLOCK_INNER, "one pack of each k-tile per thread");
static_assert(kThreads * 16 == BLOCK_PIXELS * BLOCK_CHANNELS, "4 x 4 results per thread");

/// The four inputs at channels c … c+3 under a tap, times the style; zeros outside.
template <int VECTOR, class T>
__device__ Pack4<float> load_input(const Product<T>& op, const Pixel& pixel, FilterTap tap, int c) {
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
__device__ Pack4<float> load_weight(const Product<T>& op, const Phase& phase, int o, FilterTap tap,
                                    int c) {
  if (o >= op.o || c >= op.i) return {};
  const int64_t row = (static_cast<int64_t>(phase.weight_row) + o) * op.weight_taps + tap.weight;
  return load_channels<VECTOR>(op.weight + row * op.i, c, op.i);
}

/// VECTOR 4 when I is a multiple of 4, else 1.
template <int VECTOR, class T>
__global__ void __launch_bounds__(kThreads) modulated_conv_kernel(Product<T> op) {
  VERNISSAGE_SHARED(Pack4<float>, pixels, BLOCK_INNER * kRowPacks);
  VERNISSAGE_SHARED(Pack4<float>, channels, BLOCK_INNER * kRowPacks);
  griddep_wait();
  const Phase& phase = op.phases[blockIdx.z];
  const int first_row = static_cast<int>(blockIdx.x) * BLOCK_PIXELS;
  const int first_channel = static_cast<int>(blockIdx.y) * BLOCK_CHANNELS;
  if (first_row >= op.n * phase.rows * phase.cols)
    return;  // phases differ in size; whole blocks leave

  // Staging: a thread loads four inner elements of one pixel and of one channel.
  const int thread = static_cast<int>(threadIdx.x);
  const int staged_row = thread / 4;
  const int staged_inner = thread % 4 * 4;
  const Pixel staged_pixel = pixel_of(op, phase, first_row + staged_row);
  const int k_tiles_per_tap = ceil_div(op.i, BLOCK_INNER);
  const int k_tiles = k_tiles_per_tap * phase.tap_count;
  int tap_index = 0;
  int inner = staged_inner;
  Pack4<float> next_input = load_input<VECTOR>(op, staged_pixel, phase.taps[0], inner);
  Pack4<float> next_weight =
      load_weight<VECTOR>(op, phase, first_channel + staged_row, phase.taps[0], inner);

  const int row_pack = thread / 16;
  const int channel_pack = thread % 16;
  float sums[4][4] = {};
  for (int k_tile = 0; k_tile < k_tiles; ++k_tile) {
    __syncthreads();  // everybody has read the k-tile before
    for (int j = 0; j < 4; ++j) {
      const int pack = (staged_inner + j) * kRowPacks + staged_row / 4;
      pixels[pack].v[staged_row % 4] = next_input.v[j];
      channels[pack].v[staged_row % 4] = next_weight.v[j];
    }
    __syncthreads();  // the k-tile is whole
    inner += BLOCK_INNER;
    if (inner >= k_tiles_per_tap * BLOCK_INNER) {
      inner = staged_inner;
      ++tap_index;
    }
    if (tap_index < phase.tap_count) {  // fetched now, so that it travels while we multiply
      const FilterTap tap = phase.taps[tap_index];
      next_input = load_input<VECTOR>(op, staged_pixel, tap, inner);
      next_weight = load_weight<VECTOR>(op, phase, first_channel + staged_row, tap, inner);
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
    const Pixel pixel = pixel_of(op, phase, first_row + row_pack * 4 + r);
    if (!pixel.exists) continue;
    const int place = place_of(op, phase, pixel);
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
void run_plain(const Product<T>& op, Stream stream) {
  const dim3 grid(static_cast<unsigned>(ceil_div(rows_max(op), BLOCK_PIXELS)),
                  static_cast<unsigned>(ceil_div(op.o, BLOCK_CHANNELS)),
                  static_cast<unsigned>(op.phase_count));
  if (op.i % 4 == 0)
    launch_dependent(modulated_conv_kernel<4, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
  else
    launch_dependent(modulated_conv_kernel<1, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

template <class T>
void run(const Product<T>& op, ConvPath path, Stream stream) {
  if constexpr (std::is_same_v<T, f16>) {
    if (path == ConvPath::mma && fits_tensor_cores(op) && splits_of(op) > 1)
      return run_split(op, stream);
    if (path == ConvPath::mma && fits_tensor_cores(op)) return run_on_tensor_cores(op, stream);
  }
  run_plain(op, stream);
}

}  // namespace

template <class T>
void modulated_conv(const ModulatedConv<T>& op, Stream stream, ConvPath path) {
  check(op);
  run(product_of(op), path, stream);
}

template <class T>
void transposed_conv(const TransposedConv<T>& op, Stream stream, ConvPath path) {
  check(op);
  if constexpr (std::is_same_v<T, f16>) {
    if (path == ConvPath::mma && fits_up_kernel(op) && prefers_up_kernel(op.h, op.w))
      return run_up_kernel(op, stream);
  }
  run(product_of(op), path, stream);
}

template <class T>
void phased_conv(const PhasedConv<T>& op, Stream stream, ConvPath path) {
  check(op);
  run(product_of(op), path, stream);
}

template void modulated_conv(const ModulatedConv<float>&, Stream, ConvPath);
template void modulated_conv(const ModulatedConv<f16>&, Stream, ConvPath);
template void transposed_conv(const TransposedConv<float>&, Stream, ConvPath);
template void transposed_conv(const TransposedConv<f16>&, Stream, ConvPath);
template void phased_conv(const PhasedConv<float>&, Stream, ConvPath);
template void phased_conv(const PhasedConv<f16>&, Stream, ConvPath);

}  // namespace vernissage
