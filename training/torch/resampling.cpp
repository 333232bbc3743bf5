#include "training/torch/resampling.h"

#include <torch/csrc/autograd/custom_function.h>

namespace vernissage::reference {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kUp = 2;

// One of the gradients of conv2d(input, weight, stride, padding) for `grad`, as libtorch offers
// them.
at::Tensor gradient(const at::Tensor& grad, const at::Tensor& input, const at::Tensor& weight,
                    int64_t stride, int64_t padding, int64_t groups, bool by_input) {
  const int64_t strides[] = {stride, stride}, paddings[] = {padding, padding}, ones[] = {1, 1},
                zeros[] = {0, 0};
  const auto gradients = at::convolution_backward(
      grad, input, weight, at::OptionalIntArrayRef(), strides, paddings, /*dilation=*/ones,
      /*transposed=*/false, /*output_padding=*/zeros, groups, {by_input, !by_input, false});
  return by_input ? std::get<0>(gradients) : std::get<1>(gradients);
}

// Stands for an input that is asked for its shape alone.
at::Tensor shape_only(const at::Tensor& like, at::IntArrayRef shape) {
  return at::empty(shape, like.options().memory_format(at::MemoryFormat::ChannelsLast));
}

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

struct TransposedConvolution : torch::autograd::Function<TransposedConvolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight) {
    context->save_for_backward({x, weight});
    const auto output =
        shape_only(x, {x.size(0), weight.size(1), kUp * x.size(2) + 1, kUp * x.size(3) + 1});
    return gradient(x, output, weight, kUp, 0, 1, /*by_input=*/true);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto grad = channels_last(grads[0]);
    return {at::conv2d(grad, saved[1], {}, kUp),
            context->needs_input_grad(1)
                ? gradient(saved[0], grad, saved[1], kUp, 0, 1, /*by_input=*/false)
                : at::Tensor()};
  }
};

// The gradient of filtered() by x, a linear function of `grad`; its own gradient is filtered().
struct Spread : torch::autograd::Function<Spread> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& grad,
                            const at::Tensor& filter, int64_t height, int64_t width, int64_t stride,
                            int64_t padding) {
    context->save_for_backward({filter});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    const auto input = shape_only(grad, {grad.size(0), grad.size(1), height, width});
    return gradient(channels_last(grad), input, filter, stride, padding, grad.size(1),
                    /*by_input=*/true);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {filtered(channels_last(grads[0]), context->get_saved_variables()[0],
                     context->saved_data["stride"].toInt(), context->saved_data["padding"].toInt()),
            {},
            {},
            {},
            {},
            {}};
  }
};

struct Filtered : torch::autograd::Function<Filtered> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& filter,
                            int64_t stride, int64_t padding) {
    context->save_for_backward({filter});
    context->saved_data["height"] = x.size(2);
    context->saved_data["width"] = x.size(3);
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return at::conv2d(x, filter, {}, stride, padding, /*dilation=*/1, /*groups=*/x.size(1));
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {Spread::apply(
                grads[0], context->get_saved_variables()[0], context->saved_data["height"].toInt(),
                context->saved_data["width"].toInt(), context->saved_data["stride"].toInt(),
                context->saved_data["padding"].toInt()),
            {},
            {},
            {}};
  }
};

}  // namespace

at::Tensor transposed_convolution(const at::Tensor& x, const at::Tensor& weight) {
  return TransposedConvolution::apply(x, weight);
}

at::Tensor filtered(const at::Tensor& x, const at::Tensor& filter, int64_t stride,
                    int64_t padding) {
  return Filtered::apply(x, filter, stride, padding);
}

}  // namespace vernissage::reference
