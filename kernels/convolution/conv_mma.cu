// The convolution of conv_tile.h with its whole epilogue: the sums stay in registers until they are
// finished, meet in shared memory as halves and leave as rows of 16 bytes; where a block owns all
// channels of its pixels, the picture's RGB values are summed from there too, and the last
// activation is not stored at all. One launch for all phases of an up-convolution; the phases write
// between each other's pixels.
#include "kernels/convolution/conv_epilogue.h"
#include "kernels/convolution/conv_mma.h"

namespace vernissage {
namespace {

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kThreads == 256 ? 2 : 3)
    conv_mma_kernel(const __grid_constant__ Product<f16> op,
                    const __grid_constant__ ToRgb<f16> rgb) {
  VERNISSAGE_DYNAMIC_SHARED(uint4, shared);
  VERNISSAGE_SHARED(int, row_n, Tile::BLOCK_M);
  VERNISSAGE_SHARED(int, row_place, Tile::BLOCK_M);
  VERNISSAGE_SHARED(float, row_noise, Tile::BLOCK_M);
  VERNISSAGE_SHARED(uint2, rgb_weights, Tile::BLOCK_N * 2);
  const Phase& phase = op.phases[blockIdx.z];
  const int first_row = static_cast<int>(blockIdx.x) * Tile::BLOCK_M;
  const int first_channel = static_cast<int>(blockIdx.y) * Tile::BLOCK_N;
  griddep_wait();
  if (first_row >= op.n * phase.rows * phase.cols)
    return;  // phases differ in size; whole blocks leave

  const Rows<Tile> rows = {row_n, row_place, row_noise};
  for (int row = static_cast<int>(threadIdx.x); row < Tile::BLOCK_M; row += Tile::kThreads)
    describe_row<Tile>(op, phase, row, pixel_of(op, phase, first_row + row), rows);
  if (rgb.weight != nullptr)
    modulate_rgb_weights<Tile>(rgb, first_row / (rgb.h * rgb.w), rgb_weights);

  Sums<Tile> sums;
  multiply<Tile>(op, phase, first_row, first_channel, 0, k_tile_count<Tile>(op, phase), shared,
                 sums);

  const int per_sample = phase.rows * phase.cols;
  const int last_row = min(first_row + Tile::BLOCK_M, op.n * per_sample) - 1;
  const int sample = first_row / per_sample;
  finish_block<Tile>(op, rgb, rows, sample == last_row / per_sample ? sample : -1, first_channel,
                     sums, rgb_weights, shared);
}

template <int INDEX>
void run_tile(const Product<f16>& op, const ToRgb<f16>& rgb, Stream stream) {
  using T = Tile<INDEX>;
  const dim3 grid(static_cast<unsigned>(ceil_div(rows_max(op), T::BLOCK_M)),
                  static_cast<unsigned>(ceil_div(op.o, T::BLOCK_N)),
                  static_cast<unsigned>(op.phase_count));
  launch_dependent(conv_mma_kernel<T>, grid, T::kThreads, T::kSharedBytes, stream, op, rgb);
}

}  // namespace

bool fits_tensor_cores(const Product<f16>& op) {
  return op.style == nullptr && fits_tensor_cores(op.i, op.o, op.epilogue.act);
}

ConvShape shape_of(const Product<f16>& op) {
  ConvShape shape = {op.phase_count, {}, {}, op.i, op.o};
  for (int p = 0; p < op.phase_count; ++p) {
    shape.rows[p] = int64_t{op.n} * op.phases[p].rows * op.phases[p].cols;
    shape.taps[p] = op.phases[p].tap_count;
  }
  return shape;
}

void run_on_tile(const Product<f16>& op, const ToRgb<f16>& rgb, int tile, Stream stream) {
  VERNISSAGE_ASSERT(fits_tensor_cores(op));
  static_assert(kConvTileCount == 5, "one case for each tile");
  switch (tile) {
    case 0:
      return run_tile<0>(op, rgb, stream);
    case 1:
      return run_tile<1>(op, rgb, stream);
    case 2:
      return run_tile<2>(op, rgb, stream);
    case 3:
      return run_tile<3>(op, rgb, stream);
    case 4:
      return run_tile<4>(op, rgb, stream);
    default:
      VERNISSAGE_ASSERT_OP(tile, <, kConvTileCount);
  }
}

namespace {

/// On the tile of the tables that holds at least `width` channels.
void run_chosen(const Product<f16>& op, const ToRgb<f16>& rgb, int width, Stream stream) {
  if (fits_patches(op))
    run_on_patches(op, rgb, choose_patch_tile(op.n, op.h, op.w, op.i, op.o, width), stream);
  else
    run_on_tile(op, rgb, choose_tile(shape_of(op), width), stream);
}

}  // namespace

void run_on_tensor_cores(const Product<f16>& op, Stream stream) {
  run_chosen(op, ToRgb<f16>(), /*width=*/0, stream);
}

void conv_to_rgb(const ConvToRgb<f16>& op, Stream stream) {
  check(op);
  VERNISSAGE_ASSERT(fits_tensor_cores(product_of(op.conv)) &&
                    fits_rgb_epilogue(op.conv.h, op.conv.w, op.conv.o));
  run_chosen(product_of(op.conv), op.rgb, op.conv.o, stream);
}

}  // namespace vernissage
