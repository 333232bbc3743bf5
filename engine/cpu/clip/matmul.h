// Matrix products of a transformer on the CPU: y = act(x Wᵀ + b) + residual, float32, W packed
// once.
//
// Our own rather than a library's, for two reasons. A value of y is one chain of fused
// multiply-adds in the order of k, whatever the number of rows, the row's place and the threads:
// embeddings do not depend on the batch by construction, where a library may pick another kernel
// for another shape. And what follows the product happens while it is in registers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/clip/clip_network.h"
#include "engine/cpu/arena.h"
#include "engine/cpu/vector.h"

namespace vernissage::cpu {

/// Columns of W that are packed beside each other: two vectors.
inline constexpr int kPanel = 2 * kBlock;

inline int64_t panels_of(int columns) {
  return (columns + kPanel - 1) / kPanel;
}

/// Rows of a matrix that need not be contiguous.
struct Rows {
  const float* data;
  int64_t stride;  // floats from one row to the next
};

/// What happens to a value of the product before it is stored: bias, activation, residual, in this
/// order.
struct Epilogue {
  const float* bias = nullptr;  // (panels of O, kPanel), zero behind O; null: none
  std::optional<ClipActivation> activation = {};
  Rows residual = {nullptr, 0};  // (M, O), may be y itself; null: none
};

/// y[m, o] = Σ_k x[m, k] panels[o / kPanel][k][o % kPanel], then the epilogue; count ≥ 1 rows
/// from `first`, the columns of one panel, of which `columns` ≤ kPanel are stored. On the calling
/// thread.
void multiply_panel(Rows x, int count, int k, const float* panel, int columns,
                    const Epilogue& epilogue, float* y, int64_t y_stride);

/// A linear layer, packed.
class Linear {
 public:
  /// weight (O, K) row-major, or (K, O) when `transposed`; bias (O) or empty.
  Linear(int k, int o, std::span<const float> weight, std::span<const float> bias,
         bool transposed = false);

  int in() const { return in_; }
  int out() const { return out_; }

  /// y (M, O) = act(x (M, K) Wᵀ + b) + residual, by the threads of the calling thread's OpenMP.
  void apply(int m, Rows x, float* y, int64_t y_stride,
             std::optional<ClipActivation> activation = {}, Rows residual = {nullptr, 0}) const;

 private:
  int in_, out_;
  std::unique_ptr<Arena> memory_;  // (panels, K, kPanel), then the bias (panels, kPanel)
  bool has_bias_;
  const float* panel(int64_t index) const { return memory_->at(0) + index * in_ * kPanel; }
};

/// act(v), lane by lane. Errors below 4e-7·max(1, |v|): exponential 2 ulp, and the error function
/// of Abramowitz and Stegun 1964, 7.1.26, which is within 1.5e-7.
Vec activate(ClipActivation activation, Vec v);
/// e^v, of v held between -87 (2e-38) and 88 (2e38).
Vec exponential(Vec v);

}  // namespace vernissage::cpu
