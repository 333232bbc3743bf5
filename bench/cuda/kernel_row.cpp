#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "bench/cuda/kernels.h"
#include "bench/report/summary.h"

namespace vernissage::bench {
namespace {

constexpr int kRepetitions = 9;  // each a graph of many calls: DeviceTimer

}  // namespace

int channels(int resolution) {
  return std::min(32768 / resolution, 512);
}

std::string shape(int side, int in, int out) {
  return std::to_string(side) + "x" + std::to_string(side) + "x" + std::to_string(in) + "to" +
         std::to_string(out);
}

KernelMemory& memory() {
  static KernelMemory shared;
  return shared;
}

void register_kernel(const std::string& name, const std::function<KernelWork()>& prepare) {
  const auto run = [=](benchmark::State& state) {
    KernelWork work;
    double seconds = 0;
    for (auto _ : state) {
      const auto result = measured(state, [&] {
        work = prepare();
        return memory().timer.seconds(work.launch);
      });
      if (!result) return;
      seconds = *result;
      state.SetIterationTime(seconds);
    }
    state.counters["TFLOP/s"] = work.flops / seconds * 1e-12;
    state.counters["GB/s"] = work.bytes / seconds * 1e-9;
    state.counters["x_floor"] = seconds / floor_s(work.flops, work.bytes, ceilings());
  };
  with_repetitions(benchmark::RegisterBenchmark(("cuda/kernel/" + name).c_str(), run), kRepetitions)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMicrosecond);
}

Epilogue<f16> whole_epilogue(int n, int side, int o) {
  Epilogue<f16> epilogue;
  epilogue.demod = memory().single("demod", int64_t(n) * o);
  epilogue.bias = memory().single("bias", o);
  epilogue.noise = memory().single("noise", int64_t(side) * side);
  epilogue.noise_strength = 0.1f;
  epilogue.act = Activation::lrelu;
  epilogue.gain = std::sqrt(2.0f);
  epilogue.clamp = 256;
  return epilogue;
}

ModulatedConv<f16> layer_conv(int n, int side) {
  const int c = channels(side);
  const int64_t count = int64_t(n) * side * side * c;
  ModulatedConv<f16> op;
  op.x = memory().half("x", count);
  op.weight = memory().half("weight", int64_t(9) * c * c);
  op.y = memory().half("y", count);
  op.n = n, op.h = side, op.w = side, op.i = c, op.o = c, op.k = 3;
  op.epilogue = whole_epilogue(n, side, c);
  return op;
}

TransposedConv<f16> layer_transposed_conv(int n, int side) {
  const int i = channels(side / 2), o = channels(side), h = side / 2;
  TransposedConv<f16> op;
  op.x = memory().half("x", int64_t(n) * h * h * i);
  op.weight = memory().half("weight", int64_t(9) * i * o);
  op.demod = memory().single("demod", int64_t(n) * o);
  op.y = memory().half("y", int64_t(n) * (2 * h + 1) * (2 * h + 1) * o);
  op.n = n, op.h = h, op.w = h, op.i = i, op.o = o;
  return op;
}

}  // namespace vernissage::bench
