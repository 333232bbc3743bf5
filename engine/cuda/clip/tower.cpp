#include "engine/cuda/clip/tower.h"

#include "base/error.h"

namespace vernissage {

GeluForm clip_nonlinearity(ClipActivation activation) {
  return activation == ClipActivation::gelu ? GeluForm::gelu : GeluForm::quick_gelu;
}

template <class T>
void ClipBlocks<T>::norm(int m, int stride, const ClipNormWeights& weights, const float* next_bias,
                         const int32_t* rows, const ClipBuffers<T>& buffers, Stream stream) const {
  LayerNorm<T> op;
  op.x = buffers.x;
  op.rows = rows;
  op.stride = stride;
  op.next_bias = next_bias;
  op.weight = weights.weight;
  op.bias = weights.bias;
  op.y = buffers.narrow;
  op.m = m;
  op.w = tower_.width;
  op.eps = eps_;
  layer_norm(op, stream);
}

/// A product that is added to the stream has no bias: the norm before it has added that already,
/// where the row was at hand.
template <class T>
void ClipBlocks<T>::block(int n, int queries, const ClipBlockWeights<T>& weights,
                          const ClipBuffers<T>& buffers, DeviceProducts& products,
                          Stream stream) const {
  const int w = tower_.width, mlp = tower_.mlp_width;
  norm(n * tokens_, w, weights.norm_1, weights.out_bias, nullptr, buffers, stream);
  products.run(MatrixProduct<T, T>{buffers.narrow, weights.qkv, buffers.wide, n * tokens_, 3 * w, w,
                                   w, 3 * w});

  Attention<T> op;
  op.qkv = buffers.wide;
  op.bias = weights.qkv_bias;
  op.y = buffers.narrow;
  op.n = n;
  op.t = tokens_;
  op.queries = queries;
  op.heads = tower_.heads;
  op.head = w / tower_.heads;
  op.causal = causal_;
  attention(op, stream, tensor_cores_);

  // From here on a sample has `queries` rows: all of them, or the first alone, which lie tokens · W
  // apart.
  VERNISSAGE_ASSERT(queries == tokens_ || queries == 1);
  const int rows = n * queries, stride = queries == tokens_ ? w : tokens_ * w;
  products.run(
      MatrixProduct<T, float>{buffers.narrow, weights.out, buffers.x, rows, w, w, w, stride, true});
  norm(rows, stride, weights.norm_2, weights.fc_2_bias, nullptr, buffers, stream);
  products.run(
      MatrixProduct<T, T>{buffers.narrow, weights.fc_1, buffers.wide, rows, mlp, w, w, mlp});
  bias_gelu(
      BiasGelu<T>{buffers.wide, weights.fc_1_bias, rows, mlp, clip_nonlinearity(tower_.activation)},
      stream);
  products.run(MatrixProduct<T, float>{buffers.wide, weights.fc_2, buffers.x, rows, w, mlp, mlp,
                                       stride, true});
}

template <class T>
void ClipBlocks<T>::run(int n, int queries, const ClipBuffers<T>& buffers, DeviceProducts& products,
                        Stream stream, const std::function<void(int block)>& shown) const {
  for (size_t k = 0; k < weights_.blocks.size(); ++k) {
    const bool last = k + 1 == weights_.blocks.size();
    block(n, last ? queries : tokens_, weights_.blocks[k], buffers, products, stream);
    if (shown) shown(static_cast<int>(k));
  }
}

template <class T>
void ClipBlocks<T>::project(int m, const int32_t* rows, int stride, int embedding,
                            const ClipBuffers<T>& buffers, float* y, DeviceProducts& products,
                            Stream stream) const {
  const int w = tower_.width;
  norm(m, stride, weights_.last_norm, nullptr, rows, buffers, stream);
  products.run(MatrixProduct<T, float>{buffers.narrow, weights_.projection, y, m, embedding, w, w,
                                       embedding});
}

template class ClipBlocks<float>;
template class ClipBlocks<f16>;

}  // namespace vernissage
