// The up-convolution's first half, T = convolution of x transposed with stride 2, with fewer
// multiplications than taps.
//
// In one dimension T[2i] = w0 x[i] + w2 x[i-1] and T[2i+1] = w1 x[i]. Two neighbouring even outputs
// of a two-tap filter need three products, not four (Winograd 1980, F(2,2)): with
// d = x[i-1], x[i], x[i+1]
//   P0 = (d0 - d1) w2   P1 = d1 (w2 + w0)   P2 = (d2 - d1) w0        P3 = d1 w1   P4 = d2 w1
//   T[2i] = P0 + P1     T[2i+2] = P1 + P2   T[2i+1] = P3             T[2i+3] = P4
// so a tile of 2 x 2 pixels costs 25 products instead of 36, each a matrix product over the
// channels of many tiles. The differences keep float32's accuracy: every coefficient is 0 or ±1.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vernissage::cpu {

class TransposedConvolution {
 public:
  /// weight (O, I, 3, 3); in_resolution even.
  TransposedConvolution(int in_channels, int out_channels, int in_resolution,
                        std::span<const float> weight);

  /// Bytes execute() needs at `scratchpad` with this number of threads.
  size_t scratchpad_bytes(int threads) const;
  /// x (I/B, R, R, B) → y (O/B, 2R + 1, 2R + 1, B), channel blocks as in cpu_vector.h. Uses at most
  /// `threads` OpenMP threads; the result does not depend on how many.
  void execute(const float* x, float* y, float* scratchpad, int threads) const;

 private:
  void read_tiles(const float* x, int64_t first, float* inputs) const;
  void multiply(const float* inputs, float* products) const;
  void write_tiles(const float* products, int64_t first, float* y) const;

  int in_blocks_, out_blocks_, resolution_;
  int tiles_across_;
  int tiles_at_once_;          // a job: as many tiles as keep its inputs and products in the cache
  std::vector<float> weight_;  // (16, O/B, I, B): weights of the row's and the column's kind
};

}  // namespace vernissage::cpu
