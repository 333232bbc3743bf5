// Start here: one plain struct per operation of the synthesis network, with formula, shapes and
// rules. kernels.h launches them on a device, reference.h says them as plain loops.
//
// Common to all: pointers are device memory (host memory under the emulation), tensors are
// contiguous and aligned to 16 bytes, activations are NHWC. T is the storage type, float or f16;
// sums are float32. An output must not overlap an input unless "in place" is said. Any channel
// count is right; multiples of 4 are read and written as vectors. Every output element is summed in
// one fixed order, whatever the batch, so a sample's bytes never depend on its neighbours.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "kernels/activation.h"
#include "kernels/half.h"

namespace vernissage {

/// An operation whose fields break the rules said in its struct. what() names the operation and the
/// field.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// What happens to a sum v before it is stored at sample n, row h, column w, channel o:
///   t = demod[n,o] · v + noise_strength · noise[h,w] + bias[o]
///   y = (clamp(gain · act(t), ±clamp) + residual[n,h,w,o]) · next_style[n,o]
/// Every part may be absent; the default is y = v. Source: Karras et al. 2020 (StyleGAN2), fig. 2c;
/// the residual is the sum of the resnet architecture, next_style the modulation of the layer that
/// reads y.
template <class T>
struct Epilogue {
  const float* demod = nullptr;           // (N, O), or null: 1
  const float* bias = nullptr;            // (O), or null: 0
  const float* noise = nullptr;           // (H, W) or (N, H, W), or null
  bool noise_per_sample = false;          // noise is (N, H, W)
  const uint64_t* noise_seeds = nullptr;  // (N), or null: noise[h,w] of sample n is
                                          // normal_noise(seed[n], noise_layer, h·W + w); not
                                          // together with `noise`
  uint32_t noise_layer = 0;               // position of the layer in the network
  float noise_strength = 0;               // no unit
  Activation act = Activation::linear;
  float alpha = 0.2f;                 // slope of lrelu below 0; the others ignore it
  float gain = 1;                     // after the activation
  float clamp = -1;                   // largest |y| before the residual; < 0: none
  const T* residual = nullptr;        // (N, H, W, O), or null: 0
  const float* next_style = nullptr;  // (N, O), or null: 1
  T* plain = nullptr;                 // (N, H, W, O), or null: a second output, y before next_style
};

/// v[n,h,w,o] = Σ_{i,p,q} weight[o,p,q,i] · style[n,i] · x[n, h+p-K/2, w+q-K/2, i], zeros outside
/// x; y = epilogue(v). A correlation with stride 1. Source: Karras et al. 2020, eqs. 1 and 3, with
/// the style on the input and the demodulation on the output, so that one weight serves the whole
/// batch.
template <class T>
struct ModulatedConv {
  const T* x = nullptr;          // (N, H, W, I)
  const T* weight = nullptr;     // (O, K, K, I)
  const float* style = nullptr;  // (N, I), or null: x is stored scaled, or there is no style
  T* y = nullptr;                // (N, H, W, O)
  int n = 0, h = 0, w = 0, i = 0, o = 0;  // all ≥ 1
  int k = 3;                              // 1 or 3
  Epilogue<T> epilogue;
  // (N · partial_count(h, w, o, 1)) for the use of low resolutions on tensor cores with k 3, or
  // null: they do without, in another order of summation.
  float* partials = nullptr;
};

/// y[n, 2h+p, 2w+q, o] = demod[n,o] · Σ_i weight[o,p,q,i] · style[n,i] · x[n,h,w,i], summed over
/// all h, w, p, q that reach the place: a transposed convolution with stride 2 and no padding,
/// weights as stored (not mirrored). Upfirdn2d with padding 1 and gain 4 follows. Source: Karras et
/// al. 2020, released code.
template <class T>
struct TransposedConv {
  const T* x = nullptr;                   // (N, H, W, I)
  const T* weight = nullptr;              // (O, 3, 3, I)
  const float* style = nullptr;           // (N, I), or null: 1
  const float* demod = nullptr;           // (N, O), or null: 1
  T* y = nullptr;                         // (N, 2H+1, 2W+1, O)
  int n = 0, h = 0, w = 0, i = 0, o = 0;  // all ≥ 1
};

/// v[n, 2h+a, 2w+b, o] = Σ_{i,p,q} weight[a,b,o,p,q,i] · style[n,i] · x[n, h+p-1, w+q-1, i], zeros
/// outside x; y = epilogue(v): an up-convolution whose filter lies in the weight, which
/// compose_up_weight() makes. Source: the same value as TransposedConv then Upfirdn2d, by the
/// associativity of convolutions (Crochiere and Rabiner 1983, polyphase form).
template <class T>
struct PhasedConv {
  const T* x = nullptr;                   // (N, H, W, I)
  const T* weight = nullptr;              // (2, 2, O, 3, 3, I)
  const float* style = nullptr;           // (N, I), or null: 1
  T* y = nullptr;                         // (N, 2H, 2W, O)
  int n = 0, h = 0, w = 0, i = 0, o = 0;  // all ≥ 1
  Epilogue<T> epilogue;
  float* partials = nullptr;  // (N · partial_count(h, w, o, 4)), or null: as in ModulatedConv
};

/// Zeros after every sample (up), padding (negative: cropping), a filter, one sample in `down`:
///   v[n,p,q,c] = gain · Σ_{a,b} F[a,b] · X[p·down_y + a, q·down_x + b]
/// X is x upsampled and padded, F the filter mirrored in both axes (a true convolution) unless
/// `flip`. y = epilogue(v). Sizes of y: out_height(op), out_width(op). Source: Karras et al. 2020,
/// released code. A separable filter is two of these, each with the square root of the gain.
template <class T>
struct Upfirdn2d {
  const T* x = nullptr;                                // (N, H, W, C)
  const float* filter = nullptr;                       // (FH, FW), up to 32 a side
  T* y = nullptr;                                      // (N, out_height, out_width, C)
  int n = 0, h = 0, w = 0, c = 0;                      // all ≥ 1
  int fh = 0, fw = 0;                                  // 1 … 32
  int up_x = 1, up_y = 1, down_x = 1, down_y = 1;      // 1 … 32
  int pad_x0 = 0, pad_x1 = 0, pad_y0 = 0, pad_y1 = 0;  // samples of the upsampled grid
  bool flip = false;  // true: correlation with the filter as stored
  float gain = 1;
  Epilogue<T> epilogue;  // O is C; demodulation, noise and the rest as after a convolution
};
/// floor((H · up + pad0 + pad1 - F) / down) + 1.
template <class T>
int out_height(const Upfirdn2d<T>& op) {
  return (op.h * op.up_y + op.pad_y0 + op.pad_y1 - op.fh) / op.down_y + 1;
}
template <class T>
int out_width(const Upfirdn2d<T>& op) {
  return (op.w * op.up_x + op.pad_x0 + op.pad_x1 - op.fw) / op.down_x + 1;
}

/// y = epilogue(x): noise, bias, activation, gain, clamp, residual where no convolution is at hand;
/// with h = w = 1 the end of a dense layer. In place allowed (y == x).
template <class T>
struct NoiseBiasAct {
  const T* x = nullptr;            // (N, H, W, O)
  T* y = nullptr;                  // (N, H, W, O)
  int n = 0, h = 0, w = 0, o = 0;  // all ≥ 1
  Epilogue<T> epilogue;
};

/// The running image, with the block's RGB added:
///   image[n,h,w,c] = up(previous)[n,h,w,c] + clamp(rgb[n,h,w,c], ±clamp)
///   rgb[n,h,w,c] = Σ_i weight[c,i] · style[n,i] · x[n,h,w,i] + bias[c]
/// where up() is Upfirdn2d with up 2, padding 2, 1, 2, 1 and gain 4. The image is float32 and never
/// clamped itself. Source: Karras et al. 2020, fig. 7b (output skips).
template <class T>
struct ToRgb {
  const T* x = nullptr;             // (N, H, W, I)
  const float* weight = nullptr;    // (C, I)
  const float* style = nullptr;     // (N, I), 1/√I included
  const float* bias = nullptr;      // (C), or null: 0
  const float* previous = nullptr;  // (N, H/2, W/2, C), or null: the first image
  const float* filter = nullptr;    // (4, 4) for previous; null exactly when previous is
  float* image = nullptr;           // (N, H, W, C), or null with pixels
  uint8_t* pixels = nullptr;        // (N, H, W, C): PackRgb8 of the image, instead of it; or null
  int n = 0, h = 0, w = 0;          // all ≥ 1; h and w even with previous
  int i = 0;                        // 1 … 3072: c rows of it lie in a block's shared memory
  int c = 3;                        // 1 … 4
  float clamp = -1;                 // largest |rgb| before the sum; < 0: none
};

/// A convolution and the ToRgb that reads its result: rgb.x is null and stands for y as `conv`
/// alone would store it without next_style, rounded to T. conv.y may be null when nobody else reads
/// it.
template <class T>
struct ConvToRgb {
  ModulatedConv<T> conv;
  ToRgb<T> rgb;  // n, h, w and i are n, h, w and o of conv
};

/// The style of one layer: s[n,i] = scale · (Σ_j weight[i,j] · ws[n,w_index,j] + bias[i]), then,
/// when `normalise`, s[n,:] / max_i |s[n,i]| (left alone where that is 0): the official fp16 guard,
/// which cancels in the demodulation. Source: Karras et al. 2020, section 2.2 ("A" blocks);
/// released code for the guard.
struct StyleLayer {
  const float* weight = nullptr;  // (I, W), 1/√W included
  const float* bias = nullptr;    // (I)
  float* style = nullptr;         // (N, I), the result
  int i = 0;                      // 1 … i_max
  int w_index = 0;                // 0 … num_ws - 1
  float scale = 1;                // 1/√I for a to_rgb layer
  bool normalise = false;
};
/// The styles of all layers in one launch. check() reads no device memory: the rules of StyleLayer
/// are the caller's to keep.
struct Styles {
  const StyleLayer* layers = nullptr;                 // (L), device memory
  const float* ws = nullptr;                          // (N, num_ws, W)
  int n = 0, layer_count = 0, num_ws = 0, w_dim = 0;  // all ≥ 1
  int i_max = 0;                                      // largest I of the layers, 1 … 8192
  // (style_counters(n, layer_count)) zeros, and zeros again afterwards: with them many blocks share
  // a row. Null: one block makes a whole row.
  uint32_t* arrived = nullptr;
};
int style_counters(int n, int layer_count);

/// The demodulation of one layer: demod[n,o] = 1/√(Σ_i style[n,i]² · square[o,i] + 1e-8), with
/// square[o,i] = Σ_{p,q} weight[o,p,q,i]² prepared once. Source: Karras et al. 2020, eq. 3.
struct DemodulateLayer {
  const float* square = nullptr;  // (O, I)
  const float* style = nullptr;   // (N, I)
  float* demod = nullptr;         // (N, O), the result
  int i = 0, o = 0;               // ≥ 1; o ≤ o_max
};
/// The demodulation of all layers in one launch, after Styles.
struct Demodulate {
  const DemodulateLayer* layers = nullptr;  // (L), device memory
  int n = 0, layer_count = 0;               // ≥ 1
  int o_max = 0;                            // largest O of the layers
};

/// y[n,:] = x[n,:] / √(mean(x[n,:]²) + 1e-8). Row strides in elements, so that the result may be
/// written into part of a wider row (latent beside label). Source: Karras et al. 2018 (progressive
/// growing), section 4.2.
struct PixelNorm {
  const float* x = nullptr;        // (N, F)
  float* y = nullptr;              // (N, F); in place allowed (y == x, same strides)
  int n = 0, f = 0;                // ≥ 1
  int x_stride = 0, y_stride = 0;  // ≥ f
};

/// y[n,o] = gain · act(Σ_i weight[o,i] · x[n,i] + bias[o]): a layer of the mapping network.
/// Source: Karras et al. 2019, fig. 1b.
struct FullyConnected {
  const float* x = nullptr;       // (N, I)
  const float* weight = nullptr;  // (O, I)
  const float* bias = nullptr;    // (O), or null: 0
  float* y = nullptr;             // (N, O)
  int n = 0, i = 0, o = 0;        // all ≥ 1
  Activation act = Activation::linear;
  float alpha = 0.2f;  // slope of lrelu below 0; the others ignore it
  float gain = 1;      // after the activation
};

/// y[n,k] = x[k] · style[n, k mod C] for every sample: the learned constant broadcast over the
/// batch, times the style of the layer that reads it.
template <class T>
struct BroadcastConstant {
  const T* x = nullptr;          // (count)
  T* y = nullptr;                // (N, count)
  int n = 0;                     // ≥ 1
  int64_t count = 0;             // ≥ 1
  const float* style = nullptr;  // (N, C), or null: 1
  int c = 0;                     // ≥ 1 with a style
};

/// pixels = trunc(clamp(image · 127.5 + 128, 0, 255)), product and sum each rounded to float32: -1
/// gives 0, 0 gives 128, 1 gives 255, not-a-number gives 0. Source: released code's image output.
struct PackRgb8 {
  const float* image = nullptr;  // (count), any layout
  uint8_t* pixels = nullptr;     // (count), the same layout
  int64_t count = 0;             // ≥ 1
};

/// Area downsampling: y[n,h,w,c] is the mean of x[n,:,:,c] over the square that the output pixel
/// covers, edges counted by their share, rounded to nearest, halves up. Exact: whole numbers
/// throughout.
struct AreaDownsample {
  const uint8_t* x = nullptr;  // (N, side, side, C)
  uint8_t* y = nullptr;        // (N, size, size, C)
  int n = 0, c = 0;            // ≥ 1
  int side = 0;                // 1 … 4096
  int size = 0;                // 1 … side
};

/// y[n,c,h,w] = float32 of x[n,h,w,c]: activations and images as the outside world reads them.
template <class T>
struct ToNchw {
  const T* x = nullptr;            // (N, H, W, C)
  float* y = nullptr;              // (N, C, H, W)
  int n = 0, h = 0, w = 0, c = 0;  // all ≥ 1
};

/// The ways of making a convolution that are built in; a device takes the best it can run.
enum class ConvPath {
  plain,  // modulated_conv.cu: float32 arithmetic, any type, any shape, any device
  mma,    // conv_mma.cu: tensor cores through mma.sync m16n8k16, half, capability 8.0 and later
};

/// The best path of a device of compute capability `major`.x.
constexpr ConvPath best_conv_path(int major) {
  return major >= 8 ? ConvPath::mma : ConvPath::plain;
}
/// As `vernissage devices` shows it.
constexpr const char* name_of(ConvPath path) {
  return path == ConvPath::mma ? "mma.sync m16n8k16" : "plain";
}

/// Throw InvalidArgument naming the first field that breaks a rule above. T: float and f16.
template <class T>
void check(const ModulatedConv<T>& op);
template <class T>
void check(const TransposedConv<T>& op);
template <class T>
void check(const PhasedConv<T>& op);
template <class T>
void check(const Upfirdn2d<T>& op);
template <class T>
void check(const NoiseBiasAct<T>& op);
template <class T>
void check(const ToRgb<T>& op);
template <class T>
void check(const ConvToRgb<T>& op);
template <class T>
void check(const BroadcastConstant<T>& op);
template <class T>
void check(const ToNchw<T>& op);
void check(const Styles& op);
void check(const Demodulate& op);
void check(const PixelNorm& op);
void check(const FullyConnected& op);
void check(const PackRgb8& op);
void check(const AreaDownsample& op);

}  // namespace vernissage
