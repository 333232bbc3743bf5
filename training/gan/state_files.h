// The state of a training on disk: a folder of safetensors, none larger than 16 MB, there whole or
// not at all.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace vernissage::training {

inline constexpr int64_t kStateFileBytesMax = 16'000'000;

struct StoredState {
  std::map<std::string, at::Tensor> tensors;    // float32, int64 or bytes, on the CPU
  std::map<std::string, std::string> metadata;  // what the run was told
};

/// Writes FOLDER/state-<images>/part-000.safetensors …, images in 12 digits: built beside its place
/// and renamed when complete. Then removes the states that were there before. Throws Error naming
/// the path.
void save_state(const std::filesystem::path& folder, int64_t images, const StoredState& state);

/// The state of most images in FOLDER; nothing where there is none. Throws Error naming the file
/// and what is wrong with it.
std::optional<StoredState> load_newest_state(const std::filesystem::path& folder);

}  // namespace vernissage::training
