#include "training/torch/stylegan2_torch.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

#include "base/error.h"
#include "training/torch/resampling.h"

namespace vernissage::reference {
namespace {

constexpr double kSqrt2 = 1.4142135623730951;
constexpr double kEpsilon = 1e-8;

std::string block_name(int resolution) {
  return "synthesis.b" + std::to_string(resolution);
}

// x · rsqrt(mean(x²) + 1e-8) over the features.
at::Tensor normalized(const at::Tensor& x) {
  return x * (x.square().mean({1}, /*keepdim=*/true) + kEpsilon).rsqrt();
}

}  // namespace

at::Tensor rgb8(const at::Tensor& image) {
  return (image * 127.5 + 128).clamp_(0, 255).to(at::kByte).permute({0, 2, 3, 1}).contiguous();
}

TorchGenerator::TorchGenerator(const Network& network, at::Device device, at::ScalarType dtype)
    : TorchGenerator(
          network.config,
          [&](const std::string& name) {
            const Tensor& tensor = network.at(name);
            const auto host =
                at::from_blob(const_cast<float*>(tensor.values.data()), tensor.shape, at::kFloat);
            return host.to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
          },
          dtype) {}

TorchGenerator::TorchGenerator(const NetworkConfig& config, const ParameterLookup& parameter,
                               at::ScalarType dtype)
    : dtype_(dtype), exact_(dtype == at::kDouble ? at::kDouble : at::kFloat), config_(config) {
  if (config_.architecture != Architecture::skip)
    throw Error(std::string("the libtorch reference runs architecture skip, not ") +
                architecture_name(config_.architecture));
  if (config_.activation != Activation::lrelu || config_.mapping_activation != Activation::lrelu)
    throw Error("the libtorch reference runs activation lrelu only");

  const double m = config_.mapping_lr_multiplier;
  if (config_.c_dim > 0) {
    const auto weight = parameter("mapping.embed.weight");
    embed_ = Dense{weight / std::sqrt(double(config_.c_dim)), parameter("mapping.embed.bias")};
  }
  for (size_t i = 0; i < config_.mapping_widths.size(); ++i) {
    const std::string name = "mapping.fc" + std::to_string(i);
    const auto weight = parameter(name + ".weight");
    // √2, the gain of lrelu, moved before the activation: lrelu(√2 v) = √2 lrelu(v).
    mapping_.push_back({weight * (kSqrt2 * m / std::sqrt(double(weight.size(1)))),
                        parameter(name + ".bias") * (kSqrt2 * m)});
  }

  constant_ = parameter(block_name(4) + ".const").unsqueeze(0).to(dtype_);
  int w_index = 0;
  for (int resolution = 4; resolution <= config_.resolution; resolution *= 2) {
    const std::string name = block_name(resolution);
    Block block;
    if (resolution > 4) block.conv0 = convolution(parameter, name + ".conv0", w_index++, true);
    block.conv1 = convolution(parameter, name + ".conv1", w_index++, false);
    block.to_rgb = to_rgb(parameter, name + ".torgb", w_index);  // shares its w with the next conv0
    blocks_.push_back(std::move(block));
  }
  if (config_.resolution > 4) {
    // The filter spread over the four output phases: phase (p, q) sees 2x2 inputs, tap (a, b) of
    // them with weight filter(2+p-2a, 2+q-2b). Source: the transposed convolution, written out.
    const auto filter = parameter(block_name(8) + ".resample_filter").cpu() * 4;
    auto phases = at::empty({2, 2, 2, 2}, filter.options());
    for (int p = 0; p < 2; ++p)
      for (int q = 0; q < 2; ++q)
        for (int a = 0; a < 2; ++a)
          for (int b = 0; b < 2; ++b)
            phases[p][q][a][b].copy_(filter[2 + p - 2 * a][2 + q - 2 * b]);
    image_filter_ = phases.reshape({4, 1, 2, 2})
                        .repeat({config_.image_channels, 1, 1, 1})
                        .to(constant_.device());
  }
}

TorchGenerator::Affine TorchGenerator::affine(const ParameterLookup& parameter,
                                              const std::string& name, int w_index) const {
  const auto weight = parameter(name + ".affine.weight");
  return {w_index, {weight / std::sqrt(double(weight.size(1))), parameter(name + ".affine.bias")}};
}

TorchGenerator::Convolution TorchGenerator::convolution(const ParameterLookup& parameter,
                                                        const std::string& name, int w_index,
                                                        bool up) const {
  Convolution layer;
  layer.up = up;
  layer.affine = affine(parameter, name, w_index);
  auto weight = parameter(name + ".weight");
  if (dtype_ == at::kHalf) {
    // The official guard against overflow in half; any factor on W[o] cancels in the demodulation.
    const double fan_in = double(weight.size(1) * weight.size(2) * weight.size(3));
    weight = weight / (weight.abs().amax({1, 2, 3}, true) * std::sqrt(fan_in));
  }
  layer.squares = weight.square().sum({2, 3});
  if (up) {
    weight = weight.transpose(0, 1);
    const auto filter = parameter(name + ".resample_filter").flip({0, 1}) * 4;
    layer.filter = filter.repeat({weight.size(1), 1, 1, 1}).to(dtype_);
  }
  layer.weight = weight.to(dtype_).contiguous(at::MemoryFormat::ChannelsLast);
  layer.bias = (parameter(name + ".bias") * kSqrt2).view({1, -1, 1, 1}).to(dtype_);
  if (config_.use_noise) {
    layer.strength = parameter(name + ".noise_strength") * kSqrt2;
    const auto noise = parameter(name + ".noise_const");
    layer.noise = (noise * layer.strength).unsqueeze(0).unsqueeze(0).to(dtype_);
  }
  return layer;
}

TorchGenerator::ToRgb TorchGenerator::to_rgb(const ParameterLookup& parameter,
                                             const std::string& name, int w_index) const {
  const auto weight = parameter(name + ".weight").flatten(1);
  return {affine(parameter, name, w_index), weight / std::sqrt(double(weight.size(1))),
          parameter(name + ".bias")};
}

at::Tensor TorchGenerator::map(const at::Tensor& z, const at::Tensor& c) const {
  at::Tensor x = normalized(z);
  if (embed_) x = at::cat({x, normalized(at::addmm(embed_->bias, c, embed_->weight.t()))}, 1);
  for (const Dense& layer : mapping_)
    x = at::leaky_relu(at::addmm(layer.bias, x, layer.weight.t()), 0.2);
  return x;
}

at::Tensor TorchGenerator::run(const Convolution& layer, at::Tensor x, const at::Tensor& ws,
                               const at::Tensor& noise) const {
  const bool in_place = !at::GradMode::is_enabled();  // what gradients need must stay as it is
  const Dense& dense = layer.affine.dense;
  at::Tensor style = at::addmm(dense.bias, ws.select(1, layer.affine.w_index), dense.weight.t());
  if (dtype_ == at::kHalf) style = style / style.abs().amax({1}, true);
  // √2, the gain of lrelu, rides on d, noise and bias.
  const auto d = (at::mm(style.square(), layer.squares.t()) + kEpsilon).rsqrt() * kSqrt2;

  const auto scale = style.to(dtype_).unsqueeze(2).unsqueeze(3);
  const auto demodulation = d.to(dtype_).unsqueeze(2).unsqueeze(3);
  x = in_place ? x.mul_(scale) : x * scale;
  at::Tensor y;
  if (layer.up) {
    y = filtered(transposed_convolution(x, layer.weight), layer.filter, /*stride=*/1,
                 /*padding=*/1);
  } else {
    y = at::conv2d(x, layer.weight, {}, /*stride=*/1, /*padding=*/1);
  }
  const auto added = noise.defined() ? (noise * layer.strength).to(dtype_) : layer.noise;
  if (in_place) {
    at::addcmul_out(y, layer.bias, y, demodulation);
    if (added.defined()) y.add_(added);
    at::leaky_relu_(y, 0.2);
    if (config_.conv_clamp >= 0) y.clamp_(-config_.conv_clamp, config_.conv_clamp);
    return y;
  }
  y = y * demodulation;
  y.add_(layer.bias);  // in place, as the gradient of a product asks for its factors alone
  if (added.defined()) y.add_(added);
  at::leaky_relu_(y, 0.2);
  return config_.conv_clamp >= 0 ? y.clamp(-config_.conv_clamp, config_.conv_clamp) : y;
}

at::Tensor TorchGenerator::run(const ToRgb& layer, const at::Tensor& x,
                               const at::Tensor& ws) const {
  const Dense& dense = layer.affine.dense;
  const auto style = at::addmm(dense.bias, ws.select(1, layer.affine.w_index), dense.weight.t());
  // Three rows a sample: folding the style into them is cheaper than a pass over x.
  const auto weight = (layer.weight.unsqueeze(0) * style.unsqueeze(1)).to(dtype_);  // (N, 3, I)
  const auto pixels =
      x.permute({0, 2, 3, 1}).flatten(1, 2);  // (N, H·W, I), a view when channels_last
  at::Tensor rgb = at::bmm(pixels, weight.transpose(1, 2)).to(exact_) + layer.bias;
  if (config_.conv_clamp >= 0) rgb = rgb.clamp(-config_.conv_clamp, config_.conv_clamp);
  return rgb.transpose(1, 2).reshape({x.size(0), layer.weight.size(0), x.size(2), x.size(3)});
}

at::Tensor TorchGenerator::upsample(const at::Tensor& image) const {
  const int64_t side = image.size(2);
  // Padded by one on each side there are (side+1)² windows of 2x2, each with four phases: pixels 2i
  // and 2i+1 of a row are phase 1 of window i and phase 0 of window i+1. Shuffled, they lie in
  // order within a rim of one.
  const auto phases = at::conv2d(image, image_filter_, {}, 1, /*padding=*/1, 1, image.size(1));
  return at::pixel_shuffle(phases, 2).slice(2, 1, 2 * side + 1).slice(3, 1, 2 * side + 1);
}

at::Tensor TorchGenerator::synthesize(const at::Tensor& ws,
                                      const std::vector<at::Tensor>& noise) const {
  at::Tensor x = constant_.repeat({ws.size(0), 1, 1, 1}).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor image;
  size_t layer = 0;
  const auto next_noise = [&] { return noise.empty() ? at::Tensor() : noise.at(layer++); };
  for (const Block& block : blocks_) {
    if (block.conv0) x = run(*block.conv0, x, ws, next_noise());
    x = run(block.conv1, x, ws, next_noise());
    const auto rgb = run(block.to_rgb, x, ws);
    image = image.defined() ? upsample(image) + rgb : rgb;
  }
  return image.contiguous();
}

}  // namespace vernissage::reference
