// The launchers of the operations in ops.h: each checks its struct, then enqueues one kernel on the
// stream and returns. Throw InvalidArgument for a broken rule, CudaError (an Error) when the launch
// fails. Templates exist for T = float and T = f16.
#pragma once

#include "kernels/ops.h"

struct CUstream_st;

namespace vernissage {

using Stream = CUstream_st*;  // cudaStream_t; null under the emulation

template <class T>
void modulated_conv(const ModulatedConv<T>& op, Stream stream);
template <class T>
void transposed_conv(const TransposedConv<T>& op, Stream stream);
template <class T>
void upfirdn2d(const Upfirdn2d<T>& op, Stream stream);
template <class T>
void noise_bias_act(const NoiseBiasAct<T>& op, Stream stream);
template <class T>
void to_rgb(const ToRgb<T>& op, Stream stream);
void styles(const Styles& op, Stream stream);
void demodulate(const Demodulate& op, Stream stream);
void pixel_norm(const PixelNorm& op, Stream stream);
template <class T>
void repeat(const Repeat<T>& op, Stream stream);
void pack_rgb8(const PackRgb8& op, Stream stream);
template <class T>
void to_nchw(const ToNchw<T>& op, Stream stream);

}  // namespace vernissage
