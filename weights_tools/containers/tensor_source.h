// A tensor of a checkpoint that was found and checked but not converted yet.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/formats/tensor.h"

namespace vernissage {

struct TensorSource {
  std::vector<int64_t> shape;
  DType stored = DType::f32;                 // element type in the file
  uint64_t bytes = 0;                        // taken from the file; 0 for one that is computed
  std::function<std::vector<float>()> read;  // row-major, as many as the shape says
};

}  // namespace vernissage
