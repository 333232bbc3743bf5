// Compiled without contraction (engine/CMakeLists.txt): the product and the sum are each rounded, so the
// bytes equal the reference's; one fused rounding would put values just below a level one short of it.
#include <algorithm>

#include "engine/backends/cpu_passes.h"

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

}  // namespace vernissage::cpu
