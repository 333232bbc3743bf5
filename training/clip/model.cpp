#include "training/clip/model.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vernissage::training {
namespace {

bool ends_with(const std::string& name, const std::string& end) {
  return name.ends_with(end);
}

at::Tensor activate(ClipActivation activation, const at::Tensor& x) {
  return activation == ClipActivation::quick_gelu ? x * at::sigmoid(x * 1.702) : at::gelu(x);
}

/// `mask`: (T, T) to be added to the scores, or undefined.
at::Tensor transform(const ClipTower& tower, float eps, const ClipTensors& p,
                     const std::string& prefix, at::Tensor x, const at::Tensor& mask) {
  const int64_t n = x.size(0), t = x.size(1), w = tower.width, h = tower.heads, d = w / h;
  for (int layer = 0; layer < tower.layers; ++layer) {
    const std::string block = prefix + "resblocks." + std::to_string(layer) + ".";
    const auto at = [&](const char* name) -> const at::Tensor& { return p.at(block + name); };
    const auto y = at::layer_norm(x, {w}, at("ln_1.weight"), at("ln_1.bias"), eps);
    const auto qkv = at::linear(y, at("attn.in_proj_weight"), at("attn.in_proj_bias"));
    const auto heads =
        qkv.view({n, t, 3, h, d}).permute({2, 0, 3, 1, 4}).contiguous().view({3, n * h, t, d});
    auto scores =
        at::bmm(heads[0] * (1 / std::sqrt(static_cast<double>(d))), heads[1].transpose(1, 2));
    if (mask.defined()) scores = scores + mask;
    const auto seen = at::bmm(at::softmax(scores, -1), heads[2]);
    const auto joined = seen.view({n, h, t, d}).permute({0, 2, 1, 3}).reshape({n, t, w});
    x = x + at::linear(joined, at("attn.out_proj.weight"), at("attn.out_proj.bias"));
    const auto z = at::layer_norm(x, {w}, at("ln_2.weight"), at("ln_2.bias"), eps);
    const auto wide =
        activate(tower.activation, at::linear(z, at("mlp.c_fc.weight"), at("mlp.c_fc.bias")));
    x = x + at::linear(wide, at("mlp.c_proj.weight"), at("mlp.c_proj.bias"));
  }
  return x;
}

at::Tensor unit(const at::Tensor& x) {
  return x / x.norm(2, -1, true);
}

}  // namespace

ClipTensors new_parameters(const ClipConfig& config) {
  ClipTensors tensors;
  for (const ParameterSpec& spec : parameters(config)) {
    const std::string& name = spec.name;
    const bool visual = name.starts_with("visual.");
    const ClipTower& tower = visual ? config.vision : config.text;
    const double width = tower.width, depth = std::sqrt(2.0 * tower.layers);
    double scale = 1 / std::sqrt(width);
    if (ends_with(name, "out_proj.weight") || ends_with(name, "c_proj.weight"))
      scale /= depth;
    else if (ends_with(name, "c_fc.weight"))
      scale /= std::sqrt(2.0);
    else if (name == "visual.conv1.weight")
      scale = 1 / std::sqrt(3.0 * config.patch_size * config.patch_size);
    else if (name == "token_embedding.weight")
      scale = 0.02;
    else if (ends_with(name, "positional_embedding"))
      scale = visual ? scale : 0.01;
    at::Tensor value;
    if (name == "logit_scale")
      value = at::full({}, std::log(1 / 0.07));
    else if (ends_with(name, "bias"))
      value = at::zeros(spec.shape);
    else if (spec.shape.size() == 1 && ends_with(name, "weight"))
      value = at::ones(spec.shape);  // layer norms
    else
      value = at::randn(spec.shape) * scale;
    tensors.emplace(name, value.to(at::kFloat).view(spec.shape).contiguous());
  }
  return tensors;
}

ClipTensors tensors_of(const ClipNetwork& network) {
  ClipTensors tensors;
  for (const auto& [name, tensor] : network.parameters)
    tensors.emplace(name,
                    at::tensor(at::ArrayRef<float>(tensor.values)).view(tensor.shape).clone());
  return tensors;
}

ClipNetwork network_of(const ClipConfig& config, const std::vector<std::string>& merges,
                       const ClipTensors& tensors) {
  ClipNetwork network;
  network.config = config;
  network.merges = merges;
  for (const auto& [name, tensor] : tensors) {
    const auto flat = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    Tensor& stored = network.parameters[name];
    stored.shape.assign(flat.sizes().begin(), flat.sizes().end());
    stored.values.assign(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  }
  check(network);
  return network;
}

at::Tensor embed_pictures(const ClipConfig& config, const ClipTensors& p,
                          const at::Tensor& pictures) {
  const int64_t n = pictures.size(0), side = config.patch_size, across = config.image_size / side,
                w = config.vision.width;
  const auto mean =
      at::tensor(at::ArrayRef<float>(config.mean)).to(pictures.device()).view({1, 3, 1, 1});
  const auto deviation =
      at::tensor(at::ArrayRef<float>(config.std_dev)).to(pictures.device()).view({1, 3, 1, 1});
  const auto patches = ((pictures - mean) / deviation)
                           .view({n, 3, across, side, across, side})
                           .permute({0, 2, 4, 1, 3, 5})
                           .reshape({n, across * across, 3 * side * side});
  auto x = at::linear(patches, p.at("visual.conv1.weight").reshape({w, 3 * side * side}));
  x = at::cat({p.at("visual.class_embedding").view({1, 1, w}).expand({n, 1, w}), x}, 1) +
      p.at("visual.positional_embedding");
  x = at::layer_norm(x, {w}, p.at("visual.ln_pre.weight"), p.at("visual.ln_pre.bias"),
                     config.layer_norm_eps);
  x = transform(config.vision, config.layer_norm_eps, p, "visual.transformer.", x, {});
  x = at::layer_norm(x.select(1, 0), {w}, p.at("visual.ln_post.weight"),
                     p.at("visual.ln_post.bias"), config.layer_norm_eps);
  return unit(at::matmul(x, p.at("visual.proj")));
}

at::Tensor embed_texts(const ClipConfig& config, const ClipTensors& p, const at::Tensor& tokens) {
  const int64_t n = tokens.size(0), t = tokens.size(1), w = config.text.width;
  auto x = p.at("token_embedding.weight").index_select(0, tokens.reshape({-1})).view({n, t, w}) +
           p.at("positional_embedding").slice(0, 0, t);
  const auto later = at::full({t, t}, -1e9f, x.options()).triu(1);
  x = transform(config.text, config.layer_norm_eps, p, "transformer.", x, later);
  const auto ends =
      tokens.argmax(1) + at::arange(n, tokens.options()) * t;  // the end has the largest id
  x = x.reshape({n * t, w}).index_select(0, ends);
  x = at::layer_norm(x, {w}, p.at("ln_final.weight"), p.at("ln_final.bias"), config.layer_norm_eps);
  return unit(at::matmul(x, p.at("text_projection")));
}

at::Tensor padded(const std::vector<std::vector<int64_t>>& texts) {
  size_t longest = 1;
  for (const auto& text : texts) longest = std::max(longest, text.size());
  auto tokens =
      at::zeros({static_cast<int64_t>(texts.size()), static_cast<int64_t>(longest)}, at::kLong);
  for (size_t i = 0; i < texts.size(); ++i)
    std::copy(texts[i].begin(), texts[i].end(), tokens.data_ptr<int64_t>() + i * longest);
  return tokens;
}

at::Tensor contrastive_loss(const at::Tensor& pictures, const at::Tensor& texts,
                            const at::Tensor& tokens, const at::Tensor& logit_scale) {
  const auto logits = logit_scale.exp() * at::matmul(pictures, texts.t());
  const auto same = (tokens.unsqueeze(0) == tokens.unsqueeze(1)).all(2).to(at::kFloat);
  const auto share = same / same.sum(1, true);
  const auto by_row = -(share * at::log_softmax(logits, 1)).sum(1).mean();
  const auto by_column = -(share * at::log_softmax(logits.t(), 1)).sum(1).mean();
  return (by_row + by_column) / 2;
}

}  // namespace vernissage::training
