// The two towers in libtorch, as functions of their canonical parameters
// (engine/clip/clip_network.h), so that they can be trained. Source: Radford et al. 2021, section
// 2; Dosovitskiy et al. 2021 for pictures.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "engine/clip/clip_network.h"

namespace vernissage::training {

using ClipTensors = std::map<std::string, at::Tensor>;  // by canonical name

/// Random parameters of a new network, by at::manual_seed's generator; scales as Radford et al.
/// describe.
ClipTensors new_parameters(const ClipConfig& config);
/// To and from the network that the engine reads; values are copied.
ClipTensors tensors_of(const ClipNetwork& network);
ClipNetwork network_of(const ClipConfig& config, const std::vector<std::string>& merges,
                       const ClipTensors& tensors);

/// RGB bytes as float in 0 … 1 (N, 3, S, S) → unit embeddings (N, E).
at::Tensor embed_pictures(const ClipConfig& config, const ClipTensors& p,
                          const at::Tensor& pictures);
/// Token ids, each row with start and end and zeros behind (N, T) int64, → unit embeddings (N, E).
at::Tensor embed_texts(const ClipConfig& config, const ClipTensors& p, const at::Tensor& tokens);
/// Rows of unequal length as (N, T), zeros behind.
at::Tensor padded(const std::vector<std::vector<int64_t>>& texts);

/// Symmetric cross-entropy over exp(logit_scale) · pictures · textsᵀ. Row i belongs to column i,
/// and to every column with the same text. Source: Radford et al. 2021, figure 3; shared texts as
/// in Khosla et al. 2020.
at::Tensor contrastive_loss(const at::Tensor& pictures, const at::Tensor& texts,
                            const at::Tensor& tokens, const at::Tensor& logit_scale);

}  // namespace vernissage::training
