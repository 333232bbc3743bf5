// The convolution of conv_patch.h with the epilogue of conv_epilogue.h.
#include "kernels/convolution/conv_epilogue.h"
#include "kernels/convolution/conv_mma.h"
#include "kernels/convolution/conv_patch.h"

namespace vernissage {
namespace {

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kThreads == 256 ? 2 : 3)
    conv_patch_kernel(const __grid_constant__ Product<f16> op,
                      const __grid_constant__ ToRgb<f16> rgb, int down, int across) {
  VERNISSAGE_DYNAMIC_SHARED(uint4, shared);
  VERNISSAGE_SHARED(int, row_n, Tile::BLOCK_M);
  VERNISSAGE_SHARED(int, row_place, Tile::BLOCK_M);
  VERNISSAGE_SHARED(float, row_noise, Tile::BLOCK_M);
  VERNISSAGE_SHARED(float4, rgb_weights, Tile::BLOCK_N);
  const int block = static_cast<int>(blockIdx.x);
  const Patch patch = {block / (down * across), block / across % down * kPatchRows,
                       block % across * kPatchCols};
  const int first_channel = static_cast<int>(blockIdx.y) * Tile::BLOCK_N;
  griddep_wait();

  const Rows<Tile> rows = {row_n, row_place, row_noise};
  for (int row = static_cast<int>(threadIdx.x); row < Tile::BLOCK_M; row += Tile::kThreads) {
    Pixel pixel = {patch.n, patch.row + row / kPatchCols, patch.col + row % kPatchCols, false};
    pixel.exists = pixel.r < op.h && pixel.c < op.w;
    describe_row<Tile>(op, op.phases[0], row, pixel, rows);
  }
  if (rgb.weight != nullptr) modulate_rgb_weights<Tile>(rgb, patch.n, rgb_weights);

  Sums<Tile> sums;
  multiply_patch<Tile>(op, patch, first_channel, shared, sums);
  finish_block<Tile>(op, rgb, rows, first_channel, sums, rgb_weights, shared);
}

template <int INDEX>
void run_tile(const Product<f16>& op, const ToRgb<f16>& rgb, Stream stream) {
  using T = PatchTile<INDEX>;
  const int down = ceil_div(op.h, kPatchRows);
  const int across = ceil_div(op.w, kPatchCols);
  const dim3 grid(static_cast<unsigned>(int64_t{op.n} * down * across),
                  static_cast<unsigned>(ceil_div(op.o, T::BLOCK_N)));
  launch_dependent(conv_patch_kernel<T>, grid, T::kThreads, T::kSharedBytes, stream, op, rgb, down,
                   across);
}

}  // namespace

bool fits_patches(const Product<f16>& op) {
  return op.phase_count == 1 && op.phases[0].tap_count == 9 && fits_tensor_cores(op) &&
         fits_patches(op.h, op.w, op.i, op.o);
}

void run_on_patches(const Product<f16>& op, const ToRgb<f16>& rgb, int tile, Stream stream) {
  VERNISSAGE_ASSERT(fits_patches(op));
  static_assert(kPatchTileCount == 3, "one case for each tile");
  switch (tile) {
    case 0:
      return run_tile<0>(op, rgb, stream);
    case 1:
      return run_tile<1>(op, rgb, stream);
    case 2:
      return run_tile<2>(op, rgb, stream);
    default:
      VERNISSAGE_ASSERT_OP(tile, <, kPatchTileCount);
  }
}

}  // namespace vernissage
