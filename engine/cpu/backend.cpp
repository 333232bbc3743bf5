// Every sample is painted on its own (a replayable forward pass simply runs once a sample), so its
// bytes do not depend on the batch, and one sample's activations stay as near as the caches allow.
#include "engine/cpu/backend.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "engine/cpu/arena.h"
#include "engine/cpu/convolution.h"
#include "engine/cpu/device.h"
#include "engine/cpu/linear.h"
#include "engine/cpu/passes.h"
#include "engine/cpu/transposed.h"
#include "engine/cpu/vector.h"

namespace vernissage {

namespace {

using namespace cpu;

std::vector<float> padded_copy(std::span<const float> values, int channels) {
  std::vector<float> all(padded(channels), 0.0f);
  std::copy(values.begin(), values.end(), all.begin());
  return all;
}

// From this input resolution up the transposed convolution is our own; below it has too few tiles
// to pay for reading four times the weights. Config-f on one core of a Zen 5 EPYC, oneDNN's
// deconvolution against ours: 8² 0.6 : 4.0 ms, 16² 7.3 : 8.1, 32² 25 : 25, 64² 54 : 38, 128² 50 :
// 37, 256² 73 : 42, 512² 75 : 46.
constexpr int kOwnTransposedFrom = 64;

/// One layer of the synthesis as this backend keeps it.
struct Layer {
  LayerSpec spec;  // its spans are cleared: the network's parameters are gone after load()
  std::optional<Convolution> convolution;           // one of the two,
  std::optional<TransposedConvolution> transposed;  // or neither for to_rgb
  Dense affine;                                     // w → s, empty for skip
  std::vector<float> square;                        // (O, I) Σ_kk W², for demodulation
  std::vector<float> bias;                          // (padded O)
  std::vector<float> noise;                         // (R, R)
  std::vector<float> filter;                        // (4, 4)
  std::vector<float> rgb;                           // to_rgb: (O, I) / √I
  // Per sample, made by styles():
  std::vector<float> style;         // (N, padded I), zero in the padding
  std::vector<float> demodulation;  // (N, padded O)
  std::vector<float> rgb_weight;    // to_rgb: (N, O, padded I), style multiplied in
};

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads)
      : threads_(threads ? threads : omp_get_num_procs()),
        engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_) {}

  std::string describe() const override;
  void load(const NetworkSpec& network) override;
  void reserve(int batch_max) override;
  int batch_max() const override { return batch_max_; }
  void map(int n, std::span<const float> z, std::span<const float> c, std::span<float> w) override;
  void set_inputs(int n, std::span<const float> ws, std::span<const uint64_t> seeds) override;
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

 private:
  static constexpr int kNotStored = -2;
  struct BufferState {
    size_t bytes = 0;     // of one sample
    size_t offset = 0;    // of sample 0
    int styled_for = -1;  // the layer whose style is multiplied in; -1: plain; or kNotStored
  };

  void load_layer(const LayerSpec& spec);
  int sample_begin() const { return sample_ < 0 ? 0 : sample_; }
  int sample_end() const { return sample_ < 0 ? n_ : sample_ + 1; }
  float* buffer(BufferId id, int sample) {
    const BufferState& s = buffers_[static_cast<int>(id)];
    // A replayable forward pass sees one sample at a time and keeps to the first one's memory.
    return arena_->at(s.offset + (sample_ < 0 ? size_t(sample) * s.bytes : 0));
  }
  float* image(int sample, int which) {
    return arena_->at(image_offset_ + (size_t(sample) * 2 + which) * image_bytes_);
  }
  const float* styled(int layer, BufferId x, int sample);
  const float* noise_of(const Layer& layer, int index, int sample);
  ToRgb rgb_of(int layer, int sample);

  int threads_;
  dnnl::engine engine_;
  dnnl::stream stream_;

  NetworkConfig config_;
  std::optional<Dense> embed_;
  std::vector<Dense> mapping_;
  std::vector<Layer> layers_;
  std::vector<float> constant_;             // in channel blocks
  std::vector<float> image_filter_;         // (4, 4)
  std::vector<float> ones_;                 // by widest layer: the scale that leaves y plain
  std::vector<float> squares_;              // likewise: of one layer's style
  std::set<std::string> plain_by_, up_by_;  // what runs the 3x3 and the up-convolutions

  int batch_max_ = 0;
  std::optional<Arena> arena_;
  std::array<BufferState, 3> buffers_;
  size_t raw_offset_ = 0, styled_offset_ = 0, noise_offset_ = 0, scratchpad_offset_ = 0;
  size_t image_offset_ = 0, image_bytes_ = 0;

  int n_ = 0;
  std::vector<float> ws_;
  std::vector<uint64_t> seeds_;
  NoiseMode mode_ = NoiseMode::constant;
  int sample_ = -1;  // the one being painted; -1: all, layer by layer
  bool styles_ready_ = false;
  int image_resolution_ = 0, image_current_ = 0;
  std::vector<uint8_t> picture_;  // (R, R, image_channels): one sample's, on its way to a preview
};

std::string CpuBackend::describe() const {
  std::string text = "cpu: oneDNN " + onednn_version() + ", " + isa_name() + ", " +
                     std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads") + ", f32";
  const auto add = [&text](const char* what, const std::set<std::string>& names) {
    const char* before = what;
    for (const std::string& name : names) {
      text += before + name;
      before = " + ";
    }
  };
  add("; 3x3 by ", plain_by_);
  add("; up by ", up_by_);
  const auto is_winograd = [](const std::string& name) {
    return name.find("wino") != std::string::npos;
  };
  if (!plain_by_.empty() && std::none_of(plain_by_.begin(), plain_by_.end(), is_winograd))
    text += " (direct: oneDNN's Winograd needs a processor, and a build, with AVX-512)";
  return text;
}

// ---- loading

void CpuBackend::load_layer(const LayerSpec& spec) {
  Layer layer;
  layer.spec = spec;
  const int in = spec.in_channels, out = spec.out_channels;
  const int taps = static_cast<int>(spec.weight.size()) / (in * out);
  layer.bias = padded_copy(spec.bias, out);
  layer.noise.assign(spec.noise.begin(), spec.noise.end());
  layer.filter.assign(spec.filter.begin(), spec.filter.end());
  if (spec.kind != LayerSpec::Kind::skip) {
    const int w_dim = config_.w_dim;
    layer.affine = {w_dim,
                    in,
                    {spec.affine_weight.begin(), spec.affine_weight.end()},
                    {spec.affine_bias.begin(), spec.affine_bias.end()},
                    Activation::linear};
    for (float& value : layer.affine.weight) value /= std::sqrt(static_cast<float>(w_dim));
  }
  const float root = std::sqrt(static_cast<float>(in));
  switch (spec.kind) {
    case LayerSpec::Kind::convolution:
      layer.square.resize(size_t(out) * in);
      for (size_t i = 0; i < layer.square.size(); ++i)
        for (int t = 0; t < taps; ++t)
          layer.square[i] += spec.weight[i * taps + t] * spec.weight[i * taps + t];
      if (spec.up && spec.resolution / 2 >= kOwnTransposedFrom)
        layer.transposed.emplace(in, out, spec.resolution / 2, spec.weight);
      else
        layer.convolution.emplace(
            ConvolutionShape{spec.name, in, out, spec.up ? spec.resolution / 2 : spec.resolution, 3,
                             spec.up},
            spec.weight, engine_);
      (spec.up ? up_by_ : plain_by_)
          .insert(layer.transposed ? "own winograd 2x2" : layer.convolution->implementation());
      break;
    case LayerSpec::Kind::to_rgb:
      layer.rgb.assign(spec.weight.begin(), spec.weight.end());
      for (float& value : layer.rgb) value /= root;
      break;
    case LayerSpec::Kind::skip: {
      std::vector<float> weight(spec.weight.begin(), spec.weight.end());
      for (float& value : weight) value /= root;
      layer.convolution.emplace(ConvolutionShape{spec.name, in, out, spec.resolution / 2, 1, false},
                                weight, engine_);
      break;
    }
  }
  layer.spec.weight = layer.spec.bias = layer.spec.affine_weight = layer.spec.affine_bias =
      layer.spec.noise = layer.spec.filter = {};
  layers_.push_back(std::move(layer));
}

void CpuBackend::load(const NetworkSpec& network) try {
  const ThreadsOf threads(threads_);
  config_ = network.config;
  embed_.reset();
  mapping_.clear();
  layers_.clear();
  plain_by_.clear();
  up_by_.clear();
  if (!network.embed.name.empty()) embed_ = copy_dense(network.embed);
  for (const DenseSpec& layer : network.mapping) mapping_.push_back(copy_dense(layer));
  int widest = 0;
  for (const LayerSpec& spec : network.layers) {
    widest = std::max({widest, spec.in_channels, spec.out_channels});
    load_layer(spec);
  }
  const int channels = config_.widths.front();
  constant_.assign(size_t(padded(channels)) * 16, 0.0f);
  for (int c = 0; c < channels; ++c)
    for (int i = 0; i < 16; ++i)
      constant_[(c / kBlock * 16 + i) * kBlock + c % kBlock] = network.constant[c * 16 + i];
  image_filter_.assign(network.image_filter.begin(), network.image_filter.end());
  ones_.assign(padded(widest), 1.0f);
  squares_.assign(padded(widest), 0.0f);
} catch (const std::bad_alloc&) {
  throw Error("cpu: not enough memory for the network's weights");
}

void CpuBackend::reserve(int batch_max) {
  VERNISSAGE_ASSERT_OP(batch_max, >=, 1);
  VERNISSAGE_ASSERT(!layers_.empty());
  size_t value = 0, raw = 0, input = constant_.size(), scratchpad = 0;
  const auto area = [](int channels, int r) { return size_t(padded(channels)) * r * r; };
  bool branches = false;
  value = input;
  for (Layer& layer : layers_) {
    const LayerSpec& spec = layer.spec;
    if (spec.kind == LayerSpec::Kind::to_rgb) {
      layer.rgb_weight.assign(size_t(batch_max) * spec.out_channels * padded(spec.in_channels), 0);
    } else {
      const int below = spec.up ? spec.resolution / 2 : spec.resolution;
      value = std::max(value, area(spec.out_channels, spec.resolution));
      raw = std::max(raw, area(spec.out_channels, spec.resolution + 1));
      input = std::max(input, area(spec.in_channels, below));
      scratchpad =
          std::max(scratchpad, layer.transposed ? layer.transposed->scratchpad_bytes(threads_)
                                                : layer.convolution->scratchpad_bytes());
      branches = branches || spec.kind == LayerSpec::Kind::skip;
    }
    layer.style.assign(size_t(batch_max) * padded(spec.in_channels), 0.0f);
    layer.demodulation.assign(size_t(batch_max) * padded(spec.out_channels), 0.0f);
  }
  const size_t pixels = size_t(config_.resolution) * config_.resolution;

  size_t bytes = 0;
  const auto place = [&bytes](size_t count_bytes) {
    const size_t at = bytes;
    bytes += (count_bytes + 4095) / 4096 * 4096;
    return at;
  };
  for (int s = 0; s < 3; ++s) {
    buffers_[s].bytes = s == 2 && !branches ? 0 : (value * sizeof(float) + 4095) / 4096 * 4096;
    buffers_[s].offset = place(buffers_[s].bytes * batch_max);
  }
  raw_offset_ = place(raw * sizeof(float));
  styled_offset_ = place(input * sizeof(float));
  noise_offset_ = place(pixels * sizeof(float));
  scratchpad_offset_ = place(scratchpad);
  image_bytes_ = pixels * config_.image_channels * sizeof(float);
  image_offset_ = place(image_bytes_ * 2 * batch_max);
  arena_.reset();
  arena_.emplace(bytes);
  batch_max_ = batch_max;
  picture_.resize(pixels * config_.image_channels);
  ws_.reserve(size_t(batch_max) * config_.num_ws() * config_.w_dim);
  seeds_.reserve(batch_max);
}

// ---- inputs

void CpuBackend::map(int n, std::span<const float> z, std::span<const float> c,
                     std::span<float> w) {
  const ThreadsOf threads(threads_);
  const int z_dim = config_.z_dim, embedded = embed_ ? embed_->out : 0, width = z_dim + embedded;
  VERNISSAGE_ASSERT_OP(z.size(), ==, size_t(n) * z_dim);
  VERNISSAGE_ASSERT_OP(w.size(), ==, size_t(n) * config_.w_dim);
  std::vector<float> x(size_t(n) * width), y;
  normalize_rows(n, z_dim, z.data(), x.data(), width);
  if (embed_) {
    VERNISSAGE_ASSERT_OP(c.size(), ==, size_t(n) * config_.c_dim);
    y.resize(size_t(n) * embedded);
    dense(*embed_, n, c.data(), y.data());
    normalize_rows(n, embedded, y.data(), x.data() + z_dim, width);
  }
  for (const Dense& layer : mapping_) {
    y.resize(size_t(n) * layer.out);
    dense(layer, n, x.data(), y.data());
    x.swap(y);
  }
  std::copy_n(x.begin(), w.size(), w.begin());
}

void CpuBackend::set_inputs(int n, std::span<const float> ws, std::span<const uint64_t> seeds) {
  VERNISSAGE_ASSERT(n >= 1 && n <= batch_max_);
  VERNISSAGE_ASSERT_OP(ws.size(), ==, size_t(n) * config_.num_ws() * config_.w_dim);
  n_ = n;
  ws_.assign(ws.begin(), ws.end());
  seeds_.assign(seeds.begin(), seeds.end());
}

void CpuBackend::run(NoiseMode mode, bool replayable, const std::function<void()>& forward) {
  const ThreadsOf threads(threads_);
  VERNISSAGE_ASSERT(n_ >= 1);
  if (mode == NoiseMode::random) VERNISSAGE_ASSERT_OP(seeds_.size(), ==, size_t(n_));
  mode_ = mode;
  styles_ready_ = false;
  const int first = replayable ? 0 : -1, last = replayable ? n_ - 1 : -1;
  for (sample_ = first; sample_ <= last; ++sample_) {
    image_resolution_ = image_current_ = 0;
    forward();
  }
  sample_ = -1;
}

// ---- the forward pass

void CpuBackend::styles() {
  if (styles_ready_) return;  // made for all samples when the first was run
  styles_ready_ = true;
  const int w_dim = config_.w_dim, num_ws = config_.num_ws();
  for (Layer& layer : layers_) {
    if (layer.spec.w_index < 0) continue;
    const int in = layer.spec.in_channels, out = layer.spec.out_channels, in_padded = padded(in);
    const bool rgb = layer.spec.kind == LayerSpec::Kind::to_rgb;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < in; ++i)
      for (int n = 0; n < n_; ++n)
        layer.style[size_t(n) * in_padded + i] =
            dot(w_dim, layer.affine.weight.data() + size_t(i) * w_dim,
                ws_.data() + (size_t(n) * num_ws + layer.spec.w_index) * w_dim) +
            layer.affine.bias[i];
    for (int n = 0; n < n_; ++n) {
      const float* style = layer.style.data() + size_t(n) * in_padded;
      if (rgb) {
        for (int o = 0; o < out; ++o)
          for (int i = 0; i < in; ++i)
            layer.rgb_weight[(size_t(n) * out + o) * in_padded + i] =
                layer.rgb[size_t(o) * in + i] * style[i];
        continue;
      }
      for (int i = 0; i < in; ++i) squares_[i] = style[i] * style[i];
#pragma omp parallel for schedule(static)
      for (int o = 0; o < out; ++o)
        layer.demodulation[size_t(n) * padded(out) + o] =
            1.0f /
            std::sqrt(dot(in, layer.square.data() + size_t(o) * in, squares_.data()) + 1e-8f);
    }
  }
}

void CpuBackend::constant(BufferId y) {
  for (int n = sample_begin(); n < sample_end(); ++n)
    std::copy(constant_.begin(), constant_.end(), buffer(y, n));
  buffers_[static_cast<int>(y)].styled_for = -1;
}

/// x of a layer with its style multiplied in: x itself when the layer before has stored it so.
const float* CpuBackend::styled(int index, BufferId x, int sample) {
  const Layer& layer = layers_[index];
  const BufferState& state = buffers_[static_cast<int>(x)];
  if (state.styled_for == index) return buffer(x, sample);
  VERNISSAGE_ASSERT_OP(state.styled_for, ==, -1);
  const int r = layer.spec.up ? layer.spec.resolution / 2 : layer.spec.resolution;
  const int channels = padded(layer.spec.in_channels);
  float* y = arena_->at(styled_offset_);
  scale_channels(channels, int64_t{r} * r, buffer(x, sample),
                 layer.style.data() + size_t(sample) * channels, y);
  return y;
}

const float* CpuBackend::noise_of(const Layer& layer, int index, int sample) {
  if (layer.spec.noise_strength == 0 || mode_ == NoiseMode::none) return nullptr;
  if (mode_ == NoiseMode::constant) return layer.noise.data();
  float* noise = arena_->at(noise_offset_);
  random_noise(seeds_[sample], index, layer.spec.resolution, noise);
  return noise;
}

/// Expects that image_current_ is the image to write.
ToRgb CpuBackend::rgb_of(int index, int sample) {
  const Layer& layer = layers_[index];
  const int channels = layer.spec.out_channels;
  return {layer.rgb_weight.data() + size_t(sample) * channels * padded(layer.spec.in_channels),
          layer.bias.data(),
          layer.spec.clamp,
          channels,
          image_filter_.data(),
          image_resolution_ ? image(sample, 1 - image_current_) : nullptr,
          image(sample, image_current_)};
}

void CpuBackend::convolution(int index, BufferId x, BufferId y, const EpilogueOptions& options) {
  Layer& layer = layers_[index];
  const LayerSpec& spec = layer.spec;
  const int channels = padded(spec.out_channels);
  // The picture's last value goes nowhere but into the image: it is not stored.
  const bool stored = sample_ < 0 || options.next >= 0 || options.to_rgb < 0;
  if (options.to_rgb >= 0) image_current_ = 1 - image_current_;
  for (int n = sample_begin(); n < sample_end(); ++n) {
    const float* input = styled(index, x, n);
    // Finished in place where the sizes agree and x is not there.
    float* raw = spec.up || input == buffer(y, n) ? arena_->at(raw_offset_) : buffer(y, n);
    float* scratchpad = arena_->at(scratchpad_offset_);
    if (layer.transposed)
      layer.transposed->execute(input, raw, scratchpad, threads_);
    else
      layer.convolution->execute(stream_, input, raw, scratchpad);
    Finish op{.channels = channels,
              .resolution = spec.resolution,
              .demodulation = layer.demodulation.data() + size_t(n) * channels,
              .bias = layer.bias.data(),
              .noise = noise_of(layer, index, n),
              .noise_strength = spec.noise_strength,
              .activation = spec.activation,
              .gain = spec.gain,
              .clamp = spec.clamp,
              .residual = options.residual < 0 ? nullptr
                                               : buffer(static_cast<BufferId>(options.residual), n),
              .scale = options.next < 0 ? ones_.data()
                                        : layers_[options.next].style.data() + size_t(n) * channels,
              .y = stored ? buffer(y, n) : nullptr,
              .to_rgb = {}};
    if (options.to_rgb >= 0) op.to_rgb = rgb_of(options.to_rgb, n);
    if (spec.up)
      filter_and_finish(op, raw, layer.filter.data());
    else
      finish(op, raw);
  }
  if (options.to_rgb >= 0) image_resolution_ = spec.resolution;
  buffers_[static_cast<int>(y)].styled_for = stored ? options.next : kNotStored;
}

void CpuBackend::to_rgb(int index, BufferId x) {
  VERNISSAGE_ASSERT_OP(buffers_[static_cast<int>(x)].styled_for, ==, -1);
  const LayerSpec& spec = layers_[index].spec;
  image_current_ = 1 - image_current_;
  for (int n = sample_begin(); n < sample_end(); ++n)
    cpu::to_rgb(rgb_of(index, n), padded(spec.in_channels), spec.resolution, buffer(x, n));
  image_resolution_ = spec.resolution;
}

void CpuBackend::skip(int index, BufferId x, BufferId y) {
  VERNISSAGE_ASSERT_OP(buffers_[static_cast<int>(x)].styled_for, ==, -1);
  Layer& layer = layers_[index];
  float* raw = arena_->at(raw_offset_);
  for (int n = sample_begin(); n < sample_end(); ++n) {
    layer.convolution->execute(stream_, buffer(x, n), raw, arena_->at(scratchpad_offset_));
    upsample(padded(layer.spec.out_channels), layer.spec.resolution, raw, layer.filter.data(),
             layer.spec.gain, buffer(y, n));
  }
  buffers_[static_cast<int>(y)].styled_for = -1;
}

// ---- results

std::vector<float> CpuBackend::read(BufferId id, int channels, int resolution) {
  VERNISSAGE_ASSERT_OP(buffers_[static_cast<int>(id)].styled_for, ==, -1);
  const size_t sample = size_t(channels) * resolution * resolution;
  std::vector<float> values(n_ * sample);
  for (int n = 0; n < n_; ++n)
    unblock(channels, resolution, buffer(id, n), values.data() + n * sample);
  return values;
}

std::vector<float> CpuBackend::read_image() {
  const size_t sample = size_t(config_.image_channels) * image_resolution_ * image_resolution_;
  std::vector<float> values(n_ * sample);
  for (int n = 0; n < n_; ++n)
    std::copy_n(image(n, image_current_), sample, values.data() + n * sample);
  return values;
}

void CpuBackend::read_rgb8(std::span<uint8_t* const> pictures) {
  const ThreadsOf threads(threads_);
  VERNISSAGE_ASSERT_OP(pictures.size(), ==, static_cast<size_t>(n_));
  for (int n = 0; n < n_; ++n)
    to_bytes(config_.image_channels, config_.resolution, image(n, image_current_), pictures[n]);
}

void CpuBackend::read_preview(int size, std::span<uint8_t> pixels) {
  const ThreadsOf threads(threads_);
  VERNISSAGE_ASSERT(size >= 1 && size <= config_.resolution);
  const size_t sample = size_t(size) * size * config_.image_channels;
  VERNISSAGE_ASSERT_OP(pixels.size(), ==, n_ * sample);
  for (int n = 0; n < n_; ++n) {
    to_bytes(config_.image_channels, config_.resolution, image(n, image_current_), picture_.data());
    area_downsample(config_.image_channels, config_.resolution, size, picture_.data(),
                    pixels.data() + n * sample);
  }
}

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(int threads) {
  return std::make_unique<CpuBackend>(threads);
}

}  // namespace vernissage
