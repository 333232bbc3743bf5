// How long a launch is expected to take: what its warps execute, as the compiler made it, against
// what a multiprocessor can issue, multiply and be fed. Four terms, of which the largest rules:
//   issue   warp instructions, one a clock on each of an SM's four parts
//   tensor  m16n8k16 products: 6 clocks each on one part
//   L2      bytes that leave the second-level cache
//   DRAM    bytes that move at least
// and what the largest alone would miss: a CTA with nobody beside it waits for its own latency,
// whole waves of CTAs leave a tail, prologue and epilogue overlap with products only where several
// CTAs share an SM.
//
// The instructions are those of the PTX, which ptx_runs_test counts and holds against the numbers
// here. Nothing below was measured on a device except where it says so.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/convolution/conv_tiles.h"
#include "kernels/costs.h"

namespace vernissage {

/// Instructions of one warp of a tensor-core kernel, as ptx_runs_test finds them: `fixed` once,
/// `k_tile` for every k-tile, `mma` of them products.
struct WarpWork {
  int warps;     // of a CTA
  int resident;  // CTAs on an SM of capability 9.0, bench/results/kernel_resources.md
  double fixed, k_tile;
  int mma;
};

/// By tile of kPatchTiles; a k-tile is 32 channels at all nine taps. kPatchPicture: with the
/// picture in the epilogue.
inline constexpr WarpWork kPatchWork[] = {
    {8, 2, 1030, 693, 288}, {8, 2, 739, 429, 144}, {4, 4, 910, 478, 144}};
// More, of `fixed`: an estimate, the picture's rows are not counted apart.
inline constexpr double kPatchPicture[] = {300, 300, 300};
/// By tile of kConvTiles; a k-tile is 64 channels (tile 2: 32) at one tap.
inline constexpr WarpWork kConvWork[] = {{8, 2, 1873, 320, 64},
                                         {8, 2, 1486, 244, 32},
                                         {4, 3, 1569, 178, 16},
                                         {4, 3, 1460, 265, 32},
                                         {2, 4, 1556, 260, 32}};
/// conv_split_k.cu: tile 3, and tile 4 for few pixels, of kConvTiles.
inline constexpr WarpWork kSplitWork[] = {{4, 3, 1065, 269, 32}, {2, 4, 1065, 269, 32}};
/// conv_up.cu; a k-tile is 32 channels at all nine taps.
inline constexpr WarpWork kUpWork = {8, 2, 899, 300, 72};

/// Of an output value, in threads' instructions: the filter behind an up-convolution with 8 and
/// with 16 rows a thread.
inline constexpr double kFilterWork[] = {31.9, 27.9};

/// What a launch asks of the device.
struct LaunchWork {
  double ctas = 0, k_tiles = 0;  // k_tiles: of a CTA, the mean
  WarpWork warp = {};
  double latency = 0;  // clocks of prologue and epilogue where nothing hides them; 0: estimated
  double l2_bytes = 0, dram_bytes = 0;
};

/// Seconds; total_s is the whole, the gap behind the launch included.
struct LaunchTime {
  double issue_s = 0, tensor_s = 0, l2_s = 0, dram_s = 0, total_s = 0;
};

namespace model {

constexpr double kMmaClocks = 6;        // ptxas: stall of back-to-back HMMA.16816.F32 on sm_90
constexpr double kIssueShare = 0.93;    // of the slots, an estimate
constexpr double kMachineShare = 1.07;  // machine instructions of one of PTX: 93 of 87, 92 of 86
                                        // and 26 of 26 where a disassembler counted
constexpr double kStallClocks = 2;     // a non-mma instruction of a warp alone; in six hot loops of
                                       // sm_90 the disassembler's stalls are 1.4 to 2.3
constexpr double kStartClocks = 1200;  // of a CTA: parameters, first loads, last stores
constexpr double kOverlap = 0.7;       // of prologue and epilogue, where CTAs share an SM
constexpr double kTail = 0.35;         // of a wave, where many follow each other
constexpr double kFill_s = 1.2e-6;     // from a launch's start to work on every SM

/// Clocks until `resident` CTAs on one SM are done.
inline double round_clocks(const LaunchWork& work, double resident) {
  const WarpWork& warp = work.warp;
  const double share = warp.warps / 4.0;  // warps of a CTA on one part of the SM
  const double alone =
      work.k_tiles * (share * kMmaClocks * warp.mma + kStallClocks * (warp.k_tile - warp.mma));
  const double issue = resident * share * work.k_tiles * warp.k_tile * kMachineShare / kIssueShare;
  const double tensor = resident * share * work.k_tiles * kMmaClocks * warp.mma;
  const double latency =
      work.latency > 0 ? work.latency : kStartClocks + kStallClocks * 0.8 * warp.fixed;
  const double ends =
      std::max(resident * share * warp.fixed * kMachineShare / kIssueShare, latency);
  return std::max({alone, issue, tensor}) + ends * (resident > 1 ? kOverlap : 1.0);
}

/// Clocks of the busiest SM.
inline double clocks(const LaunchWork& work, int sms) {
  const double most = std::ceil(work.ctas / sms), resident = work.warp.resident;
  if (most <= resident) return round_clocks(work, most);
  if (most > 3 * resident)
    return (work.ctas / sms / resident + kTail) * round_clocks(work, resident);
  const double whole = std::floor(most / resident), rest = most - whole * resident;
  return whole * round_clocks(work, resident) + (rest > 0 ? round_clocks(work, rest) : 0);
}

}  // namespace model

inline LaunchTime time_of(const LaunchWork& work, const Machine& machine = kH200) {
  const double warps = work.ctas * work.warp.warps, parts = 4.0 * machine.sms * machine.clock_hz;
  LaunchTime time;
  time.issue_s =
      warps * (work.warp.fixed + work.k_tiles * work.warp.k_tile) * model::kMachineShare / parts;
  time.tensor_s = warps * work.k_tiles * model::kMmaClocks * work.warp.mma / parts;
  time.l2_s = work.l2_bytes / machine.l2_bytes_per_s;
  time.dram_s = work.dram_bytes / (machine.bytes_per_s * machine.memory_share);
  time.total_s =
      std::max({model::clocks(work, machine.sms) / machine.clock_hz,
                time.issue_s / model::kIssueShare, time.l2_s, time.dram_s, machine.least_s}) +
      model::kFill_s + machine.gap_s;
  return time;
}

/// A kernel that only moves memory, or whose arithmetic on the float32 units is work.flop.
inline LaunchTime plain_time(const Work& work, const Machine& machine = kH200) {
  LaunchTime time;
  time.issue_s = work.flop / (machine.sms * 256.0 * machine.clock_hz * machine.plain_share);
  time.dram_s = work.bytes / (machine.bytes_per_s * machine.memory_share);
  time.total_s = std::max({time.issue_s, time.dram_s, machine.least_s}) + machine.gap_s;
  return time;
}

/// Products in CTA tiles of kConvTiles, `splits` shares of the taps.
inline LaunchTime tiles_time(const ConvShape& shape, int tile, int splits, const WarpWork& warp,
                             double dram_bytes) {
  const TileShape& cut = kConvTiles[tile];
  const auto up = [](int64_t a, int64_t b) { return static_cast<double>((a + b - 1) / b); };
  LaunchWork work;
  work.warp = warp;
  double k_tiles = 0;
  for (int p = 0; p < shape.phases; ++p) {
    const double ctas = up(shape.rows[p], cut.block_m) * up(shape.out_channels, cut.block_n);
    work.ctas += ctas * splits;
    k_tiles += ctas * shape.taps[p] * up(shape.in_channels, cut.block_k);
  }
  work.k_tiles = k_tiles / work.ctas;
  work.l2_bytes = k_tiles * (cut.block_m + cut.block_n) * cut.block_k * 2.0;
  work.dram_bytes = dram_bytes;
  return time_of(work);
}
/// By the tile that conv_tiles.h chooses.
inline LaunchTime convolution_time(const ConvShape& shape, double dram_bytes, int width = 0) {
  const int tile = choose_tile(shape, width);
  return tiles_time(shape, tile, 1, kConvWork[tile], dram_bytes);
}
/// In shares of taps, without their sum.
inline LaunchTime split_time(const ConvShape& shape, int splits, double dram_bytes) {
  const bool few =
      *std::max_element(shape.rows, shape.rows + shape.phases) <= kConvTiles[4].block_m;
  return tiles_time(shape, few ? 4 : 3, splits, kSplitWork[few ? 1 : 0], dram_bytes);
}

/// A 3 x 3 convolution of n pictures of h x w, by patches where they fit. `picture`: in its
/// epilogue.
inline LaunchTime square_convolution_time(int n, int h, int w, int in_channels, int out_channels,
                                          bool picture, double dram_bytes) {
  const int width = picture ? out_channels : 0;
  if (!fits_patches(h, w, in_channels, out_channels))
    return convolution_time({1, {int64_t{n} * h * w}, {9}, in_channels, out_channels}, dram_bytes,
                            width);
  const int tile = choose_patch_tile(n, h, w, in_channels, out_channels, width);
  const int columns = kPatchTiles[tile].block_n;
  LaunchWork work;
  work.warp = kPatchWork[tile];
  if (picture) work.warp.fixed += kPatchPicture[tile];
  work.ctas = double{1} * n * ((h + kPatchRows - 1) / kPatchRows) *
              ((w + kPatchCols - 1) / kPatchCols) * ((out_channels + columns - 1) / columns);
  work.k_tiles = (in_channels + 31) / 32;
  const double halo = (kPatchRows + 2) * (kPatchCols + 2);
  work.l2_bytes = work.ctas * work.k_tiles * 64 * (halo + 9.0 * columns);
  work.dram_bytes = dram_bytes;
  return time_of(work);
}

/// The transposed convolution of n pictures of h x w by conv_up.cu.
inline LaunchTime up_kernel_time(int n, int h, int w, int in_channels, int out_channels,
                                 double dram_bytes) {
  LaunchWork work;
  work.warp = kUpWork;
  work.ctas = double{1} * n * ((h + kPatchRows) / kPatchRows) * ((w + kPatchCols) / kPatchCols) *
              ((out_channels + 31) / 32);
  work.k_tiles = (in_channels + 31) / 32;
  work.l2_bytes = work.ctas * work.k_tiles * 64 * ((kPatchRows + 1) * (kPatchCols + 1) + 9.0 * 32);
  work.dram_bytes = dram_bytes;
  return time_of(work);
}

/// The filter behind an up-convolution to n pictures of h x w: 128 threads a CTA, a column of 8
/// channels a thread. A row's loads wait about 500 clocks with the row before on their way.
inline LaunchTime filter_time(int n, int h, int w, int channels, double dram_bytes) {
  const double across = std::ceil(w * (channels / 8) / 128.0);
  const bool many = across * ((h + 15) / 16) * n >= 4 * kTableSms;
  const int rows = many ? 16 : 8;
  LaunchWork work;
  work.ctas = across * ((h + rows - 1) / rows) * n;
  work.warp = {4, 5, kFilterWork[many ? 1 : 0] * 8 * rows, 0, 0};
  work.latency = 500.0 * (rows + 3);
  work.l2_bytes = double{2} * n * h * w * channels * (rows + 3) / rows * 1.1;
  work.dram_bytes = dram_bytes;
  return time_of(work);
}

}  // namespace vernissage
