// Checkpoints of rosinality's stylegan2-pytorch: dicts of state dicts, or one bare state dict. They
// state no configuration: it follows from the tensors' shapes, and what shapes cannot say is fixed
// in that code.
#pragma once

#include <cstdint>

#include "weights_tools/checkpoint.h"
#include "weights_tools/containers/pickle.h"
#include "weights_tools/containers/torch_tensor.h"

namespace vernissage {

/// `format` is completed with the container: "rosinality checkpoint (zip)". Throws Error.
Checkpoint read_rosinality(const PickleValue& root, const StorageReader& storage,
                           uint64_t file_bytes, NetworkChoice choice, const std::string& container);

}  // namespace vernissage
