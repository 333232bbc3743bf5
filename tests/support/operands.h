// The inputs of an operation, visited: for each operation of ops.h one function says which pointers
// it has, how long they are and which of them hold one row a sample. With that said once, the same
// operation can be carried to a device, stored as half, made of magnitudes, or cut down to one
// sample of its batch.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "kernels/ops.h"

namespace vernissage::testing {

/// Host arrays that stay where they are, filled with uniform values from a seed. With `half`, what
/// is stored as T on the device holds only values that half can hold.
class Operands {
 public:
  Operands(uint32_t seed, bool half) : random_(seed), half_(half) {}

  const float* uniform(int64_t count, float low = -1, float high = 1) {
    return make(count, [&] { return low + (high - low) * unit(); });
  }
  const float* stored(int64_t count, float low = -1, float high = 1) {
    return make(count, [&] { return rounded(low + (high - low) * unit()); });
  }
  const float* keep(std::vector<float> values) {
    floats_.push_back(std::move(values));
    return floats_.back().data();
  }
  const uint64_t* seeds(int n) {
    std::vector<uint64_t> values(n);
    for (uint64_t& value : values) value = (uint64_t{random_()} << 32) | random_();
    seeds_.push_back(std::move(values));
    return seeds_.back().data();
  }
  float rounded(float value) const { return half_ ? to_float(from_float<f16>(value)) : value; }

 private:
  float unit() { return static_cast<float>(random_() >> 8) * 0x1p-24f; }
  template <class Next>
  const float* make(int64_t count, const Next& next) {
    std::vector<float> values(count);
    for (float& value : values) value = next();
    return keep(std::move(values));
  }

  std::mt19937 random_;
  bool half_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<uint64_t>> seeds_;
};

/// f visits each input: f.stored(pointer, rows, count) for those of type T, f.plain(…) for floats,
/// f.seeds(pointer, n) for seeds; rows is N for what a sample has its own row of, 0 for what the
/// batch shares, count the elements of a row. f.samples(n) says how many samples the result has.
/// The output pointer is left null.
template <class T, class F>
Epilogue<T> map_inputs(const Epilogue<float>& e, F& f, int n, int64_t pixels, int64_t channels) {
  Epilogue<T> r;
  r.demod = f.plain(e.demod, n, channels);
  r.bias = f.plain(e.bias, 0, channels);
  r.noise = f.plain(e.noise, e.noise_per_sample ? n : 0, pixels);
  r.noise_per_sample = e.noise_per_sample;
  r.noise_seeds = f.seeds(e.noise_seeds, n);
  r.noise_layer = e.noise_layer;
  r.noise_strength = e.noise_strength;
  r.act = e.act;
  r.alpha = e.alpha;
  r.gain = e.gain;
  r.clamp = e.clamp;
  r.residual = f.stored(e.residual, n, pixels * channels);
  r.next_style = f.plain(e.next_style, n, channels);
  return r;
}

template <class T, class F>
ModulatedConv<T> map_inputs(const ModulatedConv<float>& op, F& f) {
  ModulatedConv<T> r;
  r.n = f.samples(op.n);
  r.h = op.h, r.w = op.w, r.i = op.i, r.o = op.o, r.k = op.k;
  r.x = f.stored(op.x, op.n, int64_t{op.h} * op.w * op.i);
  r.weight = f.stored(op.weight, 0, int64_t{op.o} * op.k * op.k * op.i);
  r.style = f.plain(op.style, op.n, op.i);
  r.epilogue = map_inputs<T>(op.epilogue, f, op.n, int64_t{op.h} * op.w, op.o);
  return r;
}

template <class T, class F>
TransposedConv<T> map_inputs(const TransposedConv<float>& op, F& f) {
  TransposedConv<T> r;
  r.n = f.samples(op.n);
  r.h = op.h, r.w = op.w, r.i = op.i, r.o = op.o;
  r.x = f.stored(op.x, op.n, int64_t{op.h} * op.w * op.i);
  r.weight = f.stored(op.weight, 0, int64_t{op.o} * 9 * op.i);
  r.style = f.plain(op.style, op.n, op.i);
  r.demod = f.plain(op.demod, op.n, op.o);
  return r;
}

template <class T, class F>
PhasedConv<T> map_inputs(const PhasedConv<float>& op, F& f) {
  PhasedConv<T> r;
  r.n = f.samples(op.n);
  r.h = op.h, r.w = op.w, r.i = op.i, r.o = op.o;
  r.x = f.stored(op.x, op.n, int64_t{op.h} * op.w * op.i);
  r.weight = f.stored(op.weight, 0, int64_t{4} * op.o * 9 * op.i);
  r.style = f.plain(op.style, op.n, op.i);
  r.epilogue = map_inputs<T>(op.epilogue, f, op.n, int64_t{4} * op.h * op.w, op.o);
  return r;
}

template <class T, class F>
Upfirdn2d<T> map_inputs(const Upfirdn2d<float>& op, F& f) {
  Upfirdn2d<T> r;
  r.n = f.samples(op.n);
  r.h = op.h, r.w = op.w, r.c = op.c, r.fh = op.fh, r.fw = op.fw;
  r.up_x = op.up_x, r.up_y = op.up_y, r.down_x = op.down_x, r.down_y = op.down_y;
  r.pad_x0 = op.pad_x0, r.pad_x1 = op.pad_x1, r.pad_y0 = op.pad_y0, r.pad_y1 = op.pad_y1;
  r.flip = op.flip;
  r.gain = op.gain;
  r.x = f.stored(op.x, op.n, int64_t{op.h} * op.w * op.c);
  r.filter = f.plain(op.filter, 0, int64_t{op.fh} * op.fw);
  r.epilogue = map_inputs<T>(op.epilogue, f, op.n, int64_t{out_height(op)} * out_width(op), op.c);
  return r;
}

template <class T, class F>
NoiseBiasAct<T> map_inputs(const NoiseBiasAct<float>& op, F& f) {
  NoiseBiasAct<T> r;
  r.n = f.samples(op.n);
  r.h = op.h, r.w = op.w, r.o = op.o;
  r.x = f.stored(op.x, op.n, int64_t{op.h} * op.w * op.o);
  r.epilogue = map_inputs<T>(op.epilogue, f, op.n, int64_t{op.h} * op.w, op.o);
  return r;
}

template <class T, class F>
ToRgb<T> map_inputs(const ToRgb<float>& op, F& f) {
  ToRgb<T> r;
  r.n = f.samples(op.n);
  r.h = op.h, r.w = op.w, r.i = op.i, r.c = op.c, r.clamp = op.clamp;
  r.x = f.stored(op.x, op.n, int64_t{op.h} * op.w * op.i);
  r.weight = f.plain(op.weight, 0, int64_t{op.c} * op.i);
  r.style = f.plain(op.style, op.n, op.i);
  r.bias = f.plain(op.bias, 0, op.c);
  r.previous = f.plain(op.previous, op.n, int64_t{op.h / 2} * (op.w / 2) * op.c);
  r.filter = f.plain(op.filter, 0, 16);
  return r;
}

/// Elements of the result.
inline int64_t output_count(const ModulatedConv<float>& op) {
  return int64_t{op.n} * op.h * op.w * op.o;
}
inline int64_t output_count(const TransposedConv<float>& op) {
  return int64_t{op.n} * (2 * op.h + 1) * (2 * op.w + 1) * op.o;
}
inline int64_t output_count(const PhasedConv<float>& op) {
  return int64_t{4} * op.n * op.h * op.w * op.o;
}
inline int64_t output_count(const Upfirdn2d<float>& op) {
  return int64_t{op.n} * out_height(op) * out_width(op) * op.c;
}
inline int64_t output_count(const NoiseBiasAct<float>& op) {
  return int64_t{op.n} * op.h * op.w * op.o;
}
inline int64_t output_count(const ToRgb<float>& op) {
  return int64_t{op.n} * op.h * op.w * op.c;
}

/// Products that are summed for one element.
inline double terms(const ModulatedConv<float>& op) {
  return double{1} * op.k * op.k * op.i;
}
inline double terms(const TransposedConv<float>& op) {
  return 4.0 * op.i;
}
inline double terms(const PhasedConv<float>& op) {
  return 9.0 * op.i;
}
inline double terms(const Upfirdn2d<float>& op) {
  return double{1} * op.fh * op.fw;
}
inline double terms(const NoiseBiasAct<float>&) {
  return 1;
}
inline double terms(const ToRgb<float>& op) {
  return op.i + 4.0;
}

/// Sample `index` of the batch alone.
class OneSample {
 public:
  explicit OneSample(int index) : index_(index) {}
  int samples(int) const { return 1; }
  const float* plain(const float* p, int rows, int64_t count) const {
    return p == nullptr || rows == 0 ? p : p + index_ * count;
  }
  const float* stored(const float* p, int rows, int64_t count) const {
    return plain(p, rows, count);
  }
  const uint64_t* seeds(const uint64_t* p, int) const { return p == nullptr ? p : p + index_; }

 private:
  int index_;
};

/// Absolute values of everything.
class Magnitudes {
 public:
  explicit Magnitudes(Operands& operands) : operands_(operands) {}
  int samples(int n) const { return n; }
  const float* plain(const float* p, int rows, int64_t count) const {
    if (p == nullptr) return nullptr;
    std::vector<float> values(p, p + std::max(rows, 1) * count);
    for (float& value : values) value = std::abs(value);
    return operands_.keep(std::move(values));
  }
  const float* stored(const float* p, int rows, int64_t count) const {
    return plain(p, rows, count);
  }
  const uint64_t* seeds(const uint64_t*, int) const { return nullptr; }

 private:
  Operands& operands_;
};

/// The operation whose result bounds the magnitudes of all that `op` sums: absolute inputs, and in
/// place of the activation the largest slope of the nine, which is selu's.
template <class Op>
Op magnitude_of(const Op& op, Operands& operands) {
  Magnitudes visitor(operands);
  Op r = map_inputs<float>(op, visitor);
  if constexpr (requires { r.epilogue; }) {
    constexpr float kSlopeMax = 1.76f;
    // √(-2 ln(2^-25)): no value of normal_noise is larger.
    constexpr float kNoiseMax = 5.9f;
    r.epilogue.act = Activation::linear;
    r.epilogue.gain = std::abs(op.epilogue.gain) * kSlopeMax;
    r.epilogue.clamp = -1;
    r.epilogue.noise_strength = std::abs(op.epilogue.noise_strength);
    if (op.epilogue.noise_seeds != nullptr)
      r.epilogue.noise = operands.keep(std::vector<float>(output_count(op), kNoiseMax));
    r.epilogue.noise_per_sample = r.epilogue.noise_per_sample && op.epilogue.noise_seeds == nullptr;
  }
  if constexpr (requires { r.clamp; }) r.clamp = -1;
  if constexpr (requires { r.flip; }) r.gain = std::abs(op.gain);
  return r;
}

}  // namespace vernissage::testing
