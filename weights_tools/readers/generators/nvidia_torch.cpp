#include "weights_tools/readers/generators/nvidia_torch.h"

#include <bit>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "weights_tools/containers/torch_module.h"
#include "weights_tools/containers/torch_stream.h"
#include "weights_tools/readers/generators/completion.h"
#include "weights_tools/readers/generators/state_dict.h"

namespace vernissage {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& reason) {
  throw Error(what + ": " + reason);
}

std::string block_name(int resolution) {
  return std::string("b").append(std::to_string(resolution));
}

template <class T>
void expect_equal(const std::string& what, const T& actual, const T& expected) {
  if (actual == expected) return;
  if constexpr (std::is_same_v<T, std::string_view>) {
    refuse(what, "\"" + printable(actual) + "\", expected \"" + std::string(expected) + "\"");
  } else {
    refuse(what, std::to_string(actual) + ", expected " + std::to_string(expected));
  }
}

// Gains are stored as the products of a few float64 operations: 1e-6 is far above their rounding
// and far below any other gain.
void expect_gain(const std::string& what, double actual, double expected) {
  if (!(std::abs(actual - expected) <= 1e-6 * std::abs(expected))) {
    refuse(what, std::to_string(actual) + ", expected " + std::to_string(expected));
  }
}

Activation to_activation(const TorchModule& layer) {
  try {
    return activation_from_name(printable(layer.text("activation")));
  } catch (const Error& error) {
    refuse(layer.path(), error.what());
  }
}
Architecture to_architecture(const TorchModule& block) {
  try {
    return architecture_from_name(printable(block.text("architecture")));
  } catch (const Error& error) {
    refuse(block.path(), error.what());
  }
}

/// One value that every layer must share.
template <class T>
class Shared {
 public:
  void set(const std::string& what, const T& value) {
    if (!value_) {
      value_ = value;
    } else if (!(*value_ == value)) {
      refuse(what, "differs from the other layers; a network of one kind is expected");
    }
  }
  const T& get(const std::string& what) const {
    if (!value_) refuse(what, "no layer states it");
    return *value_;
  }

 private:
  std::optional<T> value_;
};

class Reader {
 public:
  Reader(const PickleValue& value, const std::string& path, const StorageReader& storage,
         uint64_t file_bytes)
      : storage_(storage), builder_(file_bytes), generator_(value, path) {}

  void read(Checkpoint& checkpoint);

 private:
  void refuse_other_families() const;
  void read_dimensions(const TorchModule& mapping, const TorchModule& synthesis);
  void read_mapping(const TorchModule& mapping);
  void read_synthesis(const TorchModule& synthesis);
  void read_block(const TorchModule& block, int resolution);
  void read_layer(const TorchModule& layer, const std::string& name, int resolution, int up);
  void read_to_rgb(const TorchModule& torgb, const std::string& name);
  void read_skip(const TorchModule& skip, const std::string& name);
  void read_affine(const TorchModule& layer, const std::string& name, int channels);
  double read_dense(const TorchModule& dense, const std::string& name);
  void add_tensors(const TorchModule& module, const std::string& name);
  void note_clamp(const TorchModule& layer);

  const StorageReader& storage_;
  NetworkBuilder builder_;
  TorchModule generator_;
  NetworkConfig config_;
  Shared<Architecture> architecture_;
  Shared<Activation> activation_;
  Shared<double> clamp_;
  Shared<bool> use_noise_;
};

// Generators of the other families carry the same class name; their parts tell them apart.
void Reader::refuse_other_families() const {
  generator_.expect_class("Generator");
  const TorchModule synthesis = generator_.child("synthesis");
  if (synthesis.has_child("input") || synthesis.has("num_critical")) {
    refuse(synthesis.path(), "a StyleGAN3 network; only StyleGAN2 is read");
  }
  synthesis.expect_class("SynthesisNetwork");
}

void Reader::read_dimensions(const TorchModule& mapping, const TorchModule& synthesis) {
  config_.z_dim = generator_.integer("z_dim");
  config_.c_dim = generator_.integer("c_dim");
  config_.w_dim = generator_.integer("w_dim");
  config_.resolution = generator_.integer("img_resolution");
  config_.image_channels = generator_.integer("img_channels");
  constexpr int kResolutionMax = 4096;
  if (config_.resolution < 4 || config_.resolution > kResolutionMax ||
      !std::has_single_bit(static_cast<unsigned>(config_.resolution))) {
    refuse(generator_.path() + ".img_resolution",
           std::to_string(config_.resolution) + ", expected a power of two from 4 to 4096");
  }
  expect_equal(mapping.path() + ".z_dim", mapping.integer("z_dim"), config_.z_dim);
  expect_equal(mapping.path() + ".c_dim", mapping.integer("c_dim"), config_.c_dim);
  expect_equal(mapping.path() + ".w_dim", mapping.integer("w_dim"), config_.w_dim);
  expect_equal(synthesis.path() + ".w_dim", synthesis.integer("w_dim"), config_.w_dim);
  expect_equal(synthesis.path() + ".img_resolution", synthesis.integer("img_resolution"),
               config_.resolution);
  expect_equal(synthesis.path() + ".img_channels", synthesis.integer("img_channels"),
               config_.image_channels);
  expect_equal(generator_.path() + ".num_ws", generator_.integer("num_ws"), config_.num_ws());
}

void Reader::read_mapping(const TorchModule& mapping) {
  mapping.expect_class("MappingNetwork");
  add_tensors(mapping, "mapping");
  const int layers = mapping.integer("num_layers");
  size_t children = static_cast<size_t>(layers);
  if (config_.c_dim > 0) {
    const TorchModule embed = mapping.child("embed");
    ++children;
    expect_equal<std::string_view>(embed.path() + ".activation", embed.text("activation"),
                                   "linear");
    expect_gain(embed.path() + ".bias_gain", read_dense(embed, "mapping.embed"), 1);
    config_.embed_features = builder_.size("mapping.embed.weight", 2, 0);
  }
  expect_equal(mapping.path() + ": number of layers", mapping.children().size(), children);
  Shared<double> multiplier;
  Shared<Activation> activation;
  for (int i = 0; i < layers; ++i) {
    const std::string part = std::string("fc").append(std::to_string(i));
    const TorchModule dense = mapping.child(part);
    multiplier.set(dense.path() + ".bias_gain", read_dense(dense, "mapping." + part));
    activation.set(dense.path() + ".activation", to_activation(dense));
    config_.mapping_widths.push_back(builder_.size("mapping." + part + ".weight", 2, 0));
  }
  config_.mapping_lr_multiplier = static_cast<float>(multiplier.get(mapping.path() + ".fc0"));
  config_.mapping_activation = activation.get(mapping.path() + ".fc0");
}

/// Adds a dense layer's tensors and returns its learning-rate multiplier, which is its bias gain.
double Reader::read_dense(const TorchModule& dense, const std::string& name) {
  dense.expect_class("FullyConnectedLayer");
  add_tensors(dense, name);
  const double multiplier = dense.number("bias_gain");
  const int inputs = builder_.size(name + ".weight", 2, 1);
  expect_gain(dense.path() + ".weight_gain", dense.number("weight_gain"),
              multiplier / std::sqrt(inputs));
  return multiplier;
}

void Reader::read_synthesis(const TorchModule& synthesis) {
  add_tensors(synthesis, "synthesis");
  expect_equal(synthesis.path() + ": number of blocks", synthesis.children().size(),
               static_cast<size_t>(config_.block_count()));
  for (int resolution = 4; resolution <= config_.resolution; resolution *= 2) {
    read_block(synthesis.child(block_name(resolution)), resolution);
  }
  const std::string what = synthesis.path();
  config_.architecture = architecture_.get(what + ".architecture");
  config_.activation = activation_.get(what + ".activation");
  config_.conv_clamp = static_cast<float>(clamp_.get(what + ".conv_clamp"));
  config_.use_noise = use_noise_.get(what + ".use_noise");
}

void Reader::read_block(const TorchModule& block, int resolution) {
  block.expect_class("SynthesisBlock");
  const std::string name = "synthesis." + block_name(resolution);
  const bool first = resolution == 4;
  const bool last = resolution == config_.resolution;
  add_tensors(block, name);
  expect_equal(block.path() + ".resolution", block.integer("resolution"), resolution);
  expect_equal(block.path() + ".img_channels", block.integer("img_channels"),
               config_.image_channels);
  expect_equal<int>(block.path() + ".is_last", block.boolean("is_last"), last);
  const Architecture architecture = to_architecture(block);
  architecture_.set(block.path() + ".architecture", architecture);
  const bool has_torgb = last || architecture == Architecture::skip;
  const bool has_skip = !first && architecture == Architecture::resnet;
  expect_equal(block.path() + ".num_conv", block.integer("num_conv"), first ? 1 : 2);
  expect_equal(block.path() + ".num_torgb", block.integer("num_torgb"), has_torgb ? 1 : 0);
  expect_equal<size_t>(block.path() + ": number of layers", block.children().size(),
                       (first ? 1 : 2) + has_torgb + has_skip);
  if (block.boolean("use_fp16")) {
    ++config_.half_resolutions;
  } else if (config_.half_resolutions > 0) {
    refuse(block.path() + ".use_fp16",
           "False above a block with True; fp16 is for the top resolutions");
  }
  if (!first) read_layer(block.child("conv0"), name + ".conv0", resolution, 2);
  read_layer(block.child("conv1"), name + ".conv1", resolution, 1);
  config_.widths.push_back(builder_.size(name + ".conv1.weight", 4, 0));
  if (has_torgb) read_to_rgb(block.child("torgb"), name + ".torgb");
  if (has_skip) read_skip(block.child("skip"), name + ".skip");
}

void Reader::read_layer(const TorchModule& layer, const std::string& name, int resolution, int up) {
  layer.expect_class("SynthesisLayer");
  add_tensors(layer, name);
  expect_equal(layer.path() + ".resolution", layer.integer("resolution"), resolution);
  expect_equal(layer.path() + ".up", layer.integer("up"), up);
  expect_equal(layer.path() + ".padding", layer.integer("padding"), 1);
  const Activation activation = to_activation(layer);
  activation_.set(layer.path() + ".activation", activation);
  expect_gain(layer.path() + ".act_gain", layer.number("act_gain"), activation_gain(activation));
  use_noise_.set(layer.path() + ".use_noise", layer.boolean("use_noise"));
  note_clamp(layer);
  read_affine(layer, name, builder_.size(name + ".weight", 4, 1));
}

void Reader::read_to_rgb(const TorchModule& torgb, const std::string& name) {
  torgb.expect_class("ToRGBLayer");
  add_tensors(torgb, name);
  note_clamp(torgb);
  const int inputs = builder_.size(name + ".weight", 4, 1);
  expect_gain(torgb.path() + ".weight_gain", torgb.number("weight_gain"), 1 / std::sqrt(inputs));
  read_affine(torgb, name, inputs);
}

void Reader::read_skip(const TorchModule& skip, const std::string& name) {
  skip.expect_class("Conv2dLayer");
  add_tensors(skip, name);
  expect_equal(skip.path() + ".up", skip.integer("up"), 2);
  expect_equal<std::string_view>(skip.path() + ".activation", skip.text("activation"), "linear");
  if (!skip.attribute("conv_clamp").is_none()) refuse(skip.path() + ".conv_clamp", "expected None");
  expect_gain(skip.path() + ".act_gain", skip.number("act_gain"), 1);
  const int inputs = builder_.size(name + ".weight", 4, 1);
  expect_gain(skip.path() + ".weight_gain", skip.number("weight_gain"), 1 / std::sqrt(inputs));
}

void Reader::read_affine(const TorchModule& layer, const std::string& name, int channels) {
  expect_equal<size_t>(layer.path() + ": number of children", layer.children().size(), 1);
  const TorchModule affine = layer.child("affine");
  expect_equal<std::string_view>(affine.path() + ".activation", affine.text("activation"),
                                 "linear");
  expect_gain(affine.path() + ".bias_gain", read_dense(affine, name + ".affine"), 1);
  expect_equal(affine.path() + ": outputs", builder_.size(name + ".affine.weight", 2, 0), channels);
}

void Reader::note_clamp(const TorchModule& layer) {
  const bool none = layer.attribute("conv_clamp").is_none();
  const double clamp = none ? -1 : layer.number("conv_clamp");
  if (!none && !(clamp >= 0 && clamp <= 1e6)) {
    refuse(layer.path() + ".conv_clamp", std::to_string(clamp) + " is out of range");
  }
  clamp_.set(layer.path() + ".conv_clamp", clamp);
}

void Reader::add_tensors(const TorchModule& module, const std::string& name) {
  for (const auto& [key, value] : module.tensors()) {
    const std::string what = module.path() + "." + printable(key);
    TensorSource source = to_tensor_source(*value, what, storage_);
    if (what.ends_with(".mapping.w_avg")) source = centre_of(std::move(source), what);
    builder_.add(name + "." + printable(key), std::move(source));
  }
}

void Reader::read(Checkpoint& checkpoint) {
  refuse_other_families();
  expect_equal<size_t>(generator_.path() + ": number of parts", generator_.children().size(), 2);
  const TorchModule mapping = generator_.child("mapping");
  const TorchModule synthesis = generator_.child("synthesis");
  add_tensors(generator_, "generator");
  read_dimensions(mapping, synthesis);
  read_mapping(mapping);
  read_synthesis(synthesis);
  // stylegan3's release of the same network states how its modulated convolutions are fused.
  config_.source =
      synthesis.child("b4").has("fused_modconv_default") ? "stylegan3" : "stylegan2-ada-pytorch";
  const SkipFilters skips = drop_unused_filters(builder_, config_);
  build_completed(builder_, config_, generator_.path() + ".mapping has no w_avg", checkpoint);
  check_skip_filters(checkpoint.network, skips);
}

}  // namespace

SkipFilters drop_unused_filters(NetworkBuilder& builder, const NetworkConfig& config) {
  SkipFilters skips;
  const std::vector<int64_t> shape{4, 4};
  for (int resolution = 4; resolution <= config.resolution; resolution *= 2) {
    const std::string block = "synthesis." + block_name(resolution);
    const bool block_resamples = resolution > 4 && config.architecture != Architecture::orig;
    if (!block_resamples) builder.take(block + ".resample_filter", shape);
    builder.take(block + ".conv1.resample_filter", shape);
    if (config.architecture == Architecture::resnet && resolution > 4) {
      skips.push_back({block, builder.take(block + ".skip.resample_filter", shape)});
    }
  }
  return skips;
}

void check_skip_filters(const Network& network, const SkipFilters& skips) {
  for (const auto& [block, filter] : skips) {
    if (network.at(block + ".resample_filter").values != filter) {
      refuse(block + ".skip.resample_filter", "differs from the filter of its block");
    }
  }
}

StorageReader pickled_storages(std::span<const std::byte> file, StorageReader others) {
  // By the bytes they were read from: read once each, however many tensors share it, so that the
  // work stays linear in the file's length.
  using Known = std::map<const std::byte*, TorchStorage>;
  return [file, others = std::move(others),
          known = std::make_shared<Known>()](const PickleValue& value) {
    if (others && value.kind == PickleKind::persistent) return others(value);
    if (!value.is_call(Global::load_from_bytes) || value.arguments->items.size() != 1 ||
        value.arguments->items[0]->kind != PickleKind::bytes) {
      throw ParseError(value.offset, "expected a storage as bytes, got " + describe(value));
    }
    const auto bytes = value.arguments->items[0]->bytes;
    if (const auto found = known->find(bytes.data()); found != known->end()) return found->second;
    // Offsets count from the start of the file, unless protocol 2 spelled the bytes as text.
    const std::less_equal<const std::byte*> not_after;
    const bool in_file =
        not_after(file.data(), bytes.data()) && not_after(bytes.data(), file.data() + file.size());
    const uint64_t base =
        in_file ? static_cast<uint64_t>(bytes.data() - file.data()) : value.offset;
    const TorchStream stream(bytes, base);
    return known->emplace(bytes.data(), stream.storage(stream.object())).first->second;
  };
}

bool is_nvidia_generator(const PickleValue& value) {
  if (!is_torch_module(value)) return false;
  try {
    const TorchModule module(value, "module");
    return module.has_child("mapping") && module.has_child("synthesis");
  } catch (const ParseError&) {
    return false;  // whoever needs it says what is wrong with it
  }
}

void read_nvidia_module(const PickleValue& value, const std::string& path,
                        const StorageReader& storage, uint64_t file_bytes, Checkpoint& checkpoint) {
  Reader(value, path, storage, file_bytes).read(checkpoint);
  checkpoint.format = checkpoint.network.config.source;
}

bool looks_like_nvidia_torch(const PickleValue& root) {
  if (!is_mapping(root)) return false;
  bool any = false;
  for (const std::string key : {"G_ema", "G", "D"}) {
    const PickleValue* value = find(root, key);
    if (value == nullptr) continue;
    any = true;
    if (key != "D" && is_mapping(*value) && !value->entries.empty()) return false;  // a state dict
  }
  return any;
}

Checkpoint read_nvidia_torch(const PickleValue& root, const StorageReader& storage,
                             uint64_t file_bytes, NetworkChoice choice) {
  const std::string key = choice == NetworkChoice::average ? "G_ema" : "G";
  const PickleValue* value = find(root, key);
  if (value == nullptr || value->is_none()) {
    std::string held;
    for (const char* other : {"G", "D", "G_ema"}) {
      const PickleValue* found = find(root, other);
      if (found && !found->is_none()) held += (held.empty() ? "" : ", ") + std::string(other);
    }
    throw ParseError(root.offset, "the snapshot has no network " + key + " (it has " +
                                      (held.empty() ? "none" : held) + ")");
  }
  Checkpoint checkpoint;
  read_nvidia_module(*value, key, storage, file_bytes, checkpoint);
  checkpoint.chosen = key;
  return checkpoint;
}

}  // namespace vernissage
