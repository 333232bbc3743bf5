// What a number was measured on: the facts that stand in the header of every run and in its JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vernissage::bench {

/// Processor, cores, load, compiler, revision, and the CUDA device with its driver and clocks when
/// there is one. (name, value) pairs in reading order.
std::vector<std::pair<std::string, std::string>> machine_facts();

/// The CUDA device now: name, driver, clocks, temperature, power. "none" without one.
std::string device_state();

/// The BLAS library this process has loaded, by its real path; "none" when there is none. It
/// decides the speed of libtorch's transposed convolutions, so it belongs beside every comparison
/// with them.
std::string blas_in_use();

}  // namespace vernissage::bench
