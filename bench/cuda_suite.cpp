// The CUDA part as a whole: is there a device, what are its ceilings, then kernels and images.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "bench/cuda_support.h"
#include "bench/suites.h"
#include "bench/summary.h"

namespace vernissage::bench {
namespace {

// A ceiling as a benchmark, so that it stands in the JSON beside what is compared with it.
void register_ceiling(const std::string& name, const char* unit, double seconds, double rate) {
  benchmark::RegisterBenchmark(("cuda/ceiling/" + name).c_str(),
                               [=](benchmark::State& state) {
                                 for (auto _ : state) state.SetIterationTime(seconds);
                                 state.counters[unit] = rate;
                               })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace

void register_cuda() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    std::fprintf(stderr, "No CUDA device (%s): nothing is measured on CUDA\n",
                 status == cudaSuccess ? "none is visible" : cudaGetErrorString(status));
    return;
  }
  const Ceilings& most = ceilings();
  char text[96];
  std::snprintf(text, sizeof text, "%.0f TFLOP/s (cuBLAS fp16 8192^3), %.2f TB/s (copy of 1 GiB)",
                most.flops_per_s * 1e-12, most.bytes_per_s * 1e-12);
  benchmark::AddCustomContext("ceilings, measured", text);
  register_ceiling("matmul_8192_f16", "TFLOP/s", 2.0 * 8192 * 8192 * 8192 / most.flops_per_s,
                   most.flops_per_s * 1e-12);
  register_ceiling("copy_1GiB", "GB/s", 2.0 * 1073741824.0 / most.bytes_per_s,
                   most.bytes_per_s * 1e-9);
  register_cuda_kernels();
  register_cuda_images();
}

}  // namespace vernissage::bench
