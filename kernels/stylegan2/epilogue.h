// Device side of Epilogue (ops.h), and reading and writing four channels at a time. Every kernel
// that stores activations ends with this.
#pragma once

#include "kernels/device.h"
#include "kernels/ops.h"
#include "kernels/philox.h"
#include "kernels/ptx.h"

namespace vernissage {

/// The first call of a kernel started by launch_dependent(): the next kernel may take its places,
/// and everything the kernels before have written is there.
__device__ __forceinline__ void griddep_wait() {
  ptx::griddep_launch_dependents();
  ptx::griddep_wait();
}

/// Four neighbouring channels, moved by one access: 16 bytes of float, 8 of f16.
template <class T>
struct alignas(4 * sizeof(T)) Pack4 {
  T v[4];
};

template <class T>
__device__ __forceinline__ Pack4<float> load4(const T* address) {
  const Pack4<T> stored = *reinterpret_cast<const Pack4<T>*>(address);
  return {
      {to_float(stored.v[0]), to_float(stored.v[1]), to_float(stored.v[2]), to_float(stored.v[3])}};
}

template <class T>
__device__ __forceinline__ void store4(T* address, const Pack4<float>& values) {
  *reinterpret_cast<Pack4<T>*>(address) = {{from_float<T>(values.v[0]), from_float<T>(values.v[1]),
                                            from_float<T>(values.v[2]),
                                            from_float<T>(values.v[3])}};
}

/// Sixteen bytes of neighbouring channels, moved by one access: 4 of float, 8 of f16.
template <class T>
struct alignas(16) Pack16 {
  static constexpr int kCount = 16 / sizeof(T);
  T v[kCount];
};

/// `values` at the channels c … c+3 of which only those below `channels` exist.
template <int VECTOR, class T>
__device__ __forceinline__ Pack4<float> load_channels(const T* row, int c, int channels) {
  if constexpr (VECTOR == 4) {
    return load4(row + c);
  } else {
    Pack4<float> values = {};
    for (int j = 0; j < 4; ++j)
      if (c + j < channels) values.v[j] = to_float(row[c + j]);
    return values;
  }
}

/// Official constants of selu. Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks".
constexpr float kSeluScale = 1.0507009873554805f;
constexpr float kSeluAlpha = 1.6732632423543772f;

__device__ inline float activate(float x, Activation act, float alpha) {
  switch (act) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return x > 0 ? x : 0.0f;
    case Activation::lrelu:
      return x > 0 ? x : alpha * x;
    case Activation::tanh:
      return tanhf(x);
    case Activation::sigmoid:
      return 1.0f / (1.0f + expf(-x));
    case Activation::elu:
      return x > 0 ? x : expm1f(x);
    case Activation::selu:
      return kSeluScale * (x > 0 ? x : kSeluAlpha * expm1f(x));
    // The exponent is never positive, so nothing overflows.
    case Activation::softplus:
      return (x > 0 ? x : 0.0f) + log1pf(expf(-fabsf(x)));
    case Activation::swish:
      return x / (1.0f + expf(-x));
  }
  return x;
}

/// Not-a-number stays what it is: a broken value must be seen, not turned into a bound.
__device__ inline float clamp_to(float x, float bound) {
  if (bound < 0) return x;
  return x > bound ? bound : (x < -bound ? -bound : x);
}

/// One value of an image as a byte: PackRgb8. Two roundings, not one: fused, values just below a
/// level would fall one short of the reference.
__device__ inline uint8_t rgb8(float x) {
  const float level = __fadd_rn(__fmul_rn(x, 127.5f), 128.0f);
  return static_cast<uint8_t>(fminf(fmaxf(level, 0.0f), 255.0f));
}

/// noise_strength · noise of one pixel: the same for all its channels, so it is asked for once.
template <class T>
__device__ inline float noise_of(const Epilogue<T>& epilogue, int n, int pixel, int pixels) {
  if (epilogue.noise != nullptr) {
    const int64_t sample = epilogue.noise_per_sample ? n : 0;
    return epilogue.noise_strength * epilogue.noise[sample * pixels + pixel];
  }
  if (epilogue.noise_seeds != nullptr && epilogue.noise_strength != 0)
    return epilogue.noise_strength * normal_noise(epilogue.noise_seeds[n], epilogue.noise_layer,
                                                  static_cast<uint32_t>(pixel));
  return 0.0f;
}

/// The value for the sum v at channel o of sample n, not yet scaled for the next layer; `element`
/// is its index in the output.
template <class T>
__device__ inline float finish(const Epilogue<T>& epilogue, float v, float noise, int n, int o,
                               int channels, int64_t element) {
  const int64_t channel = static_cast<int64_t>(n) * channels + o;
  if (epilogue.demod != nullptr) v *= epilogue.demod[channel];
  v += noise;
  if (epilogue.bias != nullptr) v += epilogue.bias[o];
  v = clamp_to(epilogue.gain * activate(v, epilogue.act, epilogue.alpha), epilogue.clamp);
  if (epilogue.residual != nullptr) v += to_float(epilogue.residual[element]);
  return v;
}

/// The activations that are a straight line on either side of 0. Kernels that keep many values in
/// registers write these two out; the others would fill their code.
VERNISSAGE_HOST_DEVICE constexpr bool has_two_slopes(Activation act) {
  return act == Activation::linear || act == Activation::lrelu;
}
/// The slope below 0.
template <class T>
__device__ __forceinline__ float slope_of(const Epilogue<T>& epilogue) {
  return epilogue.act == Activation::lrelu ? epilogue.alpha : 1.0f;
}
/// finish() up to the residual, of factors that are at hand; has_two_slopes(epilogue.act).
template <class T>
__device__ __forceinline__ float finish_sum(const Epilogue<T>& epilogue, float v, float demod,
                                            float noise, float bias, float slope) {
  v = v * demod + noise + bias;
  return clamp_to(epilogue.gain * (v > 0 ? v : slope * v), epilogue.clamp);
}

/// `values` to the channels c … c+3 of which only those below `channels` exist.
template <int VECTOR, class T>
__device__ __forceinline__ void store_channels(T* row, int c, int channels,
                                               const Pack4<float>& values) {
  if constexpr (VECTOR == 4) {
    store4(row + c, values);
  } else {
    for (int j = 0; j < 4; ++j)
      if (c + j < channels) row[c + j] = from_float<T>(values.v[j]);
  }
}

/// finish() for the channels o … o+3 of one pixel, stored at y + element, and at plain + element
/// where that is asked for.
template <int VECTOR, class T>
__device__ inline void finish4(const Epilogue<T>& epilogue, T* y, Pack4<float> v, float noise,
                               int n, int o, int channels, int64_t element) {
  for (int j = 0; j < 4; ++j)
    if (VECTOR == 4 || o + j < channels)
      v.v[j] = finish(epilogue, v.v[j], noise, n, o + j, channels, element + j);
  if (epilogue.plain != nullptr)
    store_channels<VECTOR>(epilogue.plain + element - o, o, channels, v);
  if (epilogue.next_style != nullptr) {
    const float* const row = epilogue.next_style + static_cast<int64_t>(n) * channels;
    const Pack4<float> style = load_channels<VECTOR>(row, o, channels);
    for (int j = 0; j < 4; ++j) v.v[j] *= style.v[j];
  }
  store_channels<VECTOR>(y + element - o, o, channels, v);
}

/// Sum over `WIDTH` neighbouring lanes, the same bits in each of them. All 32 lanes take part.
template <int WIDTH>
__device__ __forceinline__ float sum_lanes(float value) {
  for (int distance = WIDTH / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xFFFFFFFFu, value, distance);
  return value;
}

}  // namespace vernissage
