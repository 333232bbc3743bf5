// What the towers begin with: pictures cut into patches, tokens with their positions. Memory bound
// and a hundredth of a tower's traffic; a block takes (part of) one row, so that nothing is
// divided.
#include "kernels/stylegan2/epilogue.h"
#include "kernels/transformer/transformer_ops.h"

namespace vernissage {
namespace {

constexpr int kThreads = 256;

/// Rows by parts of a row of `items`, and a block no wider than the row.
struct RowGrid {
  explicit RowGrid(int64_t rows, int items)
      : block(static_cast<unsigned>(items < kThreads ? ceil_div(items, 32) * 32 : kThreads)),
        grid(static_cast<unsigned>(rows), static_cast<unsigned>(ceil_div(items, kThreads))) {}
  dim3 block, grid;
};

__device__ __forceinline__ int item_of_row() {
  return static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
}

/// One of three, without an address: an array that is indexed would have to lie in memory.
__device__ __forceinline__ float of_channel(const float (&values)[3], int c) {
  return c == 0 ? values[0] : (c == 1 ? values[1] : values[2]);
}

template <class T>
__global__ void __launch_bounds__(kThreads) image_patches_kernel(ImagePatches<T> op) {
  griddep_wait();
  const int column = item_of_row();
  if (column >= op.columns) return;
  const int side = op.size / op.patch;
  const int patches = side * side;
  const int n = static_cast<int>(blockIdx.x) / patches;
  const int index = static_cast<int>(blockIdx.x) % patches;
  const int area = op.patch * op.patch;
  const int c = column / area;
  float value = 0;
  if (c < 3) {
    const int row = index / side * op.patch + column % area / op.patch;
    const int col = index % side * op.patch + column % op.patch;
    const int64_t pixel = static_cast<int64_t>(row) * op.size + col;
    const int64_t sample = static_cast<int64_t>(op.size) * op.size;
    value = op.x != nullptr ? (static_cast<float>(op.x[(n * sample + pixel) * 3 + c]) / 255.0f -
                               of_channel(op.mean, c)) /
                                  of_channel(op.std_dev, c)
                            : op.values[(static_cast<int64_t>(n) * 3 + c) * sample + pixel];
  }
  op.y[static_cast<int64_t>(blockIdx.x) * op.columns + column] = from_float<T>(value);
}

__device__ __forceinline__ Pack4<float> sum4(const Pack4<float>& a, const Pack4<float>& b) {
  return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}};
}

__global__ void __launch_bounds__(kThreads) add_positions_kernel(AddPositions op) {
  griddep_wait();
  const int i = item_of_row() * 4;
  if (i >= op.w) return;
  const int64_t row = blockIdx.x;
  const int64_t n = row / op.t, j = row % op.t;
  const float* const token = j == 0 ? op.class_token : op.patches + (n * (op.t - 1) + j - 1) * op.w;
  store4(op.x + row * op.w + i, sum4(load4(token + i), load4(op.position + j * op.w + i)));
}

template <class T>
__global__ void __launch_bounds__(kThreads) token_embedding_kernel(TokenEmbedding<T> op) {
  griddep_wait();
  const int i = item_of_row() * 4;
  if (i >= op.w) return;
  const int64_t row = blockIdx.x;
  const int64_t word = op.ids[row];
  store4(op.x + row * op.w + i,
         sum4(load4(op.table + word * op.w + i), load4(op.position + row % op.t * op.w + i)));
}

}  // namespace

template <class T>
void image_patches(const ImagePatches<T>& op, Stream stream) {
  check(op);
  const int64_t side = op.size / op.patch;
  const RowGrid at(op.n * side * side, op.columns);
  launch_dependent(image_patches_kernel<T>, at.grid, at.block, /*shared_bytes=*/0, stream, op);
}

void add_positions(const AddPositions& op, Stream stream) {
  check(op);
  const RowGrid at(int64_t{op.n} * op.t, op.w / 4);
  launch_dependent(add_positions_kernel, at.grid, at.block, /*shared_bytes=*/0, stream, op);
}

template <class T>
void token_embedding(const TokenEmbedding<T>& op, Stream stream) {
  check(op);
  const RowGrid at(int64_t{op.n} * op.t, op.w / 4);
  launch_dependent(token_embedding_kernel<T>, at.grid, at.block, /*shared_bytes=*/0, stream, op);
}

template void image_patches(const ImagePatches<float>&, Stream);
template void image_patches(const ImagePatches<f16>&, Stream);
template void token_embedding(const TokenEmbedding<float>&, Stream);
template void token_embedding(const TokenEmbedding<f16>&, Stream);

}  // namespace vernissage
