// Carries an operation on host floats to the kernels: inputs to the device, stored as T, a poisoned
// output between guard zones, the launch, the result back as floats.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

#include "kernels/kernels.h"
#include "tests/support/device_memory.h"
#include "tests/support/operands.h"

namespace vernissage::testing {

template <class T>
class Upload {
 public:
  int samples(int n) const { return n; }
  const float* plain(const float* p, int rows, int64_t count) {
    return p == nullptr ? nullptr : array(floats_, {p, p + std::max(rows, 1) * count});
  }
  const T* stored(const float* p, int rows, int64_t count) {
    if (p == nullptr) return nullptr;
    std::vector<T> values(std::max(rows, 1) * count);
    for (size_t i = 0; i < values.size(); ++i) values[i] = from_float<T>(p[i]);
    return array(stored_, values);
  }
  const uint64_t* seeds(const uint64_t* p, int n) {
    return p == nullptr ? nullptr : array(seeds_, {p, p + n});
  }
  bool guards_intact() const {
    const auto all = [](const auto& arrays) {
      for (const auto& a : arrays)
        if (!a.guards_intact()) return false;
      return true;
    };
    return all(floats_) && all(stored_) && all(seeds_);
  }

 private:
  template <class U>
  static const U* array(std::deque<DeviceArray<U>>& arrays, const std::vector<U>& values) {
    arrays.emplace_back(std::span<const U>(values));
    return arrays.back().data();
  }
  std::deque<DeviceArray<float>> floats_;
  std::deque<DeviceArray<T>> stored_;
  std::deque<DeviceArray<uint64_t>> seeds_;
};

/// Kernels on activations stored as T.
template <class T>
class KernelMachine {
 public:
  std::vector<float> run(const ModulatedConv<float>& op) {
    return go<T>(op, [](auto& r, T* y) {
      r.y = y;
      modulated_conv(r, nullptr);
    });
  }
  std::vector<float> run(const TransposedConv<float>& op) {
    return go<T>(op, [](auto& r, T* y) {
      r.y = y;
      transposed_conv(r, nullptr);
    });
  }
  std::vector<float> run(const Upfirdn2d<float>& op) {
    return go<T>(op, [](auto& r, T* y) {
      r.y = y;
      upfirdn2d(r, nullptr);
    });
  }
  std::vector<float> run(const NoiseBiasAct<float>& op) {
    return go<T>(op, [](auto& r, T* y) {
      r.y = y;
      noise_bias_act(r, nullptr);
    });
  }
  std::vector<float> run(const ToRgb<float>& op) {
    return go<float>(op, [](auto& r, float* image) {
      r.image = image;
      to_rgb(r, nullptr);
    });
  }

 private:
  template <class Out, class Op, class Launch>
  static std::vector<float> go(const Op& op, const Launch& launch) {
    Upload<T> upload;
    auto on_device = map_inputs<T>(op, upload);
    DeviceArray<Out> y(output_count(op));
    launch(on_device, y.data());
    const std::vector<Out> stored = y.read();
    EXPECT_TRUE(y.guards_intact() && upload.guards_intact()) << "a kernel wrote outside its output";
    std::vector<float> values(stored.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = to_float(stored[i]);
    return values;
  }
};

}  // namespace vernissage::testing
