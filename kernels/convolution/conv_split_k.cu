// The sums of conv_tile.h, a share of the taps to a block, stored as float32; then a thread adds
// the shares of four channels, first to last, and finishes them. The partial sums of one sample are
// a few hundred KiB to 1.6 MiB and stay in the second-level cache between the launches.
#include "kernels/convolution/conv_mma.h"
#include "kernels/convolution/conv_split_k.h"
#include "kernels/convolution/conv_tile.h"
#include "kernels/stylegan2/epilogue.h"

namespace vernissage {
namespace {

constexpr int kTaps = 9;
// Of kConvTiles: a CTA tile of 64 pixels, and of 32 where a phase of the batch has no more.
constexpr int kTile = 3;
constexpr int kLowTile = 4;
static_assert(kConvTiles[kTile].block_m == 64 && kConvTiles[kLowTile].block_m == 32);

/// partials[split][n][pixel][o] = the split's share of the sum. blockIdx.z counts splits within
/// phases.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    conv_split_kernel(const __grid_constant__ Product<f16> op, int splits) {
  VERNISSAGE_DYNAMIC_SHARED(uint4, shared);
  griddep_wait();
  const int split = static_cast<int>(blockIdx.z) % splits;
  const Phase& phase = op.phases[static_cast<int>(blockIdx.z) / splits];
  const int first_row = static_cast<int>(blockIdx.x) * Tile::BLOCK_M;
  const int first_channel = static_cast<int>(blockIdx.y) * Tile::BLOCK_N;
  const int k_tiles = ceil_div(op.i, Tile::BLOCK_K) * (kTaps / splits);
  Sums<Tile> sums;
  multiply<Tile>(op, phase, first_row, first_channel, split * k_tiles, (split + 1) * k_tiles,
                 shared, sums);

  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = first_row + warp % Tile::kShape.warps_m * Tile::WARP_M + lane / 4;
  const int o = first_channel + warp / Tile::kShape.warps_m * Tile::WARP_N + lane % 4 * 2;
  const int64_t area = static_cast<int64_t>(op.out_h) * op.out_w;
#pragma unroll
  for (int half_row = 0; half_row < Tile::MI * 2; ++half_row) {
    const Pixel pixel = pixel_of(op, phase, row + half_row * 8);
    if (!pixel.exists) continue;
    const int64_t sample = static_cast<int64_t>(split) * op.n + pixel.n;
    float* const place = op.partials + (sample * area + place_of(op, phase, pixel)) * op.o + o;
#pragma unroll
    for (int ni = 0; ni < Tile::NI; ++ni) {
      if (o + ni * 8 >= op.o) break;  // O is even: both channels exist or none
      const float* const own = &sums.v[half_row / 2][ni][half_row % 2 * 2];
      *reinterpret_cast<float2*>(place + ni * 8) = make_float2(own[0], own[1]);
    }
  }
}

constexpr int kSumThreads = 128;

/// Four values, or four times `otherwise` where there is nothing to read.
__device__ __forceinline__ Pack4<float> load4_or(const float* values, int64_t index,
                                                 float otherwise) {
  return values != nullptr ? load4(values + index)
                           : Pack4<float>{{otherwise, otherwise, otherwise, otherwise}};
}

__global__ void __launch_bounds__(kSumThreads)
    sum_splits_kernel(const __grid_constant__ Product<f16> op, int splits) {
  griddep_wait();
  const int groups = op.o / 4;
  const int area = op.out_h * op.out_w;
  const int index = static_cast<int>(blockIdx.x) * kSumThreads + static_cast<int>(threadIdx.x);
  if (index >= area * groups) return;
  const int n = static_cast<int>(blockIdx.y);
  const int pixel = index / groups;
  const int o = index % groups * 4;
  const int64_t element = (static_cast<int64_t>(n) * area + pixel) * op.o + o;
  const int64_t share = static_cast<int64_t>(op.n) * area * op.o;
  Pack4<float> v = load4(op.partials + element);
  for (int split = 1; split < splits; ++split) {
    const Pack4<float> next = load4(op.partials + split * share + element);
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] += next.v[j];
  }

  // finish4(), of the two activations that tensor cores take.
  const Epilogue<f16>& end = op.epilogue;
  const int64_t channel = static_cast<int64_t>(n) * op.o + o;
  const Pack4<float> demod = load4_or(end.demod, channel, 1);
  const Pack4<float> bias = load4_or(end.bias, o, 0);
  const float noise = noise_of(end, n, pixel, area);
#pragma unroll
  for (int j = 0; j < 4; ++j)
    v.v[j] = finish_sum(end, v.v[j], demod.v[j], noise, bias.v[j], slope_of(end));
  if (end.residual != nullptr) {
    const Pack4<float> residual = load4(end.residual + element);
#pragma unroll
    for (int j = 0; j < 4; ++j) v.v[j] += residual.v[j];
  }
  if (end.plain != nullptr) store4(end.plain + element, v);
  const Pack4<float> style = load4_or(end.next_style, channel, 1);
#pragma unroll
  for (int j = 0; j < 4; ++j) v.v[j] *= style.v[j];
  store4(op.y + element, v);
}

template <int INDEX>
void run_tile(const Product<f16>& op, int splits, Stream stream) {
  using T = Tile<INDEX>;
  const dim3 grid(static_cast<unsigned>(ceil_div(rows_max(op), T::BLOCK_M)),
                  static_cast<unsigned>(ceil_div(op.o, T::BLOCK_N)),
                  static_cast<unsigned>(op.phase_count * splits));
  launch_dependent(conv_split_kernel<T>, grid, T::kThreads, T::kSharedBytes, stream, op, splits);
}

}  // namespace

int splits_of(const Product<f16>& op) {
  if (op.partials == nullptr) return 1;
  for (int p = 0; p < op.phase_count; ++p)
    if (op.phases[p].tap_count != kTaps) return 1;
  return tap_splits(int64_t{op.phases[0].rows} * op.phases[0].cols, op.o, op.phase_count);
}

int64_t partial_count(int h, int w, int o, int phases) {
  const int64_t rows = int64_t{h} * w;
  const int splits = tap_splits(rows, o, phases);
  return splits == 1 ? 0 : splits * rows * phases * o;
}

void run_split(const Product<f16>& op, Stream stream) {
  VERNISSAGE_ASSERT(fits_tensor_cores(op));
  const int splits = splits_of(op);
  VERNISSAGE_ASSERT_OP(splits, >, 1);
  if (rows_max(op) <= kConvTiles[kLowTile].block_m)
    run_tile<kLowTile>(op, splits, stream);
  else
    run_tile<kTile>(op, splits, stream);
  const int quads = op.out_h * op.out_w * (op.o / 4);
  const dim3 grid(static_cast<unsigned>(ceil_div(quads, kSumThreads)), static_cast<unsigned>(op.n));
  launch_dependent(sum_splits_kernel, grid, kSumThreads, /*shared_bytes=*/0, stream, op, splits);
}

}  // namespace vernissage
