// Candidates of a curator on the CPU: the two networks that come with the project paint and look
// side by side, as `vernissage curate` has them do it. Each stage's share is its own time over the
// whole time; since they overlap, the shares may add up to more than one.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "bench/report/summary.h"
#include "bench/suites.h"
#include "engine/clip/clip_encoder.h"
#include "engine/engine.h"
#include "engine/stylegan2/latents.h"

namespace vernissage::bench {
namespace {

constexpr int kBatch = 16;
constexpr int kBatches =
    16;  // in a row, so that the first and the last, which overlap nothing, count little
constexpr int kRepetitions = 9;
constexpr float kTruncation = 0.7f;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Pair {
  std::unique_ptr<Generator> generator;
  std::unique_ptr<ClipEncoder> encoder;
  std::vector<float> ws;  // (kBatch, num_ws, W)
};

const Pair& pair_for(int threads) {
  static std::unique_ptr<Pair> loaded;
  if (loaded) return *loaded;
  const std::string models = VERNISSAGE_SOURCE_DIR "/models/";
  const Network network = load_network(models + "generator.safetensors");
  auto made = std::make_unique<Pair>();
  // Painting is nearly all of the work; looking keeps out of its way.
  made->generator = std::make_unique<Generator>(
      network, make_backend("cpu", Precision::f32, std::max(1, threads)), kBatch);
  made->encoder = make_clip_encoder(load_clip(models + "curator.safetensors"), "cpu",
                                    Precision::f32, 1, kBatch);
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

void run(benchmark::State& state, int threads) {
  const Pair& pair = pair_for(threads);
  const int side = pair.generator->config().resolution;
  double whole = 0, painting = 0, looking = 0;
  for (auto _ : state) {
    painting = looking = 0;
    const auto begin = std::chrono::steady_clock::now();
    std::future<double> look;
    for (int batch = 0; batch < kBatches; ++batch) {
      const auto painted_from = std::chrono::steady_clock::now();
      std::vector<uint8_t> pictures = pair.generator->paint(pair.ws);
      painting += seconds_since(painted_from);
      if (look.valid()) looking += look.get();
      look = std::async(std::launch::async, [&pair, side, pictures = std::move(pictures)] {
        const auto from = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(pair.encoder->embed_images(kBatch, side, side, pictures));
        return seconds_since(from);
      });
    }
    looking += look.get();
    whole = seconds_since(begin);
    state.SetIterationTime(whole / kBatches);
  }
  state.counters["candidates/s"] = kBatch * kBatches / whole;
  state.counters["painting"] = painting / whole;
  state.counters["looking"] = looking / whole;
}

}  // namespace

void register_cpu_curation(int threads) {
  const std::string name = "cpu_curation/shipped/b" + std::to_string(kBatch);
  with_repetitions(benchmark::RegisterBenchmark(
                       name.c_str(), [threads](benchmark::State& state) { run(state, threads); }),
                   kRepetitions)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace vernissage::bench
