// The inner part of a convolution on tensor cores, shared by the kernels that differ in what they
// do with the sums: a block loads k-tiles of pixels and of weights into shared memory, several of
// them on their way at a time, and multiplies them warp by warp. Half only; the input is stored
// scaled by its style.
//
// Shared memory holds a k-tile as rows of CHUNKS chunks of 16 bytes (8 channels), a row for each
// pixel and for each output channel, its chunks permuted (swizzled) so that eight rows read at the
// same chunk, as ldmatrix does, and one row read or written whole, as cp.async does, both meet all
// 32 banks once.
#pragma once

#include "kernels/convolution/conv_product.h"
#include "kernels/convolution/conv_tiles.h"
#include "kernels/ptx.h"

namespace vernissage {

/// Where chunk `chunk` of row `row` lies, in chunks. A chunk covers 4 banks, so 8 neighbouring
/// chunks cover all. With 8 or more chunks to a row the three low bits are turned by the row; with
/// 4, where two rows make a line of banks, the two low bits by the pair of rows.
template <int CHUNKS>
VERNISSAGE_HOST_DEVICE constexpr int swizzled(int row, int chunk) {
  static_assert(CHUNKS == 4 || CHUNKS % 8 == 0, "rows of 64 bytes or of whole lines of banks");
  return row * CHUNKS + (chunk ^ (CHUNKS == 4 ? (row >> 1) & 3 : row & 7));
}

/// Whether any eight rows from a multiple of eight, read at one chunk, meet eight different banks.
template <int CHUNKS>
constexpr bool free_of_conflicts() {
  for (int chunk = 0; chunk < CHUNKS; ++chunk) {
    unsigned met = 0;
    for (int row = 0; row < 8; ++row) met |= 1u << swizzled<CHUNKS>(row, chunk) % 8;
    if (met != 0xFFu) return false;
  }
  return true;
}

/// Entry INDEX of the table as a type.
template <int INDEX>
struct Tile {
  static constexpr TileShape kShape = kConvTiles[INDEX];
  static constexpr int BLOCK_M = kShape.block_m;
  static constexpr int BLOCK_N = kShape.block_n;
  static constexpr int BLOCK_K = kShape.block_k;
  static constexpr int kStages = kShape.stages;
  static constexpr int kThreads = kShape.warps_m * kShape.warps_n * 32;
  static constexpr int CHUNKS = BLOCK_K / 8;
  static constexpr int WARP_M = BLOCK_M / kShape.warps_m;
  static constexpr int WARP_N = BLOCK_N / kShape.warps_n;
  static constexpr int MI = WARP_M / 16;  // matrix products a warp makes down its part
  static constexpr int NI = WARP_N / 8;   // and across
  static constexpr int kRowsAtOnce = kThreads / CHUNKS;
  static constexpr int kPixelRows = BLOCK_M / kRowsAtOnce;    // chunks a thread loads of a k-tile
  static constexpr int kChannelRows = BLOCK_N / kRowsAtOnce;  // and of its weights
  static constexpr int kStageChunks = (BLOCK_M + BLOCK_N) * CHUNKS;
  static constexpr size_t kSharedBytes = size_t{16} * kStages * kStageChunks;

  static_assert(free_of_conflicts<CHUNKS>() && free_of_conflicts<BLOCK_N / 8>());
  static_assert(WARP_M % 16 == 0 && WARP_N % 16 == 0, "ldmatrix.x4 loads 16 rows");
  static_assert(BLOCK_M % kRowsAtOnce == 0 && BLOCK_N % kRowsAtOnce == 0);
  static_assert(kRowsAtOnce % 8 == 0, "a thread's rows are swizzled alike");
  static_assert(kStages >= 2);
};

/// A warp's sums: matrix product (mi, ni) in the fragment layout of ptx.h.
template <class Tile>
struct Sums {
  float v[Tile::MI][Tile::NI][4];
};

template <class Tile>
__device__ __forceinline__ void clear(Sums<Tile>& sums) {
#pragma unroll
  for (int mi = 0; mi < Tile::MI; ++mi)
#pragma unroll
    for (int ni = 0; ni < Tile::NI; ++ni)
#pragma unroll
      for (int j = 0; j < 4; ++j) sums.v[mi][ni][j] = 0;
}

/// sums += a · b for sixteen elements of the inner dimension: the warp's MI fragments of pixels by
/// its NI fragments of channels, two of which ldmatrix.x4 loads together.
template <class Tile>
__device__ __forceinline__ void multiply_fragments(const uint32_t (&a)[Tile::MI][4],
                                                   const uint32_t (&b)[Tile::NI / 2][4],
                                                   Sums<Tile>& sums) {
#pragma unroll
  for (int mi = 0; mi < Tile::MI; ++mi)
#pragma unroll
    for (int ni = 0; ni < Tile::NI; ++ni) {
      const uint32_t own[2] = {b[ni / 2][ni % 2 * 2], b[ni / 2][ni % 2 * 2 + 1]};
      ptx::mma_m16n8k16(sums.v[mi][ni], a[mi], own);
    }
}

/// What a thread loads of every k-tile: chunk `chunk` of some rows.
template <class Tile>
struct Feed {
  int64_t pixel[Tile::kPixelRows];  // element of x: the pixel itself, at the thread's chunk
  uint32_t taps[Tile::kPixelRows];  // bit t: what tap t of the phase reads lies inside x
  int64_t weight;                   // element of weight: the first channel's row, at the chunk
  int row, chunk;
  int channels_left;  // output channels from the first row on; may be below 1
};

template <class Tile>
__device__ __forceinline__ Feed<Tile> feed_of(const Product<f16>& op, const Phase& phase,
                                              int first_row, int first_channel) {
  Feed<Tile> feed;
  const int thread = static_cast<int>(threadIdx.x);
  feed.row = thread / Tile::CHUNKS;
  feed.chunk = thread % Tile::CHUNKS;
#pragma unroll
  for (int j = 0; j < Tile::kPixelRows; ++j) {
    const Pixel pixel = pixel_of(op, phase, first_row + feed.row + j * Tile::kRowsAtOnce);
    const int64_t place = (static_cast<int64_t>(pixel.n) * op.h + pixel.r) * op.w + pixel.c;
    feed.pixel[j] = place * op.i + feed.chunk * 8;
    feed.taps[j] = 0;
    for (int t = 0; t < phase.tap_count; ++t) {
      const int y = pixel.r + phase.taps[t].dy;
      const int x = pixel.c + phase.taps[t].dx;
      if (pixel.exists && y >= 0 && y < op.h && x >= 0 && x < op.w) feed.taps[j] |= 1u << t;
    }
  }
  const int channel = first_channel + feed.row;
  feed.weight =
      (static_cast<int64_t>(phase.weight_row) + channel) * op.weight_taps * op.i + feed.chunk * 8;
  feed.channels_left = op.o - channel;
  return feed;
}

/// A k-tile: the channels c … c + BLOCK_K of one tap.
struct KTile {
  int tap, c;
};
template <class Tile>
__device__ __forceinline__ KTile k_tile_at(const Product<f16>& op, int index) {
  const int per_tap = ceil_div(op.i, Tile::BLOCK_K);
  return {index / per_tap, index % per_tap * Tile::BLOCK_K};
}
template <class Tile>
__device__ __forceinline__ void advance(KTile& k_tile, const Product<f16>& op) {
  k_tile.c += Tile::BLOCK_K;
  if (k_tile.c < op.i) return;
  k_tile.c = 0;
  ++k_tile.tap;
}
template <class Tile>
__device__ __forceinline__ int k_tile_count(const Product<f16>& op, const Phase& phase) {
  return ceil_div(op.i, Tile::BLOCK_K) * phase.tap_count;
}

/// Starts the thread's copies of a k-tile: pixels first, weights after them.
template <class Tile>
__device__ __forceinline__ void load_k_tile_async(const Product<f16>& op, const Phase& phase,
                                                  const Feed<Tile>& feed, KTile k_tile,
                                                  uint4* stage) {
  const FilterTap tap = phase.taps[k_tile.tap];
  const bool inner = k_tile.c + feed.chunk * 8 < op.i;
  const int64_t shift = static_cast<int64_t>(tap.dy * op.w + tap.dx) * op.i + k_tile.c;
  uint4* const pixels = stage + swizzled<Tile::CHUNKS>(feed.row, feed.chunk);
#pragma unroll
  for (int j = 0; j < Tile::kPixelRows; ++j) {
    const bool exists = inner && (feed.taps[j] >> k_tile.tap & 1) != 0;
    ptx::cp_async_16(pixels + j * Tile::kRowsAtOnce * Tile::CHUNKS,
                     exists ? op.x + (feed.pixel[j] + shift) : op.x, exists);
  }
  uint4* const channels = pixels + Tile::BLOCK_M * Tile::CHUNKS;
  const int64_t row = static_cast<int64_t>(op.weight_taps) * op.i;
  const int64_t start = feed.weight + static_cast<int64_t>(tap.weight) * op.i + k_tile.c;
#pragma unroll
  for (int j = 0; j < Tile::kChannelRows; ++j) {
    const bool exists = inner && j * Tile::kRowsAtOnce < feed.channels_left;
    ptx::cp_async_16(channels + j * Tile::kRowsAtOnce * Tile::CHUNKS,
                     exists ? op.weight + (start + j * Tile::kRowsAtOnce * row) : op.weight,
                     exists);
  }
}

/// sums += the products of one k-tile that lies in shared memory.
template <class Tile>
__device__ __forceinline__ void multiply_k_tile(const uint4* stage, Sums<Tile>& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  // Lanes 0-15 supply the addresses of sixteen pixels at the lower eight channels, 16-31 at the
  // upper; of weights, two groups of eight channels, each at the lower and the upper.
  const int pixel = warp % Tile::kShape.warps_m * Tile::WARP_M + lane % 16;
  const int channel = warp / Tile::kShape.warps_m * Tile::WARP_N + lane / 16 * 8 + lane % 8;
  const uint4* const weights = stage + Tile::BLOCK_M * Tile::CHUNKS;
#pragma unroll
  for (int k = 0; k < Tile::BLOCK_K / 16; ++k) {
    uint32_t a[Tile::MI][4];
    uint32_t b[Tile::NI / 2][4];
#pragma unroll
    for (int mi = 0; mi < Tile::MI; ++mi)
      ptx::ldmatrix_x4(a[mi], stage + swizzled<Tile::CHUNKS>(pixel + mi * 16, k * 2 + lane / 16));
#pragma unroll
    for (int pair = 0; pair < Tile::NI / 2; ++pair)
      ptx::ldmatrix_x4(b[pair],
                       weights + swizzled<Tile::CHUNKS>(channel + pair * 16, k * 2 + lane / 8 % 2));
    multiply_fragments<Tile>(a, b, sums);
  }
}

/// sums = the products of the k-tiles `begin` … `end` - 1 of the block's CTA tile. Every thread of
/// the block takes part; on return nobody reads shared memory any more and no copy is on its way.
template <class Tile>
__device__ __forceinline__ void multiply(const Product<f16>& op, const Phase& phase, int first_row,
                                         int first_channel, int begin, int end, uint4* shared,
                                         Sums<Tile>& sums) {
  clear(sums);

  const Feed<Tile> feed = feed_of<Tile>(op, phase, first_row, first_channel);
  KTile next = k_tile_at<Tile>(op, begin);
  int prefetched = begin;
#pragma unroll
  for (int stage = 0; stage < Tile::kStages - 1; ++stage) {
    if (prefetched < end)
      load_k_tile_async<Tile>(op, phase, feed, next, shared + stage * Tile::kStageChunks);
    ptx::cp_async_commit();  // one group a k-tile, an empty one past the end, so that waits count
    advance<Tile>(next, op);
    ++prefetched;
  }
  int reading = 0, writing = Tile::kStages - 1;
  for (int k_tile = begin; k_tile < end; ++k_tile) {
    ptx::cp_async_wait<Tile::kStages - 2>();  // the own copies of this k-tile are there,
    __syncthreads();  // everybody's are, and everybody has read the stage that is written next
    if (prefetched < end)
      load_k_tile_async<Tile>(op, phase, feed, next, shared + writing * Tile::kStageChunks);
    ptx::cp_async_commit();
    advance<Tile>(next, op);
    ++prefetched;
    multiply_k_tile<Tile>(shared + reading * Tile::kStageChunks, sums);
    reading = reading + 1 == Tile::kStages ? 0 : reading + 1;
    writing = writing + 1 == Tile::kStages ? 0 : writing + 1;
  }
  ptx::cp_async_wait_all();
  __syncthreads();
}

}  // namespace vernissage
