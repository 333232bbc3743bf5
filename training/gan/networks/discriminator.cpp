#include "training/gan/networks/discriminator.h"

#include <algorithm>
#include <cmath>

#include "training/torch/resampling.h"

namespace vernissage::training {
namespace {

constexpr double kSqrt2 = 1.4142135623730951;
constexpr double kSqrtHalf = 0.7071067811865476;

std::string block_name(int resolution) {
  return std::string("b").append(std::to_string(resolution));
}

// Runs the layers on the parameters of one network. Gains: 1/√fan-in while running, √2 after a
// leaky ReLU; both ride on weight and bias, since lrelu(√2 v) = √2 lrelu(v).
class Layers {
 public:
  Layers(const Parameters& parameters, at::ScalarType dtype)
      : parameters_(parameters), dtype_(dtype) {
    const auto taps = at::tensor({1.0, 3.0, 3.0, 1.0}, parameters.begin()->second.options());
    filter_ = at::outer(taps, taps) / 64;
  }

  void set_dtype(at::ScalarType dtype) { dtype_ = dtype; }

  at::Tensor from_rgb(const at::Tensor& images) const {
    return activated(at::conv2d(images, weight("fromrgb", kSqrt2), bias("fromrgb")));
  }
  at::Tensor convolution(const std::string& name, const at::Tensor& x) const {
    return activated(at::conv2d(x, weight(name, kSqrt2), bias(name), 1, /*padding=*/1));
  }
  // Blurred, then every second sample of the convolution. The last gain of the block comes here.
  at::Tensor halved_convolution(const std::string& name, const at::Tensor& x) const {
    const auto blurred = blur(x, /*stride=*/1, /*padding=*/2);
    return activated(
        at::conv2d(blurred, weight(name, kSqrt2 * kSqrtHalf), bias(name, kSqrtHalf), /*stride=*/2));
  }
  at::Tensor halved_skip(const std::string& name, const at::Tensor& x) const {
    return at::conv2d(blur(x, /*stride=*/2, /*padding=*/1), weight(name, kSqrtHalf));
  }
  at::Tensor dense(const std::string& name, const at::Tensor& x, bool activate) const {
    const double gain = activate ? kSqrt2 : 1;
    const auto& stored = parameters_.at(name + ".weight");
    const auto y = at::addmm(parameters_.at(name + ".bias") * gain, x,
                             stored.t() * (gain / std::sqrt(double(stored.size(1)))));
    return activate ? activated(y) : y;
  }

 private:
  // In place: nothing reads a convolution's result but its activation.
  static at::Tensor activated(at::Tensor x) { return at::leaky_relu_(x, 0.2); }
  at::Tensor weight(const std::string& name, double gain) const {
    const auto& stored = parameters_.at(name + ".weight");
    const double fan_in = double(stored.size(1) * stored.size(2) * stored.size(3));
    return (stored * (gain / std::sqrt(fan_in)))
        .to(dtype_)
        .contiguous(at::MemoryFormat::ChannelsLast);
  }
  at::Tensor bias(const std::string& name, double gain = 1) const {
    return (parameters_.at(name + ".bias") * (gain * kSqrt2)).to(dtype_);
  }
  at::Tensor blur(const at::Tensor& x, int64_t stride, int64_t padding) const {
    const auto filter = filter_.to(dtype_).expand({x.size(1), 1, 4, 4}).contiguous();
    return reference::filtered(x, filter, stride, padding);
  }

  const Parameters& parameters_;
  at::ScalarType dtype_;
  at::Tensor filter_;  // (4, 4)
};

// One more channel: the deviation over each group's samples, a pixel and channel at a time,
// averaged.
at::Tensor with_deviation(const at::Tensor& x, int group_max) {
  const int64_t n = x.size(0), group = std::min<int64_t>(group_max, n);
  const auto grouped = x.reshape({group, n / group, x.size(1), x.size(2), x.size(3)});
  const auto centred = grouped - grouped.mean({0}, /*keepdim=*/true);
  const auto deviation = (centred.square().mean({0}) + 1e-8).sqrt().mean({1, 2, 3});  // (n / group)
  const auto channel =
      deviation.repeat({group}).view({n, 1, 1, 1}).expand({n, 1, x.size(2), x.size(3)});
  return at::cat({x, channel}, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

Parameters initial_discriminator(const DiscriminatorConfig& config) {
  Parameters result;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape, bool with_bias) {
    if (with_bias) result.emplace(name + ".bias", at::zeros({shape[0]}));
    result.emplace(name + ".weight", at::randn(shape));
  };
  const size_t last = config.widths.size() - 1;
  add("fromrgb", {config.widths[last], config.image_channels, 1, 1}, true);
  for (size_t level = last; level > 0; --level) {
    const std::string name = block_name(4 << level);
    const int64_t wide = config.widths[level], next = config.widths[level - 1];
    add(name + ".conv0", {wide, wide, 3, 3}, true);
    add(name + ".conv1", {next, wide, 3, 3}, true);
    add(name + ".skip", {next, wide, 1, 1}, false);
  }
  const int64_t width = config.widths[0];
  add("b4.conv", {width, width + 1, 3, 3}, true);
  add("b4.fc", {width, width * 16}, true);
  add("b4.out", {1, width}, true);
  return result;
}

at::Tensor discriminate(const DiscriminatorConfig& config, const Parameters& parameters,
                        const at::Tensor& images, at::ScalarType dtype) {
  const at::ScalarType exact = dtype == at::kDouble ? at::kDouble : at::kFloat;
  Layers layers(parameters, dtype);
  at::Tensor x = layers.from_rgb(images.to(dtype).contiguous(at::MemoryFormat::ChannelsLast));
  for (int resolution = config.resolution; resolution > 4; resolution /= 2) {
    const std::string name = block_name(resolution);
    const auto skip = layers.halved_skip(name + ".skip", x);
    const auto y = layers.convolution(name + ".conv0", x);
    x = layers.halved_convolution(name + ".conv1", y) + skip;
  }
  layers.set_dtype(exact);
  x = layers.convolution("b4.conv", with_deviation(x.to(exact), config.group_max));
  x = layers.dense("b4.fc", x.contiguous().flatten(1), true);
  return layers.dense("b4.out", x, false).squeeze(1);
}

}  // namespace vernissage::training
