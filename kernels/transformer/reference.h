// The definition of right for transformer_ops.h: plain loops on the host, as in
// kernels/reference.h. Sums and result are of type R; results go to the last argument, the struct's
// own outputs are not touched.
#pragma once

#include <cstdint>

#include "kernels/transformer/transformer_ops.h"

namespace vernissage::reference {

template <class R>
R gelu(R x, GeluForm act);

template <class R>
void image_patches(const ImagePatches<float>& op, R* y);
template <class R>
void add_positions(const AddPositions& op, R* x);
template <class R>
void token_embedding(const TokenEmbedding<float>& op, R* x);
/// y alone; op.x is only read.
template <class R>
void layer_norm(const LayerNorm<float>& op, R* y);
/// With the bias of k as well, as the formula has it before it is shortened.
template <class R>
void attention(const Attention<float>& op, R* y);
void resample(const Resample& op, uint8_t* y);

}  // namespace vernissage::reference
