// Start here: one door for checkpoint files of every kind. Files may come from strangers; they are
// data, and nothing in them is ever run.
//
//   checkpoint                 which kind of file is it?
//   clip_checkpoint            the same for CLIP networks
//   readers/generators/nvidia_torch       modules of stylegan2-ada-pytorch and stylegan3
//   readers/generators/nvidia_state_dict  their tensors alone
//   readers/generators/nvidia_tf          pickles of stylegan2 and stylegan2-ada
//   readers/generators/rosinality         state dicts of stylegan2-pytorch
//   readers/generators/state_dict         tensors by name, out of whatever wraps them
//   readers/generators/completion         what a checkpoint may lack
//   readers/generators/network_builder    canonical names to a complete, checked network
//   containers/pickle          Python's object streams as data, by allow-list
//   containers/zip_archive     stored zip archives, by their central directory
//   containers/torch_*         torch's two containers, its tensors and modules
//   containers/numpy_value     numpy's arrays and scalars
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage {

/// Which of a checkpoint's generators: the moving average of the weights, which is the one to paint
/// with, or the one that was being trained.
enum class NetworkChoice { average, trained };

/// "", "G_ema", "Gs", "g_ema": average; "G", "g": trained. Throws Error for another word.
NetworkChoice network_choice_from_name(const std::string& name);

/// What the user says where a checkpoint cannot: a state dict under NVIDIA's names tells by its
/// shapes neither of these, and a wrong one spoils every picture.
struct GeneratorOptions {
  std::optional<float> conv_clamp;             // NetworkConfig::conv_clamp; -1: none
  std::optional<float> mapping_lr_multiplier;  // NetworkConfig::mapping_lr_multiplier
  std::optional<Activation> activation;        // of both parts

  bool any() const { return conv_clamp || mapping_lr_multiplier || activation; }
};

struct Checkpoint {
  Network network;     // complete and checked
  std::string format;  // e.g. "rosinality checkpoint (zip)"
  std::string chosen;  // the network's name in the file; empty where there is but one
  std::map<std::string, DType> stored;          // element types in the file, by canonical name
  std::vector<std::string> notes;               // what the user should know, one line each
  std::map<std::string, std::string> metadata;  // what the saved file should say of its making
};

/// Reads a checkpoint; its kind is found by content, never by name. Throws Error, one line: the
/// file, the offset or tensor, and what was expected. `network` as for network_choice_from_name().
/// `options` are asked for by an Error that names their flags; a checkpoint that says everything
/// itself refuses them.
Checkpoint read_checkpoint(const std::filesystem::path& path, const std::string& network = "",
                           const GeneratorOptions& options = {});

}  // namespace vernissage
