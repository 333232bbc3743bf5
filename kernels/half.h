// Half precision as storage: sixteen bits that become a float to be computed with. One type for
// every compiler, so that a function taking it has one name in every object file; only the
// conversion differs. Source: IEEE 754-2008, binary16 (1 sign, 5 exponent, 10 fraction bits), round
// to nearest, ties to even.
#pragma once

#include <bit>
#include <cstdint>

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#define VERNISSAGE_HOST_DEVICE __host__ __device__
#else
#define VERNISSAGE_HOST_DEVICE
#endif

namespace vernissage {

/// Largest finite value 65504, smallest positive 2^-24. No arithmetic of its own.
struct f16 {
  uint16_t bits;
};
static_assert(sizeof(f16) == 2 && alignof(f16) == 2);

/// Exact, subnormals and infinities included; a NaN stays a NaN.
VERNISSAGE_HOST_DEVICE inline float to_float(f16 x) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(x.bits));
#else
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
  const uint32_t exponent = (x.bits >> 10) & 0x1Fu;
  const uint32_t fraction = x.bits & 0x3FFu;
  if (exponent == 0x1F) {
    const uint32_t quiet = fraction != 0 ? 0x400000u : 0u;
    return std::bit_cast<float>(sign | 0x7F800000u | quiet | (fraction << 13));
  }
  if (exponent == 0) {  // zero or subnormal: fraction · 2^-24, exact in a float
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (fraction << 13));
#endif
}
VERNISSAGE_HOST_DEVICE inline float to_float(float x) {
  return x;
}

/// The nearest storable value of type T (float or f16). Above 65519.996 half is infinite.
template <class T>
VERNISSAGE_HOST_DEVICE inline T from_float(float x);

template <>
VERNISSAGE_HOST_DEVICE inline float from_float<float>(float x) {
  return x;
}

template <>
VERNISSAGE_HOST_DEVICE inline f16 from_float<f16>(float x) {
#if defined(__CUDA_ARCH__)
  return f16{__half_as_ushort(__float2half_rn(x))};
#else
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t half = 0;
  if (magnitude > 0x7F800000u) {
    half = 0x7E00u;  // NaN
  } else if (magnitude >= 0x477FF000u) {
    half = 0x7C00u;  // from the middle of 65504 and 65536 on: infinity
  } else if (magnitude < 0x38800000u) {
    // Below 2^-14 the result is a multiple of 2^-24. In [0.5, 1) that is a float's own spacing, so
    // the addition rounds for us, ties to even, and the count of multiples is left in the low bits.
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000u;
  } else {
    const uint32_t odd = (magnitude >> 13) & 1u;
    half = (magnitude + 0xFFFu + odd - (112u << 23)) >>
           13;  // a carry moves into the exponent, as it must
  }
  return f16{static_cast<uint16_t>(sign | half)};
#endif
}

}  // namespace vernissage
