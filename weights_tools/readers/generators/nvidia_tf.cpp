#include "weights_tools/readers/generators/nvidia_tf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/error.h"
#include "weights_tools/containers/numpy_value.h"
#include "weights_tools/readers/generators/completion.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {
namespace {

/// A network object: its keyword arguments, own variables and components.
struct TfNetwork {
  std::string path;  // for messages: "Gs.synthesis"
  const PickleValue* state;
  int64_t version;
  std::string_view function;  // the function that built it

  const PickleValue& field(const char* name) const {
    const PickleValue* value = find(*state, name);
    if (value == nullptr) throw ParseError(state->offset, path + ": has no " + name);
    return *value;
  }
  const PickleValue* keyword(const char* name) const { return find(field("static_kwargs"), name); }
};

TfNetwork to_network(const PickleValue& value, const std::string& path) {
  if (!value.is_call(Global::tf_network) || value.state == nullptr) {
    throw ParseError(value.offset, path + ": expected a network, got " + describe(value));
  }
  TfNetwork network{path, &to_mapping(*value.state, path), 0, {}};
  network.version = to_integer(network.field("version"), path + ".version");
  if (network.version < 4) {
    throw ParseError(value.offset, path + ": network version " + std::to_string(network.version) +
                                       " (StyleGAN1 or older), expected 4 or 5");
  }
  if (network.version > 5) {
    throw ParseError(value.offset, path + ": network version " + std::to_string(network.version) +
                                       ", expected 4 or 5");
  }
  network.function = to_text(network.field("build_func_name"), path + ".build_func_name");
  to_mapping(network.field("static_kwargs"), path + ".static_kwargs");
  to_mapping(network.field("components"), path + ".components");
  return network;
}

void expect_function(const TfNetwork& network, std::initializer_list<const char*> known) {
  for (const char* name : known) {
    if (network.function == name) return;
  }
  throw ParseError(network.state->offset, network.path + ": built by \"" +
                                              printable(network.function) + "\", expected \"" +
                                              *known.begin() + "\"; only StyleGAN2 is read");
}

TfNetwork component(const TfNetwork& network, const char* name) {
  const PickleValue* value = find(network.field("components"), name);
  if (value == nullptr)
    throw ParseError(network.state->offset, network.path + ": has no component " + name);
  return to_network(*value, network.path + "." + name);
}

// Keyword arguments that shape the network (read below) and those that only steer training or
// sampling. Any other could change what the network computes, so it is refused.
constexpr std::array kShaping{
    "latent_size",       "label_size",           "dlatent_size",  "resolution",
    "num_channels",      "mapping_layers",       "mapping_fmaps", "mapping_lrmul",
    "label_fmaps",       "mapping_nonlinearity", "fmap_base",     "fmap_max",
    "fmap_min",          "fmap_decay",           "architecture",  "resample_kernel",
    "use_noise",         "num_fp16_res",         "conv_clamp",    "nonlinearity",
    "normalize_latents", "dlatent_broadcast",    "dtype"};
constexpr std::array kSteering{"truncation_psi",        "truncation_cutoff", "truncation_psi_val",
                               "truncation_cutoff_val", "dlatent_avg_beta",  "style_mixing_prob",
                               "randomize_noise",       "is_training",       "is_validation",
                               "return_dlatents",       "is_template_graph", "components",
                               "mapping_func",          "synthesis_func",    "fused_modconv",
                               "force_clean_graph",     "structure"};

void check_keywords(const TfNetwork& network) {
  for (const auto& [key, value] : network.field("static_kwargs").entries) {
    const std::string_view name = to_text(*key, network.path + ".static_kwargs");
    const auto is = [&](const char* known) { return name == known; };
    if (!std::ranges::any_of(kShaping, is) && !std::ranges::any_of(kSteering, is)) {
      throw ParseError(key->offset, network.path + ": keyword argument \"" + printable(name) +
                                        "\" is unknown; it may change the network");
    }
  }
}

/// Keyword arguments with the defaults of the release.
class Keywords {
 public:
  explicit Keywords(const TfNetwork& network) : network_(network) {}

  int integer(const char* name, int otherwise) const {
    const PickleValue* value = network_.keyword(name);
    if (value == nullptr) return otherwise;
    constexpr int64_t kMax = 1 << 20;
    const int64_t number = to_integer(*value, what(name));
    if (number < 0 || number > kMax) {
      throw ParseError(value->offset,
                       what(name) + ": " + std::to_string(number) + " is out of range");
    }
    return static_cast<int>(number);
  }
  double number(const char* name, double otherwise) const {
    const PickleValue* value = network_.keyword(name);
    return value == nullptr || value->is_none() ? otherwise : to_number(*value, what(name));
  }
  std::string text(const char* name, const char* otherwise) const {
    const PickleValue* value = network_.keyword(name);
    return value == nullptr ? otherwise : printable(to_text(*value, what(name)));
  }
  bool boolean(const char* name, bool otherwise) const {
    const PickleValue* value = network_.keyword(name);
    return value == nullptr ? otherwise : to_boolean(*value, what(name));
  }
  std::string what(const char* name) const { return network_.path + "." + name; }

 private:
  const TfNetwork& network_;
};

using Axes = std::vector<size_t>;

/// How a TensorFlow variable becomes a canonical tensor: axis i of the result is axis axes[i] of
/// the variable (axes left out have size 1), mirrored where `mirrored` says so; then `plus` is
/// added.
struct Layout {
  Axes axes;
  std::vector<bool> mirrored = {};
  float plus = 0;
};

TensorSource rearranged(NumpyArray array, const std::string& what, const Layout& layout) {
  const auto& from = array.view.shape;
  std::vector<int64_t> step(from.size(), 1);
  if (array.column_major) {
    for (size_t i = 1; i < from.size(); ++i) step[i] = step[i - 1] * from[i - 1];
  } else {
    for (size_t i = from.size(); i > 1; --i) step[i - 2] = step[i - 1] * from[i - 1];
  }
  const DType dtype = array.view.dtype;
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::f64) {
    throw Error(what + ": dtype " + dtype_name(dtype) + ", expected F16, F32 or F64");
  }
  TensorSource source;
  source.stored = dtype;
  source.bytes = array.view.bytes.size();
  std::vector<int64_t> steps;
  int64_t begin = 0;
  for (size_t i = 0; i < layout.axes.size(); ++i) {
    const size_t axis = layout.axes[i];
    source.shape.push_back(from[axis]);
    const bool mirror = !layout.mirrored.empty() && layout.mirrored[i];
    if (mirror) begin += (from[axis] - 1) * step[axis];
    steps.push_back(mirror ? -step[axis] : step[axis]);
  }
  source.read = [view = std::move(array.view), shape = source.shape, steps, begin,
                 plus = layout.plus] {
    const std::vector<float> values = view.to_f32();
    std::vector<float> out;
    out.reserve(values.size());
    std::vector<int64_t> index(shape.size(), 0);
    int64_t position = begin;
    for (size_t i = 0; i < values.size(); ++i) {
      out.push_back(values[static_cast<size_t>(position)] + plus);
      for (size_t d = shape.size(); d > 0; --d) {
        if (++index[d - 1] < shape[d - 1]) {
          position += steps[d - 1];
          break;
        }
        position -= steps[d - 1] * (shape[d - 1] - 1);
        index[d - 1] = 0;
      }
    }
    return out;
  };
  return source;
}

class Reader {
 public:
  Reader(const PickleValue& value, const std::string& path, uint64_t file_bytes)
      : builder_(file_bytes), top_(to_network(value, path)) {}

  void read(Checkpoint& checkpoint);

 private:
  void read_config(const TfNetwork& mapping, const TfNetwork& synthesis);
  void collect(const TfNetwork& network, const std::string& prefix);
  void add(const std::string& variable, const std::string& canonical, size_t rank,
           const Layout& layout);
  void add_dense(const std::string& variable, const std::string& canonical);
  void add_modulated(const std::string& variable, const std::string& canonical, bool up);
  void add_block(int resolution);
  void add_filters();

  NetworkBuilder builder_;
  TfNetwork top_;
  NetworkConfig config_;
  std::map<std::string, const PickleValue*>
      variables_;              // by full name; what is left over is refused
  std::vector<float> filter_;  // (4, 4)
};

void Reader::collect(const TfNetwork& network, const std::string& prefix) {
  const std::string what = network.path + ".variables";
  const auto variables = to_sequence(network.field("variables"), what);
  if (variables.size() > NetworkBuilder::kTensorsMax) {
    throw ParseError(network.state->offset,
                     what + ": " + std::to_string(variables.size()) + " of them");
  }
  for (const PickleValue* item : variables) {
    const auto pair = to_sequence(*item, what);
    if (pair.size() != 2)
      throw ParseError(item->offset, what + ": an item that is no (name, value)");
    const std::string name = printable(to_text(*pair[0], what));
    if (name.find("ToRGB_lod") != std::string::npos) {
      throw ParseError(item->offset,
                       network.path + ": \"" + printable(name) +
                           "\" belongs to a progressively grown network (configs A to D)");
    }
    if (name == "lod") continue;  // a training counter that nothing reads
    if (!variables_.emplace(prefix + name, pair[1]).second) {
      throw ParseError(item->offset,
                       network.path + ": variable \"" + printable(name) + "\" occurs twice");
    }
  }
}

void Reader::add(const std::string& variable, const std::string& canonical, size_t rank,
                 const Layout& layout) {
  const auto found = variables_.find(variable);
  if (found == variables_.end()) {
    throw Error(top_.path + ": variable \"" + variable + "\" is missing");
  }
  const std::string what = top_.path + ": " + variable;
  NumpyArray array = to_numpy_array(*found->second, what);
  bool fits = array.view.shape.size() == rank;
  for (size_t axis = 0; fits && axis < rank; ++axis) {
    const bool kept = std::ranges::find(layout.axes, axis) != layout.axes.end();
    fits = kept || array.view.shape[axis] == 1;
  }
  if (!fits) {
    throw ParseError(found->second->offset,
                     what + ": unexpected shape " + shape_text(array.view.shape));
  }
  builder_.add(canonical, rearranged(std::move(array), what, layout));
  variables_.erase(found);
}

void Reader::add_dense(const std::string& variable, const std::string& canonical) {
  add(variable + "/weight", canonical + ".weight", 2, {{1, 0}});
  add(variable + "/bias", canonical + ".bias", 1, {{0}});
}

/// A modulated convolution. The stored kernel of an up-convolution is the mirror of ours.
void Reader::add_modulated(const std::string& variable, const std::string& canonical, bool up) {
  add(variable + "/weight", canonical + ".weight", 4, {{3, 2, 0, 1}, {false, false, up, up}});
  add(variable + "/bias", canonical + ".bias", 1, {{0}});
  add(variable + "/mod_weight", canonical + ".affine.weight", 2, {{1, 0}});
  add(variable + "/mod_bias", canonical + ".affine.bias", 1, {{0}, {}, 1.0f});  // kept as bias - 1
}

void Reader::add_block(int resolution) {
  const std::string size = std::to_string(resolution);
  const std::string from = "synthesis/" + size + "x" + size;
  const std::string to = "synthesis.b" + size;
  const int log2 = std::countr_zero(static_cast<unsigned>(resolution));
  const auto add_layer = [&](const std::string& variable, const std::string& layer, bool up,
                             int noise) {
    add_modulated(from + "/" + variable, to + "." + layer, up);
    if (!config_.use_noise) return;
    add(from + "/" + variable + "/noise_strength", to + "." + layer + ".noise_strength", 0, {});
    add("synthesis/noise" + std::to_string(noise), to + "." + layer + ".noise_const", 4, {{2, 3}});
  };
  if (resolution == 4) {
    add(from + "/Const/const", to + ".const", 4, {{1, 2, 3}});
    add_layer("Conv", "conv1", false, 0);
  } else {
    add_layer("Conv0_up", "conv0", true, 2 * log2 - 5);
    add_layer("Conv1", "conv1", false, 2 * log2 - 4);
    if (config_.architecture == Architecture::resnet) {
      add(from + "/Skip/weight", to + ".skip.weight", 4,
          {{3, 2, 0, 1}, {false, false, true, true}});
    }
  }
  if (config_.architecture == Architecture::skip || resolution == config_.resolution) {
    add_modulated(from + "/ToRGB", to + ".torgb", false);
  }
  config_.widths.push_back(builder_.size(to + ".conv1.weight", 4, 0));
}

// TensorFlow networks store no filter; their keyword argument gives its taps t, and F = t ⊗ t /
// (Σt)².
void Reader::add_filters() {
  for (int resolution = 8; resolution <= config_.resolution; resolution *= 2) {
    const std::string block = "synthesis.b" + std::to_string(resolution);
    const TensorSource filter{{4, 4}, DType::f32, 0, [this] { return filter_; }};
    builder_.add(block + ".conv0.resample_filter", filter);
    if (config_.architecture != Architecture::orig) {
      builder_.add(block + ".resample_filter", filter);
    }
  }
}

std::vector<float> to_filter(const TfNetwork& synthesis) {
  std::vector<double> taps{1, 3, 3, 1};
  const PickleValue* value = synthesis.keyword("resample_kernel");
  const std::string what = synthesis.path + ".resample_kernel";
  if (value != nullptr && !value->is_none()) {
    taps.clear();
    for (const PickleValue* tap : to_sequence(*value, what)) taps.push_back(to_number(*tap, what));
  }
  if (taps.size() != 4)
    throw Error(what + ": " + std::to_string(taps.size()) + " taps, expected 4");
  double sum = 0;
  for (const double tap : taps) sum += tap;
  if (!(sum > 0 || sum < 0)) throw Error(what + ": the taps add up to nothing");
  std::vector<float> filter;
  for (const double down : taps) {
    for (const double across : taps)
      filter.push_back(static_cast<float>(down * across / (sum * sum)));
  }
  return filter;
}

void Reader::read_config(const TfNetwork& mapping, const TfNetwork& synthesis) {
  const Keywords map(mapping), paint(synthesis);
  config_.z_dim = map.integer("latent_size", 512);
  config_.c_dim = map.integer("label_size", 0);
  config_.w_dim = map.integer("dlatent_size", 512);
  config_.mapping_lr_multiplier = static_cast<float>(map.number("mapping_lrmul", 0.01));
  config_.mapping_activation = activation_from_name(map.text("mapping_nonlinearity", "lrelu"));
  if (!map.boolean("normalize_latents", true)) {
    throw Error(map.what("normalize_latents") + ": False, expected True");
  }
  if (paint.integer("dlatent_size", 512) != config_.w_dim) {
    throw Error(paint.what("dlatent_size") + ": " +
                std::to_string(paint.integer("dlatent_size", 512)) +
                ", the mapping network makes " + std::to_string(config_.w_dim));
  }
  config_.resolution = paint.integer("resolution", 1024);
  constexpr int kResolutionMax = 4096;
  if (config_.resolution < 4 || config_.resolution > kResolutionMax ||
      !std::has_single_bit(static_cast<unsigned>(config_.resolution))) {
    throw Error(paint.what("resolution") + ": " + std::to_string(config_.resolution) +
                ", expected a power of two from 4 to 4096");
  }
  config_.image_channels = paint.integer("num_channels", 3);
  config_.architecture = architecture_from_name(paint.text("architecture", "skip"));
  config_.activation = activation_from_name(paint.text("nonlinearity", "lrelu"));
  config_.use_noise = paint.boolean("use_noise", true);
  config_.conv_clamp = static_cast<float>(paint.number("conv_clamp", -1));
  if (config_.conv_clamp < 0 && config_.conv_clamp != -1) {
    throw Error(paint.what("conv_clamp") + ": negative");
  }
  // The reference never runs its first block in half precision.
  config_.half_resolutions = std::min(paint.integer("num_fp16_res", 0), config_.block_count() - 1);
  config_.source = top_.version == 5 ? "stylegan2-ada" : "stylegan2";
  filter_ = to_filter(synthesis);
}

void Reader::read(Checkpoint& checkpoint) {
  expect_function(top_, {"G_main"});
  const TfNetwork mapping = component(top_, "mapping");
  const TfNetwork synthesis = component(top_, "synthesis");
  expect_function(mapping, {"G_mapping"});
  expect_function(synthesis, {"G_synthesis", "G_synthesis_stylegan2"});
  for (const TfNetwork* network : {&std::as_const(top_), &mapping, &synthesis})
    check_keywords(*network);
  collect(top_, "");
  collect(mapping, "mapping/");
  collect(synthesis, "synthesis/");
  if (variables_.contains("mapping/LabelConcat/weight")) {
    throw Error(mapping.path +
                ": labels in the manner of the first release (LabelConcat) are not read");
  }
  read_config(mapping, synthesis);

  if (config_.c_dim > 0) {
    add_dense("mapping/LabelEmbed", "mapping.embed");
    config_.embed_features = builder_.size("mapping.embed.weight", 2, 0);
  }
  const int layers = Keywords(mapping).integer("mapping_layers", 8);
  for (int i = 0; i < layers; ++i) {
    const std::string part = std::to_string(i);
    add_dense("mapping/Dense" + part, "mapping.fc" + part);
    config_.mapping_widths.push_back(builder_.size("mapping.fc" + part + ".weight", 2, 0));
  }
  if (variables_.contains("dlatent_avg")) add("dlatent_avg", "mapping.w_avg", 1, {{0}});
  for (int resolution = 4; resolution <= config_.resolution; resolution *= 2) add_block(resolution);
  add_filters();
  if (!variables_.empty()) {
    throw ParseError(
        variables_.begin()->second->offset,
        top_.path + ": variable \"" + printable(variables_.begin()->first) + "\" is unknown");
  }
  build_completed(builder_, config_, top_.path + " has no dlatent_avg", checkpoint);
}

}  // namespace

bool looks_like_nvidia_tf(const PickleValue& root) {
  return root.kind == PickleKind::tuple && !root.items.empty() &&
         root.items[0]->is_call(Global::tf_network);
}

Checkpoint read_nvidia_tf(const PickleValue& root, uint64_t file_bytes, NetworkChoice choice) {
  if (root.items.size() != 3) {
    throw ParseError(root.offset, "a tuple of " + std::to_string(root.items.size()) +
                                      " networks, expected three: G, D, Gs");
  }
  const bool average = choice == NetworkChoice::average;
  const std::string key = average ? "Gs" : "G";
  Reader reader(*root.items[average ? 2 : 0], key, file_bytes);
  Checkpoint checkpoint;
  reader.read(checkpoint);
  checkpoint.format = checkpoint.network.config.source + " TensorFlow pickle";
  checkpoint.chosen = key;
  return checkpoint;
}

}  // namespace vernissage
