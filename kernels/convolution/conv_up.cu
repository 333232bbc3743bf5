// The transposed convolution of larger pictures: a block takes 8 x 16 pixels, with the row above
// and the column to the left, and 32 output channels, and makes all four phases of them at once. An
// input fragment read from shared memory meets 4, 2, 2 or 1 of the nine taps, each of which adds to
// the sums of its own phase; no product with a zero is made. What a block asks of the L2 cache per
// multiply-add is a third to three quarters of what four separate products (conv_mma.cu) ask.
#include "kernels/convolution/conv_tile.h"
#include "kernels/convolution/conv_up.h"
#include "kernels/convolution/predicated_copy.h"
#include "kernels/stylegan2/epilogue.h"

namespace vernissage {
namespace {

constexpr int BLOCK_N = 32;
constexpr int BLOCK_K = 32;
constexpr int CHUNKS = BLOCK_K / 8;
constexpr int kStages = 3;
constexpr int kWarpsM = 4;
constexpr int kWarpsN = 2;
constexpr int kThreads = kWarpsM * kWarpsN * 32;
constexpr int MI = kPatchRows / kWarpsM;   // rows of the patch a warp has, sixteen pixels each
constexpr int NI = BLOCK_N / kWarpsN / 8;  // groups of eight channels
constexpr int kTaps = 9;
constexpr int kHaloRows = kPatchRows + 1;
constexpr int kHaloCols = kPatchCols + 1;
// Pixels from one row of the patch to the next in shared memory: a multiple of 8, so that a row's
// swizzle is every row's.
constexpr int kStride = 24;
constexpr int kPatchChunks = kHaloRows * kStride * CHUNKS;
constexpr int kStageChunks = kPatchChunks + kTaps * BLOCK_N * CHUNKS;
constexpr size_t kSharedBytes = size_t{16} * kStages * kStageChunks;
constexpr int kRowsAtOnce = kThreads / CHUNKS;
constexpr int kHaloPixels = kHaloRows * kHaloCols;
constexpr int kPixelChunks = (kHaloPixels + kRowsAtOnce - 1) / kRowsAtOnce;
constexpr int kWeightChunks = (kTaps * BLOCK_N + kRowsAtOnce - 1) / kRowsAtOnce;
constexpr int kResultChunks = kPatchRows * kPatchCols * BLOCK_N / 8;  // of one phase

static_assert(kRowsAtOnce % 8 == 0, "a thread's rows are swizzled alike");
static_assert(kPatchCols == 16, "a matrix product's sixteen rows are one row of the patch");
static_assert(NI == 2, "one ldmatrix.x4 loads a warp's weights of a tap");
static_assert(free_of_conflicts<CHUNKS>() && BLOCK_N / 8 == CHUNKS);
static_assert(kStride % 8 == 0 && kStride >= kHaloCols && BLOCK_N % 8 == 0);
static_assert(kStages * kStageChunks >= 4 * kResultChunks, "the results of four phases fit in");

struct Up {
  const f16* x;
  const f16* weight;
  const float* demod;
  f16* y;
  int n, h, w, i, o;
  int down, across;  // patches of a sample
};

/// What a thread loads of every k-tile: a chunk of some pixels and of some weights.
constexpr int kOutside = INT32_MIN;  // stays below 0 when channels are added
struct Feed {
  int source[kPixelChunks];  // element of the sample, or kOutside of the picture
  int place[kPixelChunks];   // chunk of the patch in shared memory
  bool has_last_pixel;       // the last of them exists: the halo ends within it
  bool has_last_weight;
  int weight;  // element of weight: the first row, at the chunk
  int row, chunk;
  bool channel_exists;
};

__device__ __forceinline__ Feed feed_of(const Up& op, int first_row, int first_col,
                                        int first_channel) {
  Feed feed;
  const int thread = static_cast<int>(threadIdx.x);
  feed.row = thread / CHUNKS;
  feed.chunk = thread % CHUNKS;
#pragma unroll
  for (int j = 0; j < kPixelChunks; ++j) {
    const int pixel = feed.row + j * kRowsAtOnce;
    const int row = pixel / kHaloCols;
    const int col = pixel - row * kHaloCols;
    const int y = first_row + row - 1;
    const int x = first_col + col - 1;
    const bool inside = static_cast<unsigned>(y) < static_cast<unsigned>(op.h) &&
                        static_cast<unsigned>(x) < static_cast<unsigned>(op.w);
    feed.source[j] = inside ? (y * op.w + x) * op.i + feed.chunk * 8 : kOutside;
    feed.place[j] = swizzled<CHUNKS>(row * kStride + col, feed.chunk);
  }
  feed.has_last_pixel = feed.row + (kPixelChunks - 1) * kRowsAtOnce < kHaloPixels;
  feed.has_last_weight = feed.row + (kWeightChunks - 1) * kRowsAtOnce < kTaps * BLOCK_N;
  // Row r of the weights in shared memory is tap r / BLOCK_N of channel r % BLOCK_N.
  static_assert(kRowsAtOnce % BLOCK_N == 0, "a thread's weights are all of one channel");
  const int channel = first_channel + feed.row % BLOCK_N;
  feed.weight = (channel * kTaps + feed.row / BLOCK_N) * op.i + feed.chunk * 8;
  feed.channel_exists = channel < op.o;
  return feed;
}

/// Starts the thread's copies of the channels c … c + BLOCK_K.
__device__ __forceinline__ void load_k_tile_async(const Up& op, const f16* sample, const Feed& feed,
                                                  int c, uint4* stage) {
  const bool inner = c + feed.chunk * 8 < op.i;
#pragma unroll
  for (int j = 0; j < kPixelChunks; ++j) {
    const int element = feed.source[j] + c;
    const bool exists = inner && element >= 0;
    cp_async_16_if(j + 1 < kPixelChunks || feed.has_last_pixel, stage + feed.place[j],
                   sample + (exists ? element : 0), exists);
  }
  uint4* const weights = stage + kPatchChunks + swizzled<CHUNKS>(feed.row, feed.chunk);
  const bool exists = inner && feed.channel_exists;
#pragma unroll
  for (int j = 0; j < kWeightChunks; ++j) {
    const int element = feed.weight + j * (kRowsAtOnce / BLOCK_N) * op.i + c;
    cp_async_16_if(j + 1 < kWeightChunks || feed.has_last_weight,
                   weights + j * kRowsAtOnce * CHUNKS, op.weight + (exists ? element : 0), exists);
  }
}

/// A warp's sums by phase 2 a + b, a and b the parity of the output row and column.
struct PhaseSums {
  float v[4][MI][NI][4];
};

/// sums += the products of one k-tile. Output row 2r+a gets weight row 0 from input row r and 2
/// from r-1 where a is 0, 1 from r where a is 1; columns alike. So input (r, c) meets the taps of
/// rows 0 and 1, input (r-1, c) those of row 2.
__device__ __forceinline__ void multiply_k_tile(const uint4* stage, PhaseSums& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int first = warp % kWarpsM * MI * kStride + lane % 16;
  const int channel = warp / kWarpsM * NI * 8 + lane / 16 * 8 + lane % 8;
#pragma unroll 1  // both halves at once would not leave registers for the sums
  for (int k = 0; k < BLOCK_K / 16; ++k) {
    const uint4* const weights =
        stage + kPatchChunks + swizzled<CHUNKS>(channel, k * 2 + lane / 8 % 2);
#pragma unroll
    for (int dy = 0; dy < 2; ++dy) {  // 0: the row above
#pragma unroll
      for (int dx = 0; dx < 2; ++dx) {
        const uint4* const row =
            stage + swizzled<CHUNKS>(first + dx, k * 2 + lane / 16) + dy * kStride * CHUNKS;
        uint32_t a[MI][4];
#pragma unroll
        for (int mi = 0; mi < MI; ++mi) ptx::ldmatrix_x4(a[mi], row + mi * kStride * CHUNKS);
#pragma unroll
        for (int p = dy == 0 ? 2 : 0; p < (dy == 0 ? 3 : 2); ++p) {
#pragma unroll
          for (int q = dx == 0 ? 2 : 0; q < (dx == 0 ? 3 : 2); ++q) {
            uint32_t b[4];
            ptx::ldmatrix_x4(b, weights + (p * 3 + q) * BLOCK_N * CHUNKS);
#pragma unroll
            for (int mi = 0; mi < MI; ++mi)
#pragma unroll
              for (int ni = 0; ni < NI; ++ni) {
                const uint32_t own[2] = {b[ni * 2], b[ni * 2 + 1]};
                ptx::mma_m16n8k16(sums.v[p % 2 * 2 + q % 2][mi][ni], a[mi], own);
              }
          }
        }
      }
    }
  }
}

/// The sums times the demodulation into shared memory: a table (pixels of the patch, BLOCK_N) with
/// swizzled rows for each phase.
__device__ __forceinline__ void demodulate_sums(const Up& op, int n, int first_channel,
                                                const PhaseSums& sums, uint32_t* results) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int ni = 0; ni < NI; ++ni) {
    const int column = (warp / kWarpsM * NI + ni) * 8 + lane % 4 * 2;
    const int o = first_channel + column;
    if (o >= op.o) continue;  // O is even: both channels exist or none
    float2 demod = make_float2(1, 1);
    if (op.demod != nullptr)
      demod = *reinterpret_cast<const float2*>(op.demod + static_cast<int64_t>(n) * op.o + o);
#pragma unroll
    for (int phase = 0; phase < 4; ++phase)
#pragma unroll
      for (int half_row = 0; half_row < MI * 2; ++half_row) {
        const int row = warp % kWarpsM * MI * 16 + half_row * 8 + lane / 4;
        const float* own = &sums.v[phase][half_row / 2][ni][half_row % 2 * 2];
        results[(phase * kResultChunks + swizzled<CHUNKS>(row, column / 8)) * 4 + lane % 4] =
            ptx::pack_half2(own[0] * demod.x, own[1] * demod.y);
      }
  }
}

/// Shared memory to y: the phases interleaved, neighbouring threads at neighbouring addresses.
__device__ __forceinline__ void store_phases(const Up& op, int n, int first_row, int first_col,
                                             int first_channel, const uint4* results) {
  const int out_h = 2 * op.h + 1;
  const int out_w = 2 * op.w + 1;
  for (int i = static_cast<int>(threadIdx.x); i < 4 * kResultChunks; i += kThreads) {
    const int chunk = i % CHUNKS;
    const int col = i / CHUNKS % (2 * kPatchCols);
    const int row = i / CHUNKS / (2 * kPatchCols);
    const int y = 2 * first_row + row;
    const int x = 2 * first_col + col;
    const int o = first_channel + chunk * 8;
    if (y >= out_h || x >= out_w || o >= op.o) continue;
    const int phase = row % 2 * 2 + col % 2;
    const int pixel = row / 2 * kPatchCols + col / 2;
    f16* const address = op.y + ((static_cast<int64_t>(n) * out_h + y) * out_w + x) * op.o + o;
    *reinterpret_cast<uint4*>(address) =
        results[phase * kResultChunks + swizzled<CHUNKS>(pixel, chunk)];
  }
}

__global__ void __launch_bounds__(kThreads, 2) conv_up_kernel(const __grid_constant__ Up op) {
  VERNISSAGE_DYNAMIC_SHARED(uint4, shared);
  griddep_wait();
  const int block = static_cast<int>(blockIdx.x);
  const int n = block / (op.down * op.across);
  const int first_row = block / op.across % op.down * kPatchRows;
  const int first_col = block % op.across * kPatchCols;
  const int first_channel = static_cast<int>(blockIdx.y) * BLOCK_N;

  PhaseSums sums = {};
  const Feed feed = feed_of(op, first_row, first_col, first_channel);
  const f16* const sample = op.x + static_cast<int64_t>(n) * op.h * op.w * op.i;
  int next_c = 0, writing = 0;
  const auto prefetch_next = [&] {
    if (next_c < op.i) load_k_tile_async(op, sample, feed, next_c, shared + writing * kStageChunks);
    ptx::cp_async_commit();  // one group a k-tile, an empty one past the end, so that waits count
    writing = writing + 1 == kStages ? 0 : writing + 1;
    next_c += BLOCK_K;
  };
#pragma unroll
  for (int stage = 0; stage < kStages - 1; ++stage) prefetch_next();
  int reading = 0;
  for (int c = 0; c < op.i; c += BLOCK_K) {
    ptx::cp_async_wait<kStages - 2>();  // the own copies of this k-tile are there,
    __syncthreads();  // everybody's are, and everybody has read the stage that is written next
    prefetch_next();
    multiply_k_tile(shared + reading * kStageChunks, sums);
    reading = reading + 1 == kStages ? 0 : reading + 1;
  }
  ptx::cp_async_wait_all();
  __syncthreads();
  demodulate_sums(op, n, first_channel, sums, reinterpret_cast<uint32_t*>(shared));
  __syncthreads();
  store_phases(op, n, first_row, first_col, first_channel, shared);
}

}  // namespace

bool fits_up_kernel(const TransposedConv<f16>& op) {
  return op.style == nullptr && fits_tensor_cores(op.i, op.o, Activation::linear) &&
         int64_t{op.h} * op.w * op.i <= INT32_MAX &&
         (int64_t{op.o} + BLOCK_N) * kTaps * op.i <= INT32_MAX;
}

void run_up_kernel(const TransposedConv<f16>& op, Stream stream) {
  VERNISSAGE_ASSERT(fits_up_kernel(op));
  // The phases of even rows and columns have one more of them than the input.
  const int down = ceil_div(op.h + 1, kPatchRows);
  const int across = ceil_div(op.w + 1, kPatchCols);
  const Up up = {op.x, op.weight, op.demod, op.y, op.n, op.h, op.w, op.i, op.o, down, across};
  const dim3 grid(static_cast<unsigned>(int64_t{op.n} * down * across),
                  static_cast<unsigned>(ceil_div(op.o, BLOCK_N)));
  launch_dependent(conv_up_kernel, grid, kThreads, kSharedBytes, stream, up);
}

}  // namespace vernissage
