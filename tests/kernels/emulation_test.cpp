// Goal: the emulation means what CUDA means, and it finds the faults it is there to find.
// Method: small kernels with a known answer, each run in several orders of threads and blocks; then
// kernels with one planted fault each (a missing barrier, a divergent barrier, a lane that does not
// come, a store outside an array) that must be reported, by name of file and thread, or must show
// as a result that differs between orders. The stores are found by AddressSanitizer at once,
// without it at the block's end. Matrix instructions and asynchronous copies: ptx_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/device.h"
#include "tests/support/launch_report.h"

namespace vernissage {
namespace {

using testing::contains;
using testing::report_of;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kAddressSanitizer = false;
#endif

constexpr uint64_t kOrders[] = {0, 1, 2, 3, 4};
constexpr uint32_t kAll = 0xFFFFFFFFu;

class Emulation : public ::testing::Test {
 protected:
  void TearDown() override { emulation::set_order(0); }
};

// ---- what CUDA means

__global__ void indices_kernel(int* seen) {
  const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const int threads = blockDim.x * blockDim.y * blockDim.z;
  seen[block * threads + thread] += 1;
}

TEST_F(Emulation, EveryThreadOfTheGridRunsOnce) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> seen(3 * 4 * 2 * 5 * 2 * 3, 0);
    launch(indices_kernel, dim3(3, 4, 2), dim3(5, 2, 3), 0, nullptr, seen.data());
    EXPECT_EQ(seen, std::vector<int>(seen.size(), 1)) << "order " << order;
  }
}

/// Reverses 256 values through shared memory; with `synchronise` false the barrier is missing.
__global__ void reverse_kernel(const int* x, int* y, bool synchronise) {
  VERNISSAGE_SHARED(int, tile, 256);
  tile[threadIdx.x] = x[blockIdx.x * 256 + threadIdx.x];
  if (synchronise) __syncthreads();
  y[blockIdx.x * 256 + threadIdx.x] = tile[255 - threadIdx.x];
}

std::vector<int> reversed(uint64_t order, bool synchronise) {
  std::vector<int> x(1024), y(1024, 0);
  std::iota(x.begin(), x.end(), 0);
  emulation::set_order(order);
  launch(reverse_kernel, 4, 256, 0, nullptr, x.data(), y.data(), synchronise);
  return y;
}

TEST_F(Emulation, ABarrierOrdersStoresBeforeLoads) {
  std::vector<int> expected(1024);
  for (int i = 0; i < 1024; ++i) expected[i] = i / 256 * 256 + 255 - i % 256;
  for (const uint64_t order : kOrders)
    EXPECT_EQ(reversed(order, true), expected) << "order " << order;
}

TEST_F(Emulation, AMissingBarrierShowsAsResultsThatDifferBetweenOrders) {
  const auto ascending = reversed(0, false);
  const auto descending = reversed(1, false);
  const auto shuffled = reversed(2, false);
  EXPECT_NE(ascending, descending);
  EXPECT_NE(ascending, shuffled);
  EXPECT_NE(descending, shuffled);
  // Running up, the lower half reads what the upper half has not yet written: the filling of ones.
  EXPECT_EQ(ascending[0], -1);
  EXPECT_EQ(ascending[255], 0);
}

/// A sum over the block, halving; the barrier inside the loop may be left out.
__global__ void sum_kernel(const float* x, float* y, bool synchronise) {
  VERNISSAGE_DYNAMIC_SHARED(float, partial);
  const int t = threadIdx.x;
  partial[t] = x[t];
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (t < half) partial[t] += partial[t + half];
    if (synchronise) __syncthreads();
  }
  if (t == 0) y[0] = partial[0];
}

TEST_F(Emulation, AReductionNeedsTheBarrierInItsLoop) {
  std::vector<float> x(128, 1.0f);
  int wrong = 0;
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    float y = 0;
    launch(sum_kernel, 1, 128, 128 * sizeof(float), nullptr, x.data(), &y, true);
    EXPECT_EQ(y, 128.0f) << "order " << order;
    launch(sum_kernel, 1, 128, 128 * sizeof(float), nullptr, x.data(), &y, false);
    wrong += y != 128.0f;
  }
  EXPECT_GT(wrong, 0);
}

__global__ void early_return_kernel(int* y, int n) {
  VERNISSAGE_SHARED(int, tile, 64);
  const int t = threadIdx.x;
  if (t >= n) return;
  tile[t] = t;
  __syncthreads();
  y[t] = tile[n - 1 - t];
}

TEST_F(Emulation, ThreadsThatHaveReturnedDoNotHoldUpABarrier) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> y(41, -1);
    launch(early_return_kernel, 1, 64, 0, nullptr, y.data(), 41);
    for (int i = 0; i < 41; ++i) ASSERT_EQ(y[i], 40 - i);
  }
}

__global__ void count_kernel(int* y) {
  const int odd = threadIdx.x & 1;
  const int count = __syncthreads_count(odd);
  const int any = __syncthreads_or(threadIdx.x == 7);
  const int all = __syncthreads_and(threadIdx.x != 7);
  y[threadIdx.x] = count * 100 + any * 10 + all;
}

TEST_F(Emulation, BarriersCountPredicates) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> y(50, 0);
    launch(count_kernel, 1, 50, 0, nullptr, y.data());
    EXPECT_EQ(y, std::vector<int>(50, 25 * 100 + 10)) << "order " << order;
  }
}

struct Shuffled {
  int index, up, down, exchanged, grouped_up, grouped_down, grouped_index;
  double wide;
};

__global__ void shuffle_kernel(Shuffled* y) {
  const int t = threadIdx.x;
  Shuffled& out = y[t];
  out.index = __shfl_sync(kAll, 1000 + t, 5);
  out.up = __shfl_up_sync(kAll, 1000 + t, 3);
  out.down = __shfl_down_sync(kAll, 1000 + t, 3);
  out.exchanged = __shfl_xor_sync(kAll, 1000 + t, 9);
  out.grouped_up = __shfl_up_sync(kAll, 1000 + t, 2, 8);
  out.grouped_down = __shfl_down_sync(kAll, 1000 + t, 2, 8);
  out.grouped_index = __shfl_sync(kAll, 1000 + t, 11, 8);
  out.wide = __shfl_xor_sync(kAll, t + 0.25, 1);
}

TEST_F(Emulation, ShufflesReadTheLaneThatCudaSays) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<Shuffled> y(96);
    launch(shuffle_kernel, 1, 96, 0, nullptr, y.data());
    for (int t = 0; t < 96; ++t) {
      const int warp = t / 32 * 32, lane = t % 32, group = t / 8 * 8, place = t % 8;
      ASSERT_EQ(y[t].index, 1000 + warp + 5);
      ASSERT_EQ(y[t].up, 1000 + (lane >= 3 ? t - 3 : t));
      ASSERT_EQ(y[t].down, 1000 + (lane + 3 < 32 ? t + 3 : t));
      ASSERT_EQ(y[t].exchanged, 1000 + warp + (lane ^ 9));
      ASSERT_EQ(y[t].grouped_up, 1000 + (place >= 2 ? t - 2 : t));
      ASSERT_EQ(y[t].grouped_down, 1000 + (place + 2 < 8 ? t + 2 : t));
      ASSERT_EQ(y[t].grouped_index, 1000 + group + 3);
      ASSERT_EQ(y[t].wide, (t ^ 1) + 0.25);
    }
  }
}

/// The two halves of a warp go different ways, each with its own mask.
__global__ void masks_kernel(int* y) {
  const int t = threadIdx.x;
  int sum = t;
  if (t < 16) {
    for (int bits = 8; bits > 0; bits /= 2) sum += __shfl_xor_sync(0x0000FFFFu, sum, bits);
  } else {
    for (int bits = 8; bits > 0; bits /= 2)
      sum += 100 + __shfl_xor_sync(0xFFFF0000u, sum, bits) - 100;
  }
  __syncwarp();
  y[t] = sum;
}

TEST_F(Emulation, DisjointMasksWorkSideBySide) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> y(32);
    launch(masks_kernel, 1, 32, 0, nullptr, y.data());
    for (int t = 0; t < 32; ++t) ASSERT_EQ(y[t], t < 16 ? 120 : 376);
  }
}

__global__ void vote_kernel(uint32_t* ballots, int* any, int* all) {
  const int t = threadIdx.x;
  ballots[t] = __ballot_sync(kAll, t % 3 == 0);
  any[t] = __any_sync(kAll, t == 33) * 2 + __any_sync(kAll, t == 99);
  all[t] = __all_sync(kAll, t < 32) * 2 + __all_sync(kAll, t != 40);
}

TEST_F(Emulation, VotesCountTheLanesOfTheirWarp) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<uint32_t> ballots(64);
    std::vector<int> any(64), all(64);
    launch(vote_kernel, 1, 64, 0, nullptr, ballots.data(), any.data(), all.data());
    for (int t = 0; t < 64; ++t) {
      uint32_t expected = 0;
      for (int i = 0; i < 32; ++i)
        expected |= static_cast<uint32_t>((t / 32 * 32 + i) % 3 == 0) << i;
      ASSERT_EQ(ballots[t], expected);
      ASSERT_EQ(any[t], t < 32 ? 0 : 2);
      ASSERT_EQ(all[t], t < 32 ? 3 : 0);
    }
  }
}

__global__ void atomics_kernel(int* sum, unsigned* largest, int* smallest, int* winner,
                               float* total) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(sum, i);
  atomicMax(largest, static_cast<unsigned>(i * 7 % 1000));
  atomicMin(smallest, i - 500);
  atomicCAS(winner, -1, i);
  atomicAdd(total, 0.5f);
}

TEST_F(Emulation, AtomicsLoseNothing) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    int sum = 0, smallest = 0, winner = -1;
    unsigned largest = 0;
    float total = 0;
    launch(atomics_kernel, 10, 100, 0, nullptr, &sum, &largest, &smallest, &winner, &total);
    EXPECT_EQ(sum, 999 * 1000 / 2);
    EXPECT_EQ(largest, 999u);
    EXPECT_EQ(smallest, -500);
    EXPECT_GE(winner, 0);
    EXPECT_EQ(total, 500.0f);
    if (order == 0) {
      EXPECT_EQ(winner, 0);
    }
    if (order == 1) {
      EXPECT_EQ(winner, 999);
    }
  }
}

__global__ void integers_wrap_kernel(int* value) {
  atomicAdd(value, 1);
}

TEST_F(Emulation, AtomicIntegersWrapAsOnADevice) {
  int value = INT32_MAX;
  launch(integers_wrap_kernel, 1, 1, 0, nullptr, &value);
  EXPECT_EQ(value, INT32_MIN);
}

/// Reads shared memory that nobody wrote, then leaves something in it for the next block to find.
__global__ void leftovers_kernel(float* fixed, float* dynamic, uint16_t* halves) {
  VERNISSAGE_SHARED(float, tile, 32);
  VERNISSAGE_SHARED(f16, small, 32);
  VERNISSAGE_DYNAMIC_SHARED(float, staging);
  const int i = blockIdx.x * 32 + threadIdx.x;
  fixed[i] = tile[threadIdx.x];
  dynamic[i] = staging[threadIdx.x];
  halves[i] = from_float<f16>(to_float(small[threadIdx.x])).bits;
  tile[threadIdx.x] = staging[threadIdx.x] = 1.0f;
  small[threadIdx.x] = from_float<f16>(1.0f);
}

TEST_F(Emulation, SharedMemoryIsPoisonedBetweenBlocks) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<float> fixed(128, 0), dynamic(128, 0);
    std::vector<uint16_t> halves(128, 0);
    launch(leftovers_kernel, 4, 32, 32 * sizeof(float), nullptr, fixed.data(), dynamic.data(),
           halves.data());
    for (int i = 0; i < 128; ++i) {
      ASSERT_TRUE(std::isnan(fixed[i])) << i;
      ASSERT_TRUE(std::isnan(dynamic[i])) << i;
      ASSERT_TRUE(std::isnan(to_float(f16{halves[i]}))) << i;
    }
  }
}

/// Two instantiations of one kernel must not share their shared memory.
template <class T>
__global__ void rotate_kernel(const T* x, T* y) {
  VERNISSAGE_SHARED(T, tile, 33);
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[(threadIdx.x + 1) % 33];
}

TEST_F(Emulation, TemplatesHaveSharedMemoryOfTheirOwn) {
  std::vector<float> x(33), y(33);
  std::vector<uint16_t> small_x(33), small_y(33);
  std::iota(x.begin(), x.end(), 0.0f);
  std::iota(small_x.begin(), small_x.end(), uint16_t{0});
  launch(rotate_kernel<float>, 1, 33, 0, nullptr, x.data(), y.data());
  launch(rotate_kernel<uint16_t>, 1, 33, 0, nullptr, small_x.data(), small_y.data());
  for (int i = 0; i < 33; ++i) {
    EXPECT_EQ(y[i], (i + 1) % 33);
    EXPECT_EQ(small_y[i], (i + 1) % 33);
  }
}

__global__ void roundings_kernel(const float* x, float* y) {
  y[0] = __fadd_rn(__fmul_rn(x[0], x[1]), x[2]);
  y[1] = fmaf(x[0], x[1], x[2]);
  y[2] = __fsub_rn(__fmul_rn(x[0], x[1]), -x[2]);
}

/// (1 + 2^-12)² - 1 - 2^-11 is 2^-24, which the product's own rounding drops.
TEST_F(Emulation, AProductAndASumAreOneRoundingOnlyWhereTheKernelSaysSo) {
  const float x[] = {1.0f + 0x1p-12f, 1.0f + 0x1p-12f, -1.0f - 0x1p-11f};
  float y[3];
  launch(roundings_kernel, 1, 1, 0, nullptr, &x[0], &y[0]);
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_EQ(y[1], 0x1p-24f);
  EXPECT_EQ(y[2], 0.0f);
}

// ---- half precision

TEST(Half, EveryValueSurvivesTheWayToFloatAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const f16 half{static_cast<uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value))
      ASSERT_TRUE((bits & 0x7C00u) == 0x7C00u && (bits & 0x3FFu) != 0);
    else
      ASSERT_EQ(from_float<f16>(value).bits, bits);
  }
}

/// The definition itself: sign · fraction · 2^exponent, computed in double, where all of it is
/// exact.
TEST(Half, ValuesAreThoseOfTheStandard) {
  for (uint32_t bits = 0; bits < 0x8000; ++bits) {
    const int exponent = static_cast<int>(bits >> 10), fraction = bits & 0x3FF;
    if (exponent == 31) continue;
    const double value =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    ASSERT_EQ(static_cast<double>(to_float(f16{static_cast<uint16_t>(bits)})), value);
    ASSERT_EQ(static_cast<double>(to_float(f16{static_cast<uint16_t>(bits | 0x8000u)})), -value);
  }
  EXPECT_EQ(to_float(f16{0x7C00}), INFINITY);
  EXPECT_EQ(to_float(f16{0xFC00}), -INFINITY);
}

/// Between two neighbours a and b: below the middle a, above it b, the middle itself to the even
/// one.
TEST(Half, RoundsToNearestAndTiesToEven) {
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const uint16_t a = static_cast<uint16_t>(bits), b = static_cast<uint16_t>(bits + 1);
    // Above the largest finite half the next step counts as 65536, though it is stored as infinity.
    const float above = b == 0x7C00 ? 65536.0f : to_float(f16{b});
    const float middle = (to_float(f16{a}) + above) / 2;
    const uint16_t even = (a & 1) == 0 ? a : b;
    ASSERT_EQ(from_float<f16>(middle).bits, even);
    ASSERT_EQ(from_float<f16>(std::nextafter(middle, 0.0f)).bits, a);
    ASSERT_EQ(from_float<f16>(std::nextafter(middle, INFINITY)).bits, b);
    ASSERT_EQ(from_float<f16>(-middle).bits, even | 0x8000);
  }
  EXPECT_EQ(from_float<f16>(1e-30f).bits, 0);
  EXPECT_EQ(from_float<f16>(-0.0f).bits, 0x8000);
  EXPECT_EQ(from_float<f16>(3e38f).bits, 0x7C00);
  EXPECT_EQ(from_float<f16>(-INFINITY).bits, 0xFC00);
  EXPECT_TRUE(std::isnan(to_float(from_float<f16>(NAN))));
}

// ---- planted faults

__global__ void divergent_barrier_kernel(int* y) {
  if (threadIdx.x < 7) {
    __syncthreads();
    y[threadIdx.x] = 1;
  } else {
    __syncthreads();
    y[threadIdx.x] = 2;
  }
}

TEST_F(Emulation, ADivergentBarrierIsReportedAndDoesNotHang) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> y(32, 0);
    const std::string report =
        report_of([&] { launch(divergent_barrier_kernel, 3, 32, 0, nullptr, y.data()); });
    EXPECT_TRUE(contains(report, "divergent barrier: thread (0,0,0) waits at the barrier"))
        << report;
    EXPECT_TRUE(contains(report, "thread (7,0,0) waits at the barrier")) << report;
    EXPECT_TRUE(contains(report, "emulation_test.cpp:")) << report;
    EXPECT_TRUE(contains(report, "divergent_barrier_kernel")) << report;
    EXPECT_EQ(y, std::vector<int>(32, 0)) << "nobody went past the barrier";
  }
  // The next launch finds everything in order.
  EXPECT_EQ(reversed(0, true)[0], 255);
}

__global__ void barrier_against_shuffle_kernel(int* y) {
  if (threadIdx.x == 9) __syncthreads();
  y[threadIdx.x] = __shfl_sync(kAll, 1, 0);
  if (threadIdx.x != 9) __syncthreads();
}

TEST_F(Emulation, ALaneThatWaitsElsewhereIsReported) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> y(32, 0);
    const std::string report =
        report_of([&] { launch(barrier_against_shuffle_kernel, 1, 32, 0, nullptr, y.data()); });
    EXPECT_TRUE(contains(report, "names lane 9: thread (9,0,0) waits at the barrier")) << report;
    EXPECT_TRUE(contains(report, "barrier_against_shuffle_kernel")) << report;
  }
}

__global__ void absent_lane_kernel(int* y) {
  if (threadIdx.x == 3) return;
  y[threadIdx.x] = __any_sync(kAll, 1);
}

TEST_F(Emulation, ANamedLaneThatHasReturnedIsReported) {
  for (const uint64_t order : kOrders) {
    emulation::set_order(order);
    std::vector<int> y(32, 0);
    const std::string report =
        report_of([&] { launch(absent_lane_kernel, 1, 32, 0, nullptr, y.data()); });
    EXPECT_TRUE(contains(report, "names lane 3: thread (3,0,0) has returned")) << report;
  }
}

__global__ void short_warp_kernel(int* y) {
  y[threadIdx.x] = __any_sync(kAll, 1);
}

TEST_F(Emulation, ANamedLaneThatNeverWasIsReported) {
  std::vector<int> y(40, 0);
  const std::string report =
      report_of([&] { launch(short_warp_kernel, 1, 40, 0, nullptr, y.data()); });
  EXPECT_TRUE(contains(report, "names lane 8: the block has no such thread")) << report;
}

__global__ void wrong_mask_kernel(int* y) {
  y[threadIdx.x] = __shfl_sync(0x0000FFFFu, 1, 0);
}
__global__ void wrong_source_kernel(int* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000FFFFu, 1, 20);
}

TEST_F(Emulation, AMaskMustNameItsCallerAndTheLaneRead) {
  std::vector<int> y(32, 0);
  std::string report = report_of([&] { launch(wrong_mask_kernel, 1, 32, 0, nullptr, y.data()); });
  EXPECT_TRUE(contains(report, "does not name the thread's own lane")) << report;
  report = report_of([&] { launch(wrong_source_kernel, 1, 32, 0, nullptr, y.data()); });
  EXPECT_TRUE(contains(report, "reads lane 20, which the mask leaves out")) << report;
}

__global__ void nothing_kernel() {}

TEST_F(Emulation, LaunchesThatCudaRefusesAreRefused) {
  const auto report = [](dim3 grid, dim3 block, size_t bytes) {
    return report_of([&] { launch(nothing_kernel, grid, block, bytes, nullptr); });
  };
  EXPECT_TRUE(contains(report(dim3(1, 0, 1), 32, 0), "a size is zero"));
  EXPECT_TRUE(contains(report(1, 1025, 0), "too many threads"));
  EXPECT_TRUE(contains(report(1, dim3(1, 1, 65), 0), "too many threads"));
  EXPECT_TRUE(contains(report(dim3(1, 65536, 1), 32, 0), "too many blocks"));
  EXPECT_TRUE(contains(report(1, 32, (227 << 10) + 1), "too much shared memory"));
  launch(nothing_kernel, 1, 1024, 227 << 10, nullptr);
}

__global__ void overrun_kernel(int index) {
  VERNISSAGE_SHARED(float, tile, 37);
  tile[index] = 1.0f;
}
__global__ void dynamic_overrun_kernel(int index) {
  VERNISSAGE_DYNAMIC_SHARED(float, staging);
  staging[index] = 1.0f;
}
__global__ void global_store_kernel(float* y) {
  y[threadIdx.x] = 1.0f;
}

TEST_F(Emulation, AStoreOutsideSharedMemoryIsFound) {
  launch(overrun_kernel, 1, 1, 0, nullptr, 36);
  launch(dynamic_overrun_kernel, 1, 1, 37 * sizeof(float), nullptr, 36);
  if (kAddressSanitizer) {
    EXPECT_DEATH(launch(overrun_kernel, 1, 1, 0, nullptr, 37), "AddressSanitizer.*");
    EXPECT_DEATH(launch(overrun_kernel, 1, 1, 0, nullptr, -1), "AddressSanitizer.*");
    EXPECT_DEATH(launch(dynamic_overrun_kernel, 1, 1, 37 * sizeof(float), nullptr, 37),
                 "AddressSanitizer.*");
    return;
  }
  for (const int index : {37, 38, -1}) {
    std::string report = report_of([&] { launch(overrun_kernel, 1, 1, 0, nullptr, index); });
    EXPECT_TRUE(contains(report, "shared array tile: a thread wrote outside its 148 bytes"))
        << report;
    report = report_of(
        [&] { launch(dynamic_overrun_kernel, 1, 1, 37 * sizeof(float), nullptr, index); });
    EXPECT_TRUE(contains(report, "dynamic shared memory: a thread wrote outside its 148 bytes"))
        << report;
  }
}

TEST_F(Emulation, AStoreOutsideGlobalMemoryIsFoundByAddressSanitizer) {
  std::vector<float> y(31);
  launch(global_store_kernel, 1, 31, 0, nullptr, y.data());
  EXPECT_EQ(y, std::vector<float>(31, 1.0f));
  if (kAddressSanitizer) {
    EXPECT_DEATH(launch(global_store_kernel, 1, 32, 0, nullptr, y.data()), "heap-buffer-overflow");
  }
}

}  // namespace
}  // namespace vernissage
