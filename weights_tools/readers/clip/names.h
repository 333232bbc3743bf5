// Names of tensors in CLIP checkpoints. Two families are known: the original release's, which
// OpenCLIP shares and which is ours, and Hugging Face's. Source: the files themselves.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weights_tools/containers/tensor_source.h"

namespace vernissage {

/// Tensors by their names in a file.
using NamedSources = std::map<std::string, TensorSource, std::less<>>;

/// Counters and masks that stand among the weights of some files and say nothing that the weights'
/// shapes do not: position_ids, attn_mask, input_resolution, context_length, vocab_size.
bool is_clip_bookkeeping(std::string_view name);

/// Whether a file with a tensor of this name is meant as CLIP: either family's towers, also inside
/// a wrapper, or one that canonical_clip_tensors() refuses by name.
bool is_clip_name(std::string_view name);

/// Whether a tensor of this name, wrapper or not, belongs to a tower or joins them: another is
/// nothing that a picture's or a text's embedding depends on.
bool is_clip_tower_name(std::string_view name);

/// Of which family? Only for tensors among which is_clip_name() is true of one.
bool is_hugging_face_clip(const NamedSources& tensors);

/// The same tensors under canonical names and in canonical shape: wrappers' prefixes removed, q, k
/// and v in one, projections as (width, embedding). What belongs to no tower is left out; its names
/// go to `unread`. Throws Error naming a family, a tower that is by itself, or a tensor of a tower
/// that is not known.
NamedSources canonical_clip_tensors(NamedSources tensors,
                                    std::vector<std::string>* unread = nullptr);

}  // namespace vernissage
