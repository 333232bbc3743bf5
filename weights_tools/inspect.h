// What is inside a weight file: the network it describes, what it costs, its tensors.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/network.h"
#include "weights_tools/checkpoint.h"
#include "weights_tools/clip_checkpoint.h"

namespace vernissage {

struct TensorSummary {
  std::string name;
  std::string dtype;  // as stored; F32 where the file does not hold it and its reader made it
  std::vector<int64_t> shape;
  double min = 0, max = 0, mean = 0;  // of the finite elements; 0 without any
  int64_t non_finite = 0;             // elements that are infinite or not a number
};

struct Inspection {
  std::string file;
  std::string format;  // which container and release; "safetensors" when it is no network of ours
  std::string chosen;  // which of the checkpoint's generators; empty where there is but one
  std::vector<std::string> notes;               // what the user should know, one line each
  std::optional<NetworkConfig> config;          // a generator's
  std::optional<ClipConfig> clip;               // or a CLIP network's; neither: a file of tensors
  size_t merges = 0;                            // of the tokenizer of a CLIP network
  std::map<std::string, std::string> metadata;  // of a safetensors file
  std::vector<TensorSummary> tensors;           // in the file's order, else in canonical order
};

/// Reads any generator that `convert` reads, and any other safetensors file for its tensors.
/// `network` and `options` as in read_checkpoint(). Throws Error naming the file.
Inspection inspect(const std::filesystem::path& path, const std::string& network,
                   const GeneratorOptions& options = {});
/// The same for what is_clip_checkpoint(); `options` as in read_clip_checkpoint().
Inspection inspect_clip(const std::filesystem::path& path, const std::string& network,
                        const ClipOptions& options = {});

/// For people: lines of text. For machines: one JSON object.
std::string inspection_text(const Inspection& inspection);
std::string inspection_json(const Inspection& inspection);

}  // namespace vernissage
