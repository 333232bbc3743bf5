// Whole images on the CPU: our CPU backend against the libtorch reference, config-f at 256 and 1024
// with the seed-defined weights of the golden data, the same threads for both, repetitions
// interleaved.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "bench/report/summary.h"
#include "bench/suites.h"
#include "engine/engine.h"
#include "tests/support/big_network.h"

#ifdef VERNISSAGE_BENCH_TORCH
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include "training/torch/stylegan2_torch.h"
#endif

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;
// What either side may be away from the golden image (float32, whole network), in units of its
// absmax and rms.
constexpr double kMaxBound = 2e-5;
constexpr double kRmsBound = 1e-5;

// One network in both engines.
struct Rivals {
  std::vector<float> z;
  std::unique_ptr<Generator> ours;
#ifdef VERNISSAGE_BENCH_TORCH
  std::unique_ptr<reference::TorchGenerator> torch;
  at::Tensor torch_z;
#endif
  double flops = 0;  // of one image; up-convolutions counted on input pixels
};

std::vector<uint8_t> paint(Rivals& rivals) {
  const auto w = rivals.ours->map(rivals.z);
  const int num_ws = rivals.ours->config().num_ws();
  return rivals.ours->paint(broadcast_truncated(w, rivals.ours->w_avg(), num_ws, 1.0f, {}));
}

#ifdef VERNISSAGE_BENCH_TORCH
at::Tensor torch_image(const Rivals& rivals) {
  const auto w = rivals.torch->map(rivals.torch_z);
  return rivals.torch->synthesize(w.unsqueeze(1).expand({-1, rivals.ours->config().num_ws(), -1}));
}

at::Tensor torch_paint(const Rivals& rivals) {
  const c10::InferenceMode inference;
  return reference::rgb8(torch_image(rivals));
}

// Throws Error when the two engines do not paint the same picture.
void compare(Rivals& rivals, const std::string& name) {
  const c10::InferenceMode inference;
  const auto w = rivals.ours->map(rivals.z);
  const int num_ws = rivals.ours->config().num_ws();
  const auto ours =
      rivals.ours->paint_f32(broadcast_truncated(w, rivals.ours->w_avg(), num_ws, 1.0f, {}));
  const auto image = torch_image(rivals).contiguous();
  const float* theirs = image.data_ptr<float>();
  double worst = 0, absmax = 0, difference2 = 0, theirs2 = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double difference = double(ours[i]) - theirs[i];
    worst = std::max(worst, std::abs(difference));
    absmax = std::max(absmax, std::abs(double(theirs[i])));
    difference2 += difference * difference;
    theirs2 += double(theirs[i]) * theirs[i];
  }
  const double max = worst / absmax, rms = std::sqrt(difference2 / theirs2);
  std::printf("%s: ours and libtorch differ by %.1e of the largest value, %.1e in rms\n",
              name.c_str(), max, rms);
  if (!(max <= kMaxBound && rms <= kRmsBound)) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "%s: ours and libtorch differ by %.1e, rms %.1e; allowed %.1e, %.1e",
                  name.c_str(), max, rms, kMaxBound, kRmsBound);
    throw Error(text);
  }
}
#endif

Rivals& rivals(const std::string& name, int threads) {
  static std::map<std::string, std::unique_ptr<Rivals>> loaded;
  auto& entry = loaded[name];
  if (entry) return *entry;
  const Network network = testing::big_network(name);
  auto made = std::make_unique<Rivals>();
  made->z = z_from_seed(0, network.config.z_dim);
  made->ours =
      std::make_unique<Generator>(network, make_backend("cpu", Precision::f32, threads), 1);
  for (const LayerCost& layer : layer_costs(network.config)) made->flops += 2 * layer.macs;
  std::printf("%s: %s\n", name.c_str(), made->ours->backend().describe().c_str());
#ifdef VERNISSAGE_BENCH_TORCH
  at::set_num_threads(threads);
  made->torch = std::make_unique<reference::TorchGenerator>(network, at::kCPU, at::kFloat);
  made->torch_z = at::tensor(made->z).unsqueeze(0);
  compare(*made, name);
#endif
  entry = std::move(made);
  return *entry;
}

template <class Paint>
void register_one(const std::string& who, const std::string& size, int threads, Paint paint_one) {
  const auto run = [=](benchmark::State& state) {
    Rivals& pair = rivals("f" + size, threads);
    double seconds = 0;
    for (auto _ : state) {
      const auto begin = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(paint_one(pair));
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      state.SetIterationTime(seconds);
    }
    state.counters["GFLOP/s"] = pair.flops * 1e-9 / seconds;
  };
  with_repetitions(benchmark::RegisterBenchmark(("cpu/" + who + "/" + size).c_str(), run),
                   kRepetitions)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_cpu_images(int threads) {
  // libtorch allocates every activation anew. glibc would give each back to the system and fault
  // its pages in again; keeping them is what libtorch's tuning guides reach with another allocator,
  // and fair to it.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  for (const std::string size : {"256", "1024"}) {
    register_one("ours", size, threads, [](Rivals& pair) { return paint(pair); });
#ifdef VERNISSAGE_BENCH_TORCH
    register_one("torch", size, threads, [](Rivals& pair) { return torch_paint(pair); });
#endif
  }
}

}  // namespace vernissage::bench
