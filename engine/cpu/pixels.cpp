// Compiled without contraction (engine/CMakeLists.txt): the product and the sum are each rounded,
// so the bytes equal the reference's; one fused rounding would put values just below a level one
// short of it.
#include <algorithm>

#include "engine/cpu/passes.h"

namespace vernissage::cpu {

void to_bytes(int channels, int resolution, const float* image, uint8_t* pixels) {
  const int64_t plane = int64_t{resolution} * resolution;
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < plane; ++i)
    for (int c = 0; c < channels; ++c) {
      // A value that is not a number becomes 0: the comparison is false for it.
      const float value = 127.5f * image[c * plane + i] + 128.0f;
      pixels[i * channels + c] =
          static_cast<uint8_t>(value > 0.0f ? std::min(value, 255.0f) : 0.0f);
    }
}

void area_downsample(int channels, int side, int size, const uint8_t* x, uint8_t* y) {
  // In units of 1/size of a pixel, input pixel k is [k · size, (k + 1) · size) and output pixel j
  // [j · side, (j + 1) · side). The weights of an output pixel sum to side².
  const auto share = [size](int64_t begin, int64_t end, int64_t k) {
    return static_cast<uint64_t>(std::min(end, (k + 1) * size) - std::max(begin, k * size));
  };
  const uint64_t whole = uint64_t(side) * uint64_t(side);
#pragma omp parallel for schedule(static)
  for (int row = 0; row < size; ++row) {
    const int64_t top = int64_t{row} * side, bottom = top + side;
    for (int col = 0; col < size; ++col) {
      const int64_t left = int64_t{col} * side, right = left + side;
      for (int c = 0; c < channels; ++c) {
        uint64_t sum = 0;
        for (int64_t i = top / size; i * size < bottom; ++i) {
          uint64_t across = 0;
          for (int64_t j = left / size; j * size < right; ++j)
            across += share(left, right, j) * x[(i * side + j) * channels + c];
          sum += share(top, bottom, i) * across;
        }
        y[(int64_t{row} * size + col) * channels + c] =
            static_cast<uint8_t>((sum + whole / 2) / whole);
      }
    }
  }
}

}  // namespace vernissage::cpu
