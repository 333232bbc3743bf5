// TensorFlow pickles of stylegan2 (network version 4) and stylegan2-ada (5): a tuple (G, D, Gs) of
// networks, each with its keyword arguments, its variables as numpy arrays, and the networks it is
// made of.
#pragma once

#include <cstdint>

#include "weights_tools/checkpoint.h"
#include "weights_tools/containers/pickle.h"

namespace vernissage {

/// A tuple of networks?
bool looks_like_nvidia_tf(const PickleValue& root);

/// Throws Error.
Checkpoint read_nvidia_tf(const PickleValue& root, uint64_t file_bytes, NetworkChoice choice);

}  // namespace vernissage
