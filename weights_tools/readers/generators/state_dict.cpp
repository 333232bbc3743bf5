#include "weights_tools/readers/generators/state_dict.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "weights_tools/containers/torch_module.h"

namespace vernissage {
namespace {

constexpr int kDepthMax = 12;            // dicts and modules inside each other
constexpr size_t kVisitsMax = 1 << 18;   // values looked at
constexpr size_t kNameMax = 300;         // characters; longer names belong to nothing we read
constexpr size_t kTensorsMax = 1 << 16;  // optimizers hold a few for every parameter

class Flattener {
 public:
  explicit Flattener(const StorageReader& storage) : storage_(storage) {}

  void visit(const PickleValue& value, const std::string& name, int depth) {
    if (depth > kDepthMax || ++visits_ > kVisitsMax) {
      throw ParseError(value.offset, printable(name) + ": too many dicts inside each other");
    }
    if (is_tensor(value)) {
      if (tensors_.size() == kTensorsMax) {
        throw ParseError(value.offset, "more than " + std::to_string(kTensorsMax) + " tensors");
      }
      tensors_.push_back({name, [&value, name, storage = storage_] {
                            return to_tensor_source(value, printable(name), storage);
                          }});
    } else if (is_mapping(value)) {
      visit_entries(value, name, depth);
    } else if (is_torch_module(value)) {
      for (const auto& [key, part] : parts_of_module(value, name, depth))
        visit(*part, joined(name, key), depth + 1);
    }
  }

  StateDict take() { return std::move(tensors_); }

 private:
  /// Parameters, buffers and children. A module that is broken has none, unless it is the whole
  /// file.
  static std::vector<TorchModule::Named> parts_of_module(const PickleValue& value,
                                                         const std::string& name, int depth) {
    try {
      const TorchModule module(value, name.empty() ? "the module" : printable(name));
      std::vector<TorchModule::Named> all = module.tensors();
      for (const auto& child : module.children()) all.push_back(child);
      return all;
    } catch (const ParseError&) {
      if (depth == 0) throw;
      return {};
    }
  }

  void visit_entries(const PickleValue& value, const std::string& name, int depth) {
    for (const auto& [key, item] : value.entries) {
      if (++visits_ > kVisitsMax) {
        throw ParseError(value.offset, "more than " + std::to_string(kVisitsMax) + " values");
      }
      if (key->kind != PickleKind::text || name.size() + key->text().size() > kNameMax) continue;
      visit(*item, joined(name, key->text()), depth + 1);
    }
  }

  static std::string joined(const std::string& name, std::string_view key) {
    return (name.empty() ? "" : name + ".").append(key);
  }

  const StorageReader& storage_;
  StateDict tensors_;
  size_t visits_ = 0;
};

/// A tensor that every generator of a family has.
struct Mark {
  std::string_view name;
  GeneratorFamily family;
};
constexpr Mark kMarks[] = {{"synthesis.b4.const", GeneratorFamily::nvidia},
                           {"input.input", GeneratorFamily::rosinality}};
/// Tensors of networks that are not read, to say so by name.
constexpr std::pair<std::string_view, const char*> kOthers[] = {
    {"synthesis.input.weight", "a StyleGAN3 network"},
    {"synthesis.input.freqs", "a StyleGAN3 network"},
    {"g_synthesis.blocks.4x4.const", "a StyleGAN1 network"},
};

/// Does `name` end with the whole name `end`, alone or behind a dot?
bool ends_whole(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return false;
  return name.size() == end.size() || name[name.size() - end.size() - 1] == '.';
}

std::vector<std::string> parts_of(std::string_view prefix) {
  std::vector<std::string> parts;
  while (!prefix.empty()) {
    const size_t dot = prefix.find('.');
    std::string part(prefix.substr(0, dot));
    for (char& c : part) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    parts.push_back(std::move(part));
    prefix.remove_prefix(dot == prefix.npos ? prefix.size() : dot + 1);
  }
  return parts;
}

bool is_average(const FoundGenerator& found) {
  const auto parts = parts_of(found.prefix);
  return std::ranges::any_of(
      parts, [](const std::string& part) { return part == "ema" || part.ends_with("_ema"); });
}

/// Named as the network in training: beside an average only, unless the name is the release's own.
bool is_trained(const FoundGenerator& found, bool beside_average) {
  const auto parts = parts_of(found.prefix);
  return std::ranges::any_of(parts, [&](const std::string& part) {
    return part == "g" || (beside_average && (part == "generator" || part == "netg"));
  });
}

[[noreturn]] void refuse_choice(const std::vector<FoundGenerator>& found) {
  std::string names;
  for (const FoundGenerator& one : found) {
    names += (names.empty() ? "" : ", ") + printable(one.prefix.empty() ? "(bare)" : one.name());
    if (names.size() > 200) break;
  }
  throw Error("several generators, of which no name says that it is the averaged one: " + names +
              "; save the one you mean by itself");
}

}  // namespace

StateDict state_dict_of(const PickleValue& root, const StorageReader& storage) {
  Flattener flattener(storage);
  flattener.visit(root, "", 0);
  return flattener.take();
}

StateDict state_dict_of(const Safetensors& file) {
  StateDict tensors;
  for (const auto& [name, view] : file.tensors()) {
    const auto source = [name = name, view = view] {
      const bool real = view.dtype == DType::f32 || view.dtype == DType::f16 ||
                        view.dtype == DType::bf16 || view.dtype == DType::f64;
      if (!real) {
        throw Error(printable(name) + ": dtype " + dtype_name(view.dtype) +
                    ", expected F16, BF16, F32 or F64");
      }
      return TensorSource{view.shape, view.dtype, view.bytes.size(),
                          [view] { return view.to_f32(); }};
    };
    tensors.push_back({name, source});
  }
  return tensors;
}

bool has_generator(const StateDict& tensors) {
  return std::ranges::any_of(tensors, [](const NamedTensorSource& tensor) {
    const auto ends = [&](const auto& entry) {
      const auto& [end, meaning] = entry;
      return ends_whole(tensor.name, end);
    };
    return std::ranges::any_of(kMarks, ends) || std::ranges::any_of(kOthers, ends);
  });
}

FoundGenerator choose_generator(const StateDict& tensors, NetworkChoice choice,
                                const std::string& keys) {
  std::vector<FoundGenerator> all;
  for (const auto& [name, source] : tensors) {
    for (const auto& [end, what] : kOthers) {
      if (ends_whole(name, end)) {
        throw Error(printable(name) + ": " + what + "; only StyleGAN2 is read");
      }
    }
    for (const Mark& mark : kMarks) {
      if (!ends_whole(name, mark.name)) continue;
      all.push_back({mark.family, name.substr(0, name.size() - mark.name.size()), false});
    }
  }
  const bool average = std::ranges::any_of(all, is_average);
  for (FoundGenerator& one : all) one.trained = !is_average(one) && is_trained(one, average);
  const bool wanted = choice == NetworkChoice::trained;
  if (wanted && all.size() == 1 && !all[0].trained && !average) {
    throw Error("a bare state dict has one network; there is no g to choose");
  }
  std::vector<FoundGenerator> fitting;
  for (const FoundGenerator& one : all) {
    const bool fits = wanted ? one.trained : average ? is_average(one) : !one.trained;
    if (fits) fitting.push_back(one);
  }
  if (fitting.size() == 1) return fitting[0];
  if (fitting.size() > 1) refuse_choice(fitting);
  throw Error(std::string("the checkpoint has no network ") + (wanted ? "g" : "g_ema") +
              " (it has " + (keys.empty() ? "nothing" : keys) + ")");
}

const NamedTensorSource* find_latent_avg(const StateDict& tensors, const std::string& prefix) {
  for (std::string wrapper = prefix;;) {
    for (const NamedTensorSource& tensor : tensors) {
      if (tensor.name == wrapper + "latent_avg") return &tensor;
    }
    if (wrapper.empty()) return nullptr;
    wrapper.pop_back();  // the dot, then the name before it
    const size_t dot = wrapper.rfind('.');
    wrapper.resize(dot == wrapper.npos ? 0 : dot + 1);
  }
}

TensorSource centre_of(TensorSource source, const std::string& what) {
  const size_t rank = source.shape.size();
  const bool whole = rank == 1 || rank == 2 || (rank == 3 && source.shape[0] == 1);
  if (!whole || source.shape[rank - 1] < 1) {
    throw Error(what + ": unexpected shape " + shape_text(source.shape));
  }
  const auto width = static_cast<size_t>(source.shape[rank - 1]);
  source.shape = {source.shape[rank - 1]};
  if (rank == 1) return source;
  source.read = [read = std::move(source.read), width, what] {
    std::vector<float> values = read();
    if (values.size() < width) throw Error(what + ": no values");
    for (size_t i = width; i < values.size(); ++i) {
      if (values[i] != values[i % width]) {
        throw Error(what + ": its rows differ from row 0 at row " + std::to_string(i / width) +
                    "; one centre for all layers is read");
      }
    }
    values.resize(width);
    return values;
  };
  return source;
}

}  // namespace vernissage
