// The 3 x 3 convolution of larger pictures: a block takes a patch of 8 x 16 pixels, loads a k-tile
// of it with its halo into shared memory once and reads it there nine times, shifted by the tap.
// What a block asks of the L2 cache falls from (128 + n) to about (20 + n) chunks per k-tile and
// tap, which is what limits the kernel of conv_tile.h from 64 x 64 up: that one asks for 1/32 of a
// byte per multiply-add with 128 x 128 tiles, more than an H200's L2 gives at half its arithmetic.
//
// The order of summation (32 channels, all taps, the next 32 channels) is not conv_tile.h's, but
// the same for every tile here.
#pragma once

#include "kernels/convolution/conv_tile.h"

namespace vernissage {

/// Entry INDEX of kPatchTiles as a type.
template <int INDEX>
struct PatchTile {
  static constexpr TileShape kShape = kPatchTiles[INDEX];
  static constexpr int BLOCK_M = kShape.block_m;
  static constexpr int BLOCK_N = kShape.block_n;
  static constexpr int BLOCK_K = kShape.block_k;
  static constexpr int kStages = kShape.stages;  // of weights; of the patch there are two
  static constexpr int kThreads = kShape.warps_m * kShape.warps_n * 32;
  static constexpr int CHUNKS = BLOCK_K / 8;
  static constexpr int WARP_M = BLOCK_M / kShape.warps_m;
  static constexpr int WARP_N = BLOCK_N / kShape.warps_n;
  static constexpr int MI = WARP_M / 16;
  static constexpr int NI = WARP_N / 8;

  static constexpr int kHaloRows = kPatchRows + 2;
  static constexpr int kHaloCols = kPatchCols + 2;
  // Pixels from one row of the patch to the next in shared memory: a multiple of 8, so that a
  // row's swizzle is every row's.
  static constexpr int kStride = 24;
  static constexpr int kTapsAtOnce = 3;  // a row of the filter is a step: one barrier for all three
  static constexpr int kPatchChunks = kHaloRows * kStride * CHUNKS;
  static constexpr int kStepChunks = kTapsAtOnce * BLOCK_N * CHUNKS;
  static constexpr size_t kSharedBytes = size_t{16} * (2 * kPatchChunks + kStages * kStepChunks);

  static constexpr int kRowsAtOnce = kThreads / CHUNKS;
  static constexpr int kPixelChunks = (kHaloRows * kStride + kRowsAtOnce - 1) / kRowsAtOnce;
  static constexpr int kWeightChunks = kTapsAtOnce * BLOCK_N / kRowsAtOnce;

  static_assert(BLOCK_M == kPatchRows * kPatchCols);
  static_assert(kPatchCols == 16, "a matrix product's sixteen rows are one row of the patch");
  static_assert(CHUNKS == 4 && free_of_conflicts<CHUNKS>(), "eight pixels side by side, any shift");
  static_assert(kStride % 8 == 0 && kStride >= kHaloCols);
  static_assert(free_of_conflicts<BLOCK_N / 8>());
  static_assert(kRowsAtOnce % 8 == 0, "a thread's rows are swizzled alike");
  static_assert(BLOCK_N % kRowsAtOnce == 0, "a thread's weights of one chunk are of one tap");
  static_assert(WARP_N % 16 == 0, "ldmatrix.x4 loads 16 rows");
};

/// Where a block works: the patch whose first pixel is (row, col) of sample n.
struct Patch {
  int n, row, col;
};

/// What a thread loads of every k-tile: a chunk of some pixels of the patch, and of some weights.
constexpr int kOutside = -1;
constexpr int kNoPixel = -2;  // beyond the halo, where a row ends in shared memory
template <class Tile>
struct PatchFeed {
  int source[Tile::kPixelChunks];  // element of the sample, kOutside of the picture, or kNoPixel
  int weight;                      // element of weight: the first channel's row, at the chunk
  int row, chunk;
  int channels_left;  // output channels from the first row on; may be below 1
};

template <class Tile>
__device__ __forceinline__ PatchFeed<Tile> patch_feed_of(const Product<f16>& op, const Patch& patch,
                                                         int first_channel) {
  PatchFeed<Tile> feed;
  const int thread = static_cast<int>(threadIdx.x);
  feed.row = thread / Tile::CHUNKS;
  feed.chunk = thread % Tile::CHUNKS;
#pragma unroll
  for (int j = 0; j < Tile::kPixelChunks; ++j) {
    const int pixel = feed.row + j * Tile::kRowsAtOnce;
    const int row = pixel / Tile::kStride;
    const int col = pixel % Tile::kStride;
    const int y = patch.row + row - 1;
    const int x = patch.col + col - 1;
    const bool inside = y >= 0 && y < op.h && x >= 0 && x < op.w;
    feed.source[j] = inside ? (y * op.w + x) * op.i + feed.chunk * 8 : kOutside;
    if (row >= Tile::kHaloRows || col >= Tile::kHaloCols) feed.source[j] = kNoPixel;
  }
  const int channel = first_channel + feed.row;
  feed.weight = channel * op.weight_taps * op.i + feed.chunk * 8;
  feed.channels_left = op.o - channel;
  return feed;
}

/// Starts the thread's copies of chunks `from` … `to` - 1 of the patch, channels c …
template <class Tile>
__device__ __forceinline__ void load_patch_async(const Product<f16>& op, const f16* sample,
                                                 const PatchFeed<Tile>& feed, int c, int from,
                                                 int to, uint4* pixels) {
  const bool inner = c + feed.chunk * 8 < op.i;
  uint4* const place = pixels + swizzled<Tile::CHUNKS>(feed.row, feed.chunk);
#pragma unroll
  for (int j = 0; j < Tile::kPixelChunks; ++j) {
    if (j < from || j >= to || feed.source[j] == kNoPixel) continue;
    const bool exists = inner && feed.source[j] >= 0;
    ptx::cp_async_16(place + j * Tile::kRowsAtOnce * Tile::CHUNKS,
                     exists ? sample + (feed.source[j] + c) : sample, exists);
  }
}

/// Starts the thread's copies of the weights of one step: filter row `filter_row`, channels c …
template <class Tile>
__device__ __forceinline__ void load_weights_async(const Product<f16>& op,
                                                   const PatchFeed<Tile>& feed, int filter_row,
                                                   int c, uint4* stage) {
  const bool inner = c + feed.chunk * 8 < op.i;
  const int start = feed.weight + filter_row * Tile::kTapsAtOnce * op.i + c;
  uint4* const weights = stage + swizzled<Tile::CHUNKS>(feed.row, feed.chunk);
#pragma unroll
  for (int j = 0; j < Tile::kWeightChunks; ++j) {
    const int tap = j * Tile::kRowsAtOnce / Tile::BLOCK_N;
    const int channel = j * Tile::kRowsAtOnce % Tile::BLOCK_N;
    const bool exists = inner && channel < feed.channels_left;
    const int element = start + (channel * op.weight_taps + tap) * op.i;
    ptx::cp_async_16(weights + j * Tile::kRowsAtOnce * Tile::CHUNKS,
                     exists ? op.weight + element : op.weight, exists);
  }
}

/// sums += the products of one filter row and one k-tile.
template <class Tile>
__device__ __forceinline__ void multiply_step(const uint4* pixels, const uint4* weights,
                                              int filter_row, Sums<Tile>& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  // As in conv_tile.h; matrix product mi has row mi of the warp's part of the patch.
  const int first = (warp % Tile::kShape.warps_m * Tile::MI + filter_row) * Tile::kStride;
  const int channel = warp / Tile::kShape.warps_m * Tile::WARP_N + lane / 16 * 8 + lane % 8;
#pragma unroll
  for (int tap = 0; tap < Tile::kTapsAtOnce; ++tap) {
    const int pixel = first + lane % 16 + tap;
#pragma unroll
    for (int k = 0; k < Tile::BLOCK_K / 16; ++k) {
      const uint4* const row = pixels + swizzled<Tile::CHUNKS>(pixel, k * 2 + lane / 16);
      uint32_t a[Tile::MI][4];
      uint32_t b[Tile::NI / 2][4];
#pragma unroll
      for (int mi = 0; mi < Tile::MI; ++mi)
        ptx::ldmatrix_x4(a[mi], row + mi * Tile::kStride * Tile::CHUNKS);
#pragma unroll
      for (int pair = 0; pair < Tile::NI / 2; ++pair)
        ptx::ldmatrix_x4(b[pair],
                         weights + tap * Tile::BLOCK_N * Tile::CHUNKS +
                             swizzled<Tile::CHUNKS>(channel + pair * 16, k * 2 + lane / 8 % 2));
      multiply_fragments<Tile>(a, b, sums);
    }
  }
}

/// sums = the whole product of the block's patch and channels. Every thread of the block takes
/// part; on return nobody reads shared memory any more and no copy is on its way.
template <class Tile>
__device__ __forceinline__ void multiply_patch(const Product<f16>& op, const Patch& patch,
                                               int first_channel, uint4* shared, Sums<Tile>& sums) {
  clear(sums);

  constexpr int kSteps = 3;  // filter rows of a k-tile
  const PatchFeed<Tile> feed = patch_feed_of<Tile>(op, patch, first_channel);
  const f16* const sample = op.x + static_cast<int64_t>(patch.n) * op.h * op.w * op.i;
  uint4* const stages = shared + 2 * Tile::kPatchChunks;
  const int steps = ceil_div(op.i, Tile::BLOCK_K) * kSteps;

  // The step whose weights are loaded next, and its stage.
  int next_row = 0, next_c = 0, writing = 0;
  const auto prefetch_next = [&] {
    if (next_c < op.i)
      load_weights_async<Tile>(op, feed, next_row, next_c, stages + writing * Tile::kStepChunks);
    writing = writing + 1 == Tile::kStages ? 0 : writing + 1;
    next_row = next_row + 1 == kSteps ? 0 : next_row + 1;
    if (next_row == 0) next_c += Tile::BLOCK_K;
  };
  load_patch_async<Tile>(op, sample, feed, 0, 0, Tile::kPixelChunks, shared);
#pragma unroll
  for (int stage = 0; stage < Tile::kStages - 1; ++stage) {
    prefetch_next();
    ptx::cp_async_commit();  // one group a step, an empty one past the end, so that waits count
  }
  int filter_row = 0, c = 0, reading = 0;
  uint4* pixels = shared;
  uint4* next_pixels = shared + Tile::kPatchChunks;
  for (int step = 0; step < steps; ++step) {
    ptx::cp_async_wait<Tile::kStages - 2>();  // the own copies of this step are there,
    __syncthreads();  // everybody's are, and everybody has read what is written next
    prefetch_next();
    // The next k-tile's patch comes with the first steps of this one. What a step loads is waited
    // for kStages - 1 steps later, so the last ones would be too late.
    constexpr int kSpread = kSteps - Tile::kStages + 2;
    static_assert(kSpread >= 1 && Tile::kStages >= 2);
    constexpr int kShare = (Tile::kPixelChunks + kSpread - 1) / kSpread;
    if (c + Tile::BLOCK_K < op.i && filter_row < kSpread)
      load_patch_async<Tile>(op, sample, feed, c + Tile::BLOCK_K, filter_row * kShare,
                             (filter_row + 1) * kShare, next_pixels);
    ptx::cp_async_commit();
    multiply_step<Tile>(pixels, stages + reading * Tile::kStepChunks, filter_row, sums);
    reading = reading + 1 == Tile::kStages ? 0 : reading + 1;
    if (++filter_row == kSteps) {
      filter_row = 0;
      c += Tile::BLOCK_K;
      uint4* const read = pixels;
      pixels = next_pixels;
      next_pixels = read;
    }
  }
  ptx::cp_async_wait_all();
  __syncthreads();
}

}  // namespace vernissage
