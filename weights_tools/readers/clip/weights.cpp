#include "weights_tools/readers/clip/weights.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "engine/formats/foreign_file.h"
#include "engine/formats/safetensors.h"
#include "weights_tools/containers/torch_archive.h"
#include "weights_tools/containers/torch_stream.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {
namespace {

constexpr int kModuleDepthMax = 16;   // modules inside each other; CLIP has six
constexpr int kModulesMax = 1 << 14;  // of all depths; the largest CLIP has about 1100

bool begins_like_safetensors(std::span<const std::byte> bytes) {
  uint64_t header_bytes = 0;
  if (bytes.size() <= sizeof header_bytes) return false;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  return header_bytes <= bytes.size() && bytes[sizeof header_bytes] == std::byte{'{'};
}

/// Counters and masks are no weights, whatever they are called.
bool is_real(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f64;
}

NamedSources from_safetensors(std::span<const std::byte> bytes) {
  NamedSources sources;
  const Safetensors file(bytes);
  for (const auto& [name, view] : file.tensors()) {
    if (is_clip_bookkeeping(name) || !is_real(view.dtype)) continue;
    sources.emplace(name, TensorSource{view.shape, view.dtype, view.bytes.size(),
                                       [tensor = view] { return tensor.to_f32(); }});
  }
  return sources;
}

/// The tensors of torch's containers.
class TorchTensors {
 public:
  explicit TorchTensors(StorageReader storage) : storage_(std::move(storage)) {}

  /// `root` is a dict of names and tensors, or one that has such a dict as its state_dict.
  void read_state_dict(const PickleValue& root) {
    to_mapping(root, "the checkpoint");
    const PickleValue* inner = find(root, "state_dict");
    const PickleValue& state = inner == nullptr ? root : to_mapping(*inner, "state_dict");
    for (const auto& [key, value] : state.entries)
      if (key->kind == PickleKind::text) add(std::string(key->text()), *value);
  }

  /// `object` is a module: its attributes are tensors, modules and settings, which are passed over.
  void read_module(const PickleValue& object, const std::string& prefix, int depth) {
    const std::string what = prefix.empty() ? "the module" : printable(prefix);
    if (depth == kModuleDepthMax) throw ParseError(object.offset, what + ": nested too deep");
    if (++modules_ > kModulesMax) throw ParseError(object.offset, what + ": too many modules");
    if (object.state == nullptr || object.state->kind != PickleKind::dict)
      throw ParseError(object.offset, what + ": a module without a dict of attributes");
    for (const auto& [key, value] : object.state->entries) {
      std::string name = prefix.empty() ? "" : prefix + ".";
      name += to_text(*key, what + ": an attribute's name");
      if (name.size() > kNameMax) throw ParseError(key->offset, what + ": a name is too long");
      if (value->is_call(Global::script_class))
        read_module(*value, name, depth + 1);
      else if (value->is_call(Global::rebuild_tensor) || value->is_call(Global::rebuild_parameter))
        add(name, *value);
    }
  }

  NamedSources tensors;
  bool bookkeeping = false;

 private:
  static constexpr size_t kNameMax = 1000;

  void add(const std::string& name, const PickleValue& value) {
    if (is_clip_bookkeeping(name)) {
      bookkeeping |= name == "input_resolution" || name == "context_length";
      return;
    }
    if (tensors.size() == NetworkBuilder::kTensorsMax)
      throw ParseError(value.offset,
                       "more than " + std::to_string(NetworkBuilder::kTensorsMax) + " tensors");
    const std::string what = printable(name);
    if (tensors.contains(name)) throw ParseError(value.offset, what + ": occurs twice");
    try {
      tensors.emplace(name, to_tensor_source(value, what, storage_));
    } catch (const ParseError&) {
      // What no tower is made of may be anything; nobody reads it.
      if (is_clip_tower_name(name) && !is_integer_tensor(value)) throw;
    }
  }

  /// Of integers or truth values, like a counter or a mask?
  static bool is_integer_tensor(const PickleValue& value) {
    const PickleValue* call = &value;
    if (call->is_call(Global::rebuild_parameter) && !call->arguments->items.empty())
      call = call->arguments->items[0];
    if (!call->is_call(Global::rebuild_tensor) || call->arguments->items.empty()) return false;
    try {
      const auto dtype = to_storage_id(*call->arguments->items[0]).type.dtype;
      return dtype && !is_real(*dtype);
    } catch (const ParseError&) {
      return false;
    }
  }

  StorageReader storage_;
  int modules_ = 0;
};

/// Only the names, for telling what a file is: of a state dict, or of what it wraps.
bool names_clip(const PickleValue& root) {
  if (!is_mapping(root)) return false;
  const PickleValue* inner = find(root, "state_dict");
  const PickleValue& state = inner != nullptr && is_mapping(*inner) ? *inner : root;
  return std::ranges::any_of(state.entries, [](const auto& entry) {
    return entry.first->kind == PickleKind::text && is_clip_name(entry.first->text());
  });
}

}  // namespace

ClipWeights::ClipWeights(std::span<const std::byte> bytes) {
  if (begins_like_safetensors(bytes)) {
    container_ = "safetensors";
    tensors_ = from_safetensors(bytes);
    return;
  }
  StorageReader storage;
  const PickleValue* root = nullptr;
  if (looks_like_zip(bytes)) {
    archive_ = std::make_unique<TorchArchive>(bytes, TorchArchive::Scripts::read);
    container_ = archive_->is_script() ? "TorchScript" : "state dict, zip";
    storage = [this](const PickleValue& id) { return archive_->storage(id); };
    root = &archive_->object();
  } else if (looks_like_torch_stream(bytes)) {
    stream_ = std::make_unique<TorchStream>(bytes);
    container_ = "state dict, old stream";
    storage = [this](const PickleValue& id) { return stream_->storage(id); };
    root = &stream_->object();
  } else {
    throw ParseError(0, foreign_file(bytes).value_or("neither safetensors nor a torch archive"));
  }
  TorchTensors reader(std::move(storage));
  if (archive_ != nullptr && archive_->is_script()) {
    if (!root->is_call(Global::script_class))
      throw ParseError(root->offset,
                       "a TorchScript archive of " + describe(*root) + ", expected a module");
    reader.read_module(*root, "", 0);
    original_release_ = true;
  } else {
    reader.read_state_dict(*root);
    original_release_ = reader.bookkeeping;
  }
  tensors_ = std::move(reader.tensors);
}

ClipWeights::~ClipWeights() = default;

bool ClipWeights::are_ours(std::span<const std::byte> bytes) {
  if (!begins_like_safetensors(bytes)) return false;
  try {
    const Safetensors file(bytes);
    const auto format = file.metadata().find("format");
    return format != file.metadata().end() && format->second == "vernissage-clip";
  } catch (const Error&) {
    return false;
  }
}

bool ClipWeights::recognises(std::span<const std::byte> bytes) {
  try {
    if (begins_like_safetensors(bytes)) {
      const Safetensors file(bytes);
      return std::ranges::any_of(file.tensors(),
                                 [](const auto& entry) { return is_clip_name(entry.first); });
    }
    if (looks_like_zip(bytes)) {
      const TorchArchive archive(bytes, TorchArchive::Scripts::read);
      return archive.is_script() || names_clip(archive.object());
    }
    if (looks_like_torch_stream(bytes)) return names_clip(TorchStream(bytes).object());
  } catch (const Error&) {
    return false;  // whoever reads it as something else says what is wrong with it
  }
  return false;
}

}  // namespace vernissage
