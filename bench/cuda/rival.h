// The convolutions of one layer through cuDNN, on random operands, as the rival of that layer.
#pragma once

#include <memory>
#include <string>

#include "bench/model/work.h"

namespace vernissage::bench {

class CudnnRival {
 public:
  /// Takes device memory for the layer at this batch, has our kernel compute the result, lets
  /// cuDNN try its engines and keeps the fastest of those that give the same result. Throws Error
  /// when there is none.
  CudnnRival(const LayerWork& layer, int batch);
  ~CudnnRival();

  /// Seconds of device time, within a CUDA graph.
  double seconds();
  std::string describe() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernissage::bench
