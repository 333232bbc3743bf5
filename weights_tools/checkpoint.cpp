#include "weights_tools/checkpoint.h"

#include <cstring>
#include <string_view>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "weights_tools/checkpoint_bytes.h"
#include "weights_tools/containers/torch_archive.h"
#include "weights_tools/containers/torch_stream.h"
#include "weights_tools/readers/generators/nvidia_tf.h"
#include "weights_tools/readers/generators/nvidia_torch.h"
#include "weights_tools/readers/generators/rosinality.h"

namespace vernissage {
namespace {

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) return false;
  uint64_t header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const bool pickle = bytes[0] == std::byte{0x80};
  return !pickle || header <= bytes.size() - 8;
}

bool looks_like_tar(std::span<const std::byte> bytes) {
  constexpr size_t kMagicAt = 257;
  return bytes.size() >= kMagicAt + 5 && std::memcmp(bytes.data() + kMagicAt, "ustar", 5) == 0;
}

[[noreturn]] void refuse_unknown(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (bytes.empty()) throw ParseError(0, "an empty file");
  if (looks_like_tar(bytes)) {
    throw ParseError(0, "a tar archive (torch.save before version 0.1.10) is not read");
  }
  if (text.starts_with("version https://git-lfs")) {
    throw ParseError(
        0, "a Git LFS pointer; the weights themselves were not downloaded (git lfs pull)");
  }
  if (text.starts_with("<")) throw ParseError(0, "a web page, not weights");
  throw ParseError(0, "neither a pickle, a torch archive nor safetensors; it begins with \"" +
                          printable(text.substr(0, 8)) + "\"");
}

Checkpoint read_safetensors(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  Checkpoint checkpoint;
  checkpoint.network = load_network(path);
  checkpoint.format = "vernissage safetensors";
  const Safetensors tensors(bytes);
  for (const auto& [name, tensor] : tensors.tensors()) checkpoint.stored[name] = tensor.dtype;
  return checkpoint;
}

Checkpoint read_pickle(std::span<const std::byte> bytes, NetworkChoice choice) {
  const PickleDocument document = parse_pickle(bytes);
  if (document.end() != bytes.size()) {
    throw ParseError(document.end(), std::to_string(bytes.size() - document.end()) +
                                         " bytes after the end of the pickle");
  }
  const PickleValue& root = document.root();
  if (looks_like_nvidia_tf(root)) return read_nvidia_tf(root, bytes.size(), choice);
  if (looks_like_nvidia_torch(root)) return read_nvidia_torch(root, bytes, choice);
  throw ParseError(root.offset,
                   "a pickle of " + describe(root) +
                       ", expected a snapshot (a dict with G_ema) or a tuple of networks");
}

}  // namespace

NetworkChoice network_choice_from_name(const std::string& name) {
  if (name.empty() || name == "G_ema" || name == "Gs" || name == "g_ema")
    return NetworkChoice::average;
  if (name == "G" || name == "g") return NetworkChoice::trained;
  throw Error("unknown network \"" + printable(name) + "\", expected G_ema, Gs or G");
}

Checkpoint read_foreign_checkpoint(std::span<const std::byte> bytes, NetworkChoice choice) {
  if (looks_like_zip(bytes)) {
    const TorchArchive archive(bytes);
    return read_rosinality(
        archive.object(), [&](const PickleValue& id) { return archive.storage(id); }, bytes.size(),
        choice, "zip");
  }
  if (looks_like_torch_stream(bytes)) {
    const TorchStream stream(bytes);
    return read_rosinality(
        stream.object(), [&](const PickleValue& id) { return stream.storage(id); }, bytes.size(),
        choice, "old stream");
  }
  if (!bytes.empty() && bytes[0] == std::byte{0x80}) return read_pickle(bytes, choice);
  refuse_unknown(bytes);
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const std::string& network) {
  const NetworkChoice choice = network_choice_from_name(network);
  const MappedFile file(path);
  if (looks_like_safetensors(file.bytes())) {
    if (!network.empty()) {
      throw Error(path.string() + ": safetensors hold one network; there is no " + network +
                  " to choose");
    }
    return read_safetensors(path, file.bytes());
  }
  try {
    return read_foreign_checkpoint(file.bytes(), choice);
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

}  // namespace vernissage
