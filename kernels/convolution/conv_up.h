// The transposed convolution of larger pictures on tensor cores, all four phases in one block.
#pragma once

#include "kernels/kernels.h"

namespace vernissage {

/// Whether the kernel can make it: half on tensor cores as conv_tiles.h asks, x stored scaled, and
/// small enough for 32-bit offsets.
bool fits_up_kernel(const TransposedConv<f16>& op);

/// Enqueues one launch. Asserts fits_up_kernel(op).
void run_up_kernel(const TransposedConv<f16>& op, Stream stream);

}  // namespace vernissage
