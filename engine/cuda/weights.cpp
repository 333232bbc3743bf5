#include "engine/cuda/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/error.h"
#include "kernels/convolution/conv_weights.h"

namespace vernissage {
namespace {

constexpr float kUpGain = 4;        // of the filter behind an up-convolution
constexpr size_t kAlignment = 256;  // of every tensor, so that all may be read as vectors

template <class T>
std::vector<T> stored(std::span<const float> values) {
  std::vector<T> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), from_float<T>);
  return result;
}

/// (O, I, K, K) to (O, K, K, I), each output channel times its factor.
std::vector<float> repack(std::span<const float> weight, int64_t out, int64_t in, int64_t taps,
                          const std::vector<float>& factor) {
  std::vector<float> packed(weight.size());
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t t = 0; t < taps; ++t)
        packed[(o * taps + t) * in + i] = weight[(o * in + i) * taps + t] * factor[o];
  return packed;
}

/// fp16 weight pre-normalisation: what each output channel of a demodulated layer is scaled by
/// before it is rounded to half.
std::vector<float> prenormalisation_factors(std::span<const float> weight, int64_t out, int64_t in,
                                            int64_t taps) {
  std::vector<float> factors(out, 1.0f);
  for (int64_t o = 0; o < out; ++o) {
    float largest = 0;
    for (const float w : weight.subspan(o * in * taps, in * taps))
      largest = std::max(largest, std::fabs(w));
    if (largest > 0) factors[o] = 1.0f / (std::sqrt(static_cast<float>(in * taps)) * largest);
  }
  return factors;
}

/// Σ over the taps of the squares of a packed weight: (O, I).
std::vector<float> squares(const std::vector<float>& packed, int64_t out, int64_t in,
                           int64_t taps) {
  std::vector<float> result(out * in);
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) {
      double sum = 0;
      for (int64_t t = 0; t < taps; ++t) {
        const double w = packed[(o * taps + t) * in + i];
        sum += w * w;
      }
      result[o * in + i] = static_cast<float>(sum);
    }
  }
  return result;
}

std::vector<float> scaled(std::span<const float> values, float factor) {
  std::vector<float> result(values.begin(), values.end());
  for (float& value : result) value *= factor;
  return result;
}

}  // namespace

size_t DeviceBlob::append(const void* values, size_t bytes) {
  const size_t offset = (bytes_.size() + kAlignment - 1) / kAlignment * kAlignment;
  bytes_.resize(offset + bytes);
  std::memcpy(bytes_.data() + offset, values, bytes);
  return offset;
}

DeviceMemory DeviceBlob::upload(DeviceRuntime& runtime, const std::string& what) {
  DeviceMemory memory(bytes_.size(), what);
  runtime.to_device(memory.data(), bytes_.data(), bytes_.size());
  runtime.synchronize();
  for (const auto& fixup : fixups_) fixup(memory.data());
  return memory;
}

template <class T>
DeviceWeights<T>::DeviceWeights(const NetworkSpec& network, ConvPath path, DeviceRuntime& runtime) {
  DeviceBlob blob;
  const auto add = [&](const std::vector<float>& values, const float** where) {
    blob.add(std::span<const float>(values), where);
  };
  layers_.reserve(network.layers.size());  // the blob keeps addresses of their pointers
  for (const LayerSpec& spec : network.layers) {
    DeviceLayer<T>& layer = layers_.emplace_back();
    layer.name = spec.name;
    layer.kind = spec.kind;
    layer.in_channels = spec.in_channels;
    layer.out_channels = spec.out_channels;
    layer.resolution = spec.resolution;
    layer.up = spec.up;
    layer.act = spec.activation;
    layer.gain = spec.gain;
    layer.clamp = spec.clamp;
    layer.noise_strength = spec.noise_strength;
    layer.w_index = spec.w_index;
    layer.tensor_cores = spec.kind == LayerSpec::Kind::convolution && path == ConvPath::mma &&
                         std::is_same_v<T, f16> &&
                         fits_tensor_cores(spec.in_channels, spec.out_channels, layer.act);
    layer.composite =
        layer.tensor_cores && spec.up && up_method(spec.resolution) == UpMethod::composite;

    const int64_t out = spec.out_channels, in = spec.in_channels;
    const int64_t taps = spec.kind == LayerSpec::Kind::convolution ? 9 : 1;
    VERNISSAGE_ASSERT_OP(spec.weight.size(), ==, static_cast<size_t>(out * in * taps));
    const float in_gain = 1.0f / std::sqrt(static_cast<float>(in));
    if (spec.kind == LayerSpec::Kind::to_rgb) {
      blob.add(spec.weight, &layer.rgb_weight);
    } else {
      std::vector<float> factor(out, spec.kind == LayerSpec::Kind::skip ? in_gain : 1.0f);
      if (spec.kind == LayerSpec::Kind::convolution && std::is_same_v<T, f16>)
        factor = prenormalisation_factors(spec.weight, out, in, taps);
      const std::vector<float> packed = repack(spec.weight, out, in, taps, factor);
      const std::vector<T> weight =
          layer.composite ? stored<T>(compose_up_weight(packed, spec.out_channels, spec.in_channels,
                                                        spec.filter, kUpGain))
                          : stored<T>(packed);
      blob.add(std::span<const T>(weight), &layer.weight);
      if (spec.kind == LayerSpec::Kind::convolution)
        add(squares(packed, out, in, taps), &layer.square);
    }
    blob.add(spec.bias, &layer.bias);
    if (!spec.affine_weight.empty()) {
      const float w_gain = 1.0f / std::sqrt(static_cast<float>(network.config.w_dim));
      add(scaled(spec.affine_weight, w_gain), &layer.affine_weight);
      blob.add(spec.affine_bias, &layer.affine_bias);
    }
    blob.add(spec.noise, &layer.noise);
    blob.add(spec.filter, &layer.filter);
  }
  // (C, 4, 4) to (4, 4, C): one "output channel" of C inputs and 16 taps.
  const auto channels = static_cast<int64_t>(network.constant.size()) / 16;
  const std::vector<T> constant = stored<T>(repack(network.constant, 1, channels, 16, {1.0f}));
  blob.add(std::span<const T>(constant), &constant_);
  blob.add(network.image_filter, &image_filter_);
  memory_ = blob.upload(runtime, "the weights of the synthesis network");
}

template class DeviceWeights<float>;
template class DeviceWeights<f16>;

}  // namespace vernissage
