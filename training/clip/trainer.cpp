#include "training/clip/trainer.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "base/error.h"
#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.98, kEpsilon = 1e-6;  // Radford et al. 2021, table 18
constexpr double kScaleMax = 100;  // of exp(logit_scale); ibid., section 2.5
constexpr int kWordings = 2;       // captions of a picture in one step
constexpr uint64_t kSeed = 20;

at::Tensor chosen(int64_t n, double share) {
  return (at::rand({n, 1, 1, 1}) < share).to(at::kFloat);
}

}  // namespace

at::Tensor weathered(const at::Tensor& rgb) {
  const int64_t n = rgb.size(0);
  auto x = rgb.permute({0, 3, 1, 2}).to(at::kFloat).div(255);
  const auto mirror = chosen(n, 0.5);
  x = mirror * x.flip(3) + (1 - mirror) * x;
  const auto blurred = at::avg_pool2d(x, 3, 1, 1, false, /*count_include_pad=*/false);
  const auto more = at::avg_pool2d(blurred, 3, 1, 1, false, false);
  const auto soft = chosen(n, 0.4) * at::rand({n, 1, 1, 1}),
             softer = chosen(n, 0.2) * at::rand({n, 1, 1, 1});
  x = x + soft * (blurred - x);
  x = x + softer * (more - x);
  x = x * (1 + 0.12 * (at::rand({n, 3, 1, 1}) - 0.5)) + 0.1 * (at::rand({n, 1, 1, 1}) - 0.5);
  x = x + chosen(n, 0.4) * at::rand({n, 1, 1, 1}) * 0.06 * at::randn_like(x);
  return x.clamp(0, 1);
}

CuratorTrainer::CuratorTrainer(const CuratorOptions& options, std::vector<std::string> merges)
    : options_(options), merges_(std::move(merges)) {
  options_.config.vocabulary = static_cast<int>(BytePairs::vocabulary(merges_.size()));
  words_.emplace(merges_, options_.config.context);
  at::manual_seed(kSeed);
  parameters_ = new_parameters(options_.config);
  for (auto& [name, tensor] : parameters_) {
    tensor = tensor.to(options_.device);
    tensor.requires_grad_();
    means_.emplace(name, at::zeros_like(tensor.detach()));
    squares_.emplace(name, at::zeros_like(tensor.detach()));
  }
}

CuratorTrainer::CuratorTrainer(const CuratorOptions& options, std::vector<std::string> merges,
                               const ClipNetwork& from)
    : CuratorTrainer(options, std::move(merges)) {
  if (from.merges.size() > merges_.size() ||
      !std::equal(from.merges.begin(), from.merges.end(), merges_.begin()))
    throw Error("the network to begin with has other merges");
  const at::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : tensors_of(from)) {
    const auto found = parameters_.find(name);
    if (found == parameters_.end())
      throw Error("the network to begin with has a tensor that the options have not: " + name);
    const at::Tensor target = found->second.detach();
    if (name == "token_embedding.weight") {
      // Bytes and merges keep their rows; start and end are the last two.
      const int64_t kept = tensor.size(0) - 2, last = target.size(0) - 2;
      target.slice(0, 0, kept).copy_(tensor.slice(0, 0, kept));
      target.slice(0, last, last + 2).copy_(tensor.slice(0, kept, kept + 2));
    } else if (tensor.sizes() == target.sizes()) {
      target.copy_(tensor);
    } else {
      throw Error("the network to begin with: " + name + ": expected shape " +
                  shape_text(target.sizes().vec()) + ", got " + shape_text(tensor.sizes().vec()));
    }
  }
}

CuratorTrainer::Step CuratorTrainer::step(const at::Tensor& rgb) {
  VERNISSAGE_ASSERT(rgb.size(0) == options_.batch);
  const auto first = static_cast<uint64_t>(images_seen_);
  at::manual_seed(mixed(first + kSeed));
  const int64_t picture_bytes = rgb.size(1) * rgb.size(2) * 3;
  std::vector<std::vector<int64_t>> texts[kWordings];
  for (int i = 0; i < options_.batch; ++i) {
    const std::span<const uint8_t> picture(rgb.data_ptr<uint8_t>() + i * picture_bytes,
                                           static_cast<size_t>(picture_bytes));
    for (uint64_t k = 0; k < kWordings; ++k)
      texts[k].push_back(
          words_->encode(options_.pictures.caption(first + static_cast<uint64_t>(i), picture, k)));
  }

  const auto pictures =
      embed_pictures(options_.config, parameters_, weathered(rgb).to(options_.device));
  at::Tensor loss = at::zeros({}, pictures.options());
  for (const auto& wording : texts) {
    const auto tokens = padded(wording).to(options_.device);
    const auto embedded = embed_texts(options_.config, parameters_, tokens);
    loss = loss +
           contrastive_loss(pictures, embedded, tokens, parameters_.at("logit_scale")) / kWordings;
  }
  std::vector<at::Tensor> variables;
  for (const auto& [name, tensor] : parameters_) variables.push_back(tensor);
  const auto gradients = torch::autograd::grad({loss}, variables);

  Step result;
  const auto seen = static_cast<double>(images_seen_),
             warmup = static_cast<double>(options_.warmup_images);
  const double along = std::min(
      1.0, std::max(0.0, (seen - warmup) / (static_cast<double>(options_.images) - warmup)));
  result.rate = options_.rate * (seen < warmup ? (seen + options_.batch) / warmup
                                               : 0.5 * (1 + std::cos(std::numbers::pi * along)));
  update(gradients, result.rate);
  images_seen_ += options_.batch;
  result.loss = loss.item<double>();
  result.scale = std::exp(parameters_.at("logit_scale").item<double>());
  return result;
}

void CuratorTrainer::update(const std::vector<at::Tensor>& gradients, double rate) {
  // AdamW. Source: Loshchilov and Hutter 2019, algorithm 2.
  const at::NoGradGuard no_gradients;
  const auto steps = static_cast<double>(images_seen_ / options_.batch + 1);
  const double first = 1 - std::pow(kBeta1, steps), second = std::sqrt(1 - std::pow(kBeta2, steps));
  size_t index = 0;
  for (auto& [name, tensor] : parameters_) {
    const at::Tensor& gradient = gradients[index++];
    at::Tensor &mean = means_.at(name), &square_mean = squares_.at(name), value = tensor.detach();
    mean.mul_(kBeta1).add_(gradient, 1 - kBeta1);
    square_mean.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    if (tensor.dim() >= 2) value.mul_(1 - rate * options_.weight_decay);
    value.addcdiv_(mean, (square_mean.sqrt() / second).add_(kEpsilon), -rate / first);
  }
  parameters_.at("logit_scale").detach().clamp_max_(std::log(kScaleMax));
}

std::map<std::string, std::string> CuratorTrainer::told() const {
  const ClipConfig& c = options_.config;
  char text[300];
  std::snprintf(text, sizeof text,
                "image %d patch %d vision %dx%d/%d text %dx%d/%d embedding %d context %d batch %d "
                "rate %g decay %g data %.80s",
                c.image_size, c.patch_size, c.vision.width, c.vision.layers, c.vision.heads,
                c.text.width, c.text.layers, c.text.heads, c.embedding, c.context, options_.batch,
                options_.rate, options_.weight_decay, options_.pictures.name.c_str());
  std::string table;
  for (const std::string& merge : merges_) table += merge + "\n";
  return {{"training", "curator"},
          {"options", text},
          {"merges", table},
          {"images_seen", std::to_string(images_seen_)}};
}

StoredState CuratorTrainer::state() const {
  StoredState stored;
  stored.metadata = told();
  for (const auto& [name, tensor] : parameters_) {
    stored.tensors.emplace("value." + name, tensor.detach().cpu());
    stored.tensors.emplace("mean." + name, means_.at(name).cpu());
    stored.tensors.emplace("square." + name, squares_.at(name).cpu());
  }
  return stored;
}

CuratorTrainer::CuratorTrainer(const CuratorOptions& options, const StoredState& stored)
    : CuratorTrainer(options, [&stored] {
        const auto table = stored.metadata.find("merges");
        if (table == stored.metadata.end()) throw Error("the stored state is not of a curator");
        std::vector<std::string> merges;
        for (size_t begin = 0, end; (end = table->second.find('\n', begin)) != std::string::npos;
             begin = end + 1)
          merges.push_back(table->second.substr(begin, end - begin));
        return merges;
      }()) {
  const std::string now = told().at("options"), then = stored.metadata.at("options");
  if (now != then)
    throw Error("the stored training has other options: " + then + "; asked for: " + now);
  images_seen_ = std::stoll(stored.metadata.at("images_seen"));
  const at::NoGradGuard no_gradients;
  for (auto& [name, tensor] : parameters_)
    for (const auto& [prefix, target] : {std::pair{"value.", tensor.detach()},
                                         {"mean.", means_.at(name)},
                                         {"square.", squares_.at(name)}}) {
      const auto found = stored.tensors.find(prefix + name);
      if (found == stored.tensors.end() || found->second.sizes() != target.sizes())
        throw Error("the stored training: " + (prefix + name) + " is missing or of another shape");
      target.copy_(found->second);
    }
}

}  // namespace vernissage::training
