// vernissage-bench: whole images and kernels, ours against libtorch, with the facts a number needs
// beside it.
//
//   vernissage-bench [--threads=N] [Google Benchmark's flags, e.g. --benchmark_filter=cpu
//   --benchmark_out=F]
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "bench/machine.h"
#include "bench/suites.h"
#include "bench/summary.h"

#ifdef VERNISSAGE_BENCH_TORCH
#include <torch/version.h>
#endif

namespace {

// Takes --threads=N out of argv. Returns 0 (all) without it, -1 when it is not a positive number.
int take_threads(int& argc, char** argv) {
  const std::string flag = "--threads=";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with(flag)) continue;
    for (int j = i; j + 1 < argc; ++j) argv[j] = argv[j + 1];
    --argc;
    const int threads = std::atoi(argument.c_str() + flag.size());
    return threads > 0 ? threads : -1;
  }
  return 0;
}

int run(int argc, char** argv) {
  int threads = take_threads(argc, argv);
  if (threads < 0) {
    std::fprintf(stderr, "vernissage-bench: --threads wants a positive number\n");
    return 2;
  }
  if (threads == 0) threads = int(std::thread::hardware_concurrency());

  // Rivals take turns in random order, so that a slow minute of the machine falls on all of them.
  std::vector<char*> arguments(argv, argv + argc);
  std::string interleave = "--benchmark_enable_random_interleaving=true";
  arguments.insert(arguments.begin() + 1, interleave.data());
  int count = int(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  for (const auto& [name, value] : vernissage::bench::machine_facts())
    benchmark::AddCustomContext(name, value);
  benchmark::AddCustomContext("threads", std::to_string(threads));
#ifdef VERNISSAGE_BENCH_TORCH
  benchmark::AddCustomContext("libtorch", TORCH_VERSION);
  benchmark::AddCustomContext("BLAS of libtorch", vernissage::bench::blas_in_use());
#endif
#ifdef VERNISSAGE_BENCH_CPU
  vernissage::bench::register_cpu_images(threads);
#endif
#ifdef VERNISSAGE_BENCH_CUDA
  vernissage::bench::register_cuda();
#endif

  vernissage::bench::Summary summary;
  if (benchmark::RunSpecifiedBenchmarks(&summary) == 0) {
    std::fprintf(stderr, "vernissage-bench: no benchmark matches the filter\n");
    return 1;
  }
  std::cout << '\n';
  summary.print_comparisons(std::cout);
  benchmark::Shutdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vernissage-bench: %s\n", error.what());
    return 1;
  }
}
