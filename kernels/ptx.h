// Instructions that C++ has no word for, one function each. Under nvcc they are one line of PTX;
// under the host compiler emulation/ptx_emulated.h defines the same functions with the same
// meaning. Source: PTX ISA, "Warp-level matrix instructions", "Data movement: asynchronous copy",
// "Parallel synchronization: griddepcontrol".
//
// All need compute capability 8.0, griddep_* 9.0: below it a matrix instruction or a copy stops the
// kernel (the dispatch never starts one there) and griddep_* does nothing.
//
// Fragments of a warp, lane = 4 g + t. A 32-bit register holds two halves, the lower column (of B:
// the lower row) in the low bits.
//   A (16 x 16, row by row):  a[0] = A[g][2t, 2t+1]      a[1] = A[g+8][2t, 2t+1]
//                             a[2] = A[g][2t+8, 2t+9]    a[3] = A[g+8][2t+8, 2t+9]
//   B (16 x 8, k by n):       b[0] = B[2t, 2t+1][g]      b[1] = B[2t+8, 2t+9][g]
//   D (16 x 8):               d[0], d[1] = D[g][2t, 2t+1]   d[2], d[3] = D[g+8][2t, 2t+1]
#pragma once

#include "kernels/device.h"

#if !defined(__CUDACC__)
#include "kernels/emulation/ptx_emulated.h"
#else

namespace vernissage::ptx {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define VERNISSAGE_SM80(...) __trap()
#else
#define VERNISSAGE_SM80(...) asm volatile(__VA_ARGS__)
#endif

/// The address of shared memory as the instructions below take it.
__device__ __forceinline__ uint32_t shared_address(const void* shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

/// d += A · B, products of halves summed in float32 in an order of the device's own. The whole
/// warp.
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4],
                                             const uint32_t (&b)[2]) {
  VERNISSAGE_SM80(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// 8 x 8 halves each: lane 8 j + i supplies the address (shared memory, a multiple of 16 bytes) of
/// row i of matrix j; lane 4 g + t gets row g, columns 2t and 2t+1 of matrix j in r[j]. With
/// _trans: row 2t and 2t+1 of column g. The whole warp; x2 uses the addresses of lanes 0 … 15.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  VERNISSAGE_SM80("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                  : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                  : "r"(shared_address(row))
                  : "memory");
}
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row) {
  VERNISSAGE_SM80("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                  : "=r"(r[0]), "=r"(r[1])
                  : "r"(shared_address(row))
                  : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row) {
  VERNISSAGE_SM80("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                  : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                  : "r"(shared_address(row))
                  : "memory");
}

/// Starts copying 16 bytes from global to shared memory, both aligned to 16; where `exists` is
/// false nothing is read and zeros are written (`global` must still be a valid address). The bytes
/// may be read by the issuing thread after its wait, by others after a barrier that follows it.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global, bool exists) {
  VERNISSAGE_SM80("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                  "l"(__cvta_generic_to_global(global)), "r"(exists ? 16 : 0)
                  : "memory");
}
/// Closes the calling thread's group of copies (an empty one counts too).
__device__ __forceinline__ void cp_async_commit() {
  VERNISSAGE_SM80("cp.async.commit_group;" ::: "memory");
}
/// Waits until at most PENDING of the calling thread's latest groups are unfinished.
template <int PENDING>
__device__ __forceinline__ void cp_async_wait() {
  VERNISSAGE_SM80("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}
/// Waits for every copy of the calling thread, committed or not.
__device__ __forceinline__ void cp_async_wait_all() {
  VERNISSAGE_SM80("cp.async.wait_all;" ::: "memory");
}
#undef VERNISSAGE_SM80

/// Programmatic dependent launch: what the grid before this one wrote may be read after the wait.
/// Without the launch attribute it returns at once.
__device__ __forceinline__ void griddep_wait() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Lets the next grid of the stream start; its own wait still covers all that this grid writes.
__device__ __forceinline__ void griddep_launch_dependents() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// Two floats rounded to halves (nearest, ties to even), `low` in the low bits.
__device__ __forceinline__ uint32_t pack_half2(float low, float high) {
  const __half2 pair = __floats2half2_rn(low, high);
  return static_cast<uint32_t>(__half_as_ushort(__low2half(pair))) |
         static_cast<uint32_t>(__half_as_ushort(__high2half(pair))) << 16;
}
__device__ __forceinline__ float2 unpack_half2(uint32_t pair) {
  return __half22float2(
      __halves2half2(__ushort_as_half(static_cast<unsigned short>(pair & 0xFFFFu)),
                     __ushort_as_half(static_cast<unsigned short>(pair >> 16))));
}

}  // namespace vernissage::ptx

#endif
