// The epilogue on its own. Memory bound: one thread handles four channels of one pixel.
#include "kernels/kernels.h"
#include "kernels/stylegan2/epilogue.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;

/// VECTOR 4 when O is a multiple of 4, else 1.
template <int VECTOR, class T>
__global__ void __launch_bounds__(kThreads) noise_bias_act_kernel(NoiseBiasAct<T> op) {
  griddep_wait();
  const int groups = ceil_div(op.o, 4);
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int area = op.h * op.w;
  if (index >= static_cast<int64_t>(area) * groups) return;
  const int pixel = static_cast<int>(index / groups);
  const int o = static_cast<int>(index % groups) * 4;
  const int n = static_cast<int>(blockIdx.y);
  const int64_t row = (static_cast<int64_t>(n) * area + pixel) * op.o;
  const Pack4<float> v = load_channels<VECTOR>(op.x + row, o, op.o);
  const float noise = noise_of(op.epilogue, n, pixel, area);
  finish4<VECTOR>(op.epilogue, op.y, v, noise, n, o, op.o, row + o);
}

}  // namespace

template <class T>
void noise_bias_act(const NoiseBiasAct<T>& op, Stream stream) {
  check(op);
  const int64_t threads = static_cast<int64_t>(op.h) * op.w * ceil_div(op.o, 4);
  const dim3 grid(static_cast<unsigned>(ceil_div(threads, kThreads)), static_cast<unsigned>(op.n));
  if (op.o % 4 == 0)
    launch_dependent(noise_bias_act_kernel<4, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
  else
    launch_dependent(noise_bias_act_kernel<1, T>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

template void noise_bias_act(const NoiseBiasAct<float>&, Stream);
template void noise_bias_act(const NoiseBiasAct<f16>&, Stream);

}  // namespace vernissage
