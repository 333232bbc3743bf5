// Pictures to unit embeddings on the CPU: our image tower against libtorch's, ViT-B/32 with weights
// from a seed, the same pixels, batch and threads; and how long it takes to make a picture ready
// for it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <random>

#include "base/error.h"
#include "bench/clip/network.h"
#include "bench/report/summary.h"
#include "bench/suites.h"
#include "engine/clip/clip_encoder.h"
#include "engine/clip/preprocess.h"

#ifdef VERNISSAGE_BENCH_TORCH
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include "bench/clip/clip_torch.h"
#endif

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;
constexpr int kBatches[] = {1, 16};
constexpr int kBatchMax = 16;
// Of a unit embedding's values, in float32: the tolerance of golden/clip, for either side.
constexpr double kBound = 2 * 4e-6;

struct Towers {
  double flops = 0;           // of one picture
  std::vector<float> pixels;  // (kBatchMax, 3, S, S)
  std::unique_ptr<ClipEncoder> ours;
#ifdef VERNISSAGE_BENCH_TORCH
  std::unique_ptr<reference::TorchImageTower> torch;
#endif

  std::span<const float> pixels_of(int n) const {
    return std::span(pixels).first(pixels.size() / kBatchMax * size_t(n));
  }
};

#ifdef VERNISSAGE_BENCH_TORCH
at::Tensor torch_embed(const Towers& towers, int n) {
  const c10::InferenceMode inference;
  const int64_t size = towers.ours->config().image_size;
  return towers.torch->embed(
      at::from_blob(const_cast<float*>(towers.pixels.data()), {n, 3, size, size}, at::kFloat));
}

/// Throws Error when the two towers do not see the same in a picture.
void compare(const Towers& towers) {
  const std::vector<float> ours = towers.ours->embed_pixels(kBatchMax, towers.pixels);
  const at::Tensor embeddings = torch_embed(towers, kBatchMax).contiguous();
  const float* theirs = embeddings.data_ptr<float>();
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(double{ours[i]} - theirs[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  char text[120];
  std::snprintf(text, sizeof text, "ViT-B/32: unit embeddings of ours and libtorch differ by %.1e",
                worst);
  std::printf("%s\n", text);
  if (!(worst <= kBound)) throw Error(std::string(text) + ", allowed 8e-6");
}
#endif

const Towers& towers_for(int threads) {
  static std::unique_ptr<Towers> loaded;
  if (loaded) return *loaded;
  auto made = std::make_unique<Towers>();
  const ClipNetwork network = vit_b32();
  made->flops = image_flops(network.config);
  made->ours = make_clip_encoder(network, "cpu", Precision::f32, threads, kBatchMax);
  const size_t size = size_t(network.config.image_size);
  made->pixels.resize(kBatchMax * 3 * size * size);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& value : made->pixels) value = normal(random);
  std::printf("ViT-B/32: %s\n", made->ours->describe().c_str());
#ifdef VERNISSAGE_BENCH_TORCH
  at::set_num_threads(threads);
  made->torch = std::make_unique<reference::TorchImageTower>(network, at::kCPU, at::kFloat);
  compare(*made);
#endif
  loaded = std::move(made);
  return *loaded;
}

template <class Embed>
void register_tower(const std::string& who, int n, int threads, Embed embed) {
  const auto run = [=](benchmark::State& state) {
    const Towers& towers = towers_for(threads);
    double seconds = 0;
    for (auto _ : state) {
      const auto begin = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(embed(towers, n));
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      state.SetIterationTime(seconds);
    }
    state.counters["images/s"] = n / seconds;
    state.counters["GFLOP/s"] = n * towers.flops * 1e-9 / seconds;
  };
  const std::string name = "cpu_clip/" + who + "/vit-b32/b" + std::to_string(n);
  with_repetitions(benchmark::RegisterBenchmark(name.c_str(), run), kRepetitions)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

void register_preparing(int from, int to) {
  const auto run = [=](benchmark::State& state) {
    std::vector<uint8_t> rgb(size_t(from) * size_t(from) * 3);
    std::mt19937 random(2);
    for (uint8_t& value : rgb) value = static_cast<uint8_t>(random() >> 24);
    for (auto _ : state) benchmark::DoNotOptimize(resize_and_crop(rgb, from, from, to));
  };
  const std::string name = "cpu_clip/resize/" + std::to_string(from) + "to" + std::to_string(to);
  with_repetitions(benchmark::RegisterBenchmark(name.c_str(), run), kRepetitions)
      ->Unit(benchmark::kMicrosecond)
      ->MinTime(0.02);
}

}  // namespace

void register_cpu_clip(int threads) {
  for (const int n : kBatches) {
    register_tower("ours", n, threads, [](const Towers& towers, int count) {
      return towers.ours->embed_pixels(count, towers.pixels_of(count));
    });
#ifdef VERNISSAGE_BENCH_TORCH
    register_tower("torch", n, threads, torch_embed);
#endif
  }
  register_preparing(64, 32);
  register_preparing(512, 224);
}

}  // namespace vernissage::bench
