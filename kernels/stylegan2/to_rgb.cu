// The picture's part of a block: a 1x1 convolution to the RGB channels, plus the smaller picture
// upsampled. Memory bound by x. LANES neighbouring lanes read a pixel's channels side by side, 16
// bytes each, and have PIXELS pixels on their way at once; the products of weight and style wait in
// shared memory and are fetched once for all of them. The sums then meet by halves: each exchange
// leaves a lane with half the pixels and twice the channels, until every pixel is whole in one
// lane, so few shuffles are made and many lanes finish pixels. The last picture leaves as bytes.
//
// Which LANES and PIXELS a layer gets depends on its shape alone, never on the batch: another order
// of summation would give other bytes.
#include "kernels/kernels.h"
#include "kernels/stylegan2/rgb.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksAtOnce = 3;     // on a multiprocessor: enough loads on their way
constexpr int kSmallArea = 64 * 64;  // up to here pixels are few, and a whole warp takes two

/// VECTOR channels at a time: as many as 16 bytes hold when I is a multiple of that, else 1.
template <class T, int VECTOR, int LANES, int PIXELS>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce) to_rgb_kernel(ToRgb<T> op) {
  static_assert(LANES <= 32 && PIXELS <= LANES, "a lane finishes one pixel at most");
  VERNISSAGE_DYNAMIC_SHARED(float, scaled);  // (C, I): weight · style of this sample
  griddep_wait();
  const int n = static_cast<int>(blockIdx.y);
  const float* style = op.style + static_cast<int64_t>(n) * op.i;
  for (int k = static_cast<int>(threadIdx.x); k < op.c * op.i; k += kThreads)
    scaled[k] = op.weight[k] * style[k % op.i];
  __syncthreads();  // every thread reads all of `scaled`

  const int area = op.h * op.w;
  const int lane = static_cast<int>(threadIdx.x) % LANES;
  const int group =
      static_cast<int>(blockIdx.x) * (kThreads / LANES) + static_cast<int>(threadIdx.x) / LANES;
  const int first = group * PIXELS;
  const T* x = op.x + (static_cast<int64_t>(n) * area + first) * op.i;
  float sums[PIXELS][kRgbChannelsMax] = {};
  for (int i = lane * VECTOR; i < op.i; i += LANES * VECTOR) {
    float values[PIXELS][VECTOR] = {};
#pragma unroll
    for (int p = 0; p < PIXELS; ++p) {
      if (first + p >= area) continue;
      const T* place = x + static_cast<int64_t>(p) * op.i + i;
      if constexpr (VECTOR == 1) {
        values[p][0] = to_float(*place);
      } else {
        const Pack16<T> stored = *reinterpret_cast<const Pack16<T>*>(place);
#pragma unroll
        for (int j = 0; j < VECTOR; ++j) values[p][j] = to_float(stored.v[j]);
      }
    }
#pragma unroll
    for (int c = 0; c < kRgbChannelsMax; ++c) {
      if (c >= op.c) break;
#pragma unroll
      for (int j = 0; j < VECTOR; ++j) {
        const float weight = scaled[c * op.i + i + j];
#pragma unroll
        for (int p = 0; p < PIXELS; ++p) sums[p][c] = fmaf(weight, values[p][j], sums[p][c]);
      }
    }
  }

  // Lanes past the end still take part in the shuffles. After the loop over `half` a lane holds the
  // pixel that its high bits name, and the low bits, if any, still share it.
  constexpr int kSharers = LANES / PIXELS;
#pragma unroll
  for (int half = PIXELS / 2; half > 0; half /= 2) {
    const bool upper = (lane & (half * kSharers)) != 0;
#pragma unroll
    for (int p = 0; p < half; ++p)
#pragma unroll
      for (int c = 0; c < kRgbChannelsMax; ++c) {
        if (c >= op.c) break;
        const float kept = upper ? sums[p + half][c] : sums[p][c];
        const float given = upper ? sums[p][c] : sums[p + half][c];
        sums[p][c] = kept + __shfl_xor_sync(0xFFFFFFFFu, given, half * kSharers);
      }
  }
#pragma unroll
  for (int c = 0; c < kRgbChannelsMax; ++c)
    if (c < op.c) sums[0][c] = sum_lanes<kSharers>(sums[0][c]);

  const int pixel = first + lane / kSharers;
  if (pixel >= area || lane % kSharers != 0) return;
  RgbSums whole;
#pragma unroll
  for (int c = 0; c < kRgbChannelsMax; ++c) whole.v[c] = sums[0][c];
  store_rgb(op, n, pixel / op.w, pixel % op.w, whole);
}

template <class T, int VECTOR, int LANES, int PIXELS>
void start(const ToRgb<T>& op, Stream stream) {
  constexpr int kPixelsPerBlock = kThreads / LANES * PIXELS;
  const dim3 grid(static_cast<unsigned>(ceil_div(op.h * op.w, kPixelsPerBlock)),
                  static_cast<unsigned>(op.n));
  const size_t shared_bytes = sizeof(float) * static_cast<size_t>(op.c) * static_cast<size_t>(op.i);
  launch_dependent(to_rgb_kernel<T, VECTOR, LANES, PIXELS>, grid, kThreads, shared_bytes, stream,
                   op);
}

}  // namespace

template <class T>
void to_rgb(const ToRgb<T>& op, Stream stream) {
  check(op);
  constexpr int kVector = Pack16<T>::kCount;
  if (op.i % kVector != 0)
    start<T, 1, 8, 4>(op, stream);
  else if (op.h * op.w <= kSmallArea && op.i >= 32 * kVector)
    start<T, kVector, 32, 2>(op, stream);
  else if (op.i <= 4 * kVector)
    start<T, kVector, 4, 4>(op, stream);
  else
    start<T, kVector, 8, 4>(op, stream);
}

template void to_rgb(const ToRgb<float>&, Stream);
template void to_rgb(const ToRgb<f16>&, Stream);

}  // namespace vernissage
