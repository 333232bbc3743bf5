// How a network that never saw a picture comes to paint one. Plain random weights give grey noise,
// so these are random with a purpose:
//
//   mapping      every layer's mean is cancelled by its bias, so different z stay different to the
//                end
//   convolution  weights sum to zero over the inputs, so features keep swinging about zero and the
//                leaky ReLU keeps folding them; kernels are smooth, so the folds are large shapes
//                and not grain
//   shapes       from 16 x 16 up, half of a block's channels cut soft fields into shapes with clear
//                edges: conv0 copies each of a few fields into many channels, half of them a small
//                step above the others, and conv1 takes the difference, which is flat but for a
//                steep edge. The copies add up, which makes up for the small step
//   to RGB       large shapes weigh much, fine ones little; styles of a wide spread choose the
//                colours
//
// The numbers below were chosen by looking at pictures: about 0.45 deviation, few pixels beyond
// black or white.
#include "weights_tools/sketch.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vernissage {

namespace {

// Of √2 · lrelu(x, 0.2) over a unit normal x: the mean 0.8 √2 / √(2π) and the deviation √(1.04 -
// mean²).
constexpr double kLreluMean = 0.4513516668382050;
constexpr double kLreluDeviation = 0.9144884;

constexpr int kShapesFrom = 16;      // the first resolution that cuts shapes
constexpr int kFieldsMax = 8;        // fields that one block cuts
constexpr double kStep = 0.03;       // width of an edge, where a field's deviation is 0.1 to 0.3
constexpr double kThreshold = 0.3;   // deviation of the height at which a field is cut
constexpr double kShapesSeen = 0.3;  // weight of shapes in the next block's features

constexpr double kEdgeTap = 0.5;  // side taps of a kernel; a corner has the square, the centre 1
constexpr double kBias = 0.1;
constexpr double kNoise = 0.01;           // rough edges, as of a dry brush
constexpr double kStyleSpread = 1.2;      // up to 16 x 16, where pictures are composed
constexpr double kFineStyleSpread = 0.7;  // above
constexpr double kColourSpread = 1.5;     // of the styles of to_rgb
constexpr double kBackground = 0.08;

// Share of soft features and of shapes in the picture, by block from 4 x 4 up; the last holds for
// the rest.
constexpr double kSoftColour[] = {0.15, 0.21, 0.24, 0.21, 0.15, 0.09, 0.06, 0.036, 0.024};
constexpr double kShapeColour[] = {0, 0, 0.13, 0.2, 0.25, 0.25, 0.13};

template <size_t N>
double of_level(const double (&values)[N], int level) {
  return values[std::min(static_cast<size_t>(level), N - 1)];
}

/// A nearly normal stream without a logarithm or a cosine, whose last bits differ between machines:
/// the sum of eight 16-bit uniforms, centred and scaled to variance one.
class Normal {
 public:
  explicit Normal(uint64_t seed) : engine_(seed) {}
  double operator()() {
    int64_t sum = 0;
    for (int draw = 0; draw < 2; ++draw) {
      const uint64_t bits = engine_();
      for (int shift = 0; shift < 64; shift += 16)
        sum += static_cast<int64_t>(bits >> shift & 0xffff);
    }
    constexpr double kMean = 4 * 65535.0;
    constexpr double kScale = 1.2247448713915890 / 65536;  // √(12 / 8) of a unit uniform
    return (static_cast<double>(sum) - kMean) * kScale;
  }

 private:
  std::mt19937_64 engine_;
};

/// How the channels of a block are used. The first `shapes` of conv0's outputs hold fields,
/// `copies` of each, the first half of them a step below the second; the first `shapes` of conv1's
/// are cut from them.
struct Cut {
  size_t fields = 0, copies = 0, shapes = 0;
  Cut(int resolution, size_t channels) {
    if (resolution < kShapesFrom || channels < 8) return;
    fields = std::clamp<size_t>(channels / 16, 1, kFieldsMax);
    copies = channels / (4 * fields) * 2;  // even, in half of the channels
    shapes = fields * copies;
  }
};

/// A convolution's weights, (O, I, 3, 3).
struct Kernels {
  std::vector<float>& values;
  size_t in;
  float& at(size_t o, size_t i, size_t tap) { return values[(o * in + i) * 9 + tap]; }
};

class Sketcher {
 public:
  Sketcher(Network& network, uint64_t seed) : network_(network), normal_(seed) {
    for (ParameterSpec& spec : parameters(network.config)) {
      const auto count = static_cast<size_t>(element_count(spec.shape));
      network_.parameters[spec.name] = {std::move(spec.shape), std::vector<float>(count)};
    }
  }

  void mapping() {
    const double gain = 1 / static_cast<double>(network_.config.mapping_lr_multiplier);
    for (size_t layer = 0; layer < network_.config.mapping_widths.size(); ++layer) {
      const std::string name = "mapping.fc" + std::to_string(layer);
      std::vector<float>& weight = at(name + ".weight");
      std::vector<float>& bias = at(name + ".bias");
      fill(weight, layer == 0 ? gain : gain / kLreluDeviation);
      if (layer == 0) continue;  // z has mean zero already
      const size_t in = weight.size() / bias.size();
      for (size_t o = 0; o < bias.size(); ++o) {
        double sum = 0;
        for (size_t i = 0; i < in; ++i) sum += weight[o * in + i];
        bias[o] = static_cast<float>(-sum * kLreluMean / std::sqrt(static_cast<double>(in)));
      }
    }
    std::ranges::fill(at("mapping.w_avg"), static_cast<float>(kLreluMean));
  }

  void block(int level) {
    const int resolution = 4 << level;
    const std::string name = "synthesis.b" + std::to_string(resolution);
    const size_t out = width(level);
    const Cut cut(resolution, out);
    if (level == 0) {
      fill(at(name + ".const"), 1);
    } else {
      filter(name);
      filter(name + ".conv0");
      convolution(name + ".conv0", resolution);
      dim_shapes(name + ".conv0", Cut(resolution / 2, width(level - 1)), width(level - 1));
      share_fields(name + ".conv0", cut, width(level - 1));
    }
    convolution(name + ".conv1", resolution);
    cut_shapes(name + ".conv1", cut, out);
    to_rgb(name + ".torgb", level, cut, out);
  }

 private:
  std::vector<float>& at(const std::string& name) { return network_.parameters.at(name).values; }
  size_t width(int level) const {
    return static_cast<size_t>(network_.config.widths[static_cast<size_t>(level)]);
  }
  size_t w_dim() const { return static_cast<size_t>(network_.config.w_dim); }

  void fill(std::span<float> values, double scale) {
    for (float& value : values) value = static_cast<float>(scale * normal_());
  }
  static void centre(std::span<float> values) {
    double sum = 0;
    for (const float value : values) sum += value;
    const double mean = sum / static_cast<double>(values.size());
    for (float& value : values) value = static_cast<float>(value - mean);
  }

  void filter(const std::string& layer) {
    constexpr float kTaps[] = {1, 3, 3, 1};
    std::vector<float>& values = at(layer + ".resample_filter");
    for (size_t i = 0; i < values.size(); ++i) values[i] = kTaps[i / 4] * kTaps[i % 4] / 64;
  }

  /// Styles of mean one: w's elements all have the same mean, and every row of weights sums to
  /// zero.
  void style(const std::string& layer, double spread) {
    std::vector<float>& weight = at(layer + ".affine.weight");
    fill(weight, spread);
    for (size_t row = 0; row < weight.size(); row += w_dim())
      centre(std::span(weight).subspan(row, w_dim()));
    std::ranges::fill(at(layer + ".affine.bias"), 1.0f);
  }

  void convolution(const std::string& layer, int resolution) {
    std::vector<float>& weight = at(layer + ".weight");
    const size_t out = at(layer + ".bias").size(), in = weight.size() / out / 9;
    fill(weight, 1);
    Kernels kernels{weight, in};
    for (size_t o = 0; o < out; ++o)
      for (size_t tap = 0; tap < 9; ++tap) {
        const double taper = (tap / 3 == 1 ? 1 : kEdgeTap) * (tap % 3 == 1 ? 1 : kEdgeTap);
        double sum = 0;
        for (size_t i = 0; i < in; ++i) sum += kernels.at(o, i, tap);
        const double mean = sum / static_cast<double>(in);
        for (size_t i = 0; i < in; ++i)
          kernels.at(o, i, tap) = static_cast<float>((kernels.at(o, i, tap) - mean) * taper);
      }
    fill(at(layer + ".bias"), kBias);
    fill(at(layer + ".noise_const"), 1);
    at(layer + ".noise_strength")[0] = static_cast<float>(kNoise);
    style(layer, resolution > kShapesFrom ? kFineStyleSpread : kStyleSpread);
  }

  /// conv0 sees the soft features of the block before, and its shapes faintly.
  void dim_shapes(const std::string& layer, const Cut& before, size_t in) {
    Kernels kernels{at(layer + ".weight"), in};
    for (size_t o = 0; o < at(layer + ".bias").size(); ++o)
      for (size_t i = 0; i < before.shapes; ++i)
        for (size_t tap = 0; tap < 9; ++tap)
          kernels.at(o, i, tap) *= static_cast<float>(kShapesSeen);
  }

  /// conv0: the channels of a group have the weights of its first, and biases on both sides of a
  /// threshold.
  void share_fields(const std::string& layer, const Cut& cut, size_t in) {
    Kernels kernels{at(layer + ".weight"), in};
    std::vector<float>& bias = at(layer + ".bias");
    for (size_t first = 0; first < cut.shapes; first += cut.copies) {
      const auto threshold = static_cast<float>(kThreshold * normal_());
      for (size_t copy = 0; copy < cut.copies; ++copy) {
        if (copy > 0)
          std::copy_n(&kernels.at(first, 0, 0), in * 9, &kernels.at(first + copy, 0, 0));
        const bool upper = copy >= cut.copies / 2;
        bias[first + copy] = threshold + static_cast<float>(upper ? kStep / 2 : -kStep / 2);
      }
    }
  }

  /// conv1: shapes read their own group alone, the rest everything else. Even channels are high
  /// outside their shape, odd ones inside. Their styles are constant: unequal ones would not cancel
  /// between the copies.
  void cut_shapes(const std::string& layer, const Cut& cut, size_t channels) {
    Kernels kernels{at(layer + ".weight"), channels};
    std::vector<float>& bias = at(layer + ".bias");
    // The difference of the copies is `height` inside and 0.2 height outside.
    const double height = kStep * std::sqrt(static_cast<double>(cut.copies) / 2);
    for (size_t o = 0; o < channels; ++o)
      for (size_t i = 0; i < channels; ++i) {
        if (o >= cut.shapes && i >= cut.shapes) continue;
        std::fill_n(&kernels.at(o, i, 0), 9, 0.0f);
        if (o >= cut.shapes || i >= cut.shapes || o / cut.copies != i / cut.copies) continue;
        const bool upper = i % cut.copies >= cut.copies / 2;
        const bool inside = o % 2 == 1;
        kernels.at(o, i, 4) = upper == inside ? 1.0f : -1.0f;
      }
    for (size_t o = 0; o < cut.shapes; ++o)
      bias[o] = o % 2 == 1 ? 0 : static_cast<float>(1.2 * height);
    std::fill_n(at(layer + ".affine.weight").begin(), cut.shapes * w_dim(), 0.0f);
  }

  /// Neighbouring channels, inside and outside of a shape, have opposite colours of one style: a
  /// shape takes from one side what it gives to the other.
  void to_rgb(const std::string& layer, int level, const Cut& cut, size_t channels) {
    style(layer, kColourSpread);
    std::vector<float>& weight = at(layer + ".weight");
    fill(weight, 1);
    const double height =
        kStep * std::sqrt(static_cast<double>(cut.copies));  // after the activation's √2
    for (size_t row = 0; row < weight.size(); row += channels) {
      const auto shapes = std::span(weight).subspan(row, cut.shapes);
      const auto soft = std::span(weight).subspan(row + cut.shapes, channels - cut.shapes);
      for (size_t i = 0; i < shapes.size(); i += 2) {
        shapes[i] = static_cast<float>(shapes[i] * of_level(kShapeColour, level) / height);
        shapes[i + 1] = -shapes[i];
      }
      centre(soft);
      for (float& value : soft) value = static_cast<float>(value * of_level(kSoftColour, level));
    }
    float* affine = at(layer + ".affine.weight").data();
    for (size_t i = 0; i < cut.shapes; i += 2)
      std::copy_n(affine + i * w_dim(), w_dim(), affine + (i + 1) * w_dim());
    if (level == 0) fill(at(layer + ".bias"), kBackground);
  }

  Network& network_;
  Normal normal_;
};

void check_option(const char* name, int value, int low, int high) {
  if (value < low || value > high)
    throw Error(std::string("--") + name + ": expected " + std::to_string(low) + " to " +
                std::to_string(high) + ", got " + std::to_string(value));
}

}  // namespace

Network sketch(const SketchOptions& options) {
  check_option("resolution", options.resolution, 4, 4096);
  check_option("channel-base", options.channel_base, 1, 1 << 20);
  check_option("channel-max", options.channel_max, 1, 4096);
  check_option("z-dim", options.z_dim, 1, 4096);
  check_option("w-dim", options.w_dim, 1, 4096);
  check_option("mapping-layers", options.mapping_layers, 1, 64);
  Network network;
  NetworkConfig& config = network.config;
  config.resolution = options.resolution;
  config.z_dim = options.z_dim;
  config.w_dim = options.w_dim;
  config.source = "sketch";
  config.untrained = true;
  config.mapping_widths.assign(static_cast<size_t>(options.mapping_layers), options.w_dim);
  for (int r = 4; r <= options.resolution; r *= 2)
    config.widths.push_back(std::clamp(options.channel_base / r, 1, options.channel_max));

  Sketcher sketcher(network, options.seed);
  sketcher.mapping();
  for (int level = 0; level < config.block_count(); ++level) sketcher.block(level);
  return network;
}

}  // namespace vernissage
