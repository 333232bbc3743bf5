// Every convolution of the network as matrix products: rows are output pixels of the whole batch,
// columns output channels, the inner dimension runs over filter taps and input channels. An
// ordinary convolution is one product; an up-convolution four, by the parity of the output row and
// column, each a convolution of its own whose results interleave. The kernels know products only.
#pragma once

#include "kernels/half.h"
#include "kernels/ops.h"

namespace vernissage {

constexpr int kTapsMax = 9;
constexpr int kPhasesMax = 4;

/// Row (r, c) of the phase reads input (r + dy, c + dx) through weight tap `weight`.
struct FilterTap {
  int8_t dy, dx, weight;
};

/// One product: its rows are the pixels (r, c), r < rows, c < cols, of every sample, and row (r, c)
/// makes output pixel (out_y + step · r, out_x + step · c).
struct Phase {
  int rows, cols, out_y, out_x;
  int weight_row;  // its output channel o lies at weight row weight_row + o
  int tap_count;
  FilterTap taps[kTapsMax];
};

template <class T>
struct Product {
  const T* x;
  const T* weight;
  const float* style;
  T* y;
  int n, h, w, i, o;
  int weight_taps;  // taps a weight row has in memory
  int out_h, out_w, step;
  int phase_count;
  Phase phases[kPhasesMax];
  Epilogue<T> epilogue;
  float* partials = nullptr;  // conv_split_k.h
};

/// A row of a product.
struct Pixel {
  int n, r, c;
  bool exists;
};

template <class T>
VERNISSAGE_HOST_DEVICE inline Pixel pixel_of(const Product<T>& op, const Phase& phase, int row) {
  const int per_sample = phase.rows * phase.cols;
  const int n = row / per_sample;
  const int rest = row - n * per_sample;
  return {n, rest / phase.cols, rest % phase.cols, n < op.n};
}

/// Where in a sample's output plane a row's result belongs.
template <class T>
VERNISSAGE_HOST_DEVICE inline int place_of(const Product<T>& op, const Phase& phase,
                                           const Pixel& pixel) {
  return (phase.out_y + op.step * pixel.r) * op.out_w + phase.out_x + op.step * pixel.c;
}

/// Rows of the largest phase.
template <class T>
int64_t rows_max(const Product<T>& op) {
  int64_t most = 0;
  for (int p = 0; p < op.phase_count; ++p) {
    const int64_t rows = int64_t{op.n} * op.phases[p].rows * op.phases[p].cols;
    most = rows > most ? rows : most;
  }
  return most;
}

inline FilterTap make_tap(int dy, int dx, int weight) {
  return {static_cast<int8_t>(dy), static_cast<int8_t>(dx), static_cast<int8_t>(weight)};
}

/// The nine taps around a pixel, in the order of the weight.
inline void set_square_taps(Phase& phase) {
  phase.tap_count = 9;
  for (int t = 0; t < 9; ++t) phase.taps[t] = make_tap(t / 3 - 1, t % 3 - 1, t);
}

template <class T>
Product<T> product_of(const ModulatedConv<T>& op) {
  Product<T> product = {op.x, op.weight,   op.style, op.y, op.n, op.h, op.w, op.i,
                        op.o, op.k * op.k, op.h,     op.w, 1,    1,    {},   op.epilogue};
  Phase& phase = product.phases[0];
  phase = {op.h, op.w, 0, 0, 0, 1, {}};  // one tap, at 0, 0, unless K is 3
  if (op.k == 3) set_square_taps(phase);
  product.partials = op.partials;
  return product;
}

template <class T>
Product<T> product_of(const TransposedConv<T>& op) {
  Product<T> product = {op.x, op.weight, op.style,     op.y,         op.n, op.h, op.w, op.i,
                        op.o, 9,         2 * op.h + 1, 2 * op.w + 1, 2,    4,    {},   {}};
  product.epilogue.demod = op.demod;
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 2; ++b) {
      // Output row 2r+a gets weight row p from input row (2r+a-p)/2 where that is whole: p = 0 from
      // r and p = 2 from r-1 on even rows, p = 1 from r on odd ones. Columns alike.
      Phase& phase = product.phases[a * 2 + b];
      phase = {op.h + 1 - a, op.w + 1 - b, a, b, 0, 0, {}};
      for (int p = a; p < 3; p += 2)
        for (int q = b; q < 3; q += 2)
          phase.taps[phase.tap_count++] = make_tap(-(p / 2), -(q / 2), p * 3 + q);
    }
  }
  return product;
}

template <class T>
Product<T> product_of(const PhasedConv<T>& op) {
  Product<T> product = {op.x, op.weight, op.style, op.y,     op.n, op.h, op.w, op.i,
                        op.o, 9,         2 * op.h, 2 * op.w, 2,    4,    {},   op.epilogue};
  product.partials = op.partials;
  for (int p = 0; p < 4; ++p) {
    product.phases[p] = {op.h, op.w, p / 2, p % 2, p * op.o, 0, {}};
    set_square_taps(product.phases[p]);
  }
  return product;
}

}  // namespace vernissage
