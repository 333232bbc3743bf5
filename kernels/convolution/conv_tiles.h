// Which kernel makes a convolution, in what CTA tiles, and in what form an up-convolution is made:
// as data, with the reasons beside the numbers.
#pragma once

#include <cstdint>

#include "kernels/ops.h"

namespace vernissage {

/// Whether tensor cores take a convolution of these channels, stored as half: whole chunks of 16
/// bytes, and the activations that every released network has.
constexpr bool fits_tensor_cores(int in_channels, int out_channels, Activation act) {
  return in_channels % 8 == 0 && out_channels % 8 == 0 &&
         (act == Activation::linear || act == Activation::lrelu);
}

/// A CTA tile, a block's part of a product: block_m pixels by block_n channels, in k-tiles block_k
/// deep, of which `stages` are on their way at a time; warps_m · warps_n warps share it.
struct TileShape {
  int block_m, block_n, block_k, stages, warps_m, warps_n;
  /// Multiply-adds a clock of one SM that works on such tiles only. An estimate: the lesser of
  /// what mma.sync reaches on sm_90 (about 60 % of its 2048) and what shared memory feeds: a warp
  /// reads (m + n) · 2 bytes per inner element of its own m x n, at 128 bytes a clock.
  int rate;
};

/// One kernel is compiled for each. Every one sums an output's products in the same order (tap by
/// tap, sixteen channels at a time), so the choice does not change a byte.
inline constexpr TileShape kConvTiles[] = {
    {128, 128, 64, 3, 2, 4, 1228},  // 64 x 32 a warp: feeds 1365
    {128, 64, 64, 3, 4, 2, 1024},   // 32 x 32 a warp: feeds 1024
    {128, 32, 32, 4, 4, 1, 1024},   // for 32 channels: a deeper k-tile would be half zeros
    {64, 64, 64, 4, 2, 2, 1024},    // low resolutions: more, smaller tiles
    {32, 64, 64, 4, 1, 2, 1024},    // 4 x 4 at batch 1
};
inline constexpr int kConvTileCount = sizeof kConvTiles / sizeof kConvTiles[0];
/// The largest tile: every other block_m divides this one, and none has more channels.
inline constexpr int kBlockMMax = kConvTiles[0].block_m;
inline constexpr int kBlockNMax = kConvTiles[0].block_n;

/// The tiles of conv_patch.h, whose pixels are a patch of kPatchRows x kPatchCols of the picture;
/// block_k is the same for all, or the order of summation would not be. A warp reads as much shared
/// memory as in kConvTiles.
inline constexpr int kPatchRows = 8;
inline constexpr int kPatchCols = 16;
inline constexpr TileShape kPatchTiles[] = {
    {128, 128, 32, 3, 2, 4, 1228},  // 102 KiB: two blocks to an SM of capability 9.0
    {128, 64, 32, 3, 4, 2, 1024},
    {128, 32, 32, 3, 4, 1, 1024},
};
inline constexpr int kPatchTileCount = sizeof kPatchTiles / sizeof kPatchTiles[0];
static_assert(kPatchTiles[0].block_n == kBlockNMax);

/// Whether a 3 x 3 convolution is made by patches: h and w of at least one patch, a sample and a
/// weight (with a CTA tile beyond it) small enough for 32-bit offsets. By the layer alone, never by
/// the batch.
constexpr bool fits_patches(int h, int w, int in_channels, int out_channels) {
  return h >= kPatchRows && w >= kPatchCols && int64_t{h} * w * in_channels <= INT32_MAX &&
         (int64_t{out_channels} + kBlockNMax) * 9 * in_channels <= INT32_MAX;
}

/// What a choice depends on: products of one convolution, as in conv_product.h.
struct ConvShape {
  int phases;
  int64_t rows[4];  // pixels of the batch, by phase
  int taps[4];
  int in_channels, out_channels;
};

/// Clocks of a CTA tile's prologue and its epilogue where nothing hides them.
inline constexpr int64_t kCtaTileCost = 2000;

/// Predicted clocks of a convolution cut into such tiles on `sms` SMs: every SM makes as many
/// whole CTA tiles as the busiest one, a k-tile takes what its products take at the tile's rate but
/// never less than a round trip through shared memory, and a CTA tile costs its prologue and its
/// epilogue.
constexpr int64_t predicted_clocks(const TileShape& tile, const ConvShape& shape, int sms,
                                   int64_t cta_tile_cost = kCtaTileCost) {
  constexpr int64_t kKTileClocksMin = 150;
  const auto up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t columns = up(shape.out_channels, tile.block_n);
  const int64_t per_tap = up(shape.in_channels, tile.block_k);
  int64_t k_tiles = 0, tiles = 0, longest = 0, shortest = INT64_MAX;
  for (int p = 0; p < shape.phases; ++p) {
    const int64_t own = up(shape.rows[p], tile.block_m) * columns;
    const int64_t depth = shape.taps[p] * per_tap;
    tiles += own;
    k_tiles += own * depth;
    longest = depth > longest ? depth : longest;
    shortest = depth < shortest ? depth : shortest;
  }
  int64_t busiest = up(k_tiles, sms * shortest) * shortest;
  busiest = busiest > longest ? busiest : longest;
  int64_t k_tile = int64_t{tile.block_m} * tile.block_n * tile.block_k / tile.rate;
  k_tile = k_tile > kKTileClocksMin ? k_tile : kKTileClocksMin;
  return busiest * k_tile + up(tiles, sms) * cta_tile_cost;
}

/// SMs of the device the table is made for (H200).
inline constexpr int kTableSms = 132;

/// The tile of the least predicted time among those of at least `width` channels, of which tile 0
/// has the most; of equals the first.
constexpr int choose_tile(const ConvShape& shape, int width = 0) {
  int best = 0;
  for (int t = 1; t < kConvTileCount; ++t)
    if (kConvTiles[t].block_n >= width && predicted_clocks(kConvTiles[t], shape, kTableSms) <
                                              predicted_clocks(kConvTiles[best], shape, kTableSms))
      best = t;
  return best;
}

/// The same for patches of n pictures of h x w.
constexpr int choose_patch_tile(int n, int h, int w, int in_channels, int out_channels,
                                int width = 0) {
  const int64_t down = (h + kPatchRows - 1) / kPatchRows;
  const int64_t across = (w + kPatchCols - 1) / kPatchCols;
  const ConvShape shape = {
      1, {n * down * across * kPatchRows * kPatchCols}, {9}, in_channels, out_channels};
  int best = 0;
  for (int t = 1; t < kPatchTileCount; ++t)
    if (kPatchTiles[t].block_n >= width &&
        predicted_clocks(kPatchTiles[t], shape, kTableSms) <
            predicted_clocks(kPatchTiles[best], shape, kTableSms))
      best = t;
  return best;
}

/// Whether the picture is painted in the epilogue of a convolution of h x w pixels to
/// `out_channels`: one CTA tile holds all channels of its pixels and only one sample's, and the
/// activations are large enough that not reading them again counts. By the layer alone, never by
/// the batch: sums over channels in another order would be other bytes.
constexpr bool fits_rgb_epilogue(int h, int w, int out_channels) {
  constexpr int64_t kPixelsMin = 32 * 32;
  const int64_t pixels = int64_t{h} * w;
  return out_channels <= kBlockNMax && pixels >= kPixelsMin && pixels % kBlockMMax == 0;
}

/// In how many shares the taps of a 3 x 3 product are summed: 1, 3 or 9. `rows` are a sample's
/// pixels in one phase. It depends on one sample alone, never on the batch: another grouping of the
/// sum would give other bytes.
///
/// The least that gives 64 CTA tiles of 64 x 64 for one sample, half the multiprocessors of an
/// H200. In the widest network a convolution streams 4.7 MB of weights; if one multiprocessor takes
/// in 60 GB/s, the 8 tiles of 4 x 4 and 8 x 8 pixels need 10 µs for it and their 72 shares about 1.
constexpr int tap_splits(int64_t rows, int out_channels, int phases) {
  constexpr int kTilesMin = 64, kSide = 64;
  const int64_t tiles = (rows + kSide - 1) / kSide * ((out_channels + kSide - 1) / kSide) * phases;
  if (tiles >= kTilesMin) return 1;
  return tiles * 3 >= kTilesMin ? 3 : 9;
}

/// How an up-convolution (transposed 3 x 3, stride 2, then a 4 x 4 filter) is made on tensor cores.
enum class UpMethod {
  composite,   // both folded into one 3 x 3 kernel for each of four output phases: one launch
  transposed,  // four phases of 1, 2, 2 and 4 taps, then the filter with the epilogue: two launches
};

/// Whether the transposed convolution of h x w pixels is made by conv_up.cu, all phases in a block,
/// instead of as four products. Its patches overhang the (h + 1) x (w + 1) places they cover by 36
/// % at 64², 18 % at 128², 9 % at 256²; what they ask of the L2 cache is 0.024 bytes a multiply-add
/// against 0.031 (128 x 128 tiles), 0.047 (64 channels) and 0.078 (32). At 64² the two meet.
constexpr bool prefers_up_kernel(int h, int w) {
  return h >= 128 && w >= 128;
}

/// Multiply-adds per input pixel and channel pair are 36 for the composite and 9 for the other.
/// Predicted on an H200 (790 TFLOP/s, 4.3 TB/s) for the widest network, batch 1, in µs as composite
/// against transposed, arithmetic alone and a second launch (about 2, and half as many again on
/// memory the first one wrote):
///   to  8²: 0.4 + weights against 0.1 + 2;   to 16²: 1.5 against 0.3 + 2;
///   to 32²: 6.1 against 1.5 + 2;             to 64²: 24.5 against 6.1 + 2, and so on upward.
/// At 32² the two are near, and the composite needs no intermediate; above, it loses for certain.
inline constexpr int kCompositeResolutionMax = 32;

constexpr UpMethod up_method(int resolution) {
  return resolution <= kCompositeResolutionMax ? UpMethod::composite : UpMethod::transposed;
}

}  // namespace vernissage
