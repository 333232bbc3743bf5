#include "engine/cpu/transposed.h"

#include <omp.h>

#include <algorithm>

#include "engine/cpu/vector.h"

namespace vernissage::cpu {

namespace {

// The matrix product keeps kRows x kWide results in registers: 28 of AVX-512's 32, 12 of AVX2's 16.
constexpr int kRows = kBlock == 16 ? 14 : 6;
constexpr int kWide = 2;

// The five products of one dimension: which of the inputs d0 - d1, d1, d2 - d1, d2 and which of the
// weights w2, w2 + w0, w0, w1 each multiplies.
constexpr int kProducts = 5;
constexpr int kInputOf[kProducts] = {0, 1, 2, 1, 3};
constexpr int kWeightOf[kProducts] = {0, 1, 2, 3, 3};
constexpr int kKinds = 4;

/// products[t] (kWide blocks apart by `product_stride`) = Σ_i inputs[t, i] · weight[i], kRows
/// tiles.
template <int kBlocks>
void multiply_rows(int in_blocks, const float* inputs, int64_t input_stride, const float* weight,
                   int64_t weight_stride, float* products, int64_t product_stride) {
  Vec sum[kRows][kBlocks] = {};
  for (int block = 0; block < in_blocks; ++block, inputs += input_stride)
    for (int i = 0; i < kBlock; ++i) {
      const float* w = weight + (int64_t{block} * kBlock + i) * kBlock;
      Vec row[kBlocks];
#pragma GCC unroll 2
      for (int o = 0; o < kBlocks; ++o) row[o] = load(w + o * weight_stride);
#pragma GCC unroll 14
      for (int t = 0; t < kRows; ++t) {
        const Vec value = splat(inputs[t * kBlock + i]);
#pragma GCC unroll 2
        for (int o = 0; o < kBlocks; ++o) sum[t][o] += value * row[o];
      }
    }
#pragma GCC unroll 14
  for (int t = 0; t < kRows; ++t)
#pragma GCC unroll 2
    for (int o = 0; o < kBlocks; ++o) store(products + o * product_stride + t * kBlock, sum[t][o]);
}

}  // namespace

TransposedConvolution::TransposedConvolution(int in_channels, int out_channels, int in_resolution,
                                             std::span<const float> weight)
    : in_blocks_(blocks_of(in_channels)),
      out_blocks_(blocks_of(out_channels)),
      resolution_(in_resolution),
      tiles_across_(in_resolution / 2 + 1) {
  // Inputs and products of a job in half a mebibyte, but enough tiles to pay for reading the
  // weights.
  const int tile_bytes =
      static_cast<int>(sizeof(float)) * kBlock * (16 * in_blocks_ + 25 * out_blocks_);
  tiles_at_once_ = std::max(4, (1 << 19) / tile_bytes / kRows) * kRows;

  const int in = in_blocks_ * kBlock;
  weight_.assign(int64_t{16} * out_blocks_ * in * kBlock, 0.0f);
  for (int o = 0; o < out_channels; ++o)
    for (int i = 0; i < in_channels; ++i) {
      const float* w = weight.data() + (int64_t{o} * in_channels + i) * 9;
      float rows[kKinds][3];
      for (int k = 0; k < 3; ++k) {
        rows[0][k] = w[6 + k];
        rows[1][k] = w[6 + k] + w[k];
        rows[2][k] = w[k];
        rows[3][k] = w[3 + k];
      }
      for (int row = 0; row < kKinds; ++row) {
        const float* r = rows[row];
        const float kinds[kKinds] = {r[2], r[2] + r[0], r[0], r[1]};
        for (int column = 0; column < kKinds; ++column)
          weight_[((int64_t{row * kKinds + column} * out_blocks_ + o / kBlock) * in + i) * kBlock +
                  o % kBlock] = kinds[column];
      }
    }
}

size_t TransposedConvolution::scratchpad_bytes(int threads) const {
  return sizeof(float) * kBlock * tiles_at_once_ * (16 * in_blocks_ + 25 * out_blocks_) *
         size_t(threads);
}

/// inputs (16, I/B, tiles, B): every tile's 3 x 3 pixels as the 4 x 4 kinds of inputs.
void TransposedConvolution::read_tiles(const float* x, int64_t first, float* inputs) const {
  const int r = resolution_;
  const int64_t tiles = int64_t{tiles_across_} * tiles_across_;
  const int64_t kind_stride = int64_t{in_blocks_} * tiles_at_once_ * kBlock;
  for (int block = 0; block < in_blocks_; ++block) {
    const float* plane = x + int64_t{block} * r * r * kBlock;
    for (int t = 0; t < tiles_at_once_; ++t) {
      Vec d[3][3] = {};
      if (first + t < tiles) {
        const int top = static_cast<int>((first + t) / tiles_across_) * 2 - 1;
        const int left = static_cast<int>((first + t) % tiles_across_) * 2 - 1;
        for (int y = std::max(0, -top); y < 3 && top + y < r; ++y)
          for (int k = std::max(0, -left); k < 3 && left + k < r; ++k)
            d[y][k] = load(plane + (int64_t{top + y} * r + left + k) * kBlock);
      }
      float* to = inputs + (int64_t{block} * tiles_at_once_ + t) * kBlock;
      const auto write_row = [&](int row, Vec d0, Vec d1, Vec d2) {
        store(to + (row * kKinds + 0) * kind_stride, d0 - d1);
        store(to + (row * kKinds + 1) * kind_stride, d1);
        store(to + (row * kKinds + 2) * kind_stride, d2 - d1);
        store(to + (row * kKinds + 3) * kind_stride, d2);
      };
      write_row(0, d[0][0] - d[1][0], d[0][1] - d[1][1], d[0][2] - d[1][2]);
      write_row(1, d[1][0], d[1][1], d[1][2]);
      write_row(2, d[2][0] - d[1][0], d[2][1] - d[1][1], d[2][2] - d[1][2]);
      write_row(3, d[2][0], d[2][1], d[2][2]);
    }
  }
}

/// products (25, O/B, tiles, B).
void TransposedConvolution::multiply(const float* inputs, float* products) const {
  const int64_t in_stride = int64_t{tiles_at_once_} * kBlock;
  const int64_t weight_stride = int64_t{in_blocks_} * kBlock * kBlock;
  for (int p = 0; p < kProducts * kProducts; ++p) {
    const int row = p / kProducts, column = p % kProducts;
    const float* in = inputs + (kInputOf[row] * kKinds + kInputOf[column]) * in_blocks_ * in_stride;
    const float* weight = weight_.data() + (kWeightOf[row] * kKinds + kWeightOf[column]) *
                                               out_blocks_ * weight_stride;
    for (int o = 0; o < out_blocks_; o += kWide)
      for (int t = 0; t < tiles_at_once_; t += kRows) {
        const float* from = in + t * kBlock;
        float* to = products + ((int64_t{p} * out_blocks_ + o) * tiles_at_once_ + t) * kBlock;
        if (o + 1 < out_blocks_)
          multiply_rows<2>(in_blocks_, from, in_stride, weight + o * weight_stride, weight_stride,
                           to, in_stride);
        else
          multiply_rows<1>(in_blocks_, from, in_stride, weight + o * weight_stride, weight_stride,
                           to, in_stride);
      }
  }
}

void TransposedConvolution::write_tiles(const float* products, int64_t first, float* y) const {
  const int width = 2 * resolution_ + 1;
  const int64_t tiles = int64_t{tiles_across_} * tiles_across_;
  const int count = static_cast<int>(std::min<int64_t>(tiles_at_once_, tiles - first));
  const int64_t stride = int64_t{out_blocks_} * tiles_at_once_ * kBlock;
  for (int block = 0; block < out_blocks_; ++block)
    for (int t = 0; t < count; ++t) {
      const float* from = products + (int64_t{block} * tiles_at_once_ + t) * kBlock;
      Vec row[kProducts][4];
      for (int p = 0; p < kProducts; ++p) {
        const float* product = from + p * kProducts * stride;
        const Vec middle = load(product + stride);
        row[p][0] = load(product) + middle;
        row[p][1] = load(product + 3 * stride);
        row[p][2] = middle + load(product + 2 * stride);
        row[p][3] = load(product + 4 * stride);
      }
      const int top = static_cast<int>((first + t) / tiles_across_) * 4;
      const int left = static_cast<int>((first + t) % tiles_across_) * 4;
      float* to = y + ((int64_t{block} * width + top) * width + left) * kBlock;
      const int columns = std::min(4, width - left);
      for (int k = 0; k < columns; ++k) {
        float* column = to + k * kBlock;
        const int64_t down = int64_t{width} * kBlock;
        store(column, row[0][k] + row[1][k]);
        if (top + 1 == width) continue;  // the last row of tiles gives one row of T
        store(column + down, row[3][k]);
        store(column + 2 * down, row[1][k] + row[2][k]);
        store(column + 3 * down, row[4][k]);
      }
    }
}

void TransposedConvolution::execute(const float* x, float* y, float* scratchpad,
                                    int threads) const {
  const int64_t tiles = int64_t{tiles_across_} * tiles_across_;
  const int64_t jobs = (tiles + tiles_at_once_ - 1) / tiles_at_once_;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t job = 0; job < jobs; ++job) {
    float* inputs = scratchpad + scratchpad_bytes(1) / sizeof(float) * omp_get_thread_num();
    float* products = inputs + int64_t{16} * in_blocks_ * tiles_at_once_ * kBlock;
    const int64_t first = job * tiles_at_once_;
    read_tiles(x, first, inputs);
    multiply(inputs, products);
    write_tiles(products, first, y);
  }
}

}  // namespace vernissage::cpu
