// One door for CLIP checkpoints of every kind. Like all files here they are data from strangers.
//
//   readers/clip_weights        tensors by name, out of safetensors, archives, TorchScript
//   readers/clip_names          the two families of names
//   readers/clip_config_files   the JSON files beside the weights
//   readers/clip_vocabulary     the files of the tokenizer
//   readers/clip_builder        to a complete, checked network
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage {

/// What the user says where a checkpoint says nothing, or something wrong.
struct ClipOptions {
  std::filesystem::path tokenizer;           // folder or file; empty: what the checkpoint brings
  std::optional<std::pair<int, int>> heads;  // of the image tower and the text tower
  std::optional<ClipActivation> activation;  // of both towers
  std::optional<std::array<float, 3>> mean, std_dev;  // of the pixels, as in ClipConfig
};

struct ClipCheckpoint {
  ClipNetwork network;                  // complete and checked
  std::string format;                   // e.g. "Hugging Face CLIP (safetensors)"
  std::map<std::string, DType> stored;  // element types in the file, by canonical name
  std::vector<std::string> notes;       // what the user should know, one line each
};

/// Whether `path` is meant as CLIP, by content: a folder, a file of ours, weights of a known family
/// or a TorchScript archive. Throws Error for a path that cannot be read.
bool is_clip_checkpoint(const std::filesystem::path& path);

/// `path` is a folder (config.json with model.safetensors or pytorch_model.bin;
/// open_clip_config.json with open_clip_model.safetensors or open_clip_pytorch_model.bin; in place
/// of the weights their .index.json, which names the files they lie in), such an index, or a file
/// of weights, whose configuration is looked for beside it under the same names, or a file of ours.
///
/// Heads and activation come from the options, else the configuration, else, of the original
/// release's own files, from what is published: heads of 64, quick_gelu. Otherwise they are asked
/// for: no shape tells them, and a wrong one spoils every ranking without a sign. Likewise mean and
/// std_dev come from the options, else from processor_config.json, preprocessor_config.json or
/// open_clip_config.json, else, of the original release's own files, from what is published. The
/// tokenizer comes from the options, else from merges.txt (with vocab.json), tokenizer.json or
/// bpe_simple_vocab_16e6.txt.gz beside the weights; without one the network has none. Tokens that
/// were added behind the end token and tensors that belong to no tower are left out, with a note.
/// Throws Error, one line: the file, the tensor or key, what was expected.
ClipCheckpoint read_clip_checkpoint(const std::filesystem::path& path, const ClipOptions& options);

}  // namespace vernissage
