// The definition of right: every operation of ops.h, and the mapping network, as plain loops on the
// host.
//
// The structs are those of ops.h with host pointers. Sums and result are of type R, float or
// double; T is the type of the inputs: float, or double, so that one operation's result can be the
// next one's input without rounding. Half precision is tested with floats that half can hold.
// Results go to the last argument; the struct's own output pointer is not touched. Nothing is
// checked: see check() in ops.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops.h"

namespace vernissage::reference {

/// The activation alone, without gain. Source: activation.h.
template <class R>
R activate(R x, Activation act, R alpha);

template <class T, class R>
void modulated_conv(const ModulatedConv<T>& op, R* y);
template <class T, class R>
void transposed_conv(const TransposedConv<T>& op, R* y);
template <class T, class R>
void phased_conv(const PhasedConv<T>& op, R* y);
template <class T, class R>
void upfirdn2d(const Upfirdn2d<T>& op, R* y);
template <class T, class R>
void noise_bias_act(const NoiseBiasAct<T>& op, R* y);
template <class T, class R>
void to_rgb(const ToRgb<T>& op, R* image);
/// Styles and Demodulate, one layer at a time: style (N, I), demod (N, O).
template <class R>
void style(const Styles& op, const StyleLayer& layer, R* style);
template <class R>
void demodulate(const Demodulate& op, const DemodulateLayer& layer, R* demod);
template <class R>
void pixel_norm(const PixelNorm& op, R* y);
template <class T>
void to_nchw(const ToNchw<T>& op, float* y);
void pack_rgb8(const PackRgb8& op, uint8_t* pixels);

/// y[n,o] = gain · act(Σ_i x[n,i] · weight_gain · weight[o,i] + bias_gain · bias[o]).
/// Source: Karras et al. 2018 (progressive growing), section 4.1: the equalised learning rate.
struct Dense {
  const float* weight = nullptr;  // (O, I), as stored
  const float* bias = nullptr;    // (O), or null: 0
  int i = 0, o = 0;
  float weight_gain = 1;  // m/√I
  float bias_gain = 1;    // m
  Activation act = Activation::linear;
  float alpha = 0.2f;  // slope of lrelu
  float gain = 1;      // √2 after lrelu
};
template <class R>
std::vector<R> dense(const Dense& op, std::span<const R> x);

/// z → w before truncation: norm(z), beside it norm(embed(c)) with labels, then the layers in turn.
/// Source: Karras et al. 2020; labels as in Karras et al. 2020a (ADA).
struct Mapping {
  Dense embed;                // weight null: no labels
  std::vector<Dense> layers;  // the last one makes w
  int z_dim = 0;
};
template <class R>
std::vector<R> mapping(const Mapping& op, std::span<const R> z, std::span<const R> c);

/// ws[n,i] = w_avg + psi · (w[n] - w_avg) for i < cutoff, else w[n]; (N, W) → (N, num_ws, W).
/// `cutoff` below 0 means all.
template <class R>
std::vector<R> truncate(std::span<const R> w, std::span<const float> w_avg, int num_ws, double psi,
                        int cutoff);

}  // namespace vernissage::reference
