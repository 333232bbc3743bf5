#include "kernels/transformer/reference.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vernissage::reference {

template <class R>
R gelu(R x, GeluForm act) {
  if (act == GeluForm::quick_gelu) return x / (1 + std::exp(-static_cast<R>(1.702) * x));
  return x / 2 * (1 + std::erf(x / std::sqrt(R{2})));
}

template <class R>
void image_patches(const ImagePatches<float>& op, R* y) {
  const int side = op.size / op.patch;
  const int64_t area = int64_t{op.size} * op.size;
  for (int n = 0; n < op.n; ++n)
    for (int q = 0; q < side; ++q)
      for (int r = 0; r < side; ++r) {
        R* const row = y + ((int64_t{n} * side + q) * side + r) * op.columns;
        std::fill(row, row + op.columns, R{0});
        for (int c = 0; c < 3; ++c)
          for (int a = 0; a < op.patch; ++a)
            for (int b = 0; b < op.patch; ++b) {
              const int64_t pixel = int64_t{q * op.patch + a} * op.size + r * op.patch + b;
              row[(c * op.patch + a) * op.patch + b] =
                  op.x != nullptr ? (static_cast<R>(op.x[(n * area + pixel) * 3 + c]) / 255 -
                                     static_cast<R>(op.mean[c])) /
                                        static_cast<R>(op.std_dev[c])
                                  : static_cast<R>(op.values[(int64_t{n} * 3 + c) * area + pixel]);
            }
      }
}

template <class R>
void add_positions(const AddPositions& op, R* x) {
  for (int64_t n = 0; n < op.n; ++n)
    for (int64_t j = 0; j < op.t; ++j)
      for (int64_t i = 0; i < op.w; ++i) {
        const float token =
            j == 0 ? op.class_token[i] : op.patches[(n * (op.t - 1) + j - 1) * op.w + i];
        x[(n * op.t + j) * op.w + i] = static_cast<R>(token) + op.position[j * op.w + i];
      }
}

template <class R>
void token_embedding(const TokenEmbedding<float>& op, R* x) {
  for (int64_t n = 0; n < op.n; ++n)
    for (int64_t j = 0; j < op.t; ++j)
      for (int64_t i = 0; i < op.w; ++i)
        x[(n * op.t + j) * op.w + i] =
            static_cast<R>(op.table[int64_t{op.ids[n * op.t + j]} * op.w + i]) +
            op.position[j * op.w + i];
}

template <class R>
void layer_norm(const LayerNorm<float>& op, R* y) {
  for (int64_t m = 0; m < op.m; ++m) {
    const float* const x = op.x + (op.rows != nullptr ? op.rows[m] : m) * op.stride;
    R mean = 0, variance = 0;
    for (int i = 0; i < op.w; ++i) mean += static_cast<R>(x[i]);
    mean /= op.w;
    for (int i = 0; i < op.w; ++i) variance += (x[i] - mean) * (x[i] - mean);
    variance /= op.w;
    for (int i = 0; i < op.w; ++i)
      y[m * op.w + i] = op.weight[i] * (x[i] - mean) / std::sqrt(variance + op.eps) + op.bias[i];
  }
}

template <class R>
void attention(const Attention<float>& op, R* y) {
  const int64_t width = int64_t{op.heads} * op.head;
  std::vector<R> p(static_cast<size_t>(op.t));
  for (int64_t n = 0; n < op.n; ++n)
    for (int64_t h = 0; h < op.heads; ++h)
      for (int64_t i = 0; i < op.queries; ++i) {
        const auto at = [&](int part, int64_t row, int64_t d) {
          const int64_t column = part * width + h * op.head + d;
          return static_cast<R>(op.qkv[(n * op.t + row) * 3 * width + column]) + op.bias[column];
        };
        const int64_t count = op.causal ? i + 1 : op.t;
        R largest = -INFINITY, sum = 0;
        for (int64_t j = 0; j < count; ++j) {
          R score = 0;
          for (int64_t d = 0; d < op.head; ++d) score += at(0, i, d) * at(1, j, d);
          p[j] = score / std::sqrt(static_cast<R>(op.head));
          largest = std::max(largest, p[j]);
        }
        for (int64_t j = 0; j < count; ++j) sum += p[j] = std::exp(p[j] - largest);
        for (int64_t d = 0; d < op.head; ++d) {
          R value = 0;
          for (int64_t j = 0; j < count; ++j) value += p[j] / sum * at(2, j, d);
          y[(n * op.queries + i) * width + h * op.head + d] = value;
        }
      }
}

void resample(const Resample& op, uint8_t* y) {
  for (int64_t o = 0; o < op.outer; ++o)
    for (int64_t j = 0; j < op.size; ++j)
      for (int64_t i = 0; i < op.inner; ++i) {
        int64_t sum = 1 << 21;
        for (int64_t k = 0; k < op.count[j]; ++k)
          sum += int64_t{op.weights[j * op.taps + k]} *
                 op.x[(o * op.length + op.first[j] + k) * op.inner + i];
        y[(o * op.size + j) * op.inner + i] =
            static_cast<uint8_t>(std::clamp<int64_t>(sum >> 22, 0, 255));
      }
}

template float gelu(float, GeluForm);
template double gelu(double, GeluForm);
template void image_patches(const ImagePatches<float>&, double*);
template void add_positions(const AddPositions&, double*);
template void token_embedding(const TokenEmbedding<float>&, double*);
template void layer_norm(const LayerNorm<float>&, double*);
template void attention(const Attention<float>&, double*);

}  // namespace vernissage::reference
