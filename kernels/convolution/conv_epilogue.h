// Device side of the tensor-core convolutions behind the sums: the whole epilogue in registers, the
// results as halves in shared memory, from where they leave as rows of 16 bytes, and where a block
// has all channels of its pixels, the picture's RGB values.
#pragma once

#include "kernels/convolution/conv_tile.h"
#include "kernels/stylegan2/epilogue.h"
#include "kernels/stylegan2/rgb.h"

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
/// (BLOCK_M, BLOCK_N) with swizzled rows.
template <class Tile>
__device__ __forceinline__ void finish_sums(const Product<f16>& op, const Rows<Tile>& rows,
                                            int first_channel, const Sums<Tile>& sums,
                                            uint32_t* results, uint32_t* plain) {
  const Epilogue<f16>& epilogue = op.epilogue;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_row = warp % Tile::kShape.warps_m * Tile::WARP_M + lane / 4;
  const int warp_column = warp / Tile::kShape.warps_m * Tile::WARP_N + lane % 4 * 2;
  const float slope = slope_of(epilogue);
  const int64_t area = static_cast<int64_t>(op.out_h) * op.out_w;
#pragma unroll
  for (int ni = 0; ni < Tile::NI; ++ni) {
    const int column = warp_column + ni * 8;
    const int o = first_channel + column;
    if (o >= op.o) continue;  // O is even: both channels exist or none
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
      float low = finish_sum(epilogue, own[0], demod.x, rows.noise[row], bias.x, slope);
      float high = finish_sum(epilogue, own[1], demod.y, rows.noise[row], bias.y, slope);
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

/// weight · style of the sample that all the block's rows belong to, by channel; zeros past the
/// last input and RGB channel.
template <class Tile>
__device__ __forceinline__ void modulate_rgb_weights(const ToRgb<f16>& rgb, int n,
                                                     float4* rgb_weights) {
  for (int i = static_cast<int>(threadIdx.x); i < Tile::BLOCK_N; i += Tile::kThreads) {
    const float style = i < rgb.i ? rgb.style[static_cast<int64_t>(n) * rgb.i + i] : 0.0f;
    const auto weight = [&](int c) {
      return i < rgb.i && c < rgb.c ? rgb.weight[c * rgb.i + i] * style : 0.0f;
    };
    rgb_weights[i] = make_float4(weight(0), weight(1), weight(2), weight(3));
  }
}

/// The picture at the block's pixels, a thread for each: its channels lie in one row of `plain`, of
/// which eight neighbouring threads read eight different banks.
template <class Tile>
__device__ __forceinline__ void store_rgb_rows(const ToRgb<f16>& rgb, const Rows<Tile>& rows,
                                               const float4* rgb_weights, const uint4* plain) {
  for (int row = static_cast<int>(threadIdx.x); row < Tile::BLOCK_M; row += Tile::kThreads) {
    if (rows.n[row] < 0) continue;
    RgbSums sums = {};
    for (int chunk = 0; chunk * 8 < rgb.i; ++chunk) {
      const uint4 values = plain[swizzled<Tile::BLOCK_N / 8>(row, chunk)];
      const uint32_t pairs[4] = {values.x, values.y, values.z, values.w};
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const float2 pair = ptx::unpack_half2(pairs[j / 2]);
        const float value = j % 2 == 0 ? pair.x : pair.y;
        const float4 weight = rgb_weights[chunk * 8 + j];
        sums.v[0] = fmaf(weight.x, value, sums.v[0]);
        sums.v[1] = fmaf(weight.y, value, sums.v[1]);
        sums.v[2] = fmaf(weight.z, value, sums.v[2]);
        sums.v[3] = fmaf(weight.w, value, sums.v[3]);
      }
    }
    store_rgb(rgb, rows.n[row], rows.place[row], sums);
  }
}

/// All of it. Every thread of the block takes part, and nobody reads `shared` any more.
template <class Tile>
__device__ __forceinline__ void finish_block(const Product<f16>& op, const ToRgb<f16>& rgb,
                                             const Rows<Tile>& rows, int first_channel,
                                             const Sums<Tile>& sums, const float4* rgb_weights,
                                             uint4* shared) {
  static_assert(Tile::kSharedBytes >= size_t{4} * Tile::BLOCK_M * Tile::BLOCK_N,
                "two results of half fit in");
  const bool fused_rgb = rgb.weight != nullptr;
  uint4* const results = shared;
  uint4* const plain = shared + Tile::BLOCK_M * Tile::BLOCK_N / 8;
  finish_sums<Tile>(
      op, rows, first_channel, sums, reinterpret_cast<uint32_t*>(results),
      fused_rgb || op.epilogue.plain != nullptr ? reinterpret_cast<uint32_t*>(plain) : nullptr);
  __syncthreads();
  if (op.y != nullptr) store_results<Tile>(op, rows, first_channel, results, op.y);
  if (op.epilogue.plain != nullptr)
    store_results<Tile>(op, rows, first_channel, plain, op.epilogue.plain);
  if (fused_rgb) store_rgb_rows<Tile>(rgb, rows, rgb_weights, plain);
}

}  // namespace vernissage
