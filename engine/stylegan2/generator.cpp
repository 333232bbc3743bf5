#include "engine/stylegan2/generator.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vernissage {

namespace {
std::string block_name(int resolution) {
  return std::string("b").append(std::to_string(resolution));
}
}  // namespace

/// The layers of one resolution, by their index in NetworkSpec::layers; -1: the block has none.
struct Generator::Block {
  int resolution;
  int channels;
  int skip = -1, conv0 = -1, conv1 = -1, to_rgb = -1;

  std::string name(const char* layer) const {
    return block_name(resolution).append(".").append(layer);
  }
};

/// How much of the network to run, and who looks on.
struct Generator::ForwardOptions {
  int blocks;               // how many, from 4 up
  bool every_image = true;  // to_rgb wherever a block has one; else in the last of `blocks` only
  const LayerHook* hook = nullptr;
  std::vector<std::vector<float>> to_rgb_alone = {};  // by block, what to show as "torgb"
};

namespace {

/// Dense layer `name` with the equalised learning rate's gains multiplied into a copy that
/// `storage` keeps.
DenseSpec dense_spec(const Network& network, const std::string& name, float lr_multiplier,
                     Activation activation, std::vector<std::vector<float>>& storage) {
  const Tensor& weight = network.at(name + ".weight");
  const Tensor& bias = network.at(name + ".bias");
  const int out = static_cast<int>(weight.shape[0]);
  const int in = static_cast<int>(weight.shape[1]);
  const float gain = lr_multiplier / std::sqrt(static_cast<float>(in));
  std::vector<float> w = weight.values;
  for (float& value : w) value *= gain;
  std::vector<float> b = bias.values;
  for (float& value : b) value *= lr_multiplier;
  storage.push_back(std::move(w));
  storage.push_back(std::move(b));
  return {name, in, out, storage[storage.size() - 2], storage.back(), activation};
}

class SpecBuilder {
 public:
  explicit SpecBuilder(const Network& network) : network_(network) {
    storage_.reserve(2 * (network.config.mapping_widths.size() + 1));
    const NetworkConfig& config = network.config;
    spec_.config = config;
    if (config.c_dim > 0)
      spec_.embed = dense_spec(network, "mapping.embed", 1.0f, Activation::linear, storage_);
    for (size_t i = 0; i < config.mapping_widths.size(); ++i)
      spec_.mapping.push_back(dense_spec(network, "mapping.fc" + std::to_string(i),
                                         config.mapping_lr_multiplier, config.mapping_activation,
                                         storage_));
    spec_.constant = network.at("synthesis.b4.const").values;
  }

  /// Appends a layer of the kind and returns its index.
  int add(LayerSpec::Kind kind, const std::string& name, int resolution, bool up, float gain,
          float clamp, int w_index) {
    const std::string prefix = "synthesis." + name;
    const Tensor& weight = network_.at(prefix + ".weight");
    LayerSpec layer{};
    layer.name = name;
    layer.kind = kind;
    layer.out_channels = static_cast<int>(weight.shape[0]);
    layer.in_channels = static_cast<int>(weight.shape[1]);
    layer.resolution = resolution;
    layer.up = up;
    layer.activation =
        kind == LayerSpec::Kind::convolution ? network_.config.activation : Activation::linear;
    layer.gain = gain;
    layer.clamp = clamp;
    layer.w_index = w_index;
    layer.weight = weight.values;
    if (kind != LayerSpec::Kind::skip) {
      layer.bias = network_.at(prefix + ".bias").values;
      layer.affine_weight = network_.at(prefix + ".affine.weight").values;
      layer.affine_bias = network_.at(prefix + ".affine.bias").values;
    }
    if (kind == LayerSpec::Kind::convolution && network_.config.use_noise) {
      layer.noise = network_.at(prefix + ".noise_const").values;
      layer.noise_strength = network_.at(prefix + ".noise_strength").values[0];
    }
    if (kind == LayerSpec::Kind::convolution && up)
      layer.filter = network_.at(prefix + ".resample_filter").values;
    if (kind == LayerSpec::Kind::skip)
      layer.filter = network_.at("synthesis." + block_name(resolution) + ".resample_filter").values;
    spec_.layers.push_back(layer);
    return static_cast<int>(spec_.layers.size()) - 1;
  }

  void image_filter(const std::string& name) {
    const std::vector<float>& filter = network_.at(name).values;
    if (spec_.image_filter.empty())
      spec_.image_filter = filter;
    else if (!std::equal(filter.begin(), filter.end(), spec_.image_filter.begin()))
      throw Error(name + ": differs from the filter of the blocks below; one filter is expected");
  }

  const NetworkSpec& spec() const { return spec_; }

 private:
  const Network& network_;
  NetworkSpec spec_;
  std::vector<std::vector<float>> storage_;  // reserved: spans into it stay valid
};

}  // namespace

Generator::Generator(const Network& network, std::unique_ptr<Backend> backend, int batch_max)
    : config_(network.config), backend_(std::move(backend)) {
  check(network);
  w_avg_ = network.at("mapping.w_avg").values;

  SpecBuilder builder(network);
  using Kind = LayerSpec::Kind;
  const float act_gain = activation_gain(config_.activation);
  const bool resnet = config_.architecture == Architecture::resnet;
  int w_index = 0;
  for (int r = 4; r <= config_.resolution; r *= 2) {
    const std::string b = block_name(r);
    Block block{r, config_.widths[blocks_.size()]};
    float gain = 1.0f;
    if (r > 4) {
      if (resnet) {
        // Source: Karras et al. 2020, fig. 7: the two branches are averaged with variance kept.
        gain = std::sqrt(0.5f);
        block.skip = builder.add(Kind::skip, b + ".skip", r, true, gain, -1, -1);
      }
      block.conv0 = builder.add(Kind::convolution, b + ".conv0", r, true, act_gain,
                                config_.conv_clamp, w_index++);
    }
    const float clamp = config_.conv_clamp < 0 ? -1.0f : config_.conv_clamp * gain;
    block.conv1 =
        builder.add(Kind::convolution, b + ".conv1", r, false, act_gain * gain, clamp, w_index++);
    if (config_.architecture == Architecture::skip || r == config_.resolution) {
      block.to_rgb =
          builder.add(Kind::to_rgb, b + ".torgb", r, false, 1.0f, config_.conv_clamp, w_index);
      if (config_.architecture == Architecture::skip && r > 4)
        builder.image_filter("synthesis." + b + ".resample_filter");
    }
    blocks_.push_back(block);
  }
  backend_->load(builder.spec());
  backend_->reserve(batch_max);
}

Generator::~Generator() = default;

int Generator::block_count() const {
  return static_cast<int>(blocks_.size());
}

std::vector<float> Generator::map(std::span<const float> z, std::span<const float> c) {
  const size_t z_dim = config_.z_dim, c_dim = config_.c_dim;
  if (z.empty() || z.size() % z_dim != 0)
    throw Error("z: expected a multiple of " + std::to_string(z_dim) + " values, got " +
                std::to_string(z.size()));
  const size_t n = z.size() / z_dim;
  if (c.size() != n * c_dim)
    throw Error("c: expected " + std::to_string(n) + " x " + std::to_string(c_dim) +
                " values, got " + std::to_string(c.size()));
  std::vector<float> w(n * config_.w_dim);
  backend_->map(static_cast<int>(n), z, c, w);
  return w;
}

// The network, said once. Buffer a holds a block's input and output, b the value between its two
// convolutions, c the resnet branch.
void Generator::forward(const ForwardOptions& options) {
  Backend& backend = *backend_;
  const bool hooked = options.hook != nullptr;
  const auto show = [&](const Block& block, const char* layer, BufferId id) {
    if (hooked)
      (*options.hook)(block.name(layer), backend.read(id, block.channels, block.resolution),
                      block.channels, block.resolution);
  };
  backend.styles();
  backend.constant(BufferId::a);
  for (int k = 0; k < options.blocks; ++k) {
    const Block& block = blocks_[k];
    const bool last = k + 1 == options.blocks;
    const bool image = block.to_rgb >= 0 && (options.every_image || last);
    BufferId x = BufferId::a;
    EpilogueOptions fused;
    if (block.skip >= 0) {
      backend.skip(block.skip, BufferId::a, BufferId::c);
      fused.residual = static_cast<int>(BufferId::c);
    }
    if (block.conv0 >= 0) {
      x = BufferId::b;
      backend.convolution(block.conv0, BufferId::a, x,
                          EpilogueOptions{.next = hooked ? -1 : block.conv1});
      show(block, "conv0", x);
    }
    if (!hooked) {
      if (image) fused.to_rgb = block.to_rgb;
      // A block with a branch reads its input twice, so it must stay plain.
      if (!last && blocks_[k + 1].skip < 0) fused.next = blocks_[k + 1].conv0;
    }
    if (hooked && fused.residual >= 0) {
      // What is shown is the layer alone, before the branch is added; x is still there for the
      // second time.
      backend.convolution(block.conv1, x, BufferId::a, EpilogueOptions{});
      show(block, "conv1", BufferId::a);
    }
    backend.convolution(block.conv1, x, BufferId::a, fused);
    if (fused.residual < 0) show(block, "conv1", BufferId::a);
    if (hooked && image) {
      backend.to_rgb(block.to_rgb, BufferId::a);
      const int channels = config_.image_channels;
      (*options.hook)(block.name("torgb"), options.to_rgb_alone[k], channels, block.resolution);
      (*options.hook)(block.name("img"), backend.read_image(), channels, block.resolution);
    }
  }
}

template <class Read>
void Generator::in_batches(std::span<const float> ws, const Noise& noise, const Read& read) {
  const size_t row = static_cast<size_t>(config_.num_ws()) * config_.w_dim;
  if (ws.empty() || ws.size() % row != 0)
    throw Error("ws: expected a multiple of " + std::to_string(config_.num_ws()) + " x " +
                std::to_string(config_.w_dim) + " values, got " + std::to_string(ws.size()));
  const size_t n = ws.size() / row;
  const bool random = noise.mode == NoiseMode::random;
  if (random && noise.seeds.size() != n)
    throw Error("random noise: expected " + std::to_string(n) + " seeds, got " +
                std::to_string(noise.seeds.size()));
  const size_t most = batch_max();
  for (size_t first = 0; first < n; first += most) {
    const size_t count = std::min(most, n - first);
    backend_->set_inputs(
        static_cast<int>(count), ws.subspan(first * row, count * row),
        random ? std::span(noise.seeds).subspan(first, count) : std::span<const uint64_t>());
    read(first, count);
  }
}

size_t Generator::picture_bytes() const {
  return static_cast<size_t>(config_.resolution) * config_.resolution * config_.image_channels;
}

size_t Generator::sample_count(std::span<const float> ws) const {
  return ws.size() / (static_cast<size_t>(config_.num_ws()) * config_.w_dim);
}

void Generator::paint_into(std::span<const float> ws, const Noise& noise,
                           std::span<uint8_t* const> pictures) {
  backend_->set_output(Output::bytes);
  in_batches(ws, noise, [&](size_t first, size_t count) {
    backend_->run(noise.mode, true, [this] { forward({.blocks = block_count()}); });
    backend_->read_rgb8(pictures.subspan(first, count));
  });
}

std::vector<uint8_t> Generator::paint(std::span<const float> ws, const Noise& noise) {
  std::vector<uint8_t> pixels(sample_count(ws) * picture_bytes());
  std::vector<uint8_t*> pictures;
  for (size_t at = 0; at < pixels.size(); at += picture_bytes())
    pictures.push_back(pixels.data() + at);
  paint_into(ws, noise, pictures);
  return pixels;
}

std::vector<std::vector<uint8_t>> Generator::paint_each(std::span<const float> ws,
                                                        const Noise& noise) {
  std::vector<std::vector<uint8_t>> all(sample_count(ws));
  std::vector<uint8_t*> pictures;
  for (std::vector<uint8_t>& pixels : all) {
    pixels.resize(picture_bytes());
    pictures.push_back(pixels.data());
  }
  paint_into(ws, noise, pictures);
  return all;
}

std::vector<std::vector<uint8_t>> Generator::paint_previews(std::span<const float> ws,
                                                            std::span<const int> sizes,
                                                            const Noise& noise) {
  const size_t n = sample_count(ws);
  std::vector<size_t> bytes;  // of one preview
  std::vector<std::vector<uint8_t>> previews;
  for (const int size : sizes) {
    if (size < 1 || size > config_.resolution)
      throw Error("preview: expected 1 to " + std::to_string(config_.resolution) + " pixels, got " +
                  std::to_string(size));
    bytes.push_back(static_cast<size_t>(size) * size * config_.image_channels);
    previews.emplace_back(n * bytes.back());
  }
  backend_->set_output(Output::bytes);
  in_batches(ws, noise, [&](size_t first, size_t count) {
    backend_->run(noise.mode, true, [this] { forward({.blocks = block_count()}); });
    for (size_t k = 0; k < sizes.size(); ++k)
      backend_->read_preview(sizes[k],
                             std::span(previews[k]).subspan(first * bytes[k], count * bytes[k]));
  });
  return previews;
}

void Generator::paint_on_device(
    std::span<const float> ws, const Noise& noise,
    const std::function<void(size_t first, size_t count, const DevicePictures&)>& use) {
  VERNISSAGE_ASSERT(backend_->has_device_pictures());
  backend_->set_output(Output::bytes);
  in_batches(ws, noise, [&](size_t first, size_t count) {
    backend_->run(noise.mode, true, [this] { forward({.blocks = block_count()}); });
    use(first, count, backend_->device_pictures());
  });
}

std::vector<float> Generator::paint_f32(std::span<const float> ws, const Noise& noise) {
  std::vector<float> values;
  backend_->set_output(Output::values);
  in_batches(ws, noise, [&](size_t, size_t) {
    backend_->run(noise.mode, true, [this] { forward({.blocks = block_count()}); });
    const std::vector<float> image = backend_->read_image();
    values.insert(values.end(), image.begin(), image.end());
  });
  return values;
}

std::vector<float> Generator::paint_with_hook(std::span<const float> ws, const Noise& noise,
                                              const LayerHook& hook) {
  const size_t row = static_cast<size_t>(config_.num_ws()) * config_.w_dim;
  if (ws.size() > row * batch_max())
    throw Error("painting with a hook: expected at most " + std::to_string(batch_max()) +
                " samples, got " + std::to_string(ws.size() / row));
  std::vector<float> values;
  backend_->set_output(Output::values);
  in_batches(ws, noise, [&](size_t, size_t) {
    // The image accumulates, so what one to_rgb layer adds is found by a pass in which it is the
    // only one.
    ForwardOptions whole{.blocks = block_count(), .hook = &hook};
    whole.to_rgb_alone.resize(whole.blocks);
    for (int k = 0; k < whole.blocks; ++k) {
      if (blocks_[k].to_rgb < 0) continue;
      backend_->run(noise.mode, false, [&] { forward({.blocks = k + 1, .every_image = false}); });
      whole.to_rgb_alone[k] = backend_->read_image();
    }
    backend_->run(noise.mode, false, [&] { forward(whole); });
    values = backend_->read_image();
  });
  return values;
}

}  // namespace vernissage
