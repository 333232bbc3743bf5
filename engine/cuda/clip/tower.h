// The blocks of a CLIP tower on the device: x += Out(Attention(Norm(x))), x +=
// FC2(act(FC1(Norm(x)))).
#pragma once

#include <functional>

#include "engine/cuda/clip/products.h"
#include "engine/cuda/clip/weights.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {

GeluForm clip_nonlinearity(ClipActivation activation);

/// What a pass through a tower works in. Rows are tokens, sample after sample.
template <class T>
struct ClipBuffers {
  float* x = nullptr;   // (N · T, W): the residual stream
  T* narrow = nullptr;  // (N · T, W): what norms and attention make
  T* wide = nullptr;    // (N · T, 3W or M): q, k, v; the perceptron's middle
};

/// One tower's blocks, for samples of a fixed number of tokens.
template <class T>
class ClipBlocks {
 public:
  ClipBlocks(const ClipTower& tower, int tokens, bool causal, float eps,
             const ClipTowerWeights<T>& weights, bool tensor_cores)
      : tower_(tower),
        tokens_(tokens),
        causal_(causal),
        eps_(eps),
        weights_(weights),
        tensor_cores_(tensor_cores) {}

  /// Enqueues all blocks for n samples. `queries`: how many tokens of each sample, from the first
  /// on, the last block makes; the rows of x behind them are then left half done. `shown` is called
  /// after every block; null: nobody looks.
  void run(int n, int queries, const ClipBuffers<T>& buffers, DeviceProducts& products,
           Stream stream, const std::function<void(int block)>& shown) const;

  /// y (M, E) = projection of the norm of m rows of x, row k at rows[k] · stride or, without rows,
  /// k · stride. The norm's result is left in buffers.narrow (M, W).
  void project(int m, const int32_t* rows, int stride, int embedding, const ClipBuffers<T>& buffers,
               float* y, DeviceProducts& products, Stream stream) const;

  /// The norm of rows that lie `stride` apart to buffers.narrow.
  void norm(int m, int stride, const ClipNormWeights& weights, const float* next_bias,
            const int32_t* rows, const ClipBuffers<T>& buffers, Stream stream) const;

 private:
  void block(int n, int queries, const ClipBlockWeights<T>& weights, const ClipBuffers<T>& buffers,
             DeviceProducts& products, Stream stream) const;

  ClipTower tower_;
  int tokens_;
  bool causal_;
  float eps_;
  const ClipTowerWeights<T>& weights_;
  bool tensor_cores_;
};

}  // namespace vernissage
