// What a checkpoint may lack without being incomplete, because its makers' code makes it anew:
// noise maps and the centre of truncation. What is made here is said in the notes and in the
// metadata.
#pragma once

#include <string>

#include "weights_tools/checkpoint.h"
#include "weights_tools/readers/generators/network_builder.h"

namespace vernissage {

/// Whether `builder` has a tensor whose name ends so.
bool has_any(const NetworkBuilder& builder, const NetworkConfig& config, const std::string& end);

/// Where a network with noise brings no noise map at all, adds N(0, 1) maps from fixed seeds (map i
/// of seed i, in the order of the layers) and says so in `checkpoint`. A network that brings some
/// of its maps keeps what it brings.
void complete_noise(NetworkBuilder& builder, const NetworkConfig& config, Checkpoint& checkpoint);

/// builder.build(config) into checkpoint.network, with mean_w() for the centre of truncation where
/// the builder has none; `why` begins the note: "the file has no w_avg". Throws Error.
void build_completed(NetworkBuilder& builder, const NetworkConfig& config, const std::string& why,
                     Checkpoint& checkpoint);

}  // namespace vernissage
