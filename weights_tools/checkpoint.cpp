#include "weights_tools/checkpoint.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "engine/formats/foreign_file.h"
#include "engine/formats/safetensors.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/containers/byte_cursor.h"
#include "weights_tools/containers/torch_archive.h"
#include "weights_tools/containers/torch_module.h"
#include "weights_tools/containers/torch_stream.h"
#include "weights_tools/readers/generators/nvidia_state_dict.h"
#include "weights_tools/readers/generators/nvidia_tf.h"
#include "weights_tools/readers/generators/nvidia_torch.h"
#include "weights_tools/readers/generators/rosinality.h"

namespace vernissage {
namespace {

[[noreturn]] void refuse_options() {
  throw Error(
      "the checkpoint says itself what --conv-clamp, --mapping-lr-multiplier and --activation are "
      "for");
}

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) return false;
  uint64_t header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const bool pickle = bytes[0] == std::byte{0x80};
  return !pickle || header <= bytes.size() - 8;
}

/// A pickle begins with PROTO, or, of protocols 0 and 1, with what makes its first value.
bool looks_like_pickle(std::span<const std::byte> bytes) {
  if (bytes.size() < 2) return !bytes.empty() && bytes[0] == std::byte{0x80};
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text[0] == '\x80') return true;
  const auto among = [&](std::string_view opcodes) {
    return opcodes.find(text[1]) != opcodes.npos;
  };
  if (text[0] == '(') return among("(cdltIKLVXJMN}])");
  if (text[0] == '}' || text[0] == ']') return among("qr(.");
  if (text[0] != 'c') return false;
  // A global: a module and a name, a line each.
  const std::string_view line = text.substr(1, text.find('\n') - 1);
  constexpr size_t kNameMax = 200;
  return !line.empty() && line.size() < kNameMax && std::ranges::all_of(line, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_';
  });
}

[[noreturn]] void refuse_unknown(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  throw ParseError(0, "neither a pickle, a torch archive nor safetensors; it begins with \"" +
                          printable(text.substr(0, 8)) + "\"");
}

/// The keys at the top of a dict, for messages.
std::string keys_of(const PickleValue& root) {
  std::string keys;
  for (const auto& [name, value] : root.entries) {
    if (name->kind != PickleKind::text || keys.size() > 60) continue;
    keys += (keys.empty() ? "" : ", ") + printable(name->text());
  }
  return keys;
}

/// What a state dict holds, of whichever family.
Checkpoint read_state_dict(const StateDict& tensors, const std::string& keys, uint64_t file_bytes,
                           NetworkChoice choice, const GeneratorOptions& options) {
  const FoundGenerator found = choose_generator(tensors, choice, keys);
  Checkpoint checkpoint;
  if (found.family == GeneratorFamily::nvidia) {
    read_nvidia_state_dict(tensors, found, file_bytes, options, checkpoint);
    checkpoint.format = "stylegan2-ada-pytorch state dict";
  } else {
    if (options.any()) refuse_options();
    read_rosinality(tensors, found, file_bytes, checkpoint);
    checkpoint.format = "rosinality checkpoint";
  }
  checkpoint.chosen = found.name();
  return checkpoint;
}

/// What was pickled, in whichever container.
struct Pickled {
  const PickleDocument& document;
  StorageReader storage;
  uint64_t file_bytes;
};

/// A module that holds nothing but another, as torch wraps those that run on several devices.
const PickleValue& unwrapped(const PickleValue& value) {
  const PickleValue* inner = &value;
  try {
    for (int depth = 0; depth < 3 && is_torch_module(*inner); ++depth) {
      const auto children = TorchModule(*inner, "the module").children();
      if (children.size() != 1 || children[0].name != "module") break;
      inner = children[0].value;
    }
  } catch (const ParseError&) {
    // Whoever needs the module says what is wrong with it.
  }
  return *inner;
}

/// The one value of a dict that is a whole generator; null when there is none, or more than one.
const PickleValue* only_generator(const PickleValue& root, std::string& key) {
  const PickleValue* only = nullptr;
  for (const auto& [name, value] : root.entries) {
    const PickleValue& inner = unwrapped(*value);
    if (!is_nvidia_generator(inner)) continue;
    if (only != nullptr) return nullptr;
    only = &inner;
    key = name->kind == PickleKind::text ? printable(name->text()) : "";
  }
  return only;
}

Checkpoint read_object(const Pickled& pickled, NetworkChoice choice,
                       const GeneratorOptions& options) {
  const PickleValue& root = unwrapped(pickled.document.root());
  Checkpoint checkpoint;
  if (looks_like_nvidia_tf(root)) {
    checkpoint = read_nvidia_tf(root, pickled.file_bytes, choice);
  } else if (looks_like_nvidia_torch(root)) {
    checkpoint = read_nvidia_torch(root, pickled.storage, pickled.file_bytes, choice);
  } else if (is_nvidia_generator(root)) {
    if (choice == NetworkChoice::trained)
      throw Error("a module saved by itself; there is no G to choose");
    read_nvidia_module(root, "the module", pickled.storage, pickled.file_bytes, checkpoint);
    checkpoint.format += " module";
  } else if (std::string key;
             const PickleValue* only = is_mapping(root) ? only_generator(root, key) : nullptr) {
    if (choice == NetworkChoice::trained)
      throw Error("the one network is " + key + "; there is no G to choose");
    read_nvidia_module(*only, key, pickled.storage, pickled.file_bytes, checkpoint);
    checkpoint.format += " module";
    checkpoint.chosen = key;
  } else if (is_mapping(root) || is_torch_module(root)) {
    return read_state_dict(state_dict_of(root, pickled.storage), keys_of(root), pickled.file_bytes,
                           choice, options);
  } else {
    throw ParseError(root.offset,
                     "a pickle of " + describe(root) +
                         ", expected a snapshot (a dict with G_ema), a tuple of networks, a module "
                         "or a state dict");
  }
  if (options.any()) refuse_options();
  return checkpoint;
}

/// The objects of unknown classes that the file brings beside its network.
void note_unknown(const PickleDocument& document, Checkpoint& checkpoint) {
  constexpr size_t kNamedMax = 5;
  const std::vector<std::string> names = document.unknown_names();
  if (names.empty()) return;
  std::string note = "objects of other classes were neither read nor made: ";
  for (size_t i = 0; i < names.size() && i < kNamedMax; ++i)
    note.append(i > 0 ? ", " : "").append(names[i]);
  if (names.size() > kNamedMax)
    note += " and " + std::to_string(names.size() - kNamedMax) + " more";
  checkpoint.notes.push_back(note);
}

Checkpoint read_pickled(const Pickled& pickled, const std::string& container, NetworkChoice choice,
                        const GeneratorOptions& options) {
  Checkpoint checkpoint = read_object(pickled, choice, options);
  checkpoint.format += container;
  note_unknown(pickled.document, checkpoint);
  return checkpoint;
}

Checkpoint read_zip(std::span<const std::byte> bytes, NetworkChoice choice,
                    const GeneratorOptions& options) {
  // Said before what is wrong with its entries, for a packed checkpoint has wrong ones.
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find("data.pkl") == text.npos) {
    throw ParseError(0,
                     "a zip archive, but none of torch.save's (it has no data.pkl): if a "
                     "checkpoint is packed inside, unpack it first");
  }
  const TorchArchive archive(bytes);
  const auto storage = [&](const PickleValue& id) { return archive.storage(id); };
  return read_pickled({archive.document(), pickled_storages(bytes, storage), bytes.size()},
                      " (zip)", choice, options);
}

Checkpoint read_pickle(std::span<const std::byte> bytes, NetworkChoice choice,
                       const GeneratorOptions& options) {
  const PickleDocument document = parse_pickle(bytes);
  const auto behind = bytes.subspan(document.end());
  if (!std::ranges::all_of(behind, is_line_end)) {
    throw ParseError(document.end(),
                     std::to_string(behind.size()) + " bytes after the end of the pickle");
  }
  const bool tuple = looks_like_nvidia_tf(document.root());
  return read_pickled({document, pickled_storages(bytes), bytes.size()}, tuple ? "" : " pickle",
                      choice, options);
}

Checkpoint read_safetensors(const std::filesystem::path& path, std::span<const std::byte> bytes,
                            const std::string& network, const GeneratorOptions& options) {
  const Safetensors tensors(bytes);
  if (is_foreign_generator(bytes)) {
    Checkpoint checkpoint = read_state_dict(state_dict_of(tensors), "", bytes.size(),
                                            network_choice_from_name(network), options);
    checkpoint.format += " (safetensors)";
    return checkpoint;
  }
  if (!network.empty())
    throw Error("safetensors hold one network; there is no " + network + " to choose");
  if (options.any()) refuse_options();
  Checkpoint checkpoint;
  checkpoint.network = load_network(path);
  checkpoint.format = "vernissage safetensors";
  for (const auto& [name, tensor] : tensors.tensors()) checkpoint.stored[name] = tensor.dtype;
  return checkpoint;
}

}  // namespace

NetworkChoice network_choice_from_name(const std::string& name) {
  if (name.empty() || name == "G_ema" || name == "Gs" || name == "g_ema")
    return NetworkChoice::average;
  if (name == "G" || name == "g") return NetworkChoice::trained;
  throw Error("unknown network \"" + printable(name) + "\", expected G_ema, Gs or G");
}

bool is_foreign_generator(std::span<const std::byte> bytes) {
  const Safetensors tensors(bytes);
  const auto format = tensors.metadata().find("format");
  const bool ours = format != tensors.metadata().end() && format->second.starts_with("vernissage");
  return !ours && has_generator(state_dict_of(tensors));
}

Checkpoint read_foreign_checkpoint(std::span<const std::byte> bytes, NetworkChoice choice,
                                   const GeneratorOptions& options) {
  if (const auto what = foreign_file(bytes)) throw ParseError(0, *what);
  if (looks_like_zip(bytes)) return read_zip(bytes, choice, options);
  if (looks_like_torch_stream(bytes)) {
    const TorchStream stream(bytes);
    const auto storage = [&](const PickleValue& id) { return stream.storage(id); };
    return read_pickled({stream.document(), pickled_storages(bytes, storage), bytes.size()},
                        " (old stream)", choice, options);
  }
  if (looks_like_pickle(bytes)) return read_pickle(bytes, choice, options);
  refuse_unknown(bytes);
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const std::string& network,
                           const GeneratorOptions& options) {
  const NetworkChoice choice = network_choice_from_name(network);
  const MappedFile file(path);
  try {
    if (looks_like_safetensors(file.bytes()))
      return read_safetensors(path, file.bytes(), network, options);
    return read_foreign_checkpoint(file.bytes(), choice, options);
  } catch (const Error& error) {
    const std::string prefix = path.string() + ": ";  // load_network() says it itself
    if (std::string_view(error.what()).starts_with(prefix)) throw;
    throw Error(prefix + error.what());
  }
}

}  // namespace vernissage
