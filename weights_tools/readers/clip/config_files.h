// What stands beside the weights of a CLIP checkpoint: JSON files that state the network and how
// its pictures are made ready.
#pragma once

#include <optional>
#include <string_view>

#include "engine/clip/clip_network.h"

namespace vernissage {

/// config.json of a Hugging Face CLIPModel: sizes, heads, activations, eps. Absent keys have that
/// class's defaults. Throws Error naming the key, ParseError at the first wrong byte.
ClipConfig read_hugging_face_config(std::string_view json);

/// preprocessor_config.json: mean and std_dev go into `config`. Throws Error for preprocessing
/// other than scaling the shorter side of a picture to config.image_size by the bicubic filter, and
/// cropping.
void read_preprocessor_config(std::string_view json, ClipConfig& config);

/// open_clip_config.json: sizes, heads, activation, mean and std_dev. MLP widths are left 0.
/// Throws Error naming a key whose towers are not ours.
ClipConfig read_open_clip_config(std::string_view json);

/// Throws Error naming the first size that the file states otherwise than the tensors have it.
/// A stated 0 says nothing.
void check_stated(const ClipConfig& stated, const ClipConfig& shapes);

}  // namespace vernissage
