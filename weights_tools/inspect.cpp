#include "weights_tools/inspect.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/error.h"
#include "base/json.h"
#include "engine/formats/safetensors.h"
#include "weights_tools/checkpoint.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/inspect_clip.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr int64_t kChunkElements = 1
                                   << 16;  // looked at together: little memory, whatever the tensor

/// Whether the file is meant as safetensors: a plausible header length and the header's first byte.
/// Pickles, zip archives and their like cannot look so.
bool looks_like_safetensors(std::span<const std::byte> bytes) {
  uint64_t header_bytes = 0;
  if (bytes.size() <= sizeof header_bytes) return false;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  return header_bytes <= bytes.size() && static_cast<char>(bytes[sizeof header_bytes]) == '{';
}

/// Elements of an integer tensor, as doubles.
template <class Integer>
void append_integers(std::span<const std::byte> bytes, std::vector<double>& values) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(Integer)) {
    Integer value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    values.push_back(static_cast<double>(value));
  }
}

void append_values(const TensorView& chunk, std::vector<double>& values) {
  switch (chunk.dtype) {
    case DType::i64:
      return append_integers<int64_t>(chunk.bytes, values);
    case DType::i32:
      return append_integers<int32_t>(chunk.bytes, values);
    case DType::i16:
      return append_integers<int16_t>(chunk.bytes, values);
    case DType::i8:
      return append_integers<int8_t>(chunk.bytes, values);
    case DType::u8:
    case DType::boolean:
      return append_integers<uint8_t>(chunk.bytes, values);
    case DType::f64:
      return append_integers<double>(chunk.bytes, values);
    case DType::f32:
    case DType::f16:
    case DType::bf16:
      for (const float value : chunk.to_f32()) values.push_back(value);
  }
}

TensorSummary summary(const std::string& name, const TensorView& tensor) {
  TensorSummary result{name, dtype_name(tensor.dtype), tensor.shape};
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
  int64_t finite = 0;
  const int64_t count = tensor.count(), element_bytes = dtype_bytes(tensor.dtype);
  std::vector<double> values;
  for (int64_t start = 0; start < count; start += kChunkElements) {
    const int64_t size = std::min(kChunkElements, count - start);
    values.clear();
    append_values({tensor.dtype,
                   {size},
                   tensor.bytes.subspan(static_cast<size_t>(start * element_bytes),
                                        static_cast<size_t>(size * element_bytes))},
                  values);
    for (const double value : values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      sum += value;
      ++finite;
    }
  }
  result.non_finite = count - finite;
  if (finite > 0) {
    result.min = low;
    result.max = high;
    result.mean = sum / static_cast<double>(finite);
  }
  return result;
}

Inspection inspect_safetensors(const fs::path& path, const MappedFile& mapped) {
  Inspection result;
  result.file = path.string();
  result.format = "safetensors";
  try {
    const Safetensors file(mapped.bytes());
    result.metadata = file.metadata();
    std::vector<std::pair<std::string, TensorView>> tensors(file.tensors().begin(),
                                                            file.tensors().end());
    std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
      return a.second.bytes.data() < b.second.bytes.data();
    });
    for (const auto& [name, view] : tensors) result.tensors.push_back(summary(name, view));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
  const auto format = result.metadata.find("format");
  if (format == result.metadata.end() || format->second != "vernissage-stylegan2") return result;
  result.config = load_network(path).config;
  result.format = "vernissage-stylegan2";
  return result;
}

Inspection clip_inspection(const fs::path& path, const ClipOptions& options) {
  const ClipCheckpoint checkpoint = read_clip_checkpoint(path, options);
  Inspection result;
  result.file = path.string();
  result.format = checkpoint.format;
  result.notes = checkpoint.notes;
  result.clip = checkpoint.network.config;
  result.merges = checkpoint.network.merges.size();
  for (const ParameterSpec& spec : parameters(*result.clip)) {
    result.tensors.push_back(summary(spec.name, checkpoint.network.at(spec.name).view()));
    result.tensors.back().dtype = dtype_name(checkpoint.stored.at(spec.name));
  }
  return result;
}

Inspection inspect_checkpoint(const fs::path& path, const std::string& network,
                              const GeneratorOptions& options) {
  const Checkpoint checkpoint = read_checkpoint(path, network, options);
  Inspection result;
  result.file = path.string();
  result.format = checkpoint.format;
  result.chosen = checkpoint.chosen;
  result.notes = checkpoint.notes;
  result.config = checkpoint.network.config;
  for (const ParameterSpec& spec : parameters(*result.config)) {
    result.tensors.push_back(summary(spec.name, checkpoint.network.at(spec.name).view()));
    const auto stored = checkpoint.stored.find(spec.name);
    if (stored != checkpoint.stored.end()) result.tensors.back().dtype = dtype_name(stored->second);
  }
  return result;
}

/// Counts of elements by what they are for, in a fixed order; the first is the total.
std::vector<std::pair<std::string, int64_t>> counts(const Inspection& inspection) {
  std::vector<std::pair<std::string, int64_t>> all = {
      {"total", 0},  {"mapping", 0}, {"convolutions", 0}, {"styles", 0},
      {"to_rgb", 0}, {"noise", 0},   {"filters", 0}};
  const auto add = [&](const char* part, int64_t count) {
    for (auto& [name, sum] : all)
      if (name == part || name == "total") sum += count;
  };
  for (const TensorSummary& tensor : inspection.tensors) {
    const auto has = [&](const char* text) { return tensor.name.find(text) != std::string::npos; };
    add(tensor.name.starts_with("mapping.") ? "mapping"
        : has(".noise_")                    ? "noise"
        : has(".resample_filter")           ? "filters"
        : has(".affine.")                   ? "styles"
        : has(".torgb.")                    ? "to_rgb"
                                            : "convolutions",
        element_count(tensor.shape));
  }
  return all;
}

std::string format_text(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// The shortest digits that read back equal.
std::string number(auto value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string joined(const auto& numbers) {
  std::string text;
  for (const auto value : numbers) text.append(text.empty() ? "" : ", ").append(number(value));
  return text;
}

/// Billions, with as many digits as the number deserves.
std::string giga(double number) {
  return format_text(number < 1e8 ? "%.4f" : "%.2f", number / 1e9);
}

std::string network_text(const NetworkConfig& config) {
  const auto line = [](const char* label, const std::string& value) {
    return format_text("  %-16s ", label) + value + "\n";
  };
  const std::string size = number(config.resolution);
  std::string classes = config.c_dim > 0 ? number(config.c_dim) + " (embedded in " +
                                               number(config.embed_features) + " numbers)"
                                         : "none";
  std::string widths;
  for (size_t i = 0; i < config.widths.size(); ++i)
    widths += format_text("%s%d: %d", i > 0 ? ", " : "", 4 << i, config.widths[i]);
  return line("source", config.source + (config.untrained ? ", untrained" : "")) +
         line("architecture", architecture_name(config.architecture)) +
         line("picture", size + " x " + size + ", " + number(config.image_channels) + " channels") +
         line("latents", "z " + number(config.z_dim) + ", w " + number(config.w_dim) + ", " +
                             number(config.num_ws()) + " w vectors a picture") +
         line("classes", classes) +
         line("mapping", number(config.mapping_widths.size()) + " layers (" +
                             joined(config.mapping_widths) + "), " +
                             activation_name(config.mapping_activation) +
                             ", learning rate multiplier " + number(config.mapping_lr_multiplier)) +
         line("channels", widths) + line("activation", activation_name(config.activation)) +
         line("clamp", config.conv_clamp < 0 ? "none" : number(config.conv_clamp)) +
         line("noise", config.use_noise ? "yes" : "no") +
         line("half precision",
              "top " + number(config.half_resolutions) + " resolutions in the original");
}

struct Macs {
  double transposed = 0, composite = 0;
};
Macs total_macs(const std::vector<LayerCost>& costs) {
  Macs macs;
  for (const LayerCost& cost : costs) {
    macs.transposed += cost.macs;
    macs.composite += cost.macs_composite;
  }
  return macs;
}

std::string network_json(const NetworkConfig& c) {
  return "{\"source\":" + json_quote(c.source) +
         ",\"untrained\":" + (c.untrained ? "true" : "false") +
         ",\"architecture\":" + json_quote(architecture_name(c.architecture)) +
         ",\"resolution\":" + number(c.resolution) +
         ",\"image_channels\":" + number(c.image_channels) + ",\"z_dim\":" + number(c.z_dim) +
         ",\"c_dim\":" + number(c.c_dim) + ",\"w_dim\":" + number(c.w_dim) +
         ",\"num_ws\":" + number(c.num_ws()) + ",\"embed_features\":" + number(c.embed_features) +
         ",\"mapping_widths\":[" + joined(c.mapping_widths) +
         "],\"mapping_lr_multiplier\":" + number(c.mapping_lr_multiplier) +
         ",\"mapping_activation\":" + json_quote(activation_name(c.mapping_activation)) +
         ",\"widths\":[" + joined(c.widths) +
         "],\"activation\":" + json_quote(activation_name(c.activation)) +
         ",\"use_noise\":" + (c.use_noise ? "true" : "false") +
         ",\"conv_clamp\":" + (c.conv_clamp < 0 ? "null" : number(c.conv_clamp)) +
         ",\"half_resolutions\":" + number(c.half_resolutions) + "}";
}

}  // namespace

Inspection inspect_clip(const fs::path& path, const std::string& network,
                        const ClipOptions& options) {
  if (!network.empty())
    throw Error(path.string() + ": a CLIP network; there is no " + network + " to choose");
  try {
    return clip_inspection(path, options);
  } catch (const Error& error) {
    // Tensors can be listed, even where what is missing is beside them.
    if (fs::is_directory(path)) throw;
    const MappedFile mapped(path);
    if (!looks_like_safetensors(mapped.bytes())) throw;
    Inspection result = inspect_safetensors(path, mapped);
    result.notes.push_back(error.what());
    return result;
  }
}

Inspection inspect(const fs::path& path, const std::string& network,
                   const GeneratorOptions& options) {
  const MappedFile mapped(path);
  std::optional<Inspection> tensors;
  if (looks_like_safetensors(mapped.bytes())) {
    tensors = inspect_safetensors(path, mapped);
    if (tensors->config || !is_foreign_generator(mapped.bytes())) return *tensors;
  }
  try {
    return inspect_checkpoint(path, network, options);
  } catch (const Error& error) {
    if (!tensors) throw;
    tensors->notes.push_back(error.what());
    return *tensors;
  }
}

std::string inspection_text(const Inspection& inspection) {
  std::string text = inspection.file + ": " + inspection.format +
                     (inspection.chosen.empty() ? "" : ", network " + inspection.chosen) + "\n";
  for (const std::string& note : inspection.notes) text += "  note: " + note + "\n";
  if (inspection.config) {
    text += network_text(*inspection.config);
    text += "  parameters       ";
    for (const auto& [part, count] : counts(inspection))
      text += part == "total" ? number(count) + " in all:" : " " + part + " " + number(count);
    const Macs macs = total_macs(layer_costs(*inspection.config));
    text += "\n  cost             " + giga(macs.transposed) +
            " GMAC a picture, up-convolutions counted on input pixels (transposed form);\n"
            "                   " +
            giga(macs.composite) + " GMAC counted on output pixels (composite)\n";
  } else if (inspection.clip) {
    text += clip_text(*inspection.clip, inspection.merges);
  } else {
    for (const auto& [key, value] : inspection.metadata)
      text += "  " + json_quote_short(key) + ": " + json_quote_short(value) + "\n";
    text += "  " + number(inspection.tensors.size()) + " tensors\n";
  }
  size_t widest = 0;
  for (const TensorSummary& tensor : inspection.tensors)
    widest = std::max(widest, tensor.name.size());
  for (const TensorSummary& tensor : inspection.tensors) {
    text += "  " + tensor.name + std::string(widest - tensor.name.size(), ' ');
    text += format_text("  %-4s %-20s min %-11.4g max %-11.4g mean %.4g", tensor.dtype.c_str(),
                        shape_text(tensor.shape).c_str(), tensor.min, tensor.max, tensor.mean);
    if (tensor.non_finite > 0) text += ", " + number(tensor.non_finite) + " not finite";
    text += '\n';
  }
  return text;
}

std::string inspection_json(const Inspection& inspection) {
  std::string text = "{\"file\":" + json_quote(inspection.file) +
                     ",\"format\":" + json_quote(inspection.format) +
                     ",\"chosen\":" + json_quote(inspection.chosen) + ",\"notes\":[";
  for (const std::string& note : inspection.notes)
    text.append(text.back() == '[' ? "" : ",").append(json_quote(note));
  text += "],";
  if (inspection.config) {
    const std::vector<LayerCost> costs = layer_costs(*inspection.config);
    const Macs macs = total_macs(costs);
    text += "\"network\":" + network_json(*inspection.config) + ",\"parameters\":{";
    for (const auto& [part, count] : counts(inspection))
      text.append(part == "total" ? "" : ",").append(json_quote(part) + ":" + number(count));
    text += "},\"macs\":{\"transposed\":" + number(macs.transposed) +
            ",\"composite\":" + number(macs.composite) + ",\"layers\":[";
    for (const LayerCost& cost : costs)
      text.append(&cost == &costs.front() ? "" : ",")
          .append("{\"name\":" + json_quote(cost.name) + ",\"transposed\":" + number(cost.macs) +
                  ",\"composite\":" + number(cost.macs_composite) + "}");
    text += "]}";
  } else if (inspection.clip) {
    text += clip_json(*inspection.clip, inspection.merges);
  } else {
    text += "\"network\":null";
  }
  text += ",\"metadata\":{";
  for (const auto& [key, value] : inspection.metadata)
    text.append(text.back() == '{' ? "" : ",").append(json_quote(key) + ":" + json_quote(value));
  text += "},\"tensors\":[";
  for (const TensorSummary& tensor : inspection.tensors)
    text.append(text.back() == '[' ? "" : ",")
        .append("{\"name\":" + json_quote(tensor.name) + ",\"dtype\":" + json_quote(tensor.dtype) +
                ",\"shape\":[" + joined(tensor.shape) + "],\"min\":" + number(tensor.min) +
                ",\"max\":" + number(tensor.max) + ",\"mean\":" + number(tensor.mean) +
                ",\"non_finite\":" + number(tensor.non_finite) + "}");
  return text + "]}\n";
}

}  // namespace vernissage
