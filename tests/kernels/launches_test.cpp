// Goal: a kernel that may start beside the one before it waits before it touches memory, and what
// is launched is counted. Method: kernels written here with the wait, without it and with it in
// some threads only; the last two must be found.
#include <gtest/gtest.h>

#include "kernels/stylegan2/epilogue.h"

namespace vernissage {
namespace {

__global__ void waiting_kernel(int* touched) {
  griddep_wait();
  atomicAdd(touched, 1);
}
__global__ void forgetful_kernel(int* touched) {
  atomicAdd(touched, 1);
}
__global__ void half_hearted_kernel(int* touched) {
  if (threadIdx.x >= 32) return;
  griddep_wait();
  atomicAdd(touched, 1);
}

std::string refusal(void (*kernel)(int*), dim3 grid, int threads) {
  int touched = 0;
  try {
    launch_dependent(kernel, grid, static_cast<unsigned>(threads), 0, nullptr, &touched);
  } catch (const emulation::LaunchError& error) {
    return error.what();
  }
  EXPECT_EQ(touched, static_cast<int>(grid.x * grid.y * grid.z) * threads);
  return "";
}

TEST(DependentLaunches, AreFoundWhenAThreadDoesNotWait) {
  EXPECT_EQ(refusal(waiting_kernel, dim3(3, 2), 64), "");
  EXPECT_NE(refusal(forgetful_kernel, dim3(3, 2), 64).find("0 of 384 threads waited"),
            std::string::npos);
  EXPECT_NE(refusal(half_hearted_kernel, dim3(1), 64).find("32 of 64 threads waited"),
            std::string::npos);
  EXPECT_EQ(refusal(half_hearted_kernel, dim3(1), 32), "");
}

TEST(Launches, AreCountedInTheThreadThatMakesThem) {
  int touched = 0;
  const int64_t before = launches_made;
  launch(forgetful_kernel, dim3(1), 32, 0, nullptr, &touched);
  launch_dependent(waiting_kernel, dim3(1), 32, 0, nullptr, &touched);
  EXPECT_EQ(launches_made - before, 2);
}

TEST(Launches, OverlapOnlyWhileItIsAskedFor) {
  EXPECT_FALSE(launches_overlap);
  {
    const OverlappingLaunches outer;
    EXPECT_TRUE(launches_overlap);
    { const OverlappingLaunches inner; }
    EXPECT_TRUE(launches_overlap);
  }
  EXPECT_FALSE(launches_overlap);
}

}  // namespace
}  // namespace vernissage
