// products.h on the host: halves become floats, every sum runs in one order.
#include <vector>

#include "base/error.h"
#include "engine/cuda/clip/products.h"

namespace vernissage {
namespace {

template <class T>
std::vector<float> as_floats(const T* values, int rows, int columns, int stride) {
  std::vector<float> result;
  result.reserve(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result.push_back(to_float(values[row * stride + column]));
  return result;
}

}  // namespace

struct DeviceProducts::State {};

DeviceProducts::DeviceProducts(DeviceRuntime&) : state_(std::make_unique<State>()) {}
DeviceProducts::~DeviceProducts() = default;

std::string DeviceProducts::describe() const {
  return "plain products";
}
bool DeviceProducts::depend_on_rows() {
  return false;
}

template <class T, class Y>
void DeviceProducts::run(const MatrixProduct<T, Y>& op) {
  VERNISSAGE_ASSERT(op.m >= 1 && op.n >= 1 && op.k >= 1);
  VERNISSAGE_ASSERT(op.x_stride >= op.k && op.y_stride >= op.n);
  const auto outputs = static_cast<size_t>(op.n), terms = static_cast<size_t>(op.k);
  const std::vector<float> weight = as_floats(op.weight, op.n, op.k, op.k);
  std::vector<float> turned(weight.size());  // (K, N): neighbouring sums lie beside each other
  for (size_t n = 0; n < outputs; ++n)
    for (size_t k = 0; k < terms; ++k) turned[k * outputs + n] = weight[n * terms + k];
  const std::vector<float> x = as_floats(op.x, op.m, op.k, op.x_stride);
  std::vector<float> sums(outputs);
  for (int64_t m = 0; m < op.m; ++m) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (size_t k = 0; k < terms; ++k) {
      const float value = x[static_cast<size_t>(m) * terms + k];
      for (size_t n = 0; n < outputs; ++n) sums[n] += value * turned[k * outputs + n];
    }
    Y* const y = op.y + m * op.y_stride;
    for (size_t n = 0; n < outputs; ++n)
      y[n] = from_float<Y>(op.add ? sums[n] + to_float(y[n]) : sums[n]);
  }
}

template void DeviceProducts::run(const MatrixProduct<float, float>&);
template void DeviceProducts::run(const MatrixProduct<f16, f16>&);
template void DeviceProducts::run(const MatrixProduct<f16, float>&);

}  // namespace vernissage
