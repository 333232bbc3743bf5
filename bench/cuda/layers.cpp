// Every operation of the network at its place in the recorded image: the forward pass is cut after
// its first k operations, and operation k takes what the k-th adds to the time of the first k-1. So
// fusions, overlapping launches, a cache still warm from the layer before are as they are in an
// image, and the rows add up to the whole. "styles", the first, carries the start of the graph.
// "mapping" is no part of the forward pass: its row is the time of a call from z to w in the host's
// memory.
//
// Beside each convolution: the same convolution through cuDNN, without anything that our layer does
// around it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/cuda/engine.h"
#include "bench/cuda/support.h"
#include "bench/model/prediction.h"
#include "bench/model/work.h"
#include "bench/report/summary.h"
#include "bench/suites.h"

#ifdef VERNISSAGE_BENCH_CUDNN
#include "bench/cuda/rival.h"
#endif

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;
constexpr int kElementBytes = 2;
constexpr double kLeastSeconds =
    1e-9;  // a difference may be lost in the noise, a time may not be 0

// One network at one batch, and what has been measured of it so far.
class Layers {
 public:
  Layers(int size, int batch)
      : timed_(make_timed_generator(size, batch)), ws_(w_plus(*timed_.generator, batch)) {}

  /// Seconds of operation `index` of the forward pass in measurement `round`. A round of all
  /// operations is made at once, so that the rows of a round add up; with `alone` only what this
  /// one needs.
  double seconds(int index, int count, int round, bool alone) {
    auto& times = rounds_[round];  // of the first k operations
    times.emplace(0, 0.0);
    const int first = alone ? index : 1, last = alone ? index + 1 : count;
    for (int k = first; k <= last; ++k) {
      if (times.contains(k)) continue;
      timed_.backend->set_operations(k == count ? TimedBackend::kAll : k);
      times[k] = timed_.seconds(ws_);
    }
    return std::max(times.at(index + 1) - times.at(index), kLeastSeconds);
  }

  double mapping_seconds() {
    const auto z = latents(int(ws_.size()) / ws_per_image(), timed_.generator->config().z_dim);
    return seconds_back_to_back([&] { benchmark::DoNotOptimize(timed_.generator->map(z)); });
  }

 private:
  int ws_per_image() const {
    return timed_.generator->config().num_ws() * timed_.generator->config().w_dim;
  }

  TimedGenerator timed_;
  std::vector<float> ws_;
  std::map<int, std::map<int, double>> rounds_;
};

Layers& layers(int size, int batch) {
  static std::map<std::pair<int, int>, std::unique_ptr<Layers>> loaded;
  auto& entry = loaded[{size, batch}];
  if (!entry) entry = std::make_unique<Layers>(size, batch);
  return *entry;
}

std::string row(const std::string& who, int size, const std::string& layer, int batch) {
  return "cuda/layer/" + who + "/" + std::to_string(size) + "/" + layer + "/b" +
         std::to_string(batch);
}

template <class Measure>
void register_row(const std::string& name, const Measure& measure,
                  const std::optional<LayerWork>& work, double predicted_us) {
  const auto round = std::make_shared<int>(0);  // repetitions of this row so far
  const auto run = [=](benchmark::State& state) {
    double seconds = 0;
    for (auto _ : state) {
      const auto result = measured(state, [&] { return measure((*round)++, state); });
      if (!result) return;
      seconds = *result;
      state.SetIterationTime(seconds);
    }
    if (work) {
      const double floor = floor_s(work->flop, work->bytes, ceilings());
      state.counters["TFLOP/s"] = work->flop / seconds * 1e-12;
      state.counters["floor_us"] = floor * 1e6;
      state.counters["x_floor"] = seconds / floor;
    }
    if (predicted_us > 0) state.counters["predicted_us"] = predicted_us;
  };
  with_repetitions(benchmark::RegisterBenchmark(name.c_str(), run), kRepetitions)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

#ifdef VERNISSAGE_BENCH_CUDNN
CudnnRival& rival(const LayerWork& layer, int size, int batch) {
  static std::map<std::string, std::unique_ptr<CudnnRival>> loaded;
  auto& entry = loaded[row("", size, layer.name, batch)];
  if (!entry) entry = std::make_unique<CudnnRival>(layer, batch);
  return *entry;
}
#endif

}  // namespace

void register_cuda_layers(int size, int batch, const std::string& only) {
  const NetworkConfig config = config_f(size);
  const std::vector<std::string> names = operation_names(config);
  const auto work = layer_work(config, batch, kElementBytes);
  const auto predicted = predicted_us(config, batch);
  const bool alone = !only.empty();
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (alone && name != only) continue;
    const auto found = std::find_if(work.begin(), work.end(),
                                    [&](const LayerWork& layer) { return layer.name == name; });
    const auto least =
        found == work.end() ? std::optional<LayerWork>() : std::optional<LayerWork>(*found);
    const auto forecast = predicted.find(name);
    const double forecast_us = forecast == predicted.end() ? 0 : forecast->second;
    const int index = int(i) - 1;  // in the forward pass; -1: mapping
    const int count = int(names.size()) - 1;
    register_row(
        row("ours", size, name, batch),
        [=](int round, benchmark::State&) {
          Layers& all = layers(size, batch);
          return index < 0 ? all.mapping_seconds() : all.seconds(index, count, round, alone);
        },
        least, forecast_us);
#ifdef VERNISSAGE_BENCH_CUDNN
    if (least)
      register_row(
          row("cudnn", size, name, batch),
          [=](int, benchmark::State& state) {
            CudnnRival& theirs = rival(*least, size, batch);
            state.SetLabel(theirs.describe());
            return theirs.seconds();
          },
          least, 0);
#endif
  }
}

}  // namespace vernissage::bench
