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

#include "base/error.h"
#include "kernels/half.h"
#include "kernels/launches.h"

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

/// Whether the kernel, as it is on this device, waits by griddepcontrol: that exists from compute
/// capability 9.0 on, and code compiled for less has left it out.
inline bool waits_for_dependency(const void* kernel) {
  cudaFuncAttributes attributes = {};
  return cudaFuncGetAttributes(&attributes, kernel) == cudaSuccess &&
         attributes.binaryVersion >= 90 && attributes.ptxVersion >= 90;
}

template <class... P, class... A>
void launch_on_device(bool dependent, void (*kernel)(P...), dim3 grid, dim3 block,
                      size_t shared_bytes, Stream stream, const A&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes as many arguments as it declares");
  static_assert((sizeof(P) + ... + 0) <= 4096, "CUDA passes at most 4 KiB of arguments");
  const void* const address = reinterpret_cast<const void*>(kernel);
  cudaError_t error = cudaSuccess;
  if (shared_bytes > kSharedBytesDefault)
    error = cudaFuncSetAttribute(address, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared_bytes));
  if (error == cudaSuccess) {
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = dependent && launches_overlap && waits_for_dependency(address) ? 1 : 0;
    error = cudaLaunchKernelEx(&config, kernel, static_cast<P>(args)...);
  }
  if (error == cudaSuccess) {
    ++launches_made;
    return;
  }
  cudaGetLastError();  // so that the next launch does not report this one again
  const char* name = nullptr;
  if (cudaFuncGetName(&name, address) != cudaSuccess || name == nullptr) name = "a kernel";
  const auto size = [](dim3 d) {
    return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z);
  };
  throw CudaError("launch of " + std::string(name) + ", grid " + size(grid) + ", block " +
                  size(block) + ", " + std::to_string(shared_bytes) +
                  " bytes shared: " + cudaGetErrorString(error));
}

/// Starts kernel(args…) on `stream`. Throws CudaError naming the kernel when the launch is refused;
/// what goes wrong while it runs shows at the next synchronisation.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, Stream stream,
            const A&... args) {
  launch_on_device(/*dependent=*/false, kernel, grid, block, shared_bytes, stream, args...);
}

/// The same for a kernel that calls griddep_wait() (epilogue.h) before it touches memory: where
/// launches may overlap, its blocks take their places while the kernel before still runs
/// (programmatic dependent launch).
template <class... P, class... A>
void launch_dependent(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
                      Stream stream, const A&... args) {
  launch_on_device(/*dependent=*/true, kernel, grid, block, shared_bytes, stream, args...);
}

}  // namespace vernissage

#else

#include <cstring>
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
  alignas(16) unsigned char parameters[4096 + 16 * sizeof...(P)];
  size_t parameter_bytes = 0;
  const auto pass = [&]<class A1>(const A1& argument) {
    parameter_bytes = (parameter_bytes + alignof(A1) - 1) / alignof(A1) * alignof(A1);
    std::memcpy(parameters + parameter_bytes, &argument, sizeof argument);
    parameter_bytes += sizeof argument;
  };
  if (emulation::observing_launches())
    std::apply([&](const auto&... argument) { (pass(argument), ...); }, call.args);
  emulation::run(
      {{grid.x, grid.y, grid.z},
       {block.x, block.y, block.z},
       shared_bytes,
       __PRETTY_FUNCTION__,
       reinterpret_cast<const void*>(kernel),
       parameters,
       parameter_bytes},
      [](const void* data) {
        const Call& c = *static_cast<const Call*>(data);
        std::apply(c.kernel, c.args);
      },
      &call);
  ++launches_made;
}

/// One kernel runs at a time here. Throws emulation::LaunchError when not every thread of the
/// kernel calls griddep_wait() once: on a device it could read what the kernel before has not
/// written yet.
template <class... P, class... A>
void launch_dependent(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
                      Stream stream, const A&... args) {
  const uint64_t before = emulation::counts().dependency_waits;
  launch(kernel, grid, block, shared_bytes, stream, args...);
  const uint64_t waits = emulation::counts().dependency_waits - before;
  const uint64_t threads = uint64_t{grid.x} * grid.y * grid.z * block.x * block.y * block.z;
  if (waits != threads && !emulation::observing_launches())
    throw emulation::LaunchError(std::string(__PRETTY_FUNCTION__) + ": " + std::to_string(waits) +
                                 " of " + std::to_string(threads) +
                                 " threads waited for the kernel before, expected all, once each");
}

}  // namespace vernissage

#endif
