// Goal: matrix instructions and asynchronous copies mean under the emulation what PTX says, and the
// faults they invite are found.
// Method: fragments are filled and read by the element formulas of the PTX ISA, written here a
// second time, and random products compared with plain loops in the order the emulation documents,
// bit by bit. Then a pipeline of copies as the convolutions use it, correct in every order of
// threads, and the same with one planted fault each (no wait, a wait one too lax, no barrier after
// it, a stage filled too early, a misaligned row, swapped registers), each of which must be
// reported or show in the result.
#include "kernels/ptx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/launch_report.h"

namespace vernissage {
namespace {

using testing::contains;
using testing::report_of;

constexpr uint64_t kOrders[] = {0, 1, 2, 3, 4};
constexpr int M = 16, N = 8, K = 16;

class Ptx : public ::testing::Test {
 protected:
  void TearDown() override {
    emulation::set_matrix_sums(emulation::MatrixSums::nearest);
    emulation::set_order(0);
    emulation::reset_counts();
  }
};

std::vector<f16> random_halves(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<f16> values(count);
  for (f16& value : values) value = from_float<f16>(uniform(random));
  return values;
}

/// c + A·B for A (16, 16) and B (16, 8), k ascending, each sum rounded: a product of halves is
/// exact in a float.
std::vector<float> plain_product(const std::vector<f16>& a, const std::vector<f16>& b,
                                 const std::vector<float>& c) {
  std::vector<float> d = c;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n)
      for (int k = 0; k < K; ++k)
        d[m * N + n] = std::fma(to_float(a[m * K + k]), to_float(b[k * N + n]), d[m * N + n]);
  return d;
}

uint32_t pair_of(f16 low, f16 high) {
  return low.bits | static_cast<uint32_t>(high.bits) << 16;
}

// ---- the fragments

// As "Matrix Fragments for mma.m16n8k16" of the PTX ISA counts them: element i of the thread number
// `in_group` of group `group`.
int a_row(int group, int i) {
  return i < 2 || (i >= 4 && i < 6) ? group : group + 8;
}
int a_column(int in_group, int i) {
  return in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0);
}
int b_row(int in_group, int i) {
  return in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0);
}
int d_row(int group, int i) {
  return i < 2 ? group : group + 8;
}
int d_column(int in_group, int i) {
  return in_group * 2 + (i & 1);
}

/// With `swapped`, the second and third register of A change places.
__global__ void fragments_kernel(const f16* a, const f16* b, float* d, bool swapped) {
  const int group = threadIdx.x / 4, in_group = threadIdx.x % 4;
  uint32_t fragment_a[4], fragment_b[2];
  float fragment_d[4];
  for (int r = 0; r < 4; ++r)
    fragment_a[r] = pair_of(a[a_row(group, 2 * r) * K + a_column(in_group, 2 * r)],
                            a[a_row(group, 2 * r + 1) * K + a_column(in_group, 2 * r + 1)]);
  for (int r = 0; r < 2; ++r)
    fragment_b[r] =
        pair_of(b[b_row(in_group, 2 * r) * N + group], b[b_row(in_group, 2 * r + 1) * N + group]);
  if (swapped) std::swap(fragment_a[1], fragment_a[2]);
  for (int i = 0; i < 4; ++i) fragment_d[i] = d[d_row(group, i) * N + d_column(in_group, i)];
  ptx::mma_m16n8k16(fragment_d, fragment_a, fragment_b);
  for (int i = 0; i < 4; ++i) d[d_row(group, i) * N + d_column(in_group, i)] = fragment_d[i];
}

TEST_F(Ptx, AMatrixInstructionMultipliesTheFragmentsOfTheManual) {
  const std::vector<f16> a = random_halves(M * K, 1), b = random_halves(K * N, 2);
  std::vector<float> c(M * N);
  std::iota(c.begin(), c.end(), -60.0f);
  const std::vector<float> expected = plain_product(a, b, c);
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<float> d = c;
    launch(fragments_kernel, 1, 32, 0, nullptr, a.data(), b.data(), d.data(), false);
    EXPECT_EQ(d, expected) << "order " << order;
    d = c;
    launch(fragments_kernel, 1, 32, 0, nullptr, a.data(), b.data(), d.data(), true);
    EXPECT_NE(d, expected) << "a wrong mapping must show";
  }
  EXPECT_EQ(emulation::counts().mma, 10u);
}

/// A sum as long as the widest layer's: 9 taps of 512 channels.
constexpr int kLongSum = 9 * 512;
__global__ void long_sum_kernel(const f16* a, const f16* b, float* d) {
  const int group = threadIdx.x / 4, in_group = threadIdx.x % 4;
  float sums[4] = {};
  for (int k = 0; k < kLongSum; k += K) {
    uint32_t fragment_a[4], fragment_b[2];
    for (int r = 0; r < 4; ++r) {
      const f16* at = a + a_row(group, 2 * r) * kLongSum + k + a_column(in_group, 2 * r);
      fragment_a[r] = pair_of(at[0], at[1]);
    }
    for (int r = 0; r < 2; ++r) {
      const f16* at = b + (k + b_row(in_group, 2 * r)) * N + group;
      fragment_b[r] = pair_of(at[0], at[N]);
    }
    ptx::mma_m16n8k16(sums, fragment_a, fragment_b);
  }
  for (int i = 0; i < 4; ++i) d[d_row(group, i) * N + d_column(in_group, i)] = sums[i];
}

// What a device may be off by, whose sums are cut instead of rounded. Products of both signs, as
// the kernels are tested with, stay within the kernels' tolerance. Products of one sign lose some
// of every step in one direction: up to ten units of 2^-23 of the sum, in a step of eight products.
// That is more than the tolerance for floats, and far less than storing the result as half costs.
TEST_F(Ptx, SumsThatAreCutStayWithinTheirErrorAnalysis) {
  for (const bool positive : {false, true}) {
    std::vector<f16> a = random_halves(M * kLongSum, 8), b = random_halves(kLongSum * N, 9);
    if (positive)
      for (std::vector<f16>* values : {&a, &b})
        for (f16& value : *values) value.bits &= 0x7FFF;
    std::vector<double> expected(M * N), magnitude(M * N);
    for (int m = 0; m < M; ++m)
      for (int n = 0; n < N; ++n)
        for (int k = 0; k < kLongSum; ++k) {
          const double product =
              double{to_float(a[m * kLongSum + k])} * double{to_float(b[k * N + n])};
          expected[m * N + n] += product;
          magnitude[m * N + n] += std::abs(product);
        }
    std::vector<float> nearest(M * N), cut(M * N);
    launch(long_sum_kernel, 1, 32, 0, nullptr, a.data(), b.data(), nearest.data());
    emulation::set_matrix_sums(emulation::MatrixSums::truncated);
    launch(long_sum_kernel, 1, 32, 0, nullptr, a.data(), b.data(), cut.data());
    emulation::set_matrix_sums(emulation::MatrixSums::nearest);
    EXPECT_NE(cut, nearest);
    testing::expect_close(nearest, expected, magnitude, kLongSum, testing::Storage::f32);
    if (!positive) testing::expect_close(cut, expected, magnitude, kLongSum, testing::Storage::f32);
    double largest_loss = 0;
    for (int i = 0; i < M * N; ++i) {
      const double loss = expected[i] - cut[i];
      EXPECT_LE(std::abs(loss), kLongSum / 8 * 10 * 0x1p-23 * magnitude[i]);
      EXPECT_LE(std::abs(loss), 0x1p-11 * magnitude[i]);
      largest_loss = std::max(largest_loss, loss / magnitude[i]);
    }
    if (positive) {
      EXPECT_GT(largest_loss, testing::tolerance(kLongSum)) << "then it need not be said";
    }
  }
}

/// A and B come through shared memory by ldmatrix: A by rows, B stored (n, k) or, `b_by_k`, (k, n).
__global__ void ldmatrix_kernel(const f16* a, const f16* b, float* d, bool b_by_k) {
  VERNISSAGE_SHARED(uint4, tile, 48);  // 16 bytes a row of eight: 32 of A, 16 of B
  f16* tile_a = reinterpret_cast<f16*>(tile);
  f16* tile_b = tile_a + M * K;
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < M * K; i += 32) tile_a[i] = a[i];
  for (int i = lane; i < K * N; i += 32) tile_b[b_by_k ? i : i % N * K + i / N] = b[i];
  __syncthreads();

  uint32_t fragment_a[4], fragment_b[2];
  // Matrices of A in the order of its registers: rows 0-7 then 8-15 of columns 0-7, then 8-15.
  ptx::ldmatrix_x4(fragment_a, tile_a + lane % 16 * K + lane / 16 * 8);
  if (b_by_k) {
    uint32_t both[4];  // the second two are those of A again, by another way
    const f16* row =
        lane < 16 ? tile_b + lane * N : tile_a + (lane - 16) % 8 * K + (lane - 16) / 8 * 8;
    ptx::ldmatrix_x4_trans(both, row);
    fragment_b[0] = both[0], fragment_b[1] = both[1];
  } else {
    // The addresses of lanes 16 … 31 are not used.
    ptx::ldmatrix_x2(fragment_b, lane < 16 ? tile_b + lane % 8 * K + lane / 8 * 8 : nullptr);
  }
  float fragment_d[4] = {};
  ptx::mma_m16n8k16(fragment_d, fragment_a, fragment_b);
  for (int i = 0; i < 4; ++i) d[d_row(lane / 4, i) * N + d_column(lane % 4, i)] = fragment_d[i];
}

TEST_F(Ptx, LdmatrixBringsTheFragmentsThatAMatrixInstructionTakes) {
  const std::vector<f16> a = random_halves(M * K, 3), b = random_halves(K * N, 4);
  const std::vector<float> expected = plain_product(a, b, std::vector<float>(M * N, 0.0f));
  for (const uint64_t order : kOrders)
    for (const bool b_by_k : {false, true}) {
      emulation::set_order(order);
      std::vector<float> d(M * N, NAN);
      launch(ldmatrix_kernel, 1, 32, 0, nullptr, a.data(), b.data(), d.data(), b_by_k);
      EXPECT_EQ(d, expected) << "order " << order << (b_by_k ? ", transposed" : "");
    }
}

__global__ void part_of_a_warp_kernel() {
  if (threadIdx.x == 5) return;
  float d[4] = {};
  const uint32_t a[4] = {}, b[2] = {};
  ptx::mma_m16n8k16(d, a, b);
}

TEST_F(Ptx, AMatrixInstructionNeedsTheWholeWarp) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    const std::string report = report_of([] { launch(part_of_a_warp_kernel, 1, 32, 0, nullptr); });
    EXPECT_TRUE(contains(report, "names lane 5: thread (5,0,0) has returned")) << report;
    EXPECT_TRUE(contains(report, "ptx_test.cpp:")) << report;
  }
  const std::string report = report_of([] { launch(part_of_a_warp_kernel, 1, 4, 0, nullptr); });
  EXPECT_TRUE(contains(report, "names lane 4: the block has no such thread")) << report;
}

enum class Row { aligned, misaligned, global, past_the_end };
__global__ void ldmatrix_row_kernel(const f16* global, Row which) {
  VERNISSAGE_DYNAMIC_SHARED(f16, tile);  // 8 rows of 8
  const f16* row = tile + threadIdx.x % 8 * 8;
  if (threadIdx.x == 3 && which == Row::misaligned) row += 4;
  if (threadIdx.x == 3 && which == Row::global) row = global;
  if (threadIdx.x == 3 && which == Row::past_the_end) row = tile + 64;
  uint32_t r[4];
  ptx::ldmatrix_x4(r, row);
}

TEST_F(Ptx, LdmatrixTakesOnlyAlignedRowsOfSharedMemory) {
  alignas(16) static const f16 global[8] = {};
  const auto run = [](Row which) {
    launch(ldmatrix_row_kernel, 1, 32, 128, nullptr, &global[0], which);
  };
  run(Row::aligned);
  std::string report = report_of([&] { run(Row::misaligned); });
  EXPECT_TRUE(contains(report, "lane 3")) << report;
  EXPECT_TRUE(contains(report, "not a multiple of 16 bytes")) << report;
  for (const Row which : {Row::global, Row::past_the_end}) {
    report = report_of([&] { run(which); });
    EXPECT_TRUE(contains(report, "thread (3,0,0)")) << report;
    EXPECT_TRUE(contains(report, "outside the block's shared memory")) << report;
  }
}

/// Rows of 64 halves, 128 bytes: eight of them below one another share their banks unless the
/// column is moved by the row.
__global__ void banks_kernel(bool swizzled) {
  VERNISSAGE_DYNAMIC_SHARED(f16, tile);
  const int row = threadIdx.x % 8, chunk = threadIdx.x / 8;
  uint32_t r[4];
  ptx::ldmatrix_x4(r, tile + row * 64 + (swizzled ? chunk ^ row : chunk) * 8);
}

TEST_F(Ptx, BankConflictsOfLdmatrixAreCounted) {
  launch(banks_kernel, 1, 32, 1024, nullptr, true);
  EXPECT_EQ(emulation::counts().matrices_loaded, 4u);
  EXPECT_EQ(emulation::counts().ldmatrix_conflicts, 0u);
  launch(banks_kernel, 1, 32, 1024, nullptr, false);
  EXPECT_EQ(emulation::counts().ldmatrix_conflicts, 4u * 7);
}

// ---- asynchronous copies

constexpr int kThreads = 64;
constexpr int kStages = 3;
constexpr int kKTiles = 7;
constexpr int kKTileHalves = kThreads * 8;  // 16 bytes a thread

enum class Fault { none, no_wait, lax_wait, no_barrier, early_refill, no_commit };

/// Every warp sums, by ldmatrix, what the other warp has copied: y[thread] = Σ over k-tiles of the
/// first half of its matrices. `by_ldmatrix` false: the same by plain loads.
__global__ void pipeline_kernel(const f16* x, float* y, Fault fault, bool by_ldmatrix) {
  VERNISSAGE_DYNAMIC_SHARED(f16, stages);  // (kStages, kThreads, 8)
  const int thread = static_cast<int>(threadIdx.x);
  const auto fetch = [&](int k_tile) {
    if (k_tile < kKTiles)
      ptx::cp_async_16(stages + k_tile % kStages * kKTileHalves + thread * 8,
                       x + k_tile * kKTileHalves + thread * 8, true);
    if (fault != Fault::no_commit) ptx::cp_async_commit();
  };
  for (int k_tile = 0; k_tile < kStages - 1; ++k_tile) fetch(k_tile);
  float sum = 0;
  const int other = (thread + 32) % kThreads;
  for (int k_tile = 0; k_tile < kKTiles; ++k_tile) {
    if (fault == Fault::early_refill) fetch(k_tile + kStages - 1);
    if (fault == Fault::lax_wait)
      ptx::cp_async_wait<kStages - 1>();
    else if (fault == Fault::early_refill)
      ptx::cp_async_wait<kStages - 1>();
    else if (fault != Fault::no_wait)
      ptx::cp_async_wait<kStages - 2>();
    if (fault != Fault::no_barrier) __syncthreads();
    const f16* stage = stages + k_tile % kStages * kKTileHalves;
    if (by_ldmatrix) {
      uint32_t r[4];
      ptx::ldmatrix_x4(r, stage + other * 8);
      for (const uint32_t pair : r) sum += ptx::unpack_half2(pair).x;
    } else {
      sum += to_float(stage[other * 8]);
    }
    // Every thread has read k-tile - 1 when it passed the barrier: its stage may be filled.
    if (fault != Fault::early_refill) fetch(k_tile + kStages - 1);
  }
  ptx::cp_async_wait_all();
  y[thread] = sum;
}

std::vector<float> run_pipeline(Fault fault, bool by_ldmatrix) {
  static const std::vector<f16> x = random_halves(kKTiles * kKTileHalves, 5);
  std::vector<float> y(kThreads, NAN);
  launch(pipeline_kernel, 1, kThreads, kStages * kKTileHalves * sizeof(f16), nullptr, x.data(),
         y.data(), fault, by_ldmatrix);
  return y;
}

TEST_F(Ptx, APipelineOfCopiesLoadsEveryKTileInEveryOrder) {
  const std::vector<f16> x = random_halves(kKTiles * kKTileHalves, 5);
  std::vector<float> rows(kThreads, 0.0f), matrices(kThreads, 0.0f);
  for (int thread = 0; thread < kThreads; ++thread)
    for (int k_tile = 0; k_tile < kKTiles; ++k_tile) {
      const f16* stage = &x[k_tile * kKTileHalves];
      const int other = (thread + 32) % kThreads;
      rows[thread] += to_float(stage[other * 8]);
      for (int matrix = 0; matrix < 4; ++matrix)
        matrices[thread] +=
            to_float(stage[(other / 32 * 32 + matrix * 8 + other % 32 / 4) * 8 + other % 4 * 2]);
    }
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    EXPECT_EQ(run_pipeline(Fault::none, false), rows) << "order " << order;
    EXPECT_EQ(run_pipeline(Fault::none, true), matrices) << "order " << order;
  }
  EXPECT_EQ(emulation::counts().copies, 10u * kThreads * kKTiles);
  EXPECT_EQ(emulation::counts().bytes_copied, 10u * kThreads * kKTiles * 16);
}

TEST_F(Ptx, AStageThatWasNotWaitedForIsFoundByLdmatrix) {
  for (const uint64_t order : kOrders)
    for (const Fault fault : {Fault::no_wait, Fault::lax_wait, Fault::no_commit}) {
      emulation::set_order(order);
      const std::string report = report_of([&] { run_pipeline(fault, true); });
      EXPECT_TRUE(contains(report, "ldmatrix of 16 bytes that thread")) << report;
      EXPECT_TRUE(contains(report, "is still copying") && contains(report, "no wait lies between"))
          << report;
      EXPECT_TRUE(contains(report, "pipeline_kernel")) << report;
    }
}

TEST_F(Ptx, AStageThatWasNotWaitedForIsNaNToAPlainLoad) {
  for (const uint64_t order : kOrders)
    for (const Fault fault : {Fault::no_wait, Fault::lax_wait, Fault::no_commit}) {
      emulation::set_order(order);
      if (fault == Fault::lax_wait) {
        // Those that read before the owner has come to its next wait.
        const std::vector<float> y = run_pipeline(fault, false);
        EXPECT_TRUE(std::any_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
      } else {
        // The stage is filled again while the copy before is under way.
        EXPECT_TRUE(contains(report_of([&] { run_pipeline(fault, false); }), "is still copying"));
      }
    }
}

TEST_F(Ptx, AMissingBarrierAfterTheWaitIsFound) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    const std::string report = report_of([] { run_pipeline(Fault::no_barrier, true); });
    EXPECT_TRUE(contains(report, "no barrier lies between") ||
                contains(report, "no wait lies between") ||
                contains(report, "ldmatrix of 16 bytes outside"))
        << report;
  }
}

TEST_F(Ptx, AStageFilledBeforeEverybodyHasReadItIsFound) {
  int found = 0;
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    try {
      for (const float value : run_pipeline(Fault::early_refill, false)) found += std::isnan(value);
    } catch (const emulation::LaunchError& error) {
      EXPECT_TRUE(contains(error.what(), "no barrier lies between")) << error.what();
      ++found;
    }
  }
  EXPECT_GT(found, 0);
}

enum class Copy {
  plain,
  zeros,
  misaligned_to,
  misaligned_from,
  to_global,
  unwaited,
  uncommitted,
  written,
  twice
};
__global__ void copy_kernel(const f16* x, f16* y, Copy which) {
  VERNISSAGE_SHARED(uint4, tile, 2);
  f16* to = reinterpret_cast<f16*>(tile);
  if (which == Copy::misaligned_to) to += 4;
  if (which == Copy::misaligned_from) x += 4;
  if (which == Copy::to_global) to = y;
  ptx::cp_async_16(to, x, which != Copy::zeros);
  if (which == Copy::written) to[7] = f16{0};
  if (which == Copy::twice) ptx::cp_async_16(to, x, true);
  if (which != Copy::uncommitted) ptx::cp_async_commit();
  if (which != Copy::unwaited) ptx::cp_async_wait<0>();
  for (int i = 0; i < 8; ++i) y[i] = to[i];
  if (which == Copy::uncommitted) {
    ptx::cp_async_wait_all();
    for (int i = 0; i < 8; ++i) y[8 + i] = to[i];
  }
}

TEST_F(Ptx, ACopyArrivesWithItsWaitOrAsZeros) {
  alignas(16) f16 x[16], y[16];
  for (int i = 0; i < 16; ++i) x[i] = from_float<f16>(static_cast<float>(i + 1));
  const auto run = [&](Copy which) { launch(copy_kernel, 1, 1, 0, nullptr, &x[0], &y[0], which); };
  run(Copy::plain);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(to_float(y[i]), i + 1.0f);
  run(Copy::uncommitted);  // of no group, so only the wait for all of them completes it
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(std::isnan(to_float(y[i])));
    EXPECT_EQ(to_float(y[8 + i]), i + 1.0f);
  }
  // Nothing is read: the page at 4096 is nobody's.
  launch(copy_kernel, 1, 1, 0, nullptr, reinterpret_cast<const f16*>(4096), &y[0], Copy::zeros);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(y[i].bits, 0);

  const auto report = [&](Copy which) { return report_of([&] { run(which); }); };
  EXPECT_TRUE(contains(report(Copy::misaligned_to), "destination of a copy is not a multiple"));
  EXPECT_TRUE(contains(report(Copy::misaligned_from), "source of a copy is not a multiple"));
  EXPECT_TRUE(contains(report(Copy::to_global), "not in the block's shared memory"));
  EXPECT_TRUE(contains(report(Copy::unwaited), "nobody waited for this asynchronous copy"));
  EXPECT_TRUE(contains(report(Copy::written), "somebody wrote to where"));
  EXPECT_TRUE(contains(report(Copy::twice), "is still copying"));
  run(Copy::plain);  // the reports left nothing behind
}

/// Lanes read what their neighbour copied. __syncwarp() is enough within a warp, not beyond it.
__global__ void warp_barrier_kernel(const f16* x, uint32_t* y, bool synchronise, bool beyond) {
  VERNISSAGE_SHARED(uint4, tile, 64);
  f16* rows = reinterpret_cast<f16*>(tile);
  const int thread = static_cast<int>(threadIdx.x);
  ptx::cp_async_16(rows + thread * 8, x + thread * 8, true);
  ptx::cp_async_wait_all();
  if (beyond) __syncthreads_or(0);
  if (synchronise) __syncwarp();
  uint32_t r[4];
  ptx::ldmatrix_x4(r, rows + thread * 8);
  y[thread] = r[0];
}

TEST_F(Ptx, AWarpBarrierMakesACopyThatOfTheWarp) {
  const std::vector<f16> x = random_halves(64 * 8, 6);
  std::vector<uint32_t> y(64), expected(64);
  for (int thread = 0; thread < 64; ++thread) {
    const f16* row = &x[(thread / 32 * 32 + thread % 32 / 4) * 8 + thread % 4 * 2];
    expected[thread] = pair_of(row[0], row[1]);
  }
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    launch(warp_barrier_kernel, 1, 64, 0, nullptr, x.data(), y.data(), true, false);
    EXPECT_EQ(y, expected);
    launch(warp_barrier_kernel, 1, 64, 0, nullptr, x.data(), y.data(), false, true);
    EXPECT_EQ(y, expected);
    const std::string report = report_of(
        [&] { launch(warp_barrier_kernel, 1, 64, 0, nullptr, x.data(), y.data(), false, false); });
    EXPECT_TRUE(contains(report, "no barrier lies between its wait and this")) << report;
  }
}

/// After a warp's own barrier the rows of the other warp are still not its to read.
__global__ void beyond_the_warp_kernel(const f16* x) {
  VERNISSAGE_SHARED(uint4, tile, 64);
  f16* rows = reinterpret_cast<f16*>(tile);
  const int thread = static_cast<int>(threadIdx.x);
  ptx::cp_async_16(rows + thread * 8, x + thread * 8, true);
  ptx::cp_async_wait_all();
  __syncwarp();
  uint32_t r[4];
  ptx::ldmatrix_x4(r, rows + (thread + 32) % 64 * 8);
}

TEST_F(Ptx, AWarpBarrierDoesNotReachOtherWarps) {
  const std::vector<f16> x = random_halves(64 * 8, 7);
  int reported = 0;
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    try {
      // An order may let the other warp copy later than this one reads: its rows are then plain
      // NaN.
      launch(beyond_the_warp_kernel, 1, 64, 0, nullptr, x.data());
    } catch (const emulation::LaunchError& error) {
      EXPECT_TRUE(contains(error.what(), "no barrier lies between its wait and this"));
      ++reported;
    }
  }
  EXPECT_GT(reported, 0);
}

TEST_F(Ptx, PackedHalvesRoundAndComeBack) {
  const uint32_t pair = ptx::pack_half2(1.0f + 0x1p-11f, -3.0f);  // a tie, to even
  EXPECT_EQ(pair, pair_of(from_float<f16>(1.0f), from_float<f16>(-3.0f)));
  const float2 values = ptx::unpack_half2(pair);
  EXPECT_EQ(values.x, 1.0f);
  EXPECT_EQ(values.y, -3.0f);
}

}  // namespace
}  // namespace vernissage
