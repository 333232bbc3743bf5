// The functions of kernels/ptx.h as the host compiler understands them; that file says what they
// do. What they refuse, with a LaunchError naming lane, file and line:
//   - an address of ldmatrix that is not a multiple of 16 bytes or not in shared memory, or whose
//     bytes an asynchronous copy has not brought to the reading lane (async_copies.h);
//   - an address of a copy that is misaligned or in the wrong memory;
//   - a lane of the warp that does not arrive.
// A matrix instruction sums one product after another, k ascending, each sum rounded to nearest. A
// device rounds more coarsely (MatrixSums), so results agree within the error of a sum, not to the
// bit.
// Programmatic dependent launch needs nothing here: a launch ends before the next one begins.
#pragma once

#include <cstdint>

#include "kernels/emulation/emulation.h"
#include "kernels/emulation/intrinsics.h"
#include "kernels/half.h"

namespace vernissage::emulation {

/// How a matrix instruction sums.
enum class MatrixSums {
  nearest,  // in order, each sum rounded to nearest: fast, and what the kernels are tested with
  // As found on devices: the sum so far and eight products at a time, each cut (not rounded) to a
  // multiple of 2^-24 times the power of two above the largest of them, added exactly, the result
  // cut to a float. Source: Fasi et al. 2021, "Numerical behavior of NVIDIA tensor cores"; newer
  // devices keep a bit or two more.
  truncated,
};
void set_matrix_sums(MatrixSums sums);

}  // namespace vernissage::emulation

namespace vernissage::ptx {

using emulation::Place;

void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                  Place where = Place::current());

void ldmatrix_x4(uint32_t (&r)[4], const void* row, Place where = Place::current());
void ldmatrix_x2(uint32_t (&r)[2], const void* row, Place where = Place::current());
void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, Place where = Place::current());

inline void cp_async_16(void* shared, const void* global, bool exists,
                        Place where = Place::current()) {
  emulation::start_copy(shared, global, 16, exists ? 16 : 0, where);
}
inline void cp_async_commit() {
  emulation::commit_copies();
}
template <int PENDING>
void cp_async_wait() {
  static_assert(PENDING >= 0);
  emulation::wait_for_copies(PENDING);
}
inline void cp_async_wait_all() {
  emulation::wait_for_all_copies();
}

inline void griddep_wait() {
  ++emulation::counts().dependency_waits;
}
inline void griddep_launch_dependents() {}

inline uint32_t pack_half2(float low, float high) {
  return from_float<f16>(low).bits | static_cast<uint32_t>(from_float<f16>(high).bits) << 16;
}
inline float2 unpack_half2(uint32_t pair) {
  return {to_float(f16{static_cast<uint16_t>(pair)}),
          to_float(f16{static_cast<uint16_t>(pair >> 16)})};
}

}  // namespace vernissage::ptx
