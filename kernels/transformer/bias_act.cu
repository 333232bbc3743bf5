// The end of the first product of a block's perceptron: bias and GELU, in place. Memory bound:
// eight bytes of half or sixteen of float a thread.
#include "kernels/stylegan2/epilogue.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr float kSqrtHalf = 0.70710678118654752f;

__device__ __forceinline__ float activated(float x, GeluForm act) {
  if (act == GeluForm::gelu) return 0.5f * x * (1.0f + erff(x * kSqrtHalf));
  return x / (1.0f + expf(-1.702f * x));  // an exponential that overflows gives the right zero
}

template <class T>
__global__ void __launch_bounds__(kThreads) bias_gelu_kernel(BiasGelu<T> op) {
  griddep_wait();
  const int i = (static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x)) * 4;
  if (i >= op.w) return;
  T* const x = op.x + static_cast<int64_t>(blockIdx.x) * op.w + i;
  Pack4<float> values = load4(x);
  const Pack4<float> bias = load4(op.bias + i);
#pragma unroll
  for (int j = 0; j < 4; ++j) values.v[j] = activated(values.v[j] + bias.v[j], op.act);
  store4(x, values);
}

}  // namespace

template <class T>
void bias_gelu(const BiasGelu<T>& op, Stream stream) {
  check(op);
  const int packs = op.w / 4;
  const dim3 grid(static_cast<unsigned>(op.m), static_cast<unsigned>(ceil_div(packs, kThreads)));
  const auto threads =
      static_cast<unsigned>(packs < kThreads ? ceil_div(packs, 32) * 32 : kThreads);
  launch_dependent(bias_gelu_kernel<T>, grid, threads, /*shared_bytes=*/0, stream, op);
}

template void bias_gelu(const BiasGelu<float>&, Stream);
template void bias_gelu(const BiasGelu<f16>&, Stream);

}  // namespace vernissage
