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
#include "kernels/convolution/predicated_copy.h"

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
  static constexpr int kHaloPixels = kHaloRows * kHaloCols;
  static constexpr int kPixelChunks = (kHaloPixels + kRowsAtOnce - 1) / kRowsAtOnce;
  static constexpr int kWeightChunks = kTapsAtOnce * BLOCK_N / kRowsAtOnce;

  static_assert(BLOCK_M == kPatchRows * kPatchCols);
  static_assert(kPatchCols == 16, "a matrix product's sixteen rows are one row of the patch");
  static_assert(CHUNKS == 4 && free_of_conflicts<CHUNKS>(), "eight pixels side by side, any shift");
  static_assert(kStride % 8 == 0 && kStride >= kHaloCols);
  static_assert(free_of_conflicts<BLOCK_N / 8>());
  static_assert(kStages == kTapsAtOnce, "a filter row has its own stage");
  static_assert(kRowsAtOnce % 8 == 0, "a thread's weights are swizzled alike");
  static_assert(BLOCK_N % kRowsAtOnce == 0, "a thread's weights of one chunk are of one tap");
  static_assert(WARP_N % 16 == 0, "ldmatrix.x4 loads 16 rows");
};

/// Where a block works: the patch whose first pixel is (row, col) of sample n.
struct Patch {
  int n, row, col;
};

/// What a thread loads of every k-tile: a chunk of some pixels of the patch, and of some weights.
constexpr int kOutside = INT32_MIN;  // stays below 0 when channels are added
template <class Tile>
struct PatchFeed {
  int source[Tile::kPixelChunks];  // element of the sample, or kOutside of the picture
  int place[Tile::kPixelChunks];   // chunk of the patch in shared memory
  bool has_last;                   // the last of them exists: the halo ends within it
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
    const int row = pixel / Tile::kHaloCols;
    const int col = pixel - row * Tile::kHaloCols;
    const int y = patch.row + row - 1;
    const int x = patch.col + col - 1;
    const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(op.h) &&
                        static_cast<unsigned>(x) < static_cast<unsigned>(op.w);
    feed.source[j] = inside ? (y * op.w + x) * op.i + feed.chunk * 8 : kOutside;
    feed.place[j] = swizzled<Tile::CHUNKS>(row * Tile::kStride + col, feed.chunk);
  }
  feed.has_last = feed.row + (Tile::kPixelChunks - 1) * Tile::kRowsAtOnce < Tile::kHaloPixels;
  const int channel = first_channel + feed.row;
  feed.weight = channel * op.weight_taps * op.i + feed.chunk * 8;
  feed.channels_left = op.o - channel;
  return feed;
}

/// Starts the thread's copies of chunks FROM … TO - 1 of the patch, channels c …
template <class Tile, int FROM, int TO>
__device__ __forceinline__ void load_patch_async(const Product<f16>& op, const f16* sample,
                                                 const PatchFeed<Tile>& feed, int c,
                                                 uint4* pixels) {
  const bool inner = c + feed.chunk * 8 < op.i;
#pragma unroll
  for (int j = FROM; j < TO && j < Tile::kPixelChunks; ++j) {
    const int element = feed.source[j] + c;
    const bool exists = inner && element >= 0;
    const f16* const from = sample + (exists ? element : 0);
    if (j + 1 < Tile::kPixelChunks)
      ptx::cp_async_16(pixels + feed.place[j], from, exists);
    else
      cp_async_16_if(feed.has_last, pixels + feed.place[j], from, exists);
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
                     op.weight + (exists ? element : 0), exists);
  }
}

/// Where a lane reads its fragments: chunks behind the warp's first pixel, by tap and upper or
/// lower sixteen channels of the k-tile, and behind the stage's first weight.
template <class Tile>
struct FragmentPlaces {
  int pixel[Tile::kTapsAtOnce][Tile::BLOCK_K / 16];
  int weight[Tile::BLOCK_K / 16];
};
template <class Tile>
__device__ __forceinline__ FragmentPlaces<Tile> fragment_places() {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  // As in conv_tile.h; matrix product mi has row mi of the warp's part of the patch.
  const int first = warp % Tile::kShape.warps_m * Tile::MI * Tile::kStride;
  const int channel = warp / Tile::kShape.warps_m * Tile::WARP_N + lane / 16 * 8 + lane % 8;
  FragmentPlaces<Tile> places;
#pragma unroll
  for (int k = 0; k < Tile::BLOCK_K / 16; ++k) {
#pragma unroll
    for (int tap = 0; tap < Tile::kTapsAtOnce; ++tap)
      places.pixel[tap][k] =
          first * Tile::CHUNKS + swizzled<Tile::CHUNKS>(lane % 16 + tap, k * 2 + lane / 16);
    places.weight[k] = swizzled<Tile::CHUNKS>(channel, k * 2 + lane / 8 % 2);
  }
  return places;
}

/// sums += the products of one filter row and one k-tile.
template <class Tile>
__device__ __forceinline__ void multiply_step(const uint4* pixels, const uint4* weights,
                                              int filter_row, const FragmentPlaces<Tile>& places,
                                              Sums<Tile>& sums) {
#pragma unroll
  for (int tap = 0; tap < Tile::kTapsAtOnce; ++tap) {
#pragma unroll
    for (int k = 0; k < Tile::BLOCK_K / 16; ++k) {
      const uint4* const row =
          pixels + places.pixel[tap][k] + filter_row * Tile::kStride * Tile::CHUNKS;
      uint32_t a[Tile::MI][4];
      uint32_t b[Tile::NI / 2][4];
#pragma unroll
      for (int mi = 0; mi < Tile::MI; ++mi)
        ptx::ldmatrix_x4(a[mi], row + mi * Tile::kStride * Tile::CHUNKS);
#pragma unroll
      for (int pair = 0; pair < Tile::NI / 2; ++pair)
        ptx::ldmatrix_x4(
            b[pair], weights + places.weight[k] + (tap * Tile::BLOCK_N + pair * 16) * Tile::CHUNKS);
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

  constexpr int kSteps = Tile::kStages;  // filter rows of a k-tile: step s reads stage s
  const PatchFeed<Tile> feed = patch_feed_of<Tile>(op, patch, first_channel);
  const FragmentPlaces<Tile> places = fragment_places<Tile>();
  const f16* const sample = op.x + static_cast<int64_t>(patch.n) * op.h * op.w * op.i;
  uint4* const stages = shared + 2 * Tile::kPatchChunks;

  load_patch_async<Tile, 0, Tile::kPixelChunks>(op, sample, feed, 0, shared);
#pragma unroll
  for (int step = 0; step < kSteps - 1; ++step) {
    load_weights_async<Tile>(op, feed, step, 0, stages + step * Tile::kStepChunks);
    ptx::cp_async_commit();  // one group a step, an empty one past the end, so that waits count
  }
  int reading = 0;
#pragma unroll 1
  for (int c = 0; c < op.i; c += Tile::BLOCK_K) {
    const uint4* const pixels = shared + reading * Tile::kPatchChunks;
    reading ^= 1;
    uint4* const next_pixels = shared + reading * Tile::kPatchChunks;
    const bool has_next = c + Tile::BLOCK_K < op.i;
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      ptx::cp_async_wait<kSteps - 2>();  // the own copies of this step are there,
      __syncthreads();  // everybody's are, and everybody has read what is written next
      // The weights of the step after the next, and the next k-tile's patch with all steps but the
      // last: what a step loads is waited for two steps later.
      constexpr int kShare = (Tile::kPixelChunks + 1) / 2;
      if (step == 0) {
        load_weights_async<Tile>(op, feed, kSteps - 1, c,
                                 stages + (kSteps - 1) * Tile::kStepChunks);
        if (has_next)
          load_patch_async<Tile, 0, kShare>(op, sample, feed, c + Tile::BLOCK_K, next_pixels);
      } else if (has_next) {
        load_weights_async<Tile>(op, feed, step - 1, c + Tile::BLOCK_K,
                                 stages + (step - 1) * Tile::kStepChunks);
        if (step == 1)
          load_patch_async<Tile, kShare, Tile::kPixelChunks>(op, sample, feed, c + Tile::BLOCK_K,
                                                             next_pixels);
      }
      ptx::cp_async_commit();
      multiply_step<Tile>(pixels, stages + step * Tile::kStepChunks, step, places, sums);
    }
  }
  ptx::cp_async_wait_all();
  __syncthreads();
}

}  // namespace vernissage
