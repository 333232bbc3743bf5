// Device side of the tensor-core convolutions behind the sums: the whole epilogue in registers, the
// results as halves in shared memory, from where they leave as rows of 16 bytes, and where a block
// has all channels of its pixels, the picture's RGB values.
#pragma once

#include "kernels/convolution/conv_tile.h"
#include "kernels/stylegan2/rgb.h"
#include "kernels/stylegan2/two_slopes.h"

namespace vernissage {

/// What the epilogue needs of a row, made before the sums so that it overlaps with the launch
/// before.
template <class Tile>
struct Rows {
  int* n;        // sample, or -1: there is no such row
  int* place;    // pixel of the sample's output
  float* noise;  // strength included
};

template <class Tile>
__device__ __forceinline__ void describe_row(const Product<f16>& op, const Phase& phase, int row,
                                             const Pixel& pixel, const Rows<Tile>& rows) {
  const int place = place_of(op, phase, pixel);
  rows.n[row] = pixel.exists ? pixel.n : -1;
  rows.place[row] = place;
  rows.noise[row] =
      pixel.exists ? noise_of(op.epilogue, pixel.n, place, op.out_h * op.out_w) : 0.0f;
}

__device__ __forceinline__ float2 load2(const float* values, float otherwise) {
  return values != nullptr ? *reinterpret_cast<const float2*>(values)
                           : make_float2(otherwise, otherwise);
}
__device__ __forceinline__ const float* at(const float* values, int64_t index) {
  return values != nullptr ? values + index : nullptr;
}

/// Finishes the thread's sums and puts them as halves into shared memory: what the next layer reads
/// into `results`, and what is not yet scaled for it into `plain` unless that is null, both
/// (BLOCK_M, BLOCK_N) with swizzled rows. For every epilogue and rows of any samples.
template <class Tile>
__device__ __forceinline__ void finish_sums(const Product<f16>& op, const Rows<Tile>& rows,
                                            int first_channel, const Sums<Tile>& sums,
                                            uint32_t* results, uint32_t* plain) {
  const Epilogue<f16>& epilogue = op.epilogue;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_row = warp % Tile::kShape.warps_m * Tile::WARP_M + lane / 4;
  const int warp_column = warp / Tile::kShape.warps_m * Tile::WARP_N + lane % 4 * 2;
  const bool is_folded = folds(epilogue);
  const float slope = slope_of(epilogue), bound = bound_of(epilogue), gain = epilogue.gain;
  const int64_t area = static_cast<int64_t>(op.out_h) * op.out_w;
#pragma unroll
  for (int ni = 0; ni < Tile::NI; ++ni) {
    const int column = warp_column + ni * 8;
    const int o = first_channel + column;
    if (o >= op.o) {  // O is even: both channels exist or none; a picture multiplies them by zero
      for (int half_row = 0; plain != nullptr && half_row < Tile::MI * 2; ++half_row)
        plain[swizzled<Tile::BLOCK_N / 8>(warp_row + half_row * 8, column / 8) * 4 + lane % 4] = 0;
      continue;
    }
    const float2 bias = load2(at(epilogue.bias, o), 0.0f);
    float2 demod = {}, style = {};
    int loaded = -1;  // the factors change only where the rows pass on to another sample
#pragma unroll
    for (int half_row = 0; half_row < Tile::MI * 2; ++half_row) {
      const int row = warp_row + half_row * 8;
      const int n = rows.n[row];
      if (n < 0) continue;
      if (n != loaded) {
        const int64_t channel = static_cast<int64_t>(n) * op.o + o;
        demod = load2(at(epilogue.demod, channel), 1.0f);
        style = load2(at(epilogue.next_style, channel), 1.0f);
        loaded = n;
      }
      const float* own = &sums.v[half_row / 2][ni][half_row % 2 * 2];
      float low, high;
      if (is_folded) {  // as in finish_sample_sums(), to the bit
        const float noise = folded(rows.noise[row], gain);
        low =
            finish_folded(own[0], folded(demod.x, gain), noise, folded(bias.x, gain), slope, bound);
        high =
            finish_folded(own[1], folded(demod.y, gain), noise, folded(bias.y, gain), slope, bound);
      } else {
        low = finish_sum(epilogue, own[0], demod.x, rows.noise[row], bias.x, slope);
        high = finish_sum(epilogue, own[1], demod.y, rows.noise[row], bias.y, slope);
      }
      if (epilogue.residual != nullptr) {
        const f16* residual = epilogue.residual + (n * area + rows.place[row]) * op.o + o;
        const float2 pair = ptx::unpack_half2(*reinterpret_cast<const uint32_t*>(residual));
        low += pair.x;
        high += pair.y;
      }
      const int place = swizzled<Tile::BLOCK_N / 8>(row, column / 8) * 4 + lane % 4;
      if (plain != nullptr) plain[place] = ptx::pack_half2(low, high);
      results[place] = ptx::pack_half2(low * style.x, high * style.y);
    }
  }
}

/// Whether finish_sample_sums() takes an epilogue.
__device__ __forceinline__ bool is_simple(const Epilogue<f16>& e) {
  return e.residual == nullptr && folds(e);
}

/// The same for rows of one sample and an epilogue that is_simple(): the factors of a channel pair
/// are loaded once and hold what folds into them, and nothing is asked from value to value. Rows
/// and channels that do not exist are computed too; nobody stores them. RESULTS and PLAIN: what is
/// kept.
template <class Tile, bool RESULTS, bool PLAIN>
__device__ __forceinline__ void finish_sample_sums(const Product<f16>& op, int n,
                                                   const float* row_noise, int first_channel,
                                                   const Sums<Tile>& sums, uint32_t* results,
                                                   uint32_t* plain) {
  const Epilogue<f16>& e = op.epilogue;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_row = warp % Tile::kShape.warps_m * Tile::WARP_M + lane / 4;
  const int warp_column = warp / Tile::kShape.warps_m * Tile::WARP_N + lane % 4 * 2;
  const float slope = slope_of(e), bound = bound_of(e), gain = e.gain;
  float noise[Tile::MI * 2];
#pragma unroll
  for (int h = 0; h < Tile::MI * 2; ++h) noise[h] = folded(row_noise[warp_row + h * 8], gain);
#pragma unroll
  for (int ni = 0; ni < Tile::NI; ++ni) {
    const int column = warp_column + ni * 8;
    const int o = min(first_channel + column, op.o - 2);
    const int64_t channel = static_cast<int64_t>(n) * op.o + o;
    const float2 bias = load2(at(e.bias, o), 0.0f);
    const float2 demod = load2(at(e.demod, channel), 1.0f);
    const float2 style = load2(at(RESULTS ? e.next_style : nullptr, channel), 1.0f);
    const float low_bias = folded(bias.x, gain), high_bias = folded(bias.y, gain);
    const float low_demod = folded(demod.x, gain), high_demod = folded(demod.y, gain);
#pragma unroll
    for (int h = 0; h < Tile::MI * 2; ++h) {
      const float* own = &sums.v[h / 2][ni][h % 2 * 2];
      const float low = finish_folded(own[0], low_demod, noise[h], low_bias, slope, bound);
      const float high = finish_folded(own[1], high_demod, noise[h], high_bias, slope, bound);
      const int place = swizzled<Tile::BLOCK_N / 8>(warp_row + h * 8, column / 8) * 4 + lane % 4;
      if (PLAIN) plain[place] = join_halves(low, high);
      if (RESULTS) results[place] = join_halves(low * style.x, high * style.y);
    }
  }
}

/// Whichever of the two applies; `sample`: that of all the block's rows, or -1.
template <class Tile>
__device__ __forceinline__ void finish_sums(const Product<f16>& op, const Rows<Tile>& rows,
                                            int sample, int first_channel, const Sums<Tile>& sums,
                                            uint32_t* results, uint32_t* plain) {
  if (sample < 0 || !is_simple(op.epilogue))
    finish_sums<Tile>(op, rows, first_channel, sums, results, plain);
  else if (plain == nullptr)
    finish_sample_sums<Tile, true, false>(op, sample, rows.noise, first_channel, sums, results,
                                          plain);
  else if (op.y == nullptr)
    finish_sample_sums<Tile, false, true>(op, sample, rows.noise, first_channel, sums, results,
                                          plain);
  else
    finish_sample_sums<Tile, true, true>(op, sample, rows.noise, first_channel, sums, results,
                                         plain);
}

/// Shared memory (BLOCK_M, BLOCK_N) to y, 16 bytes a thread at a time.
template <class Tile>
__device__ __forceinline__ void store_results(const Product<f16>& op, const Rows<Tile>& rows,
                                              int first_channel, const uint4* results, f16* y) {
  constexpr int kChunks = Tile::BLOCK_N / 8;  // of a row
  const int64_t area = static_cast<int64_t>(op.out_h) * op.out_w;
  for (int i = static_cast<int>(threadIdx.x); i < Tile::BLOCK_M * kChunks; i += Tile::kThreads) {
    const int row = i / kChunks;
    const int chunk = i % kChunks;
    const int o = first_channel + chunk * 8;
    const int n = rows.n[row];
    if (n < 0 || o >= op.o) continue;
    f16* const address = y + (n * area + rows.place[row]) * op.o + o;
    *reinterpret_cast<uint4*>(address) = results[swizzled<kChunks>(row, chunk)];
  }
}

/// The picture's products run on tensor cores too. A factor f = weight · style / 16 is split into
/// two halves, f = high + low / 2048 with an error of 2^-22 of it, and of 2^-36 at least; the eight
/// columns of B are the four RGB channels' high halves and their low halves.
constexpr float kRgbFactorScale = 16, kRgbLowScale = 2048;

/// B of the sample that all the block's rows belong to, as fragments: registers of lane l for the
/// sixteen channels 16 k … in rgb_weights[32 k + l]. Zeros past the last input and RGB channel.
template <class Tile>
__device__ __forceinline__ void modulate_rgb_weights(const ToRgb<f16>& rgb, int n,
                                                     uint2* rgb_weights) {
  for (int index = static_cast<int>(threadIdx.x); index < Tile::BLOCK_N * 2;
       index += Tile::kThreads) {
    const int lane = index % 32;
    const int c = lane / 4 % 4;
    const bool is_low = lane / 4 >= 4;
    const auto factor = [&](int i) {
      if (i >= rgb.i || c >= rgb.c) return 0.0f;
      const float whole = rgb.weight[c * rgb.i + i] *
                          rgb.style[static_cast<int64_t>(n) * rgb.i + i] / kRgbFactorScale;
      const float high = to_float(from_float<f16>(whole));
      return is_low ? (whole - high) * kRgbLowScale : high;
    };
    const int i = index / 32 * 16 + lane % 4 * 2;
    rgb_weights[index] = {ptx::pack_half2(factor(i), factor(i + 1)),
                          ptx::pack_half2(factor(i + 8), factor(i + 9))};
  }
}

/// A pixel of a sample's output.
struct PixelPlace {
  int n, row, col;
  bool exists;
};

/// The sums of sixteen pixels, rows `first` … of `plain`, in the fragment layout of D.
template <class Tile>
__device__ __forceinline__ void multiply_rgb(int channels, int first, const uint2* rgb_weights,
                                             const uint4* plain, float (&d)[4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int row = first + lane % 16;
#pragma unroll
  for (int j = 0; j < 4; ++j) d[j] = 0;
  for (int k = 0; k * 16 < channels; ++k) {
    uint32_t a[4];
    ptx::ldmatrix_x4(a, plain + swizzled<Tile::BLOCK_N / 8>(row, k * 2 + lane / 16));
    const uint2 pair = rgb_weights[k * 32 + lane];
    const uint32_t b[2] = {pair.x, pair.y};
    ptx::mma_m16n8k16(d, a, b);
  }
}

/// The picture at the block's pixels. A warp takes 32 rows of `plain`; of a group of four lanes the
/// first two finish a pixel each of the upper sixteen, the others of the lower. place_of(row) is
/// where a row's pixel belongs.
template <class Tile, class PlaceOf>
__device__ __forceinline__ void store_rgb_rows(const ToRgb<f16>& rgb, const PlaceOf& place_of_row,
                                               const uint2* rgb_weights, const uint4* plain) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const bool lower = lane % 4 >= 2, second = lane % 2 == 1;
  static_assert(Tile::BLOCK_M % 32 == 0);
  for (int first = warp * 32; first < Tile::BLOCK_M; first += Tile::kThreads) {
    float d[2][4];
    multiply_rgb<Tile>(rgb.i, first, rgb_weights, plain, d[0]);
    multiply_rgb<Tile>(rgb.i, first + 16, rgb_weights, plain, d[1]);
    // d[i][j] is a high half's sum in lanes 0 and 1 of four, a low half's in 2 and 3: the upper
    // pixels' sums become whole in the former, the lower's in the latter.
    float v[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float other = __shfl_xor_sync(0xFFFFFFFFu, lower ? d[0][j] : d[1][j], 2);
      const float own = lower ? d[1][j] : d[0][j];
      const float high = lower ? other : own, low = lower ? own : other;
      v[j] = fmaf(low, 1 / kRgbLowScale, high) * kRgbFactorScale;
    }
    // Of four lanes the first has RGB channels 0 and 1 of pixels g and g + 8, the second 2 and 3.
    RgbSums sums;
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const float other = __shfl_xor_sync(0xFFFFFFFFu, second ? v[j] : v[j + 2], 1);
      sums.v[j] = second ? other : v[j];
      sums.v[j + 2] = second ? v[j + 2] : other;
    }
    const PixelPlace at = place_of_row(first + (lower ? 16 : 0) + (second ? 8 : 0) + lane / 4);
    if (at.exists) store_rgb(rgb, at.n, at.row, at.col, sums);
  }
}

/// The place of a row that describe_row() described.
template <class Tile>
struct DescribedPlace {
  const Rows<Tile>& rows;
  int out_w;
  __device__ __forceinline__ PixelPlace operator()(int row) const {
    const int place = rows.place[row];
    return {rows.n[row], place / out_w, place % out_w, rows.n[row] >= 0};
  }
};

/// All of it. Every thread of the block takes part, and nobody reads `shared` any more. `sample`:
/// that of all the block's rows, or -1.
template <class Tile>
__device__ __forceinline__ void finish_block(const Product<f16>& op, const ToRgb<f16>& rgb,
                                             const Rows<Tile>& rows, int sample, int first_channel,
                                             const Sums<Tile>& sums, const uint2* rgb_weights,
                                             uint4* shared) {
  static_assert(Tile::kSharedBytes >= size_t{4} * Tile::BLOCK_M * Tile::BLOCK_N,
                "two results of half fit in");
  const bool fused_rgb = rgb.weight != nullptr;
  uint4* const results = shared;
  uint4* const plain = shared + Tile::BLOCK_M * Tile::BLOCK_N / 8;
  finish_sums<Tile>(
      op, rows, sample, first_channel, sums, reinterpret_cast<uint32_t*>(results),
      fused_rgb || op.epilogue.plain != nullptr ? reinterpret_cast<uint32_t*>(plain) : nullptr);
  __syncthreads();
  if (op.y != nullptr) store_results<Tile>(op, rows, first_channel, results, op.y);
  if (op.epilogue.plain != nullptr)
    store_results<Tile>(op, rows, first_channel, plain, op.epilogue.plain);
  if (fused_rgb)
    store_rgb_rows<Tile>(rgb, DescribedPlace<Tile>{rows, op.out_w}, rgb_weights, plain);
}

}  // namespace vernissage
