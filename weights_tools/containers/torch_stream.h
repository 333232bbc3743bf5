// The container torch.save wrote before version 1.6 and still writes inside pickled modules: five
// pickles (magic number, protocol, system, object, storage keys), then every storage as a count and
// its elements. Ours for the reasons of torch_archive.h.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "weights_tools/containers/pickle.h"
#include "weights_tools/containers/torch_tensor.h"

namespace vernissage {

/// Does it begin like one (a long integer by itself)? Decides how a file is read, not whether it is
/// sound.
bool looks_like_torch_stream(std::span<const std::byte> bytes);

/// A whole stream; views into its bytes, which outlive it.
class TorchStream {
 public:
  /// `base_offset` is added to offsets in messages. Throws ParseError.
  explicit TorchStream(std::span<const std::byte> bytes, uint64_t base_offset = 0);

  const PickleValue& object() const { return object_.root(); }
  const PickleDocument& document() const { return object_; }
  /// The storage that a persistent id of the object names. Throws ParseError.
  TorchStorage storage(const PickleValue& id) const;

 private:
  PickleDocument object_;
  struct Data {
    uint64_t count;  // elements
    std::span<const std::byte> bytes;
  };
  std::map<std::string, Data, std::less<>> storages_;
};

}  // namespace vernissage
