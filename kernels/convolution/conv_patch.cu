// The convolution of conv_patch.h with the epilogue of conv_epilogue.h.
#include "kernels/convolution/conv_epilogue.h"
#include "kernels/convolution/conv_mma.h"
#include "kernels/convolution/conv_patch.h"

namespace vernissage {
namespace {

/// Where a row of the block's tile belongs.
struct PatchPlace {
  const Patch& patch;
  int h, w;
  __device__ __forceinline__ PixelPlace operator()(int row) const {
    const int y = patch.row + row / kPatchCols, x = patch.col + row % kPatchCols;
    return {patch.n, y, x, y < h && x < w};
  }
};

/// Shared memory (BLOCK_M, BLOCK_N) to y, 16 bytes a thread at a time: every thread stays in its
/// column of pixels and chunk of channels and goes down.
template <class Tile>
__device__ __forceinline__ void store_patch(const Product<f16>& op, const Patch& patch,
                                            int first_channel, const uint4* results, f16* y) {
  constexpr int kChunks = Tile::BLOCK_N / 8;
  constexpr int kRowsAtOnce = Tile::kThreads / kChunks;
  static_assert(kRowsAtOnce % kPatchCols == 0 && Tile::BLOCK_M % kRowsAtOnce == 0);
  const int first = static_cast<int>(threadIdx.x) / kChunks;
  const int chunk = static_cast<int>(threadIdx.x) % kChunks;
  const int row = patch.row + first / kPatchCols, col = patch.col + first % kPatchCols;
  const int o = first_channel + chunk * 8;
  if (col >= op.w || o >= op.o) return;
  const int64_t pixel = (static_cast<int64_t>(patch.n) * op.h + row) * op.w + col;
  f16* address = y + pixel * op.o + o;
  const int64_t pitch = int64_t{kRowsAtOnce / kPatchCols} * op.w * op.o;
#pragma unroll
  for (int i = 0; i < Tile::BLOCK_M / kRowsAtOnce; ++i) {
    if (row + i * (kRowsAtOnce / kPatchCols) >= op.h) return;
    *reinterpret_cast<uint4*>(address) = results[swizzled<kChunks>(first + i * kRowsAtOnce, chunk)];
    address += pitch;
  }
}

/// finish_block() of conv_epilogue.h where the rows are a patch of one sample.
template <class Tile>
__device__ __forceinline__ void finish_patch(const Product<f16>& op, const ToRgb<f16>& rgb,
                                             const Patch& patch, const Rows<Tile>& rows,
                                             int first_channel, const Sums<Tile>& sums,
                                             const uint2* rgb_weights, uint4* shared) {
  static_assert(Tile::kSharedBytes >= size_t{4} * Tile::BLOCK_M * Tile::BLOCK_N,
                "two results of half fit in");
  const bool fused_rgb = rgb.weight != nullptr;
  uint4* const results = shared;
  uint4* const plain = shared + Tile::BLOCK_M * Tile::BLOCK_N / 8;
  finish_sums<Tile>(
      op, rows, patch.n, first_channel, sums, reinterpret_cast<uint32_t*>(results),
      fused_rgb || op.epilogue.plain != nullptr ? reinterpret_cast<uint32_t*>(plain) : nullptr);
  __syncthreads();
  if (op.y != nullptr) store_patch<Tile>(op, patch, first_channel, results, op.y);
  if (op.epilogue.plain != nullptr)
    store_patch<Tile>(op, patch, first_channel, plain, op.epilogue.plain);
  if (fused_rgb) store_rgb_rows<Tile>(rgb, PatchPlace{patch, op.h, op.w}, rgb_weights, plain);
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kThreads == 256 ? 2 : 3)
    conv_patch_kernel(const __grid_constant__ Product<f16> op,
                      const __grid_constant__ ToRgb<f16> rgb, int down, int across) {
  VERNISSAGE_DYNAMIC_SHARED(uint4, shared);
  VERNISSAGE_SHARED(int, row_n, Tile::BLOCK_M);
  VERNISSAGE_SHARED(int, row_place, Tile::BLOCK_M);
  VERNISSAGE_SHARED(float, row_noise, Tile::BLOCK_M);
  VERNISSAGE_SHARED(uint2, rgb_weights, Tile::BLOCK_N * 2);
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
  finish_patch<Tile>(op, rgb, patch, rows, first_channel, sums, rgb_weights, shared);
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
