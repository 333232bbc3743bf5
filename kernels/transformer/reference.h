// The definition of right for clip_ops.h: plain loops on the host, as in kernels/reference.h. Sums
// and result are of type R; results go to the last argument, the struct's own outputs are not
// touched.
#pragma once

#include <cstdint>

#include "kernels/transformer/transformer_ops.h"

namespace vernissage::reference {

template <class R>
R clip_activate(R x, ClipNonlinearity act);

template <class R>
void clip_patches(const ClipPatches<float>& op, R* y);
template <class R>
void clip_place(const ClipPlace& op, R* x);
template <class R>
void clip_words(const ClipWords<float>& op, R* x);
/// y alone; op.x is only read.
template <class R>
void clip_layer_norm(const ClipLayerNorm<float>& op, R* y);
/// With the bias of k as well, as the formula has it before it is shortened.
template <class R>
void clip_attention(const ClipAttention<float>& op, R* y);
void clip_resample(const ClipResample& op, uint8_t* y);

}  // namespace vernissage::reference
