// State dicts of stylegan2-ada-pytorch and of stylegan3's StyleGAN2: tensors under the releases'
// own names. Sizes, architecture, labels and noise follow from them; what no tensor tells is asked
// for.
#pragma once

#include <cstdint>
#include <string>

#include "weights_tools/checkpoint.h"
#include "weights_tools/readers/generators/state_dict.h"

namespace vernissage {

/// Fills in network, stored, notes and metadata. `file_bytes` as for NetworkBuilder. Throws Error;
/// one that names the flags where an option is missing.
void read_nvidia_state_dict(const StateDict& tensors, const FoundGenerator& found,
                            uint64_t file_bytes, const GeneratorOptions& options,
                            Checkpoint& checkpoint);

}  // namespace vernissage
