// Names of tensors in CLIP checkpoints. Two families are known: the original release's, which
// OpenCLIP shares and which is ours, and Hugging Face's. Source: the files themselves.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "weights_tools/containers/tensor_source.h"

namespace vernissage {

/// Tensors by their names in a file.
using NamedSources = std::map<std::string, TensorSource, std::less<>>;

/// Counters and masks that stand among the weights of some files and say nothing that the weights'
/// shapes do not: position_ids, attn_mask, input_resolution, context_length, vocab_size.
bool is_clip_bookkeeping(std::string_view name);

/// Whether a file with a tensor of this name is meant as CLIP: either family's image tower, or one
/// that canonical_clip_tensors() refuses by name.
bool is_clip_name(std::string_view name);

/// Of which family? Only for tensors among which is_clip_name() is true of one.
bool is_hugging_face_clip(const NamedSources& tensors);

/// The same tensors under canonical names and in canonical shape: wrappers' prefixes removed, q, k
/// and v in one, projections as (width, embedding). Throws Error naming a family, an image tower or
/// a tensor that is not known.
NamedSources canonical_clip_tensors(NamedSources tensors);

}  // namespace vernissage
