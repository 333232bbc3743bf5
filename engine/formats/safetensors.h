// safetensors: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
// Rules: https://huggingface.co/docs/safetensors (no duplicate keys, no holes, no overlap, nothing
// behind).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/formats/tensor.h"

namespace vernissage {

/// A whole file mapped read-only. Move-only; views into it are valid while it lives.
class MappedFile {
 public:
  /// Throws Error naming the path and the system's reason.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Reader over borrowed bytes. All checks happen in the constructor, before anything is allocated
/// by a length found in the bytes.
class Safetensors {
 public:
  /// Throws ParseError. The header may be at most kHeaderBytesMax long.
  static constexpr uint64_t kHeaderBytesMax = uint64_t{16} << 20;
  explicit Safetensors(std::span<const std::byte> bytes);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }

 private:
  std::map<std::string, std::string> metadata_;
  std::map<std::string, TensorView> tensors_;
};

struct NamedTensor {
  std::string name;
  TensorView tensor;
};

/// Writes `path` atomically: a temporary file beside it, fsync, rename. Tensors are laid out in the
/// given order. Throws Error naming the path; then no partial file is left.
void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, std::string>& metadata,
                       const std::vector<NamedTensor>& tensors);

}  // namespace vernissage
