// The tensors of a CLIP checkpoint by name, out of any container they come in: safetensors, torch's
// archives (state dicts and TorchScript modules), torch's old streams.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "weights_tools/readers/clip/names.h"

namespace vernissage {

class TorchArchive;
class TorchStream;

/// Views into `bytes`, which outlive it.
class ClipWeights {
 public:
  /// Throws Error, without the file's name; ParseError for bytes that break their container's
  /// rules.
  explicit ClipWeights(std::span<const std::byte> bytes);
  ~ClipWeights();

  /// Whether the bytes hold a CLIP network, as far as the names of their tensors say it, or a
  /// TorchScript module, which nothing else here reads. False for bytes that cannot be read.
  static bool recognises(std::span<const std::byte> bytes);

  /// Whether it is a file that save_clip() wrote, for load_clip() to read.
  static bool are_ours(std::span<const std::byte> bytes);

  const NamedSources& tensors() const { return tensors_; }
  const std::string& container() const { return container_; }  // "safetensors", "TorchScript"
  /// Only the original release writes TorchScript, and among its weights the counters that
  /// is_clip_bookkeeping() passes over: of its files heads and activation are known.
  bool original_release() const { return original_release_; }

 private:
  std::unique_ptr<TorchArchive> archive_;
  std::unique_ptr<TorchStream> stream_;
  NamedSources tensors_;
  std::string container_;
  bool original_release_ = false;
};

}  // namespace vernissage
