// Attention on tensor cores. A block takes 64 queries of one head and walks over the keys 64 at a
// time; a warp owns 16 queries. Scores never leave the registers: the sums of one product are the
// factors of the next, and the softmax is carried from tile to tile (Milakov and Gimelshein 2018,
// "Online normalizer calculation for softmax"; Dao et al. 2022, "FlashAttention"). Tiles follow one
// another in one order, so a sample's bytes do not depend on its batch.
#include "kernels/ptx.h"
#include "kernels/stylegan2/epilogue.h"
#include "kernels/transformer/attention_mma.h"

namespace vernissage {
namespace {

constexpr int kThreads = 128;
constexpr int kQueries = 64;
constexpr int kKeys = 64;
constexpr int kWarpQueries = 16;
static_assert(kThreads / 32 * kWarpQueries == kQueries, "every query has its warp");

/// Rows of D halves filled up to DK, a multiple of 16, and eight more: an odd number of 16-byte
/// chunks, so that the eight rows that ldmatrix reads at once lie in different banks.
template <int DK>
struct Rows {
  static_assert(DK % 16 == 0);
  static constexpr int kChunks = DK / 8;
  static constexpr int kPitch = kChunks + 1;
  static_assert(kPitch % 2 == 1, "rows in different banks");
};

/// Starts the copies of keys first … first + 63 and of their values; what lies beyond T or D is
/// zero.
template <int DK>
__device__ __forceinline__ void load_keys_async(const Attention<f16>& op, const f16* sample,
                                                int first, uint4* keys, uint4* values) {
  using R = Rows<DK>;
  const int width = op.heads * op.head;
  for (int k = static_cast<int>(threadIdx.x); k < kKeys * R::kChunks; k += kThreads) {
    const int key = k / R::kChunks, chunk = k % R::kChunks;
    const bool exists = first + key < op.t && chunk * 8 < op.head;
    const f16* const from =
        exists ? sample + static_cast<int64_t>(first + key) * 3 * width + width + chunk * 8
               : op.qkv;
    ptx::cp_async_16(keys + key * R::kPitch + chunk, from, exists);
    ptx::cp_async_16(values + key * R::kPitch + chunk, exists ? from + width : from, exists);
  }
}

/// The two halves at channels d and d + 1 of query i with their bias; zeros beyond Q or D (D is
/// even).
__device__ __forceinline__ uint32_t query_pair(const Attention<f16>& op, const f16* sample,
                                               const float* bias, int i, int d) {
  if (i >= op.queries || d >= op.head) return 0;
  const int64_t row = 3 * static_cast<int64_t>(op.heads) * op.head;
  const float2 q = ptx::unpack_half2(*reinterpret_cast<const uint32_t*>(sample + i * row + d));
  return ptx::pack_half2(q.x + bias[d], q.y + bias[d + 1]);
}

template <int DK>
__global__ void __launch_bounds__(kThreads) attention_mma_kernel(Attention<f16> op) {
  using R = Rows<DK>;
  constexpr int kKeyTiles = kKeys / 8;
  constexpr int kChannelTiles = DK / 8;
  VERNISSAGE_SHARED(uint4, keys, kKeys * R::kPitch);
  VERNISSAGE_SHARED(uint4, values, kKeys * R::kPitch);
  griddep_wait();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int g = lane / 4, t = lane % 4;
  const int block_first = static_cast<int>(blockIdx.x) * kQueries;
  const int first = block_first + static_cast<int>(threadIdx.x) / 32 * kWarpQueries;
  const int width = op.heads * op.head;
  const int offset = static_cast<int>(blockIdx.y) * op.head;
  const f16* const sample = op.qkv + static_cast<int64_t>(blockIdx.z) * op.t * 3 * width + offset;
  // Which row and chunk of an 8 x 8 matrix this lane supplies the address of: ldmatrix_x4.
  const int matrix = lane / 8, matrix_row = lane % 8;

  uint32_t query[DK / 16][4];
#pragma unroll
  for (int k = 0; k < DK / 16; ++k) {
    const float* const bias = op.bias + offset;
    query[k][0] = query_pair(op, sample, bias, first + g, k * 16 + 2 * t);
    query[k][1] = query_pair(op, sample, bias, first + g + 8, k * 16 + 2 * t);
    query[k][2] = query_pair(op, sample, bias, first + g, k * 16 + 2 * t + 8);
    query[k][3] = query_pair(op, sample, bias, first + g + 8, k * 16 + 2 * t + 8);
  }
  float result[kChannelTiles][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};  // of queries g and g + 8
  float sum[2] = {0, 0};                      // this lane's share
  const float scale = 1.0f / sqrtf(static_cast<float>(op.head));
  const int block_end = min(block_first + kQueries, op.queries);
  const int key_end = op.causal ? block_end : op.t;

  for (int begin = 0; begin < key_end; begin += kKeys) {
    __syncthreads();  // nobody still reads the tile before
    load_keys_async<DK>(op, sample, begin, keys, values);
    ptx::cp_async_wait_all();
    __syncthreads();  // everybody's copies have arrived
    // The first tile holds key 0, which every query sees: from then on `largest` is a number.
    if (first >= block_end || (op.causal && begin > first + kWarpQueries - 1)) continue;

    float score[kKeyTiles][4] = {};
#pragma unroll
    for (int k = 0; k < DK / 16; ++k) {
#pragma unroll
      for (int pair = 0; pair < kKeyTiles / 2; ++pair) {
        uint32_t b[4];
        ptx::ldmatrix_x4(
            b, keys + (pair * 16 + matrix / 2 * 8 + matrix_row) * R::kPitch + k * 2 + matrix % 2);
        ptx::mma_m16n8k16(score[2 * pair], query[k], {b[0], b[1]});
        ptx::mma_m16n8k16(score[2 * pair + 1], query[k], {b[2], b[3]});
      }
    }
    float tile_largest[2] = {largest[0], largest[1]};
#pragma unroll
    for (int n = 0; n < kKeyTiles; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int j = begin + n * 8 + 2 * t + e % 2;
        const int i = first + g + e / 2 * 8;
        const bool seen = j < op.t && (!op.causal || j <= i);
        score[n][e] = seen ? score[n][e] * scale : -INFINITY;
        tile_largest[e / 2] = fmaxf(tile_largest[e / 2], score[n][e]);
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      tile_largest[r] = fmaxf(tile_largest[r], __shfl_xor_sync(0xFFFFFFFFu, tile_largest[r], 1));
      tile_largest[r] = fmaxf(tile_largest[r], __shfl_xor_sync(0xFFFFFFFFu, tile_largest[r], 2));
      const float shrink = __expf(largest[r] - tile_largest[r]);
      largest[r] = tile_largest[r];
      sum[r] *= shrink;
#pragma unroll
      for (int n = 0; n < kChannelTiles; ++n) {
        result[n][2 * r] *= shrink;
        result[n][2 * r + 1] *= shrink;
      }
    }
#pragma unroll
    for (int n = 0; n < kKeyTiles; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        score[n][e] = __expf(score[n][e] - largest[e / 2]);
        sum[e / 2] += score[n][e];
      }
    }
#pragma unroll
    for (int k = 0; k < kKeys / 16; ++k) {
      const uint32_t p[4] = {ptx::pack_half2(score[2 * k][0], score[2 * k][1]),
                             ptx::pack_half2(score[2 * k][2], score[2 * k][3]),
                             ptx::pack_half2(score[2 * k + 1][0], score[2 * k + 1][1]),
                             ptx::pack_half2(score[2 * k + 1][2], score[2 * k + 1][3])};
#pragma unroll
      for (int pair = 0; pair < kChannelTiles / 2; ++pair) {
        uint32_t b[4];
        ptx::ldmatrix_x4_trans(
            b, values + (k * 16 + matrix % 2 * 8 + matrix_row) * R::kPitch + pair * 2 + matrix / 2);
        ptx::mma_m16n8k16(result[2 * pair], p, {b[0], b[1]});
        ptx::mma_m16n8k16(result[2 * pair + 1], p, {b[2], b[3]});
      }
    }
  }

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    sum[r] += __shfl_xor_sync(0xFFFFFFFFu, sum[r], 1);
    sum[r] += __shfl_xor_sync(0xFFFFFFFFu, sum[r], 2);
    const int i = first + g + r * 8;
    if (i >= op.queries) continue;
    f16* const y = op.y + (static_cast<int64_t>(blockIdx.z) * op.queries + i) * width + offset;
    const float* const bias = op.bias + 2 * width + offset;
#pragma unroll
    for (int n = 0; n < kChannelTiles; ++n) {
      const int d = n * 8 + 2 * t;
      if (d >= op.head) break;
      *reinterpret_cast<uint32_t*>(y + d) = ptx::pack_half2(
          result[n][2 * r] / sum[r] + bias[d], result[n][2 * r + 1] / sum[r] + bias[d + 1]);
    }
  }
}

template <int DK>
void launch_for(const Attention<f16>& op, Stream stream) {
  const dim3 grid(static_cast<unsigned>(ceil_div(op.queries, kQueries)),
                  static_cast<unsigned>(op.heads), static_cast<unsigned>(op.n));
  launch_dependent(attention_mma_kernel<DK>, grid, kThreads, /*shared_bytes=*/0, stream, op);
}

}  // namespace

void attention_mma(const Attention<f16>& op, Stream stream) {
  if (op.head <= 16)
    launch_for<16>(op, stream);
  else if (op.head <= 32)
    launch_for<32>(op, stream);
  else if (op.head <= 64)
    launch_for<64>(op, stream);
  else if (op.head <= 80)
    launch_for<80>(op, stream);
  else
    launch_for<112>(op, stream);
}

}  // namespace vernissage
