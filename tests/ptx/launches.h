// Launches of the emulated build, carried out by the PTX interpreter instead of on fibers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/ptx/machine.h"

namespace vernissage::ptx_runs {

/// The memory that kernels may touch; tests/ptx/device_memory_ptx.cpp enters every array.
GlobalMemory& global_memory();

/// One launch that was carried out.
struct Launched {
  std::string kernel;  // as in kernel_resources.md: "fir_kernel<f16>"
  Grid grid;
  Counts counts;
};

/// While it lives, launches run the PTX of `modules` (files) and are noted.
class PtxLaunches {
 public:
  explicit PtxLaunches(const std::vector<std::string>& modules);
  ~PtxLaunches();
  PtxLaunches(const PtxLaunches&) = delete;
  PtxLaunches& operator=(const PtxLaunches&) = delete;

  const std::vector<Launched>& launched() const { return launched_; }

 private:
  std::vector<Launched> launched_;
};

}  // namespace vernissage::ptx_runs
