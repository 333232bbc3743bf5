// Attention on tensor cores, as attention() calls it.
#pragma once

#include "kernels/transformer/transformer_ops.h"

namespace vernissage {

/// op is checked and attention_fits_tensor_cores(op.head). Needs compute capability 8.0.
void attention_mma(const Attention<f16>& op, Stream stream);

}  // namespace vernissage
