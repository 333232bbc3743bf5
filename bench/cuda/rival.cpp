#include "bench/cuda/rival.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "base/error.h"
#include "bench/cuda/cudnn_conv.h"
#include "bench/cuda/support.h"
#include "kernels/kernels.h"

namespace vernissage::bench {
namespace {

// Elements compared at either end of the result: first and last rows, first and last channels.
constexpr int64_t kCompared = 1 << 20;
// Both sides round a float32 sum to half once: 2^-11 of a value at most, each. Sums in another
// order differ by far less. An engine that works with half sums or transforms in half does not get
// through.
constexpr double kRmsBound = 1.0 / 1024;

// Weights (O, 3, 3, I), ±[0.5, 1), and the same as (I, 3, 3, O).
struct Weights {
  std::vector<f16> ours, swapped;
};
Weights random_weights(int o, int i) {
  std::mt19937 engine(2);
  Weights made;
  const size_t out = size_t(o), in = size_t(i);
  made.ours.resize(out * 9 * in);
  for (f16& value : made.ours) {
    const float magnitude = 0.5f + float(engine() % 1024) / 2048;
    value = from_float<f16>(engine() % 2 == 0 ? magnitude : -magnitude);
  }
  made.swapped.resize(made.ours.size());
  for (size_t a = 0; a < out; ++a)
    for (size_t tap = 0; tap < 9; ++tap)
      for (size_t b = 0; b < in; ++b)
        made.swapped[(b * 9 + tap) * out + a] = made.ours[(a * 9 + tap) * in + b];
  return made;
}

void upload(DeviceBuffer& buffer, const std::vector<f16>& values) {
  const size_t bytes = values.size() * sizeof(f16);
  check_cuda(cudaMemcpy(buffer.at_least(bytes, DeviceBuffer::Fill::f16), values.data(), bytes,
                        cudaMemcpyHostToDevice),
             "weights of a benchmark");
}

// The first and the last elements of a device tensor.
std::vector<f16> ends(const f16* tensor, int64_t count) {
  const int64_t each = std::min(kCompared, count);
  std::vector<f16> values(size_t(2 * each));
  const size_t bytes = size_t(each) * sizeof(f16);
  check_cuda(cudaMemcpy(values.data(), tensor, bytes, cudaMemcpyDeviceToHost), "a result");
  check_cuda(cudaMemcpy(values.data() + each, tensor + count - each, bytes, cudaMemcpyDeviceToHost),
             "a result");
  return values;
}

// rms of the difference over rms of `right`; infinite when either is not finite.
double distance(const std::vector<f16>& left, const std::vector<f16>& right) {
  double difference2 = 0, right2 = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    const double difference = double(to_float(left[i])) - double(to_float(right[i]));
    difference2 += difference * difference;
    right2 += double(to_float(right[i])) * double(to_float(right[i]));
  }
  const double ratio = std::sqrt(difference2 / right2);
  return std::isfinite(ratio) ? ratio : INFINITY;
}

}  // namespace

struct CudnnRival::State {
  State(const LayerWork& layer, int batch)
      : n(batch),
        side(layer.up ? layer.side / 2 : layer.side),
        in(layer.in),
        out(layer.out),
        up(layer.up),
        cudnn({n, side, side, in, out, up}, timer.stream()) {}

  std::vector<f16> ours(const f16* x, const f16* w, f16* y, int64_t count);

  int n, side, in, out;  // `side` of the input
  bool up;
  DeviceTimer timer;
  DeviceBuffer x, weight, weight_swapped, y;
  reference::CudnnConvolution cudnn;
};

std::vector<f16> CudnnRival::State::ours(const f16* from, const f16* w, f16* to, int64_t count) {
  if (up) {
    TransposedConv<f16> op;
    op.x = from, op.weight = w, op.y = to;
    op.n = n, op.h = op.w = side, op.i = in, op.o = out;
    transposed_conv(op, timer.stream(), conv_path());
  } else {
    ModulatedConv<f16> op;
    op.x = from, op.weight = w, op.y = to;
    op.n = n, op.h = op.w = side, op.i = in, op.o = out;
    modulated_conv(op, timer.stream(), conv_path());
  }
  wait_for_device();
  return ends(to, count);
}

CudnnRival::CudnnRival(const LayerWork& layer, int batch)
    : state_(std::make_unique<State>(layer, batch)) {
  State& s = *state_;
  const int64_t in_count = int64_t{s.n} * s.side * s.side * s.in;
  const int64_t out_side = s.up ? 2 * s.side + 1 : s.side;
  const int64_t out_count = s.n * out_side * out_side * s.out;
  const Weights weights = random_weights(s.out, s.in);
  upload(s.weight, weights.ours);
  upload(s.weight_swapped, weights.swapped);
  const auto half = [](DeviceBuffer& buffer, int64_t count) {
    return static_cast<f16*>(buffer.at_least(size_t(count) * sizeof(f16), DeviceBuffer::Fill::f16));
  };
  f16* const x = half(s.x, in_count);
  f16* const y = half(s.y, out_count);
  f16* const weight = half(s.weight, int64_t(weights.ours.size()));
  wait_for_device();
  const std::vector<f16> expected = s.ours(x, weight, y, out_count);

  const void* const theirs =
      s.up ? half(s.weight_swapped, int64_t(weights.swapped.size())) : weight;
  s.cudnn.choose(x, theirs, y, [&](const std::function<void()>& run) {
    check_cuda(cudaMemset(y, 0xff, size_t(out_count) * sizeof(f16)), "poison");  // not a number
    wait_for_device();  // what follows is on another stream
    run();
    wait_for_device();
    const double apart = distance(ends(y, out_count), expected);
    if (!(apart <= kRmsBound)) {
      char text[96];
      std::snprintf(text, sizeof text, "the result is %.1e (rms) from ours; allowed %.1e", apart,
                    kRmsBound);
      throw Error(layer.name + ": " + text);
    }
    return s.timer.seconds(run);
  });
}

CudnnRival::~CudnnRival() = default;

double CudnnRival::seconds() {
  return state_->timer.seconds([this] { state_->cudnn.enqueue(); });
}

std::string CudnnRival::describe() const {
  return state_->cudnn.describe();
}

}  // namespace vernissage::bench
