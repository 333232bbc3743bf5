// Start here: one door for checkpoint files of every kind. Files may come from strangers; they are
// data, and nothing in them is ever run.
//
//   checkpoint                 which kind of file is it?
//   clip_checkpoint            the same for CLIP networks
//   readers/nvidia_torch       pickles of stylegan2-ada-pytorch and stylegan3
//   readers/nvidia_tf          pickles of stylegan2 and stylegan2-ada
//   readers/rosinality         .pt files of stylegan2-pytorch
//   readers/network_builder    canonical names to a complete, checked network
//   containers/pickle          Python's object streams as data, by allow-list
//   containers/zip_archive     stored zip archives, by their central directory
//   containers/torch_*         torch's two containers, its tensors and modules
//   containers/numpy_value     numpy's arrays and scalars
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage {

/// Which of a checkpoint's generators: the moving average of the weights, which is the one to paint
/// with, or the one that was being trained.
enum class NetworkChoice { average, trained };

/// "", "G_ema", "Gs", "g_ema": average; "G", "g": trained. Throws Error for another word.
NetworkChoice network_choice_from_name(const std::string& name);

struct Checkpoint {
  Network network;     // complete and checked
  std::string format;  // e.g. "rosinality checkpoint (zip)"
  std::string chosen;  // the network's name in the file; empty where there is but one
  std::map<std::string, DType> stored;  // element types in the file, by canonical name
  std::vector<std::string> notes;       // what the user should know, one line each
};

/// Reads a checkpoint; its kind is found by content, never by name. Throws Error, one line: the
/// file, the offset or tensor, and what was expected. `network` as for network_choice_from_name().
Checkpoint read_checkpoint(const std::filesystem::path& path, const std::string& network = "");

}  // namespace vernissage
