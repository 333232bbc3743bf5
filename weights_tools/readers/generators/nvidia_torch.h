// Snapshots of stylegan2-ada-pytorch and of stylegan3's StyleGAN2: a pickled dict of modules. A
// module says its class and holds its source text and its attributes; the text is never looked at.
#pragma once

#include <span>

#include "weights_tools/checkpoint.h"
#include "weights_tools/containers/pickle.h"

namespace vernissage {

/// A dict with a network under one of the names of such a snapshot?
bool looks_like_nvidia_torch(const PickleValue& root);

/// `file` is the whole file, of which `root` was read. Throws Error.
Checkpoint read_nvidia_torch(const PickleValue& root, std::span<const std::byte> file,
                             NetworkChoice choice);

}  // namespace vernissage
