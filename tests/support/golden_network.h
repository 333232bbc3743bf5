// The golden generators of golden/stylegan2/models as networks, cases and expected tensors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/formats/network.h"

namespace vernissage::testing {

/// The network of models/<model>, from params.safetensors and the configuration in golden.json: no
/// checkpoint reader takes part.
Network golden_network(const std::string& model);

/// One stored run of a golden network.
struct GoldenCase {
  std::string name;  // "const_psi1", the prefix of its tensors
  float psi = 1;
  std::optional<int> cutoff;
  NoiseMode noise = NoiseMode::constant;
  // Style mixing: rows below it from the first latent, the others from the second.
  std::optional<int> crossover;
  std::optional<float> lerp;  // between the two latents, in w
};

struct GoldenModel {
  std::string name;
  Network network;
  std::vector<GoldenCase> cases;
  // golden.safetensors: "z", "c", "<case>/image", "<case>/act.b8.conv0".
  std::map<std::string, Tensor> tensors;
  /// z (N, Z) and c (N, C; empty without labels) of every case.
  const std::vector<float>& z() const { return tensors.at("z").values; }
  std::vector<float> c() const;
  /// The ws (N', num_ws, W) of a case, from the mapped latents w (N, W).
  std::vector<float> ws(const GoldenCase& which, const std::vector<float>& w) const;
};
GoldenModel golden_model(const std::string& model);

/// The models there are: those committed, and those of the full set where it is.
std::vector<std::string> golden_models();

}  // namespace vernissage::testing
