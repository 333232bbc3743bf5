// Convolutions of low resolution on tensor cores: one sample has too few pixels to give every
// multiprocessor a CTA tile, so the nine taps are shared out instead, and a second launch adds the
// shares up in one fixed order and finishes them.
#pragma once

#include "kernels/convolution/conv_product.h"
#include "kernels/kernels.h"

namespace vernissage {

/// Whether the product is made so: it has somewhere to put partial sums, nine taps, and few pixels.
int splits_of(const Product<f16>& op);

/// Enqueues the two launches. fits_tensor_cores(op) and splits_of(op) > 1.
void run_split(const Product<f16>& op, Stream stream);

}  // namespace vernissage
