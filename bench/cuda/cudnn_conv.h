// One convolution of the synthesis through cuDNN 9's graph interface: NHWC, half storage, float32
// sums. Only the convolution: the demodulation, noise, bias and activation that our layers carry
// out on the way are not asked of it, so the comparison leans to cuDNN's side.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <string>

namespace vernissage::reference {

/// y (N, H, W, O) = 3x3 correlation of x (N, H, W, I) with zeros outside, weight (O, 3, 3, I); or,
/// for `up`, the transposed convolution with stride 2 and no padding, y (N, 2H+1, 2W+1, O), weight
/// (I, 3, 3, O), which cuDNN knows as the gradient of a convolution by its input. All half, dense,
/// aligned to 16 bytes, channels a multiple of 8.
struct CudnnShape {
  int n, h, w;  // of the input
  int i, o;     // channels
  bool up;
};

class CudnnConvolution {
 public:
  /// Everything is enqueued on `stream`. Throws Error with cuDNN's words.
  CudnnConvolution(const CudnnShape& shape, cudaStream_t stream);
  ~CudnnConvolution();
  CudnnConvolution(const CudnnConvolution&) = delete;
  CudnnConvolution& operator=(const CudnnConvolution&) = delete;

  /// Builds every plan that cuDNN's heuristics propose, has `measure` time each and keeps the
  /// fastest. `measure` returns the seconds of the work it is given; a plan for which it throws is
  /// left out. Throws Error when none is left.
  void choose(const void* x, const void* weight, void* y,
              const std::function<double(const std::function<void()>&)>& measure);

  /// Enqueues the chosen plan on the operands of choose().
  void enqueue();

  /// "cuDNN 9.19.0 engine 47, fastest of 12"
  std::string describe() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "9.19.0", of the library that was loaded.
std::string cudnn_version();

}  // namespace vernissage::reference
