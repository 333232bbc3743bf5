// The kernel of the filter behind an up-convolution, with the choice it leaves.
#pragma once

#include "kernels/kernels.h"

namespace vernissage {

/// Whether it makes the operation: 4 x 4 at stride 1, whole pieces of 16 bytes, and an epilogue of
/// noise, bias, an activation of two slopes, gain, clamp and next_style.
template <class T>
bool fits_fir(const Upfirdn2d<T>& op);

/// Output rows of a thread. It reads three rows beside its own, so many are better, unless the
/// device lacks blocks then. Each sums alike: the choice does not change a byte.
inline constexpr int kFirRows = 16, kFirFewRows = 8;
template <class T>
int fir_rows(const Upfirdn2d<T>& op);

/// Enqueues one launch. Asserts fits_fir(op); `rows` is one of the two above.
template <class T>
void run_fir(const Upfirdn2d<T>& op, int rows, Stream stream);

}  // namespace vernissage
