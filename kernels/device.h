// The only file that knows which compiler reads a kernel. Under nvcc these are CUDA's own words;
// under the host compiler the same words mean the same thing on fibers (kernels/emulation).
//
// What a kernel may use, beside the words in emulation/intrinsics.h:
//   VERNISSAGE_SHARED(float, tile, 64 * 17);    an array of the block, exactly that long
//   VERNISSAGE_DYNAMIC_SHARED(float, staging);  the launch's shared_bytes, aligned to 16
// Both are unset when a block starts; the emulation fills them with ones (NaN as float and as
// half).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "engine/error.h"
#include "kernels/half.h"

struct CUstream_st;

namespace vernissage {

using Stream = CUstream_st*;

/// The driver or a launch failed; what() names the kernel and CUDA's reason. Sticky: the process is
/// done with this device.
class CudaError : public Error {
 public:
  using Error::Error;
};

/// ⌈a / b⌉ for a ≥ 0, b > 0.
template <class A, class B>
VERNISSAGE_HOST_DEVICE constexpr std::common_type_t<A, B> ceil_div(A a, B b) {
  return (a + b - 1) / b;
}

}  // namespace vernissage

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#define VERNISSAGE_SHARED(type, name, count) __shared__ type name[count]
#define VERNISSAGE_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char vernissage_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(vernissage_dynamic_shared)

namespace vernissage {

/// Dynamic shared memory beyond this must be asked for.
constexpr size_t kSharedBytesDefault = 48 << 10;

/// Starts kernel(args…) on `stream`. Throws CudaError naming the kernel when the launch is refused;
/// what goes wrong while it runs shows at the next synchronisation.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, Stream stream,
            const A&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes as many arguments as it declares");
  static_assert((sizeof(P) + ... + 0) <= 4096, "CUDA passes at most 4 KiB of arguments");
  cudaError_t error = cudaSuccess;
  if (shared_bytes > kSharedBytesDefault)
    error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                 cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared_bytes));
  if (error == cudaSuccess) {
    kernel<<<grid, block, shared_bytes, stream>>>(static_cast<P>(args)...);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) return;
  const char* name = nullptr;
  if (cudaFuncGetName(&name, reinterpret_cast<const void*>(kernel)) != cudaSuccess ||
      name == nullptr)
    name = "a kernel";
  const auto size = [](dim3 d) {
    return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z);
  };
  throw CudaError("launch of " + std::string(name) + ", grid " + size(grid) + ", block " +
                  size(block) + ", " + std::to_string(shared_bytes) +
                  " bytes shared: " + cudaGetErrorString(error));
}

}  // namespace vernissage

#else

#include <tuple>

#include "kernels/emulation/emulation.h"
#include "kernels/emulation/intrinsics.h"

#define VERNISSAGE_SHARED(type, name, count)                                           \
  static ::vernissage::emulation::SharedSite name##_site{#name, __FILE__, __LINE__};   \
  static_assert(sizeof(type) * (count) <= (48 << 10), "static shared memory: 48 KiB"); \
  type* const name = static_cast<type*>(                                               \
      ::vernissage::emulation::static_shared(name##_site, sizeof(type) * (count)))
#define VERNISSAGE_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::vernissage::emulation::dynamic_shared())

namespace vernissage {

/// Runs the whole grid before it returns. Throws emulation::LaunchError for what CUDA would refuse
/// or leave undefined.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, Stream /*stream*/,
            const A&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes as many arguments as it declares");
  static_assert((sizeof(P) + ... + 0) <= 4096, "CUDA passes at most 4 KiB of arguments");
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> args;
  };
  const Call call{kernel, {static_cast<P>(args)...}};
  emulation::run(
      {{grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared_bytes, __PRETTY_FUNCTION__},
      [](const void* data) {
        const Call& c = *static_cast<const Call*>(data);
        std::apply(c.kernel, c.args);
      },
      &call);
}

}  // namespace vernissage

#endif
