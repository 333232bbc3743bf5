// What the tests of CLIP's kernels share: the golden operators, results read back.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "engine/formats/safetensors.h"
#include "kernels/half.h"
#include "tests/support/device_memory.h"
#include "tests/support/golden_data.h"

namespace vernissage::testing {

constexpr double kHalfUnit = 0x1p-11;  // of a value rounded to half

/// A safetensors file of golden data, its tensors by name.
class GoldenFile {
 public:
  explicit GoldenFile(const std::string& path) : file_(golden(path)), tensors_(file_.bytes()) {}
  std::vector<float> floats(const std::string& name) const { return view(name).to_f32(); }
  std::vector<uint8_t> bytes(const std::string& name) const {
    const auto from = view(name).bytes;
    const auto* data = reinterpret_cast<const uint8_t*>(from.data());
    return {data, data + from.size()};
  }
  std::vector<int64_t> shape(const std::string& name) const { return view(name).shape; }

 private:
  const TensorView& view(const std::string& name) const { return tensors_.tensors().at(name); }
  MappedFile file_;
  Safetensors tensors_;
};

/// golden/clip/ops.safetensors.
inline const GoldenFile& clip_ops() {
  static const GoldenFile file("clip/ops.safetensors");
  return file;
}

/// What a kernel wrote, as floats; nothing outside of it may have changed.
template <class T>
std::vector<float> floats_of(const DeviceArray<T>& array) {
  EXPECT_TRUE(array.guards_intact()) << "a kernel wrote outside its output";
  std::vector<float> values;
  for (const T value : array.read()) values.push_back(to_float(value));
  return values;
}

inline void expect_within(std::span<const float> actual, std::span<const float> expected,
                          double bound) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::abs(double(actual[i]) - expected[i]), bound) << "element " << i;
}

}  // namespace vernissage::testing
