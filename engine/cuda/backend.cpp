// The backend's operations as kernel launches on one stream. Linked with device_runtime_cuda.cpp it
// paints on a device, with device_runtime_emulated.cpp and the emulated kernels it is tested
// without one.
#include "engine/cuda/backend.h"

#include <array>
#include <cstring>
#include <map>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "engine/cuda/arena.h"
#include "engine/cuda/batches.h"
#include "engine/cuda/device_runtime.h"
#include "engine/cuda/mapping.h"
#include "engine/cuda/weights.h"
#include "kernels/convolution/conv_mma.h"
#include "kernels/launches.h"

namespace vernissage {
namespace {

template <class T>
class CudaBackend : public Backend {
 public:
  std::string describe() const override {
    return "cuda: " + runtime_.describe() + ", convolutions: " + name_of(path_) +
           (std::is_same_v<T, f16> ? ", f16" : ", f32");
  }
  void load(const NetworkSpec& network) override;
  void reserve(int batch_max) override;
  int batch_max() const override { return batch_max_; }
  void map(int n, std::span<const float> z, std::span<const float> c, std::span<float> w) override {
    mapping_->run(n, z, c, w);
  }
  void set_inputs(int n, std::span<const float> ws, std::span<const uint64_t> noise_seeds) override;
  void set_output(Output output) override { output_ = output; }
  void run(NoiseMode mode, bool replayable, const std::function<void()>& forward) override;
  void styles() override;
  void constant(BufferId y) override;
  void convolution(int layer, BufferId x, BufferId y, const EpilogueOptions& options) override;
  void to_rgb(int layer, BufferId x) override;
  void skip(int layer, BufferId x, BufferId y) override;
  std::vector<float> read(BufferId id, int channels, int resolution) override;
  std::vector<float> read_image() override;
  void read_rgb8(std::span<uint8_t* const> pictures) override;
  void read_preview(int size, std::span<uint8_t> pixels) override;
  bool has_device_pictures() const override { return true; }
  DevicePictures device_pictures() override {
    make_pixels();
    return {arena_->pixels, runtime_.stream()};
  }
  int launches() const override { return state_.launches; }

 private:
  using Layer = DeviceLayer<T>;
  static constexpr int kNotStored = -2;

  /// What the host knows of the device's values. A replayed forward pass leaves the
  /// same state as the pass itself.
  struct State {
    // Where buffers a, b and c lie; the last is spare: the up-convolution's intermediate, or the
    // output of a convolution whose input is in the same buffer.
    std::array<T*, 4> buffers = {};
    // The layer whose style is already in the buffer's value; -1: plain; kNotStored: nobody was to
    // read it.
    std::array<int, 3> scaled_for = {-1, -1, -1};
    int image = 0;             // which of the arena's images is the running one
    int image_resolution = 0;  // 0: none yet
    bool image_stored = true;  // the running image is there as float32
    bool pixels_made = false;  // the finished picture is there as bytes
    int launches = 0;
  };
  struct Recording {
    DeviceGraph graph;
    State state;
  };

  static size_t index(BufferId id) { return static_cast<size_t>(id); }
  T*& buffer(BufferId id) { return state_.buffers[index(id)]; }
  T*& spare() { return state_.buffers[3]; }
  const Layer& layer_of(int layer, LayerSpec::Kind kind) const;
  Epilogue<T> epilogue(int layer, const EpilogueOptions& options) const;
  void scale(int layer, BufferId x);
  void up_convolution(const Layer& spec, const T* x, T* y, const float* style, Epilogue<T> end);
  ToRgb<T> rgb_of(int layer, const T* x);
  void start_forward();
  void execute(const std::function<void()>& forward);
  void make_pixels();
  /// The next `each` bytes to every place.
  void copy_out(const uint8_t* device, std::span<uint8_t* const> places, size_t each);
  int64_t image_count() const {
    return int64_t{asked_} * config_.image_channels * state_.image_resolution *
           state_.image_resolution;
  }

  DeviceRuntime runtime_;
  const ConvPath path_ = std::is_same_v<T, f16> ? runtime_.conv_path() : ConvPath::plain;
  NetworkConfig config_;
  std::unique_ptr<DeviceWeights<T>> weights_;
  std::unique_ptr<DeviceMapping> mapping_;

  int batch_max_ = 0;
  std::unique_ptr<DeviceArena<T>> arena_;
  PinnedMemory input_staging_, output_staging_;

  int asked_ = 0;        // samples of the current inputs
  int n_ = 0;            // samples the forward pass runs for: those, and what fills them up
  bool seeded_ = false;  // they came with seeds
  NoiseMode mode_ = NoiseMode::constant;
  Output output_ = Output::values;
  State state_;
  std::map<std::tuple<int, NoiseMode, Output>, Recording> recordings_;
};

template <class T>
void CudaBackend<T>::load(const NetworkSpec& network) {
  runtime_.synchronize();
  recordings_.clear();
  batch_max_ = 0;
  arena_.reset();
  config_ = network.config;
  mapping_.reset();
  weights_.reset();
  mapping_ = std::make_unique<DeviceMapping>(network, runtime_);
  weights_ = std::make_unique<DeviceWeights<T>>(network, path_, runtime_);
}

template <class T>
void CudaBackend<T>::reserve(int batch_max) {
  VERNISSAGE_ASSERT(weights_ != nullptr);
  VERNISSAGE_ASSERT_OP(batch_max, >=, 1);
  runtime_.synchronize();
  recordings_.clear();  // they hold addresses of the old arena
  arena_.reset();
  arena_ =
      std::make_unique<DeviceArena<T>>(config_, weights_->layers(), bucket_of(batch_max), runtime_);

  const auto n = static_cast<size_t>(bucket_of(batch_max));
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
  asked_ = n;
  seeded_ = !noise_seeds.empty();
  // Up to a recorded batch size, the last sample stands in for those that are not there.
  const auto bucket = static_cast<size_t>(bucket_of(n));
  auto* seeds = reinterpret_cast<uint64_t*>(input_staging_.data());  // first, for its alignment
  if (seeded_) {
    std::copy(noise_seeds.begin(), noise_seeds.end(), seeds);
    std::fill(seeds + n, seeds + bucket, noise_seeds.back());
    runtime_.to_device(arena_->seeds, seeds, bucket * sizeof(uint64_t));
  }
  auto* values = reinterpret_cast<float*>(seeds + bucket_of(batch_max_));
  float* end = std::copy(ws.begin(), ws.end(), values);
  const std::span<const float> last = ws.last(ws.size() / static_cast<size_t>(n));
  for (size_t k = static_cast<size_t>(n); k < bucket; ++k)
    end = std::copy(last.begin(), last.end(), end);
  runtime_.to_device(arena_->ws, values, static_cast<size_t>(end - values) * sizeof(float));
}

template <class T>
void CudaBackend<T>::start_forward() {
  state_ = State();
  state_.buffers = arena_->buffers;
}

template <class T>
void CudaBackend<T>::execute(const std::function<void()>& forward) {
  start_forward();
  const int64_t before = launches_made;
  forward();
  state_.launches = static_cast<int>(launches_made - before);
}

template <class T>
void CudaBackend<T>::run(NoiseMode mode, bool replayable, const std::function<void()>& forward) {
  VERNISSAGE_ASSERT_OP(asked_, >=, 1);
  VERNISSAGE_ASSERT(mode != NoiseMode::random || seeded_);
  mode_ = mode;
  n_ = replayable ? bucket_of(asked_) : asked_;
  if (!replayable || !DeviceRuntime::can_record()) {
    execute(forward);
    return;
  }
  const std::tuple key(n_, mode, output_);
  auto found = recordings_.find(key);
  if (found == recordings_.end()) {
    // The driver loads a kernel at its first launch, and loading is not allowed while recording.
    execute(forward);
    runtime_.synchronize();
    DeviceGraph graph = runtime_.record([&] { execute(forward); });
    found = recordings_.emplace(key, Recording{std::move(graph), state_}).first;
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
void CudaBackend<T>::constant(BufferId y) {
  // Layer 0 reads it, and where that is made on tensor cores it wants its style in the value.
  const bool scaled = layer_of(0, LayerSpec::Kind::convolution).tensor_cores;
  const int channels = config_.widths[0];
  state_.scaled_for[index(y)] = scaled ? 0 : -1;
  broadcast_constant<T>({weights_->constant(), buffer(y), n_, int64_t{16} * channels,
                         scaled ? arena_->styles[0] : nullptr, channels},
                        runtime_.stream());
}

template <class T>
Epilogue<T> CudaBackend<T>::epilogue(int layer, const EpilogueOptions& options) const {
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
  if (options.residual >= 0)
    result.residual = state_.buffers[static_cast<size_t>(options.residual)];
  // to_rgb reads y as well and wants it plain.
  if (options.next >= 0 && options.to_rgb < 0)
    result.next_style = arena_->styles[static_cast<size_t>(options.next)];
  return result;
}

template <class T>
void CudaBackend<T>::convolution(int layer, BufferId x, BufferId y,
                                 const EpilogueOptions& options) {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::convolution);
  VERNISSAGE_ASSERT_OP(options.residual, !=, static_cast<int>(y));
  Epilogue<T> end = epilogue(layer, options);
  const int scaled_for = state_.scaled_for[index(x)];
  VERNISSAGE_ASSERT(scaled_for == -1 || scaled_for == layer);
  const float* style = scaled_for == layer ? nullptr : arena_->styles[static_cast<size_t>(layer)];
  if (style != nullptr && spec.tensor_cores) {
    scale(layer, x);
    style = nullptr;
  }
  // to_rgb and the next convolution both read y, one of them plain and one scaled. In the
  // convolution's own epilogue the picture costs neither a store nor a load; else both are stored
  // where the next one asks for it and the spare buffer is free.
  const bool next_scaled =
      options.next >= 0 && layer_of(options.next, LayerSpec::Kind::convolution).tensor_cores;
  const bool fused_rgb = options.to_rgb >= 0 && spec.tensor_cores && !spec.up &&
                         fits_rgb_epilogue(spec.resolution, spec.resolution, spec.out_channels);
  // The layer that reads the buffer it writes, at 4 x 4, has taken the spare buffer for that.
  T* const plain = x != y ? spare() : (spec.resolution == 4 ? arena_->first_plain : nullptr);
  const bool stored_twice =
      options.to_rgb >= 0 && next_scaled && !fused_rgb && !spec.up && plain != nullptr;
  if (next_scaled && (fused_rgb || stored_twice))
    end.next_style = arena_->styles[static_cast<size_t>(options.next)];
  if (stored_twice) end.plain = plain;
  state_.scaled_for[index(y)] = end.next_style != nullptr ? options.next : -1;

  if (spec.up) {
    up_convolution(spec, buffer(x), buffer(y), style, end);
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
    op.partials = arena_->partials;
    if constexpr (std::is_same_v<T, f16>) {
      if (fused_rgb) {
        if (options.next < 0) {  // then to_rgb is y's only reader
          op.y = nullptr;
          state_.scaled_for[index(y)] = kNotStored;
        }
        conv_to_rgb({op, rgb_of(options.to_rgb, nullptr)}, runtime_.stream());
        return;
      }
    }
    modulated_conv(op, runtime_.stream(), path_);
  }
  if (options.to_rgb >= 0)
    vernissage::to_rgb(rgb_of(options.to_rgb, stored_twice ? plain : buffer(y)), runtime_.stream());
}

template <class T>
void CudaBackend<T>::up_convolution(const Layer& spec, const T* x, T* y, const float* style,
                                    Epilogue<T> end) {
  if (spec.composite) {
    PhasedConv<T> op;
    op.x = x;
    op.weight = spec.weight;
    op.y = y;
    op.n = n_;
    op.h = op.w = spec.resolution / 2;
    op.i = spec.in_channels;
    op.o = spec.out_channels;
    op.epilogue = end;
    op.partials = arena_->partials;
    phased_conv(op, runtime_.stream(), path_);
    return;
  }
  TransposedConv<T> op;
  op.x = x;
  op.weight = spec.weight;
  op.style = style;
  op.demod =
      std::exchange(end.demod, nullptr);  // here, so that the intermediate keeps half's range
  op.y = spare();
  op.n = n_;
  op.h = op.w = spec.resolution / 2;
  op.i = spec.in_channels;
  op.o = spec.out_channels;
  transposed_conv(op, runtime_.stream(), path_);

  Upfirdn2d<T> fir;
  fir.x = spare();
  fir.filter = spec.filter;
  fir.y = y;
  fir.n = n_;
  fir.h = fir.w = spec.resolution + 1;
  fir.c = spec.out_channels;
  fir.fh = fir.fw = 4;
  fir.pad_x0 = fir.pad_x1 = fir.pad_y0 = fir.pad_y1 = 1;
  fir.gain = 4;
  fir.epilogue = end;
  upfirdn2d(fir, runtime_.stream());
}

/// The value of buffer x, plain so far, as convolution `layer` reads it.
template <class T>
void CudaBackend<T>::scale(int layer, BufferId x) {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::convolution);
  NoiseBiasAct<T> op;
  op.x = op.y = buffer(x);
  op.n = n_;
  op.h = op.w = spec.up ? spec.resolution / 2 : spec.resolution;
  op.o = spec.in_channels;
  op.epilogue.next_style = arena_->styles[static_cast<size_t>(layer)];
  noise_bias_act(op, runtime_.stream());
  state_.scaled_for[index(x)] = layer;
}

template <class T>
void CudaBackend<T>::to_rgb(int layer, BufferId x) {
  VERNISSAGE_ASSERT_OP(state_.scaled_for[index(x)], ==, -1);
  vernissage::to_rgb(rgb_of(layer, buffer(x)), runtime_.stream());
}

/// The to_rgb layer's operation, after which its picture is the running one.
template <class T>
ToRgb<T> CudaBackend<T>::rgb_of(int layer, const T* x) {
  const Layer& spec = layer_of(layer, LayerSpec::Kind::to_rgb);
  const bool first = state_.image_resolution == 0;
  VERNISSAGE_ASSERT(first || state_.image_resolution * 2 == spec.resolution);
  ToRgb<T> op;
  op.x = x;
  op.weight = spec.rgb_weight;
  op.style = arena_->styles[static_cast<size_t>(layer)];
  op.bias = spec.bias;
  if (!first) {
    op.previous = arena_->images[static_cast<size_t>(state_.image)];
    op.filter = weights_->image_filter();
    state_.image ^= 1;
  }
  // The finished picture leaves as bytes where nothing else is wanted.
  const bool bytes = output_ == Output::bytes && spec.resolution == config_.resolution;
  if (bytes)
    op.pixels = arena_->pixels;
  else
    op.image = arena_->images[static_cast<size_t>(state_.image)];
  state_.image_stored = !bytes;
  state_.pixels_made = bytes;
  op.n = n_;
  op.h = op.w = spec.resolution;
  op.i = spec.in_channels;
  op.c = spec.out_channels;
  op.clamp = spec.clamp;
  state_.image_resolution = spec.resolution;
  return op;
}

template <class T>
void CudaBackend<T>::skip(int layer, BufferId x, BufferId y) {
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
  modulated_conv(op, runtime_.stream(), path_);

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
std::vector<float> CudaBackend<T>::read(BufferId id, int channels, int resolution) {
  VERNISSAGE_ASSERT_OP(state_.scaled_for[index(id)], ==, -1);
  const auto area = static_cast<size_t>(resolution) * static_cast<size_t>(resolution);
  const size_t count = static_cast<size_t>(channels) * area;
  std::vector<T> stored(static_cast<size_t>(n_) * count);
  runtime_.to_host(stored.data(), buffer(id), stored.size() * sizeof(T));
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
  VERNISSAGE_ASSERT(state_.image_stored);
  const int side = state_.image_resolution;
  float* planes =
      arena_->images[static_cast<size_t>(state_.image ^ 1)];  // the older image is not read again
  to_nchw<float>({arena_->images[static_cast<size_t>(state_.image)], planes, asked_, side, side,
                  config_.image_channels},
                 runtime_.stream());
  std::vector<float> values(static_cast<size_t>(image_count()));
  runtime_.to_host(output_staging_.data(), planes, values.size() * sizeof(float));
  runtime_.synchronize();
  std::memcpy(values.data(), output_staging_.data(), values.size() * sizeof(float));
  return values;
}

template <class T>
void CudaBackend<T>::make_pixels() {
  VERNISSAGE_ASSERT_OP(state_.image_resolution, ==, config_.resolution);
  if (state_.pixels_made) return;
  pack_rgb8({arena_->images[static_cast<size_t>(state_.image)], arena_->pixels, image_count()},
            runtime_.stream());
  state_.pixels_made = true;
}

template <class T>
void CudaBackend<T>::copy_out(const uint8_t* device, std::span<uint8_t* const> places,
                              size_t each) {
  runtime_.to_host(output_staging_.data(), device, places.size() * each);
  runtime_.synchronize();
  for (size_t n = 0; n < places.size(); ++n)
    std::memcpy(places[n], output_staging_.data() + n * each, each);
}

template <class T>
void CudaBackend<T>::read_rgb8(std::span<uint8_t* const> pictures) {
  VERNISSAGE_ASSERT_OP(pictures.size(), ==, static_cast<size_t>(asked_));
  make_pixels();
  const size_t picture = static_cast<size_t>(image_count()) / pictures.size();
  copy_out(arena_->pixels, pictures, picture);
}

template <class T>
void CudaBackend<T>::read_preview(int size, std::span<uint8_t> pixels) {
  VERNISSAGE_ASSERT_OP(size, >=, 1);
  VERNISSAGE_ASSERT_OP(size, <=, config_.resolution);
  VERNISSAGE_ASSERT_OP(pixels.size(), ==,
                       static_cast<size_t>(asked_) * size * size * config_.image_channels);
  make_pixels();
  area_downsample(
      {arena_->pixels, arena_->preview, asked_, config_.image_channels, config_.resolution, size},
      runtime_.stream());
  uint8_t* const all = pixels.data();
  copy_out(arena_->preview, {&all, 1}, pixels.size());
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
