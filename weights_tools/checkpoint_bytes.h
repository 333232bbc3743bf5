// The readers of foreign checkpoints over bytes in memory: what read_checkpoint() calls, and the
// fuzzers.
#pragma once

#include <cstddef>
#include <span>

#include "weights_tools/checkpoint.h"

namespace vernissage {

/// Every kind but our own safetensors. Throws Error, without the file's name.
Checkpoint read_foreign_checkpoint(std::span<const std::byte> bytes, NetworkChoice choice,
                                   const GeneratorOptions& options = {});

/// Whether a safetensors file, not of ours, names the tensors of a generator. Throws ParseError.
bool is_foreign_generator(std::span<const std::byte> bytes);

}  // namespace vernissage
