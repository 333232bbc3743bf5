// The activations of StyleGAN2's layers: one list for configurations, backends and kernels.
#pragma once

namespace vernissage {

/// The nine activations of the official bias_act, in the order of activation_name()
/// (engine/formats/network.h). alpha is the slope of lrelu below 0. Source: Karras et al. 2020,
/// released code's table.
enum class Activation { linear, relu, lrelu, tanh, sigmoid, elu, selu, softplus, swish };

}  // namespace vernissage
