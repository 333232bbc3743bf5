// vernissage-bench: whole images and kernels, ours against libtorch, with the facts a number needs
// beside it.
//
//   vernissage-bench --help
//
// README.md tells how to find out what limits a kernel with it.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/program_start.h"
#include "bench/model/prediction.h"
#include "bench/options.h"
#include "bench/report/machine.h"
#include "bench/report/summary.h"
#include "bench/suites.h"

#ifdef VERNISSAGE_BENCH_TORCH
#include <torch/version.h>
#endif

namespace {

int run(int argc, char** argv) {
  using vernissage::bench::Options;
  const Options options = vernissage::bench::take_options(argc, argv);
  if (options.help) {
    std::fputs(vernissage::bench::options_help(), stdout);
    return 0;
  }
  if (!options.predict.empty()) {
    vernissage::bench::write_prediction(options.predict);
    return 0;
  }
  const bool needs_cuda = !options.layer.empty() || options.profile != Options::Profile::none;
#ifdef VERNISSAGE_BENCH_CUDA
  if (options.profile != Options::Profile::none) {
    vernissage::bench::profile_cuda(options);
    return 0;
  }
#else
  if (needs_cuda)
    throw vernissage::Error("--layer and --profile want a build with the CUDA backend");
#endif
  const int threads =
      options.threads == 0 ? int(std::thread::hardware_concurrency()) : options.threads;

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
  if (!needs_cuda) {
    vernissage::bench::register_cpu_images(threads);
    vernissage::bench::register_cpu_clip(threads);
    vernissage::bench::register_cpu_curation(threads);
    vernissage::bench::register_cpu_busy(threads);
  }
#endif
#ifdef VERNISSAGE_BENCH_CUDA
  vernissage::bench::register_cuda(options);
#endif

  vernissage::bench::Summary summary;
  if (benchmark::RunSpecifiedBenchmarks(&summary) == 0) {
    std::fprintf(stderr, "vernissage-bench: no benchmark matches the filter\n");
    return 1;
  }
  std::cout << '\n';
  summary.print_comparisons(std::cout);
  summary.print_layers(std::cout);
  benchmark::Shutdown();
  const int failed = vernissage::bench::failed_measurements();
  if (failed == 0) return 0;
  std::fprintf(stderr, "vernissage-bench: %d measurements failed\n", failed);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  vernissage::start_program(argv);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vernissage-bench: %s\n", error.what());
    return 1;
  }
}
