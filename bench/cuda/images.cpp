// Whole images on a CUDA device in half precision, config-f 256 and 1024, batch 1 to 32: our
// backend against libtorch eager (channels_last, cuDNN's own choice of algorithms) and against the
// same as a CUDA graph.
//
//   cuda/WHO/SIZE/bN       from w+ on the device to the float32 image on the device
//   cuda_host/WHO/SIZE/bN  from z on the host to RGB8 in the host's memory: what a caller waits for
//
// Both are host time around a synchronised device. In the first, runs follow each other back to
// back and the time of one is quoted, so the cost of enqueueing shows only where it cannot be
// hidden.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/cuda/engine.h"
#include "bench/cuda/support.h"
#include "bench/model/work.h"
#include "bench/report/summary.h"
#include "bench/suites.h"

#ifdef VERNISSAGE_BENCH_TORCH_CUDA
#include "bench/cuda/torch_cuda.h"
#endif

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;
constexpr int kBatches[] = {1, 2, 4, 8, 16, 32};
constexpr int kBatchMax = 32;
// Both sides may be this far from the float32 image (half storage, whole network), in units of its
// absmax and rms, so twice as far from each other.
constexpr double kMaxBound = 2 * 1.2e-2;
constexpr double kRmsBound = 2 * 5e-3;

TimedGenerator& ours(int size) {
  static std::map<int, TimedGenerator> loaded;
  TimedGenerator& entry = loaded[size];
  if (entry.generator) return entry;
  entry = make_timed_generator(size, kBatchMax);
  std::printf("f%d: %s\n", size, entry.generator->backend().describe().c_str());
  return entry;
}

double ours_host_seconds(Generator& generator, int n) {
  const auto z = latents(n, generator.config().z_dim);
  return seconds_back_to_back([&] {
    const auto w = generator.map(z);
    benchmark::DoNotOptimize(generator.paint(
        broadcast_truncated(w, generator.w_avg(), generator.config().num_ws(), 1.0f, {})));
  });
}

#ifdef VERNISSAGE_BENCH_TORCH_CUDA
reference::TorchCuda& torch(int size) {
  static std::map<int, std::unique_ptr<reference::TorchCuda>> loaded;
  auto& entry = loaded[size];
  if (!entry) entry = std::make_unique<reference::TorchCuda>(network(size));
  return *entry;
}

// Throws Error when the engines do not paint the same picture; once a size.
void compare(int size) {
  static std::map<int, bool> compared;
  if (compared[size]) return;
  Generator& generator = *ours(size).generator;
  const auto ws = w_plus(generator, 1);
  const auto left = generator.paint_f32(ws), right = torch(size).image(ws, 1);
  double worst = 0, absmax = 0, difference2 = 0, right2 = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    const double difference = double(left[i]) - right[i];
    worst = std::max(worst, std::abs(difference));
    absmax = std::max(absmax, std::abs(double(right[i])));
    difference2 += difference * difference;
    right2 += double(right[i]) * right[i];
  }
  const double max = worst / absmax, rms = std::sqrt(difference2 / right2);
  char text[160];
  std::snprintf(text, sizeof text,
                "f%d: ours and libtorch (both f16) differ by %.1e, rms %.1e; allowed %.1e, %.1e",
                size, max, rms, kMaxBound, kRmsBound);
  std::printf("%s\n", text);
  if (!(max <= kMaxBound && rms <= kRmsBound)) throw Error(text);
  compared[size] = true;
}
#else
void compare(int) {}
#endif

void register_one(const std::string& where, const std::string& who, int size, int n,
                  const std::function<double()>& measure) {
  const auto run = [=](benchmark::State& state) {
    double seconds = 0;
    for (auto _ : state) {
      const auto result = measured(state, [&] {
        compare(size);
        return measure();
      });
      if (!result) return;
      seconds = *result;
      state.SetIterationTime(seconds);
    }
    const NetworkConfig& config = network(size).config;
    const double floor = image_floor_s(config, n, 2, ceilings());
    state.counters["us/image"] = seconds * 1e6 / n;
    state.counters["TFLOP/s"] = image_flop(config, n) / seconds * 1e-12;
    state.counters["floor_us"] = floor * 1e6;
    state.counters["x_floor"] = seconds / floor;
    if (who == "ours") state.counters["launches"] = ours(size).generator->backend().launches();
  };
  const std::string name =
      where + "/" + who + "/" + std::to_string(size) + "/b" + std::to_string(n);
  with_repetitions(benchmark::RegisterBenchmark(name.c_str(), run), kRepetitions)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace

void register_cuda_images() {
  for (const int size : {1024, 256}) {
    for (const int n : kBatches) {
      register_one("cuda", "ours", size, n, [=] {
        TimedGenerator& side = ours(size);
        return side.seconds(w_plus(*side.generator, n));
      });
      register_one("cuda_host", "ours", size, n,
                   [=] { return ours_host_seconds(*ours(size).generator, n); });
#ifdef VERNISSAGE_BENCH_TORCH_CUDA
      register_one("cuda", "torch", size, n, [=] {
        torch(size).set_inputs(w_plus(*ours(size).generator, n), n);
        return seconds_back_to_back([&] { torch(size).run_eager(); });
      });
      register_one("cuda", "torch_graph", size, n, [=] {
        torch(size).set_inputs(w_plus(*ours(size).generator, n), n);
        torch(size).record();
        return seconds_back_to_back([&] { torch(size).replay(); });
      });
      register_one("cuda_host", "torch", size, n, [=] {
        const auto z = latents(n, ours(size).generator->config().z_dim);
        return seconds_back_to_back([&] { benchmark::DoNotOptimize(torch(size).paint(z, n)); });
      });
#endif
    }
  }
}

}  // namespace vernissage::bench
