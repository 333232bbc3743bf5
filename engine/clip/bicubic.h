// The weights of Pillow's bicubic filter, in whole numbers: what scaling a picture to the byte is
// made of, on the host and on a device.
#pragma once

#include <cstdint>
#include <vector>

namespace vernissage {

/// y[j] = clamp((Σ_k weights[j · taps + k] · x[first[j] + k] + 2^21) >> 22, 0, 255), k below
/// count[j]. |Σ| stays below 2^31 for bytes x.
struct BicubicTable {
  int taps = 0;                  // weights a row
  std::vector<int32_t> first;    // by output, ≥ 0
  std::vector<int32_t> count;    // by output, 1 … taps; first + count ≤ in
  std::vector<int32_t> weights;  // (outputs, taps), zero from count on
};

/// Outputs crop … crop + count - 1 of `out` when `in` samples are scaled to `out`: a = -1/2,
/// widened by in/out when that is above 1 (antialias). Source: Keys 1981, "Cubic convolution
/// interpolation for digital image processing"; the fixed point is Pillow's. All sizes ≥ 1, crop +
/// count ≤ out.
BicubicTable bicubic_table(int in, int out, int crop, int count);

}  // namespace vernissage
