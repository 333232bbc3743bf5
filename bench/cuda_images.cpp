// Whole images on a CUDA device in half precision, config-f 256 and 1024, batch 1, 4, 8 and 16: our
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
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/cuda_support.h"
#include "bench/suites.h"
#include "bench/summary.h"
#include "bench/timed_backend.h"
#include "engine/engine.h"
#include "tests/support/big_network.h"

#ifdef VERNISSAGE_BENCH_TORCH_CUDA
#include "bench/reference/torch_cuda.h"
#endif

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;
constexpr int kBatches[] = {1, 4, 8, 16};
constexpr double kRunSeconds = 0.02;  // of back-to-back runs behind one measurement
// Both sides may be this far from the float32 image (half storage, whole network), in units of its
// absmax and rms, so twice as far from each other.
constexpr double kMaxBound = 2 * 1.2e-2;
constexpr double kRmsBound = 2 * 5e-3;

void wait_for_device() {
  check_cuda(cudaDeviceSynchronize(), "waiting for the device");
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// One network in our engine.
struct Ours {
  NetworkConfig config;
  std::unique_ptr<Generator> generator;
  TimedBackend* backend = nullptr;  // within generator
};

const Network& network(const std::string& size) {
  static std::map<std::string, Network> built;
  auto found = built.find(size);
  if (found == built.end()) found = built.emplace(size, testing::big_network("f" + size)).first;
  return found->second;
}

Ours& ours(const std::string& size) {
  static std::map<std::string, Ours> loaded;
  Ours& entry = loaded[size];
  if (entry.generator) return entry;
  auto backend =
      std::make_unique<TimedBackend>(make_backend("cuda", Precision::f16, 0), wait_for_device);
  entry.config = network(size).config;
  entry.backend = backend.get();
  entry.generator = std::make_unique<Generator>(network(size), std::move(backend), kBatches[3]);
  std::printf("f%s: %s\n", size.c_str(), entry.generator->backend().describe().c_str());
  return entry;
}

// z of seeds 0 … n-1.
std::vector<float> latents(int n, int z_dim) {
  std::vector<float> z;
  for (int seed = 0; seed < n; ++seed) {
    const auto one = z_from_seed(uint32_t(seed), z_dim);
    z.insert(z.end(), one.begin(), one.end());
  }
  return z;
}

std::vector<float> w_plus(Ours& side, int n) {
  const auto w = side.generator->map(latents(n, side.config.z_dim));
  return broadcast_truncated(w, side.generator->w_avg(), side.config.num_ws(), 1.0f, {});
}

// Seconds of one call: one to warm up and to judge by, then as many as kRunSeconds hold, back to
// back.
template <class Call>
double seconds_back_to_back(const Call& call) {
  const auto timed = [&](int count) {
    wait_for_device();
    const double begin_s = now_s();
    for (int i = 0; i < count; ++i) call();
    wait_for_device();
    return (now_s() - begin_s) / count;
  };
  const double one_s = timed(1);
  return timed(std::clamp(int(kRunSeconds / one_s), 3, 500));
}

double ours_seconds(Ours& side, int n) {
  const auto ws = w_plus(side, n);
  side.backend->set_repeats(2);  // the first records the graph
  side.generator->paint(ws);
  side.backend->set_repeats(std::clamp(int(kRunSeconds / side.backend->last_run_s()), 3, 500));
  side.generator->paint(ws);
  const double result_s = side.backend->last_run_s();
  side.backend->set_repeats(1);
  return result_s;
}

double ours_host_seconds(Ours& side, int n) {
  const auto z = latents(n, side.config.z_dim);
  return seconds_back_to_back([&] {
    const auto w = side.generator->map(z);
    benchmark::DoNotOptimize(side.generator->paint(
        broadcast_truncated(w, side.generator->w_avg(), side.config.num_ws(), 1.0f, {})));
  });
}

#ifdef VERNISSAGE_BENCH_TORCH_CUDA
reference::TorchCuda& torch(const std::string& size) {
  static std::map<std::string, std::unique_ptr<reference::TorchCuda>> loaded;
  auto& entry = loaded[size];
  if (!entry) entry = std::make_unique<reference::TorchCuda>(network(size));
  return *entry;
}

// Throws Error when the engines do not paint the same picture; once a size.
void compare(const std::string& size) {
  static std::map<std::string, bool> compared;
  if (compared[size]) return;
  Ours& side = ours(size);
  const auto ws = w_plus(side, 1);
  const auto left = side.generator->paint_f32(ws), right = torch(size).image(ws, 1);
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
                "f%s: ours and libtorch (both f16) differ by %.1e, rms %.1e; allowed %.1e, %.1e",
                size.c_str(), max, rms, kMaxBound, kRmsBound);
  std::printf("%s\n", text);
  if (!(max <= kMaxBound && rms <= kRmsBound)) throw Error(text);
  compared[size] = true;
}
#else
void compare(const std::string&) {}
#endif

void register_one(const std::string& where, const std::string& who, const std::string& size, int n,
                  const std::function<double()>& measure) {
  const auto run = [=](benchmark::State& state) {
    compare(size);
    double seconds = 0;
    for (auto _ : state) {
      seconds = measure();
      state.SetIterationTime(seconds);
    }
    const NetworkConfig& config = network(size).config;
    const double floor = image_floor_s(config, n, 2);
    state.counters["us/image"] = seconds * 1e6 / n;
    state.counters["TFLOP/s"] = image_flops(config, n) / seconds * 1e-12;
    state.counters["x_floor"] = seconds / floor;
  };
  const std::string name = where + "/" + who + "/" + size + "/b" + std::to_string(n);
  with_repetitions(benchmark::RegisterBenchmark(name.c_str(), run), kRepetitions)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace

void register_cuda_images() {
  for (const std::string size : {"1024", "256"}) {
    for (const int n : kBatches) {
      register_one("cuda", "ours", size, n, [=] { return ours_seconds(ours(size), n); });
      register_one("cuda_host", "ours", size, n, [=] { return ours_host_seconds(ours(size), n); });
#ifdef VERNISSAGE_BENCH_TORCH_CUDA
      register_one("cuda", "torch", size, n, [=] {
        torch(size).set_inputs(w_plus(ours(size), n), n);
        return seconds_back_to_back([&] { torch(size).run_eager(); });
      });
      register_one("cuda", "torch_graph", size, n, [=] {
        torch(size).set_inputs(w_plus(ours(size), n), n);
        torch(size).record();
        return seconds_back_to_back([&] { torch(size).replay(); });
      });
      register_one("cuda_host", "torch", size, n, [=] {
        const auto z = latents(n, ours(size).config.z_dim);
        return seconds_back_to_back([&] { benchmark::DoNotOptimize(torch(size).paint(z, n)); });
      });
#endif
    }
  }
}

}  // namespace vernissage::bench
