// The walk's operations as kernel launches on one stream. Linked with cuda_runtime_cuda.cpp it
// paints on a device, with cuda_runtime_emulated.cpp and the emulated kernels it is tested without
// one.
#include "engine/backends/cuda_backend.h"

#include <array>
#include <cstring>
#include <map>
#include <type_traits>
#include <utility>

#include "engine/backends/cuda_arena.h"
#include "engine/backends/cuda_mapping.h"
#include "engine/backends/cuda_runtime.h"
#include "engine/backends/cuda_weights.h"
#include "engine/error.h"

namespace vernissage {
namespace {

template <class T>
class CudaBackend : public Backend {
 public:
  std::string describe() const override {
    return "cuda: " + runtime_.describe() + (std::is_same_v<T, f16> ? ", f16" : ", f32");
  }
  void load(const NetworkSpec& network) override;
  void reserve(int batch_max) override;
  int batch_max() const override { return batch_max_; }
  void map(int n, std::span<const float> z, std::span<const float> c, std::span<float> w) override {
    mapping_->run(n, z, c, w);
  }
  void set_inputs(int n, std::span<const float> ws, std::span<const uint64_t> noise_seeds) override;
  void run(NoiseMode mode, bool replayable, const std::function<void()>& walk) override;
  void styles() override;
  void constant(Slot y) override;
  void convolution(int layer, Slot x, Slot y, const Tail& tail) override;
  void to_rgb(int layer, Slot x) override;
  void skip(int layer, Slot x, Slot y) override;
  std::vector<float> read(Slot slot, int channels, int resolution) override;
  std::vector<float> read_image() override;
  void read_rgb8(std::span<uint8_t> pixels) override;

 private:
  using Layer = DeviceLayer<T>;

  /// What the host knows of the device's values. A recorded walk leaves the same state as the walk
  /// itself.
  struct State {
    // Where slots a, b and c lie; the last is spare: the up-convolution's intermediate, or the
    // output of a convolution whose input is in the same slot.
    std::array<T*, 4> buffers = {};
    // The layer whose style is already in the slot's value; -1: plain.
    std::array<int, 3> scaled_for = {-1, -1, -1};
    int image = 0;             // which of the arena's images is the running one
    int image_resolution = 0;  // 0: none yet
  };
  struct Recording {
    DeviceGraph graph;
    State state;
  };

  static size_t index(Slot slot) { return static_cast<size_t>(slot); }
  T*& buffer(Slot slot) { return state_.buffers[index(slot)]; }
  T*& spare() { return state_.buffers[3]; }
  const Layer& layer_of(int layer, LayerSpec::Kind kind) const;
  Epilogue<T> epilogue(int layer, const Tail& tail) const;
  void start_walk();
  void carry_out(const std::function<void()>& walk);
  int64_t image_count() const {
    return int64_t{n_} * config_.image_channels * state_.image_resolution * state_.image_resolution;
  }

  DeviceRuntime runtime_;
  NetworkConfig config_;
  std::unique_ptr<DeviceWeights<T>> weights_;
  std::unique_ptr<DeviceMapping> mapping_;

  int batch_max_ = 0;
  std::unique_ptr<DeviceArena<T>> arena_;
  PinnedMemory input_staging_, output_staging_;

  int n_ = 0;            // samples of the current inputs
  bool seeded_ = false;  // they came with seeds
  NoiseMode mode_ = NoiseMode::constant;
  State state_;
  bool kernels_loaded_ = false;
  std::map<std::pair<int, NoiseMode>, Recording> recordings_;
};

template <class T>
void CudaBackend<T>::load(const NetworkSpec& network) {
  runtime_.synchronize();
  recordings_.clear();
  kernels_loaded_ = false;
  batch_max_ = 0;
  arena_.reset();
  config_ = network.config;
  mapping_.reset();
  weights_.reset();
  mapping_ = std::make_unique<DeviceMapping>(network, runtime_);
  weights_ = std::make_unique<DeviceWeights<T>>(network, runtime_);
}

template <class T>
void CudaBackend<T>::reserve(int batch_max) {
  VERNISSAGE_ASSERT(weights_ != nullptr);
  VERNISSAGE_ASSERT_OP(batch_max, >=, 1);
  runtime_.synchronize();
  recordings_.clear();  // they hold addresses of the old arena
  arena_.reset();
  arena_ = std::make_unique<DeviceArena<T>>(config_, weights_->layers(), batch_max, runtime_);

  const auto n = static_cast<size_t>(batch_max);
  const size_t ws = static_cast<size_t>(config_.num_ws()) * static_cast<size_t>(config_.w_dim);
  const auto side = static_cast<size_t>(config_.resolution);
  const size_t image = side * side * static_cast<size_t>(config_.image_channels);
  input_staging_ = PinnedMemory(n * (ws * sizeof(float) + sizeof(uint64_t)), "inputs");
  output_staging_ = PinnedMemory(n * image * sizeof(float), "pictures");
  batch_max_ = batch_max;
}

template <class T>
void CudaBackend<T>::set_inputs(int n, std::span<const float> ws,
                                std::span<const uint64_t> noise_seeds) {
  VERNISSAGE_ASSERT_OP(n, >=, 1);
  VERNISSAGE_ASSERT_OP(n, <=, batch_max_);
  VERNISSAGE_ASSERT_OP(ws.size(), ==, static_cast<size_t>(n) * config_.num_ws() * config_.w_dim);
  VERNISSAGE_ASSERT(noise_seeds.empty() || noise_seeds.size() == static_cast<size_t>(n));
  runtime_.synchronize();  // the copy before may still read the staging memory
  n_ = n;
  seeded_ = !noise_seeds.empty();
  std::byte* seeds = input_staging_.data();  // first, for its alignment
  std::byte* values = seeds + sizeof(uint64_t) * batch_max_;
  if (seeded_) {
    std::memcpy(seeds, noise_seeds.data(), noise_seeds.size_bytes());
    runtime_.to_device(arena_->seeds, seeds, noise_seeds.size_bytes());
  }
  std::memcpy(values, ws.data(), ws.size_bytes());
  runtime_.to_device(arena_->ws, values, ws.size_bytes());
}

template <class T>
void CudaBackend<T>::start_walk() {
  state_ = State();
  state_.buffers = arena_->buffers;
}

template <class T>
void CudaBackend<T>::carry_out(const std::function<void()>& walk) {
  start_walk();
  walk();
}

template <class T>
void CudaBackend<T>::run(NoiseMode mode, bool replayable, const std::function<void()>& walk) {
  VERNISSAGE_ASSERT_OP(n_, >=, 1);
  VERNISSAGE_ASSERT(mode != NoiseMode::random || seeded_);
  mode_ = mode;
  if (!replayable || !DeviceRuntime::can_record()) {
    carry_out(walk);
    return;
  }
  auto found = recordings_.find({n_, mode});
  if (found == recordings_.end()) {
    if (!kernels_loaded_) {
      // The driver loads a kernel at its first launch, and loading is not allowed while recording.
      carry_out(walk);
      runtime_.synchronize();
      kernels_loaded_ = true;
    }
    DeviceGraph graph = runtime_.record([&] { carry_out(walk); });
    found = recordings_.emplace(std::pair(n_, mode), Recording{std::move(graph), state_}).first;
  }
  runtime_.replay(found->second.graph);
  state_ = found->second.state;
}

template <class T>
const DeviceLayer<T>& CudaBackend<T>::layer_of(int layer, LayerSpec::Kind kind) const {
  const Layer& found = weights_->layers().at(static_cast<size_t>(layer));
  VERNISSAGE_ASSERT(found.kind == kind);
  return found;
}

template <class T>
void CudaBackend<T>::styles() {
  Styles style_launch = arena_->style_launch;
  Demodulate demodulate_launch = arena_->demodulate_launch;
  style_launch.n = demodulate_launch.n = n_;
  vernissage::styles(style_launch, runtime_.stream());
  demodulate(demodulate_launch, runtime_.stream());
}

template <class T>
void CudaBackend<T>::constant(Slot y) {
  state_.scaled_for[index(y)] = -1;
  repeat<T>({weights_->constant(), buffer(y), n_, int64_t{16} * config_.widths[0]},
            runtime_.stream());
}

template <class T>
Epilogue<T> CudaBackend<T>::epilogue(int layer, const Tail& tail) const {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::convolution);
  Epilogue<T> result;
  result.demod = arena_->demods[static_cast<size_t>(layer)];
  result.bias = spec.bias;
  if (spec.noise_strength != 0 && mode_ == NoiseMode::constant) result.noise = spec.noise;
  if (spec.noise_strength != 0 && mode_ == NoiseMode::random) result.noise_seeds = arena_->seeds;
  result.noise_layer = static_cast<uint32_t>(layer);
  result.noise_strength = spec.noise_strength;
  result.act = spec.act;
  result.gain = spec.gain;
  result.clamp = spec.clamp;
  if (tail.residual >= 0) result.residual = state_.buffers[static_cast<size_t>(tail.residual)];
  // to_rgb reads y as well and wants it plain.
  if (tail.next >= 0 && tail.to_rgb < 0)
    result.next_style = arena_->styles[static_cast<size_t>(tail.next)];
  return result;
}

template <class T>
void CudaBackend<T>::convolution(int layer, Slot x, Slot y, const Tail& tail) {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::convolution);
  VERNISSAGE_ASSERT_OP(tail.residual, !=, static_cast<int>(y));
  Epilogue<T> end = epilogue(layer, tail);
  const int scaled_for = state_.scaled_for[index(x)];
  VERNISSAGE_ASSERT(scaled_for == -1 || scaled_for == layer);
  const float* style = scaled_for == layer ? nullptr : arena_->styles[static_cast<size_t>(layer)];
  if (spec.up) {
    const int side = spec.resolution / 2;
    TransposedConv<T> op;
    op.x = buffer(x);
    op.weight = spec.weight;
    op.style = style;
    op.demod =
        std::exchange(end.demod, nullptr);  // here, so that the intermediate keeps half's range
    op.y = spare();
    op.n = n_;
    op.h = op.w = side;
    op.i = spec.in_channels;
    op.o = spec.out_channels;
    transposed_conv(op, runtime_.stream());

    Upfirdn2d<T> fir;
    fir.x = spare();
    fir.filter = spec.filter;
    fir.y = buffer(y);
    fir.n = n_;
    fir.h = fir.w = spec.resolution + 1;
    fir.c = spec.out_channels;
    fir.fh = fir.fw = 4;
    fir.pad_x0 = fir.pad_x1 = fir.pad_y0 = fir.pad_y1 = 1;
    fir.gain = 4;
    fir.epilogue = end;
    upfirdn2d(fir, runtime_.stream());
  } else {
    ModulatedConv<T> op;
    op.x = buffer(x);
    op.weight = spec.weight;
    op.style = style;
    if (x == y) std::swap(buffer(y), spare());  // op.x stays what it was
    op.y = buffer(y);
    op.n = n_;
    op.h = op.w = spec.resolution;
    op.i = spec.in_channels;
    op.o = spec.out_channels;
    op.k = 3;
    op.epilogue = end;
    modulated_conv(op, runtime_.stream());
  }
  state_.scaled_for[index(y)] = end.next_style != nullptr ? tail.next : -1;
  if (tail.to_rgb >= 0) to_rgb(tail.to_rgb, y);
}

template <class T>
void CudaBackend<T>::to_rgb(int layer, Slot x) {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::to_rgb);
  VERNISSAGE_ASSERT_OP(state_.scaled_for[index(x)], ==, -1);
  const bool first = state_.image_resolution == 0;
  VERNISSAGE_ASSERT(first || state_.image_resolution * 2 == spec.resolution);
  ToRgb<T> op;
  op.x = buffer(x);
  op.weight = spec.rgb_weight;
  op.style = arena_->styles[static_cast<size_t>(layer)];
  op.bias = spec.bias;
  if (!first) {
    op.previous = arena_->images[static_cast<size_t>(state_.image)];
    op.filter = weights_->image_filter();
    state_.image ^= 1;
  }
  op.image = arena_->images[static_cast<size_t>(state_.image)];
  op.n = n_;
  op.h = op.w = spec.resolution;
  op.i = spec.in_channels;
  op.c = spec.out_channels;
  op.clamp = spec.clamp;
  vernissage::to_rgb(op, runtime_.stream());
  state_.image_resolution = spec.resolution;
}

template <class T>
void CudaBackend<T>::skip(int layer, Slot x, Slot y) {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::skip);
  VERNISSAGE_ASSERT(spec.up && x != y);
  VERNISSAGE_ASSERT_OP(state_.scaled_for[index(x)], ==, -1);
  const int side = spec.resolution / 2;
  ModulatedConv<T> op;
  op.x = buffer(x);
  op.weight = spec.weight;
  op.y = spare();
  op.n = n_;
  op.h = op.w = side;
  op.i = spec.in_channels;
  op.o = spec.out_channels;
  op.k = 1;
  modulated_conv(op, runtime_.stream());

  Upfirdn2d<T> up;
  up.x = spare();
  up.filter = spec.filter;
  up.y = buffer(y);
  up.n = n_;
  up.h = up.w = side;
  up.c = spec.out_channels;
  up.fh = up.fw = 4;
  up.up_x = up.up_y = 2;
  up.pad_x0 = up.pad_y0 = 2;
  up.pad_x1 = up.pad_y1 = 1;
  up.gain = 4;
  up.epilogue.gain = spec.gain;
  upfirdn2d(up, runtime_.stream());
  state_.scaled_for[index(y)] = -1;
}

template <class T>
std::vector<float> CudaBackend<T>::read(Slot slot, int channels, int resolution) {
  VERNISSAGE_ASSERT_OP(state_.scaled_for[index(slot)], ==, -1);
  const auto area = static_cast<size_t>(resolution) * static_cast<size_t>(resolution);
  const size_t count = static_cast<size_t>(channels) * area;
  std::vector<T> stored(static_cast<size_t>(n_) * count);
  runtime_.to_host(stored.data(), buffer(slot), stored.size() * sizeof(T));
  runtime_.synchronize();
  std::vector<float> values(stored.size());
  for (size_t n = 0; n < static_cast<size_t>(n_); ++n)
    for (size_t pixel = 0; pixel < area; ++pixel)
      for (size_t c = 0; c < static_cast<size_t>(channels); ++c)
        values[n * count + c * area + pixel] =
            to_float(stored[n * count + pixel * static_cast<size_t>(channels) + c]);
  return values;
}

template <class T>
std::vector<float> CudaBackend<T>::read_image() {
  VERNISSAGE_ASSERT_OP(state_.image_resolution, >, 0);
  const int side = state_.image_resolution;
  float* planes =
      arena_->images[static_cast<size_t>(state_.image ^ 1)];  // the older image is not read again
  to_nchw<float>({arena_->images[static_cast<size_t>(state_.image)], planes, n_, side, side,
                  config_.image_channels},
                 runtime_.stream());
  std::vector<float> values(static_cast<size_t>(image_count()));
  runtime_.to_host(output_staging_.data(), planes, values.size() * sizeof(float));
  runtime_.synchronize();
  std::memcpy(values.data(), output_staging_.data(), values.size() * sizeof(float));
  return values;
}

template <class T>
void CudaBackend<T>::read_rgb8(std::span<uint8_t> pixels) {
  VERNISSAGE_ASSERT_OP(state_.image_resolution, ==, config_.resolution);
  VERNISSAGE_ASSERT_OP(pixels.size(), ==, static_cast<size_t>(image_count()));
  pack_rgb8({arena_->images[static_cast<size_t>(state_.image)], arena_->pixels, image_count()},
            runtime_.stream());
  runtime_.to_host(output_staging_.data(), arena_->pixels, pixels.size());
  runtime_.synchronize();
  std::memcpy(pixels.data(), output_staging_.data(), pixels.size());
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(Precision precision) {
  if (precision == Precision::f16) return std::make_unique<CudaBackend<f16>>();
  return std::make_unique<CudaBackend<float>>();
}

std::vector<DeviceInfo> list_cuda_devices() {
  return query_devices();
}

}  // namespace vernissage
