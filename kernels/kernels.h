// The launchers of the operations in ops.h: each checks its struct, then enqueues one kernel on the
// stream and returns. Throw InvalidArgument for a broken rule, CudaError (an Error) when the launch
// fails. Templates exist for T = float and T = f16.
#pragma once

#include "kernels/convolution/conv_tiles.h"
#include "kernels/ops.h"

struct CUstream_st;

namespace vernissage {

using Stream = CUstream_st*;  // cudaStream_t; null under the emulation

/// The convolutions take the kernel of `path` where it can run the operation (conv_mma.h), else the
/// plain one.
template <class T>
void modulated_conv(const ModulatedConv<T>& op, Stream stream, ConvPath path = ConvPath::plain);
template <class T>
void transposed_conv(const TransposedConv<T>& op, Stream stream, ConvPath path = ConvPath::plain);
template <class T>
void phased_conv(const PhasedConv<T>& op, Stream stream, ConvPath path = ConvPath::plain);
/// Floats of partial sums for one sample of a 3 x 3 convolution that reads h x w pixels and makes o
/// channels in `phases` phases (4: PhasedConv); 0 where its resolution is not low.
int64_t partial_count(int h, int w, int o, int phases);
template <class T>
void upfirdn2d(const Upfirdn2d<T>& op, Stream stream);
template <class T>
void noise_bias_act(const NoiseBiasAct<T>& op, Stream stream);
template <class T>
void to_rgb(const ToRgb<T>& op, Stream stream);
void styles(const Styles& op, Stream stream);
void demodulate(const Demodulate& op, Stream stream);
void pixel_norm(const PixelNorm& op, Stream stream);
void fully_connected(const FullyConnected& op, Stream stream);
template <class T>
void broadcast_constant(const BroadcastConstant<T>& op, Stream stream);
void pack_rgb8(const PackRgb8& op, Stream stream);
void area_downsample(const AreaDownsample& op, Stream stream);
template <class T>
void to_nchw(const ToNchw<T>& op, Stream stream);

}  // namespace vernissage
