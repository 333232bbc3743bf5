// Matrix products on the device: what the towers of CLIP are mostly made of. Two implementations,
// chosen by linking: products_cublas.cpp and, for the emulated kernels, products_emulated.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/cuda/device_runtime.h"

namespace vernissage {

/// y[m,n] = Σ_k x[m,k] · weight[n,k], and y[m,n] as it was on top with `add`; sums in float32.
template <class T, class Y>
struct MatrixProduct {
  const T* x = nullptr;            // (M, K), rows x_stride elements apart
  const T* weight = nullptr;       // (N, K)
  Y* y = nullptr;                  // (M, N), rows y_stride elements apart
  int m = 0, n = 0, k = 0;         // all ≥ 1
  int x_stride = 0, y_stride = 0;  // ≥ k, ≥ n
  bool add = false;
};

/// Products on the stream of a runtime, which must outlive it. They may be recorded once one of the
/// same shape has been run. Every function throws Error with the library's reason.
class DeviceProducts {
 public:
  /// Finds cuBLAS, which is not linked: a program that needs none starts without it. Throws Error
  /// saying where it was looked for.
  explicit DeviceProducts(DeviceRuntime& runtime);
  ~DeviceProducts();
  DeviceProducts(const DeviceProducts&) = delete;
  DeviceProducts& operator=(const DeviceProducts&) = delete;

  /// "cuBLAS 13.0"
  std::string describe() const;

  /// T and Y: float and float, f16 and f16, f16 and float.
  template <class T, class Y>
  void run(const MatrixProduct<T, Y>& op);

  /// Whether the order in which a row is summed may depend on how many rows there are: cuBLAS takes
  /// another kernel for another shape. Then only products of one shape give equal bytes.
  static bool depend_on_rows();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernissage
