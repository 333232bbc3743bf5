#include "engine/cpu/clip/matmul.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace vernissage::cpu {

namespace {

// Rows of one micro-kernel: its accumulators, two vectors of W and one element of x fill the
// registers (32 with AVX-512, 16 before).
constexpr int kRowsMax = kBlock == 16 ? 12 : 6;

// Rows that walk over one panel while it is in the second cache level, beside their own x.
constexpr int kRowsOfTask = 12 * kRowsMax;

typedef int32_t Ints __attribute__((vector_size(kBlock * sizeof(int32_t))));

// acc[r][v] = Σ_k x[r, k] panel[k][v]: the same chain for every kRows.
template <int kRows>
void micro_kernel(Rows x, int k, const float* panel, Vec (*acc)[2]) {
  Vec sums[kRows][2] = {};
  const float* row[kRows];
  for (int r = 0; r < kRows; ++r) row[r] = x.data + r * x.stride;
  for (int i = 0; i < k; ++i) {
    const Vec w0 = load(panel), w1 = load(panel + kBlock);
    panel += kPanel;
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const Vec value = splat(row[r][i]);
      sums[r][0] += value * w0;
      sums[r][1] += value * w1;
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < 2; ++v) acc[r][v] = sums[r][v];
}

using MicroKernel = void (*)(Rows, int, const float*, Vec (*)[2]);
template <size_t... kIndex>
constexpr auto kernels_for(std::index_sequence<kIndex...>) {
  return std::array<MicroKernel, sizeof...(kIndex)>{micro_kernel<int(kIndex) + 1>...};
}
constexpr auto kMicroKernels = kernels_for(std::make_index_sequence<kRowsMax>());

Vec finish(Vec value, const Epilogue& epilogue, const float* bias, const float* residual) {
  if (bias) value += load(bias);
  if (epilogue.activation) value = activate(*epilogue.activation, value);
  if (residual) value += load(residual);
  return value;
}

void store_row(const Vec* sums, int columns, const Epilogue& epilogue, const float* residual,
               float* y) {
  if (columns == kPanel) {
    for (int v = 0; v < 2; ++v) {
      const int at = v * kBlock;
      store(y + at, finish(sums[v], epilogue, epilogue.bias ? epilogue.bias + at : nullptr,
                           residual ? residual + at : nullptr));
    }
    return;
  }
  // The last columns: neighbours in memory belong to somebody else.
  float added[kPanel] = {}, values[kPanel];
  if (residual) std::copy_n(residual, columns, added);
  for (int v = 0; v < 2; ++v) {
    const int at = v * kBlock;
    store(values + at, finish(sums[v], epilogue, epilogue.bias ? epilogue.bias + at : nullptr,
                              residual ? added + at : nullptr));
  }
  std::copy_n(values, columns, y);
}

}  // namespace

void multiply_panel(Rows x, int count, int k, const float* panel, int columns,
                    const Epilogue& epilogue, float* y, int64_t y_stride) {
  // Even shares: two rows left over alone would keep the processor waiting for its own sums.
  const int parts = (count + kRowsMax - 1) / kRowsMax;
  for (int part = 0, begin = 0; part < parts; ++part) {
    const int end = static_cast<int>(int64_t{count} * (part + 1) / parts);
    Vec sums[kRowsMax][2];
    kMicroKernels[static_cast<size_t>(end - begin - 1)]({x.data + begin * x.stride, x.stride}, k,
                                                        panel, sums);
    for (int row = begin; row < end; ++row)
      store_row(sums[row - begin], columns, epilogue,
                epilogue.residual.data ? epilogue.residual.data + row * epilogue.residual.stride
                                       : nullptr,
                y + row * y_stride);
    begin = end;
  }
}

Linear::Linear(int k, int o, std::span<const float> weight, std::span<const float> bias,
               bool transposed)
    : in_(k),
      out_(o),
      memory_(std::make_unique<Arena>(static_cast<size_t>(panels_of(o) * (k + 1) * kPanel) *
                                      sizeof(float))),
      has_bias_(!bias.empty()) {
  VERNISSAGE_ASSERT_OP(weight.size(), ==, size_t(k) * size_t(o));
  float* packed = memory_->at(0);  // zero at first
#pragma omp parallel for schedule(static)
  for (int column = 0; column < o; ++column) {
    float* to = packed + int64_t{column / kPanel} * k * kPanel + column % kPanel;
    for (int i = 0; i < k; ++i)
      to[int64_t{i} * kPanel] = transposed ? weight[size_t(i) * size_t(o) + size_t(column)]
                                           : weight[size_t(column) * size_t(k) + size_t(i)];
  }
  std::copy(bias.begin(), bias.end(), packed + panels_of(o) * k * kPanel);
}

void Linear::apply(int m, Rows x, float* y, int64_t y_stride,
                   std::optional<ClipActivation> activation, Rows residual) const {
  const int64_t panels = panels_of(out_);
  const int tasks = (m + kRowsOfTask - 1) / kRowsOfTask;
#pragma omp parallel for collapse(2) schedule(static)
  for (int task = 0; task < tasks; ++task)
    for (int64_t p = 0; p < panels; ++p) {
      const int first = static_cast<int>(int64_t{m} * task / tasks);
      const int end = static_cast<int>(int64_t{m} * (task + 1) / tasks);
      const int64_t column = p * kPanel;
      const Epilogue epilogue{
          has_bias_ ? panel(panels) + column : nullptr,
          activation,
          {residual.data ? residual.data + first * residual.stride + column : nullptr,
           residual.stride}};
      multiply_panel({x.data + first * x.stride, x.stride}, end - first, in_, panel(p),
                     static_cast<int>(std::min<int64_t>(kPanel, out_ - column)), epilogue,
                     y + first * y_stride + column, y_stride);
    }
}

Vec exponential(Vec v) {
  // e^v = 2^n e^r, n = round(v / ln 2), |r| ≤ ln 2 / 2; ln 2 in two parts, so that r is exact
  // enough.
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound =
      12582912.0f;  // 1.5 · 2^23: added and taken away, it rounds to a whole number
  v = min(max(v, splat(-87.0f)), splat(88.0f));
  const Vec n = (v * kLog2E + kRound) - kRound;
  const Vec r = (v - n * kLn2High) - n * kLn2Low;
  // Taylor's series to r^7: the rest is below 7e-9.
  Vec p = splat(1.0f / 5040);
  for (const float coefficient : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    p = p * r + coefficient;
  const Ints exponent = (__builtin_convertvector(n, Ints) + 127) << 23;
  return p * reinterpret_cast<Vec>(exponent);
}

Vec activate(ClipActivation activation, Vec v) {
  if (activation == ClipActivation::quick_gelu) return v / (1.0f + exponential(v * -1.702f));
  // erf(z) = 1 - (a1 t + … + a5 t^5) e^(-z²), t = 1/(1 + 0.3275911 z), z ≥ 0; odd.
  const Vec x = v * 0.70710678f;
  const Vec z = x < 0 ? -x : x;
  const Vec t = 1.0f / (1.0f + 0.3275911f * z);
  Vec p = splat(1.061405429f);
  for (const float a : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f}) p = p * t + a;
  const Vec tail = p * t * exponential(-z * z);  // 1 - erf(z)
  return 0.5f * v * (x < 0 ? tail : 2.0f - tail);
}

}  // namespace vernissage::cpu
