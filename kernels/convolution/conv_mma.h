// Convolutions on tensor cores: capability 8.0 and later, half.
#pragma once

#include "kernels/convolution/conv_product.h"
#include "kernels/convolution/conv_tiles.h"
#include "kernels/kernels.h"

namespace vernissage {

/// Whether the kernels take a product: x stored scaled by its style (style is null), and what the
/// function in conv_tiles.h asks.
bool fits_tensor_cores(const Product<f16>& op);
/// Whether the kernel of conv_patch.cu makes it: a 3 x 3 convolution of larger pictures.
bool fits_patches(const Product<f16>& op);

/// Enqueues one launch, of the kernel and the tile that the tables say. Asserts
/// fits_tensor_cores(op).
void run_on_tensor_cores(const Product<f16>& op, Stream stream);

/// Enqueues one launch that makes both. Throws InvalidArgument as the launchers of kernels.h do;
/// asserts fits_tensor_cores of the convolution and fits_rgb_epilogue (conv_tiles.h).
void conv_to_rgb(const ConvToRgb<f16>& op, Stream stream);

/// What choose_tile() asks about a product.
ConvShape shape_of(const Product<f16>& op);

/// The kernels themselves, on a given tile of kConvTiles or kPatchTiles: what the functions above
/// choose from. `rgb` without a weight: no picture; with one, the tile holds all channels.
void run_on_tile(const Product<f16>& op, const ToRgb<f16>& rgb, int tile, Stream stream);
void run_on_patches(const Product<f16>& op, const ToRgb<f16>& rgb, int tile, Stream stream);

}  // namespace vernissage
