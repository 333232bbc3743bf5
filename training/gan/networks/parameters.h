// Parameters of a network in training: tensors under their canonical names.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage::training {

using Parameters = std::map<std::string, at::Tensor>;

/// A generator before its first step. Source: Karras et al. 2018, section 4.1 (equalised learning
/// rate: unit normal weights, their gains applied while running) and 2020, section 2.2: biases 0,
/// those of styles 1, noise strengths 0, constant and noise maps unit normal; weights of the
/// mapping divided by its learning-rate multiplier. Architecture skip, no labels. float32 on the
/// CPU, drawn from libtorch's default generator. Throws Error naming a field of config that is out
/// of range.
Parameters initial_generator(const NetworkConfig& config);

/// False for what no gradient changes: the mean w, the noise maps, the resampling filters.
bool is_trained(const std::string& name);

/// Every trained tensor a leaf that wants gradients; the others as they are.
void require_gradients(Parameters& parameters);
/// The trained ones in the order of their names, as gradients are returned.
std::vector<at::Tensor> trained(const Parameters& parameters);
/// The same storage, without gradients.
Parameters detached(const Parameters& parameters);
Parameters copied(const Parameters& parameters);
/// Copies on a device.
Parameters moved(const Parameters& parameters, at::Device device);

/// The host's network, and back. to_network() throws Error as check() does.
Network to_network(const NetworkConfig& config, const Parameters& parameters);
Parameters from_network(const Network& network);

}  // namespace vernissage::training
