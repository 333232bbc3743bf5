// The libtorch reference on a CUDA device in half precision, eager and as a CUDA graph, behind an
// interface without libtorch's headers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/formats/network.h"

namespace vernissage::reference {

class TorchCuda {
 public:
  /// Throws Error as TorchGenerator does.
  explicit TorchCuda(const Network& network);
  ~TorchCuda();

  /// ws (N, num_ws, W) → float32 (N, image_channels, R, R), eager.
  std::vector<float> image(std::span<const float> ws, int n);
  /// z (N, Z) → RGB8 (N, R, R, image_channels) in the host's memory, eager, w not truncated.
  std::vector<uint8_t> paint(std::span<const float> z, int n);

  /// The latents of the next runs: ws (N, num_ws, W).
  void set_inputs(std::span<const float> ws, int n);
  /// Enqueues one synthesis, operation by operation.
  void run_eager();
  /// Records a synthesis of the present inputs as a CUDA graph, after warming up; kept for each N.
  void record();
  /// Enqueues the recorded synthesis.
  void replay();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernissage::reference
