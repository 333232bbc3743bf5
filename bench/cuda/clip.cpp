// CLIP ViT-B/32 in half precision on a CUDA device, weights from a seed: the image tower against
// libtorch eager on the same pictures, its kernels one by one, and what a curator does with it,
// which is to paint candidates and embed them.
//
//   cuda_clip/WHO/vit-b32/bN   from pixels on the device to unit embeddings on the device
//   cuda_clip/painted/256/bN   from latents on the host to embeddings there, config-f 256,
//                              painting and embedding overlapped
//   cuda/kernel/clip_…         beside the generator's kernels
#include "engine/cuda/clip/clip.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <random>

#include "base/error.h"
#include "bench/clip/network.h"
#include "bench/cuda/engine.h"
#include "bench/cuda/kernels.h"
#include "bench/cuda/support.h"
#include "bench/report/summary.h"
#include "bench/suites.h"
#include "engine/clip/preprocess.h"
#include "kernels/transformer/transformer_ops.h"

#ifdef VERNISSAGE_BENCH_TORCH_CUDA
#include <c10/core/InferenceMode.h>

#include "bench/clip/clip_torch.h"
#endif

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;
constexpr int kPaintedBatch = 32;
// Of a unit embedding's values, in half: the tolerance of golden/clip, for either side.
constexpr double kBound = 2 * 3e-3;

struct Towers {
  ClipConfig config;
  double flops = 0;            // of one picture
  std::vector<uint8_t> rgb;    // (N, S, S, 3), N a pass
  std::vector<float> ours_of;  // (N, E)
  std::unique_ptr<CudaClip> ours;
#ifdef VERNISSAGE_BENCH_TORCH_CUDA
  std::unique_ptr<reference::TorchImageTower> torch;
  at::Tensor pixels;  // (N, 3, S, S) half, on the device
#endif
};

#ifdef VERNISSAGE_BENCH_TORCH_CUDA
void load_torch(const ClipNetwork& network, Towers& towers) {
  const c10::InferenceMode inference;
  const int size = towers.config.image_size, n = towers.ours->pictures_of_pass();
  const size_t bytes = towers.rgb.size() / size_t(n);
  std::vector<float> pixels(towers.rgb.size());
  for (size_t k = 0; k < size_t(n); ++k)
    normalise(std::span(towers.rgb).subspan(k * bytes, bytes), towers.config,
              std::span(pixels).subspan(k * bytes, bytes));
  towers.pixels = at::from_blob(pixels.data(), {n, 3, size, size}, at::kFloat)
                      .to(at::kCUDA, at::kHalf, /*non_blocking=*/false, /*copy=*/true);
  towers.torch = std::make_unique<reference::TorchImageTower>(network, at::kCUDA, at::kHalf);
  const at::Tensor embeddings = towers.torch->embed(towers.pixels).to(at::kCPU).contiguous();
  const float* theirs = embeddings.data_ptr<float>();
  double worst = 0;
  for (size_t i = 0; i < towers.ours_of.size(); ++i) {
    const double difference = std::abs(double{towers.ours_of[i]} - theirs[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  char text[120];
  std::snprintf(text, sizeof text,
                "ViT-B/32: unit embeddings of ours and libtorch (both f16) differ by %.1e", worst);
  std::printf("%s\n", text);
  if (!(worst <= kBound)) throw Error(std::string(text) + ", allowed 6e-3");
}
#else
void load_torch(const ClipNetwork&, Towers&) {}
#endif

Towers& towers() {
  static std::unique_ptr<Towers> loaded;
  if (loaded) return *loaded;
  auto made = std::make_unique<Towers>();
  const ClipNetwork network = vit_b32();
  made->config = network.config;
  made->flops = image_flops(network.config);
  made->ours = make_cuda_clip_encoder(network, Precision::f16, 1);
  const int n = made->ours->pictures_of_pass(), size = network.config.image_size;
  made->rgb.resize(size_t(n) * size_t(size) * size_t(size) * 3);
  std::mt19937 random(1);
  for (uint8_t& value : made->rgb) value = static_cast<uint8_t>(random() >> 24);
  made->ours_of = made->ours->embed_images(n, size, size, made->rgb);
  std::printf("ViT-B/32: %s\n", made->ours->describe().c_str());
  load_torch(network, *made);
  loaded = std::move(made);
  return *loaded;
}

/// One row; `measure` gives the seconds of `n` pictures.
void register_row(const std::string& name, int n, const std::function<double()>& measure) {
  const auto run = [=](benchmark::State& state) {
    double seconds = 0;
    for (auto _ : state) {
      const auto result = measured(state, measure);
      if (!result) return;
      seconds = *result;
      state.SetIterationTime(seconds);
    }
    state.counters["images/s"] = n / seconds;
    state.counters["TFLOP/s"] = n * towers().flops * 1e-12 / seconds;  // of the image tower
    state.counters["x_floor"] = seconds * ceilings().flops_per_s / (n * towers().flops);
  };
  with_repetitions(benchmark::RegisterBenchmark(name.c_str(), run), kRepetitions)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

double painted_seconds() {
  static TimedGenerator painter = make_timed_generator(256, kPaintedBatch);
  static const std::vector<float> ws = w_plus(*painter.generator, 4 * kPaintedBatch);
  return seconds_back_to_back([&] {
           benchmark::DoNotOptimize(
               towers().ours->embed_painted(*painter.generator, ws, {NoiseMode::constant, {}}));
         }) /
         4;
}

// ---- single kernels, at the shapes of a pass

struct Shape {
  const char* name;
  int n, t, w, heads, mlp;
};
constexpr Shape kShapes[] = {{"vit-b32/b64", 64, 50, 768, 12, 3072},
                             {"vit-l14/b32", 32, 257, 1024, 16, 4096}};

void register_kernels(const Shape& s) {
  const int64_t rows = int64_t{s.n} * s.t;
  register_kernel(std::string("layer_norm/") + s.name, [=] {
    LayerNorm<f16> op;
    op.x = memory().single("x", rows * s.w);
    op.stride = op.w = s.w;
    op.next_bias = op.weight = op.bias = memory().single("bias", s.w);
    op.y = memory().half("y", rows * s.w);
    op.m = static_cast<int>(rows);
    return KernelWork{8.0 * double(rows) * s.w, 10.0 * double(rows) * s.w,
                      [op] { layer_norm(op, memory().timer.stream()); }};
  });
  register_kernel(std::string("attention/") + s.name, [=] {
    Attention<f16> op;
    op.qkv = memory().half("x", rows * 3 * s.w);
    op.bias = memory().single("bias", 3 * s.w);
    op.y = memory().half("y", rows * s.w);
    op.n = s.n, op.t = op.queries = s.t;
    op.heads = s.heads, op.head = s.w / s.heads;
    return KernelWork{4.0 * double(rows) * s.t * s.w, 8.0 * double(rows) * s.w, [op] {
                        attention(op, memory().timer.stream(), conv_path() == ConvPath::mma);
                      }};
  });
  register_kernel(std::string("bias_gelu/") + s.name, [=] {
    BiasGelu<f16> op;
    op.x = memory().half("x", rows * s.mlp);
    op.bias = memory().single("bias", s.mlp);
    op.m = static_cast<int>(rows), op.w = s.mlp;
    return KernelWork{8.0 * double(rows) * s.mlp, 4.0 * double(rows) * s.mlp,
                      [op] { bias_gelu(op, memory().timer.stream()); }};
  });
}

}  // namespace

void register_cuda_clip() {
  constexpr int kPass = 64;  // of ViT-B/32, as pictures_of_pass() has it
  register_row("cuda_clip/ours/vit-b32/b64", kPass, [] {
    if (towers().ours->pictures_of_pass() != kPass) throw Error("a pass is not 64 pictures");
    return seconds_back_to_back([] { towers().ours->embed_again(); });
  });
#ifdef VERNISSAGE_BENCH_TORCH_CUDA
  register_row("cuda_clip/torch/vit-b32/b64", kPass, [] {
    const c10::InferenceMode inference;
    return seconds_back_to_back(
        [] { benchmark::DoNotOptimize(towers().torch->embed(towers().pixels)); });
  });
#endif
  register_row("cuda_clip/painted/256/b" + std::to_string(kPaintedBatch), kPaintedBatch,
               painted_seconds);
  for (const Shape& shape : kShapes) register_kernels(shape);
}

}  // namespace vernissage::bench
