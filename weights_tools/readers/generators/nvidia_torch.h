// Modules of stylegan2-ada-pytorch and of stylegan3's StyleGAN2: a pickled dict of them (a
// snapshot), or one by itself. A module says its class and holds its source text and its
// attributes; the text is never looked at.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weights_tools/checkpoint.h"
#include "weights_tools/containers/pickle.h"
#include "weights_tools/containers/torch_tensor.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {

/// A dict with a network under one of the names of such a snapshot?
bool looks_like_nvidia_torch(const PickleValue& root);
/// A module with the two parts of such a generator?
bool is_nvidia_generator(const PickleValue& value);

/// `file_bytes` as for NetworkBuilder. Throw Error. `path` is what messages call the module.
Checkpoint read_nvidia_torch(const PickleValue& root, const StorageReader& storage,
                             uint64_t file_bytes, NetworkChoice choice);
void read_nvidia_module(const PickleValue& value, const std::string& path,
                        const StorageReader& storage, uint64_t file_bytes, Checkpoint& checkpoint);

/// Storages as plain pickles hold them: each a whole torch stream of its own inside a byte string
/// of `file`. Persistent ids are left to `others`, where there are any.
StorageReader pickled_storages(std::span<const std::byte> file, StorageReader others = {});

/// The releases register the filter in every layer and block, also where nothing resamples; only
/// those in use are kept. All have to be the 4x4 of a network we know. Returns those of the skips
/// of resnet blocks, by block, to be compared with their blocks' in the finished network.
using SkipFilters = std::vector<std::pair<std::string, std::vector<float>>>;
SkipFilters drop_unused_filters(NetworkBuilder& builder, const NetworkConfig& config);
/// Throws Error naming the first that differs.
void check_skip_filters(const Network& network, const SkipFilters& skips);

}  // namespace vernissage
