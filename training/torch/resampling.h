// The two resampling convolutions: what libtorch computes slowly on the CPU when asked directly.
// Both are differentiable any number of times.
#pragma once

#include <ATen/ATen.h>

namespace vernissage::reference {

/// conv_transpose2d(x, weight, stride 2): x (N, I, H, W), weight (I, O, 3, 3) → (N, O, 2H+1, 2W+1).
/// Said as what it is, the gradient of a convolution by its input: that one oneDNN runs with matrix
/// tiles in both directions, where libtorch has plain loops for conv_transpose2d on the CPU.
at::Tensor transposed_convolution(const at::Tensor& x, const at::Tensor& weight);

/// Every channel convolved with its filter: x (N, C, H, W), filter (C, 1, K, K), zeros outside. No
/// gradient goes to the filter, which saves its second derivative, a convolution a channel.
at::Tensor filtered(const at::Tensor& x, const at::Tensor& filter, int64_t stride, int64_t padding);

}  // namespace vernissage::reference
