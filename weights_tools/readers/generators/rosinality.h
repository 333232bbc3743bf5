// Generators of rosinality's stylegan2-pytorch: state dicts under its names. They state no
// configuration: it follows from the tensors' shapes, and what shapes cannot say is fixed in that
// code.
#pragma once

#include <cstdint>

#include "weights_tools/checkpoint.h"
#include "weights_tools/readers/generators/state_dict.h"

namespace vernissage {

/// Fills in network, stored, notes and metadata. `file_bytes` as for NetworkBuilder. Throws Error.
void read_rosinality(const StateDict& tensors, const FoundGenerator& found, uint64_t file_bytes,
                     Checkpoint& checkpoint);

}  // namespace vernissage
