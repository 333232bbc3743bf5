// ptx::cp_async_16 that a thread may leave out without a branch: a branch would put every copy into
// a block of instructions of its own.
#pragma once

#include "kernels/ptx.h"

namespace vernissage {

/// The copy where `issue` holds, nothing elsewhere.
__device__ __forceinline__ void cp_async_16_if(bool issue, void* shared, const void* global,
                                               bool exists) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile(
      "{.reg .pred %%issue; setp.ne.b32 %%issue, %3, 0; "
      "@%%issue cp.async.cg.shared.global [%0], [%1], 16, %2;}" ::"r"(ptx::shared_address(shared)),
      "l"(__cvta_generic_to_global(global)), "r"(exists ? 16 : 0), "r"(issue ? 1 : 0)
      : "memory");
#else
  if (issue) ptx::cp_async_16(shared, global, exists);
#endif
}

}  // namespace vernissage
