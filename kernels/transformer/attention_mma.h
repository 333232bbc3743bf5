// Attention on tensor cores, as clip_attention() calls it.
#pragma once

#include "kernels/transformer/transformer_ops.h"

namespace vernissage {

/// op is checked and clip_fits_tensor_cores(op.head). Needs compute capability 8.0.
void clip_attention_mma(const ClipAttention<f16>& op, Stream stream);

}  // namespace vernissage
