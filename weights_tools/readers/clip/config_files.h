// What stands beside the weights of a CLIP checkpoint: JSON files that state the network and how
// its pictures are made ready.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage {

/// How pictures are made ready, as a file says it: y = (v/255 - mean) / std_dev by channel, after
/// the shorter side was scaled to the network's image_size by the bicubic filter and the middle cut
/// out. Other factors than 1/255 and no normalisation are brought into this form.
struct Preprocessing {
  std::optional<std::array<float, 3>> mean, std_dev;  // nothing where the file does not state them
  std::vector<std::string> unstated;                  // other keys that it leaves to their defaults
};

/// config.json of a Hugging Face CLIPModel, or of one of its towers alone: sizes, heads,
/// activations, eps. Absent keys have that class's defaults. Throws Error naming the key,
/// ParseError at the first wrong byte.
ClipConfig read_hugging_face_config(std::string_view json);

/// preprocessor_config.json; `file` is what messages call it. Every key of it is honoured, known to
/// change no pixel, or refused by name: Throws Error for preprocessing other than above.
Preprocessing read_preprocessor_config(std::string_view json, int image_size,
                                       const std::string& file = "preprocessor_config.json");
/// processor_config.json, which has the same object as its image_processor, or none.
std::optional<Preprocessing> read_processor_config(std::string_view json, int image_size);

/// open_clip_config.json: sizes, heads, activation; MLP widths are left 0. Throws Error naming a
/// key whose towers or whose preprocessing are not ours.
struct OpenClipConfig {
  ClipConfig config;
  Preprocessing preprocessing;
};
OpenClipConfig read_open_clip_config(std::string_view json);

/// Throws Error naming the first size that the file states otherwise than the tensors have it.
/// A stated 0 says nothing.
void check_stated(const ClipConfig& stated, const ClipConfig& shapes);

}  // namespace vernissage
