// The CPU backend beside busy processes: pictures a second of the network that comes with the
// project while none, one, or as many processes as there are cores do nothing but compute. A
// picture of 64 x 64 is thousands of short parallel regions, so whatever threads do at the end of a
// region shows here first.
#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "bench/report/summary.h"
#include "bench/suites.h"
#include "engine/engine.h"
#include "engine/stylegan2/latents.h"

namespace vernissage::bench {
namespace {

constexpr int kBatch = 8;
constexpr int kBatches = 25;
constexpr int kRepetitions = 5;
constexpr float kTruncation = 0.7f;

/// Processes that compute and nothing else, for as long as it lives.
class Neighbours {
 public:
  explicit Neighbours(int count) {
    for (int i = 0; i < count; ++i) {
      const pid_t child = ::fork();
      if (child < 0) throw Error("cannot start a busy process");
      if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile unsigned count_up = 0;;) count_up = count_up + 1;
      }
      children_.push_back(child);
    }
  }
  ~Neighbours() {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

 private:
  std::vector<pid_t> children_;
};

struct Shipped {
  std::unique_ptr<Generator> generator;
  std::vector<float> ws;  // (kBatch, num_ws, W)
};

Shipped& shipped(int threads) {
  static std::unique_ptr<Shipped> loaded;
  if (loaded) return *loaded;
  const Network network = load_network(VERNISSAGE_SOURCE_DIR "/models/generator.safetensors");
  auto made = std::make_unique<Shipped>();
  made->generator =
      std::make_unique<Generator>(network, make_backend("cpu", Precision::f32, threads), kBatch);
  std::vector<float> z;
  for (uint32_t seed = 0; seed < kBatch; ++seed) {
    const std::vector<float> one = z_from_seed(seed, network.config.z_dim);
    z.insert(z.end(), one.begin(), one.end());
  }
  made->ws = broadcast_truncated(made->generator->map(z), made->generator->w_avg(),
                                 network.config.num_ws(), kTruncation, std::nullopt);
  loaded = std::move(made);
  return *loaded;
}

void run(benchmark::State& state, int threads, int neighbours) {
  Shipped& one = shipped(threads);
  double seconds = 0;
  for (auto _ : state) {
    const Neighbours busy(neighbours);
    const auto begin = std::chrono::steady_clock::now();
    for (int batch = 0; batch < kBatches; ++batch)
      benchmark::DoNotOptimize(one.generator->paint(one.ws));
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds / (kBatch * kBatches));
  }
  state.counters["pictures/s"] = kBatch * kBatches / seconds;
}

}  // namespace

void register_cpu_busy(int threads) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  for (const int neighbours : {0, 1, cores}) {
    if (neighbours == cores && cores <= 1) continue;
    const std::string name = "cpu_busy/shipped/beside" + std::to_string(neighbours);
    with_repetitions(
        benchmark::RegisterBenchmark(
            name.c_str(), [=](benchmark::State& state) { run(state, threads, neighbours); }),
        kRepetitions)
        ->Iterations(1)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace vernissage::bench
