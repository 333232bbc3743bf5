// The optimiser, with its state as tensors under the names of the parameters, so that a run can be
// stored and gone on with.
#pragma once

#include "training/gan/networks/parameters.h"

namespace vernissage::training {

/// Adam without momentum, as StyleGAN2 uses it (β1 = 0):
///   v ← β2 v + (1 - β2) g²;  p ← p - rate · g / (√(v / (1 - β2^steps)) + 1e-8)
/// Source: Kingma and Ba 2015, algorithm 1.
struct Adam {
  Parameters squares;  // v of every trained parameter
  int64_t steps = 0;
  double rate = 0;
  double beta2 = 0;

  /// For a network of which a lazy regulariser takes one step more every `interval` main steps (0:
  /// none): rate and β2 keep their meaning a main step. Source: Karras et al. 2020, appendix B.
  Adam(const Parameters& parameters, double rate, int interval);

  /// `gradients` in the order of trained(parameters), whose tensors change in place.
  void step(const Parameters& parameters, const std::vector<at::Tensor>& gradients);
};

}  // namespace vernissage::training
