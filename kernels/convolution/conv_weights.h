// Convolution weights in the forms the kernels take, made on the host when a network is loaded.
#pragma once

#include <span>
#include <vector>

namespace vernissage {

/// The weight of PhasedConv, (2, 2, O, 3, 3, I), that gives what TransposedConv with `weight`
/// (O, 3, 3, I) and then Upfirdn2d with `filter` (4, 4), padding 1 and `gain` give:
///   C[k] = gain · Σ_p weight[p] · F[p - k + 1], k = -2 … 3 along each axis, F the mirrored filter,
/// is the kernel that carries input row h to output row 2h + k, so phase a, tap t takes
/// k = a - 2 (t - 1). Summed in float64, rounded once.
std::vector<float> compose_up_weight(std::span<const float> weight, int out, int in,
                                     std::span<const float> filter, float gain);

}  // namespace vernissage
