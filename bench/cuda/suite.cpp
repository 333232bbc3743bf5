// The CUDA part as a whole: is there a device, what are its ceilings, then kernels and images.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "base/error.h"
#include "bench/cuda/support.h"
#include "bench/report/machine.h"
#include "bench/suites.h"

#ifdef VERNISSAGE_BENCH_CUDNN
#include "bench/cuda/cudnn_conv.h"
#endif

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

void register_cuda(const Options& options) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    const std::string reason =
        status == cudaSuccess ? "none is visible" : cudaGetErrorString(status);
    if (!options.layer.empty()) throw Error("no CUDA device: " + reason);
    std::fprintf(stderr, "No CUDA device (%s): nothing is measured on CUDA\n", reason.c_str());
    return;
  }
  std::string libraries = cuda_libraries();
#ifdef VERNISSAGE_BENCH_CUDNN
  libraries += ", cuDNN " + reference::cudnn_version();
#endif
  benchmark::AddCustomContext("cuda libraries", libraries);
  const Ceilings& most = ceilings();
  char text[96];
  std::snprintf(text, sizeof text, "%.0f TFLOP/s (cuBLAS fp16 8192^3), %.2f TB/s (copy of 1 GiB)",
                most.flops_per_s * 1e-12, most.bytes_per_s * 1e-12);
  benchmark::AddCustomContext("ceilings, measured", text);
  register_ceiling("matmul_8192_f16", "TFLOP/s", 2.0 * 8192 * 8192 * 8192 / most.flops_per_s,
                   most.flops_per_s * 1e-12);
  register_ceiling("copy_1GiB", "GB/s", 2.0 * 1073741824.0 / most.bytes_per_s,
                   most.bytes_per_s * 1e-9);
  benchmark::AddCustomContext("cuda device at work", device_state());
  if (!options.layer.empty()) {
    register_cuda_layers(options.size, options.batch == 0 ? 1 : options.batch, options.layer);
    return;
  }
  register_cuda_images();
  register_cuda_clip();
  for (const int batch : {1, 8}) register_cuda_layers(1024, batch, "");
  register_cuda_kernels();
  register_cuda_choices();
}

}  // namespace vernissage::bench
