// The picture's part of a block: a 1x1 convolution to a few colours, plus the smaller picture
// doubled. Memory bound by x: eight lanes share a pixel and read its channels side by side, the
// products of weight and style wait in shared memory, and only c sums leave.
#include "kernels/epilogue.h"
#include "kernels/kernels.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;
constexpr int kLanes = 8;       // of one pixel
constexpr int kPixelsEach = 4;  // by the same lanes, one after another
constexpr int kPixelsPerBlock = kThreads / kLanes * kPixelsEach;
constexpr int kColoursMax = 4;
static_assert(kLanes >= kColoursMax, "each colour is finished by a lane of its own");

/// The previous image, doubled, at pixel (row, col): Upfirdn2d with up 2, padding 2, 1 and gain 4.
template <class T>
__device__ float doubled(const ToRgb<T>& op, int n, int row, int col, int colour) {
  const int h = op.h / 2;
  const int w = op.w / 2;
  float sum = 0;
  for (int a = row % 2; a < 4; a += 2) {
    const int y = (row + a - 2) / 2;
    if (row + a < 2 || y >= h) continue;
    for (int b = col % 2; b < 4; b += 2) {
      const int x = (col + b - 2) / 2;
      if (col + b < 2 || x >= w) continue;
      const int64_t place = (static_cast<int64_t>(n) * h + y) * w + x;
      sum = fmaf(op.filter[(3 - a) * 4 + 3 - b], op.previous[place * op.c + colour], sum);
    }
  }
  return 4 * sum;
}

/// VECTOR 4 when I is a multiple of 4, else 1.
template <int VECTOR, class T>
__global__ void __launch_bounds__(kThreads) to_rgb_kernel(ToRgb<T> op) {
  VERNISSAGE_DYNAMIC_SHARED(float, scaled);  // (C, I): weight · style of this sample
  const int n = static_cast<int>(blockIdx.y);
  const float* style = op.style + static_cast<int64_t>(n) * op.i;
  for (int k = static_cast<int>(threadIdx.x); k < op.c * op.i; k += kThreads)
    scaled[k] = op.weight[k] * style[k % op.i];
  __syncthreads();  // every thread reads all of `scaled`

  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int area = op.h * op.w;
  const int first =
      static_cast<int>(blockIdx.x) * kPixelsPerBlock + static_cast<int>(threadIdx.x) / kLanes;
  for (int step = 0; step < kPixelsEach; ++step) {
    // Lanes past the end still take part in the shuffles below.
    const int pixel = first + step * (kThreads / kLanes);
    const bool exists = pixel < area;
    const int64_t place = static_cast<int64_t>(n) * area + pixel;
    float sums[kColoursMax] = {};
    for (int i = lane * 4; exists && i < op.i; i += kLanes * 4) {
      const Pack4<float> values = load_channels<VECTOR>(op.x + place * op.i, i, op.i);
      for (int j = 0; j < 4; ++j) {
        if (VECTOR == 1 && i + j >= op.i) break;
#pragma unroll
        for (int c = 0; c < kColoursMax; ++c)
          if (c < op.c) sums[c] = fmaf(scaled[c * op.i + i + j], values.v[j], sums[c]);
      }
    }
    float own = 0;
#pragma unroll
    for (int c = 0; c < kColoursMax; ++c) {
      const float sum = sum_lanes<kLanes>(sums[c]);
      if (c == lane) own = sum;
    }
    if (!exists || lane >= op.c) continue;
    if (op.bias != nullptr) own += op.bias[lane];
    own = clamp_to(own, op.clamp);
    if (op.previous != nullptr) own += doubled(op, n, pixel / op.w, pixel % op.w, lane);
    op.image[place * op.c + lane] = own;
  }
}

}  // namespace

template <class T>
void to_rgb(const ToRgb<T>& op, Stream stream) {
  check(op);
  const dim3 grid(static_cast<unsigned>(ceil_div(op.h * op.w, kPixelsPerBlock)),
                  static_cast<unsigned>(op.n));
  const size_t shared_bytes = sizeof(float) * static_cast<size_t>(op.c) * static_cast<size_t>(op.i);
  if (op.i % 4 == 0)
    launch(to_rgb_kernel<4, T>, grid, kThreads, shared_bytes, stream, op);
  else
    launch(to_rgb_kernel<1, T>, grid, kThreads, shared_bytes, stream, op);
}

template void to_rgb(const ToRgb<float>&, Stream);
template void to_rgb(const ToRgb<f16>&, Stream);

}  // namespace vernissage
