#include "engine/stylegan2/launch_costs.h"

#include "kernels/launch_model.h"

namespace vernissage {
namespace {

LaunchCost cost_of(const std::string& layer, const char* kernel, const Work& work,
                   const LaunchTime& time) {
  return {layer,
          kernel,
          work.flop,
          work.bytes,
          floor_s(work) * 1e6,
          time.total_s * 1e6,
          time.issue_s * 1e6,
          time.tensor_s * 1e6,
          time.l2_s * 1e6,
          time.dram_s * 1e6};
}

/// Costs ask of a pointer only whether it is null.
template <class T>
T* there() {
  static T somewhere;
  return &somewhere;
}

/// Follows a forward pass as the backend does: which buffers hold what, and whether a value is
/// stored times the style of the layer that reads it.
template <class T>
class ForwardCosts {
 public:
  ForwardCosts(const NetworkConfig& config, int n) : config_(config), n_(n) {}

  std::vector<LaunchCost> costs() {
    prepare();
    const int blocks = config_.block_count();
    const bool skip = config_.architecture == Architecture::skip;
    const bool resnet = config_.architecture == Architecture::resnet;
    for (int k = 0; k < blocks; ++k) {
      const int side = 4 << k, in = config_.widths[k > 0 ? k - 1 : 0], out = config_.widths[k];
      const bool last = k + 1 == blocks;
      block_ = std::string("b").append(std::to_string(side));
      if (k > 0 && resnet) branch(side, in, out);
      if (k > 0) up_convolution(side, in, out);
      // Who reads conv1's result: to_rgb, and the next block's conv0 alone unless there is a
      // branch.
      const bool colours = skip || last;
      convolution(side, out, colours, !last && !resnet ? config_.widths[k + 1] : 0, k > 0, last);
    }
    return costs_;
  }

 private:
  static constexpr bool kHalf = sizeof(T) == 2;

  void add(const std::string& layer, const char* kernel, const Work& work, const LaunchTime& time) {
    costs_.push_back(cost_of(layer, kernel, work, time));
  }
  void add(const std::string& layer, const char* kernel, const Work& work) {
    add(layer, kernel, work, plain_time(work));
  }
  bool on_tensor_cores(int in, int out) const {
    return kHalf && fits_tensor_cores(in, out, config_.activation);
  }
  Epilogue<T> epilogue(bool demod) const {
    Epilogue<T> result;
    if (demod) result.demod = there<float>();
    result.bias = there<float>();
    if (config_.use_noise) result.noise = there<float>();
    return result;
  }

  void prepare() {
    double rows = 0, pairs = 0;
    for (int k = 0; k < config_.block_count(); ++k) {
      const double in = config_.widths[k > 0 ? k - 1 : 0], out = config_.widths[k];
      const bool last = k + 1 == config_.block_count();
      const bool colours = config_.architecture == Architecture::skip || last;
      rows += (k > 0 ? in : 0) + out + (colours ? out : 0);
      pairs += (k > 0 ? in * out : 0) + out * out;
    }
    add("styles", "styles", styles_work(n_, rows, config_.w_dim));
    add("styles", "demodulate", demodulate_work(n_, pairs));
    BroadcastConstant<T> constant;
    constant.n = n_;
    constant.count = int64_t{16} * config_.widths[0];
    add("constant", "broadcast_constant", work_of(constant));
    scaled_ = on_tensor_cores(config_.widths[0], config_.widths[0]);
  }

  /// Where the input is stored plain and tensor cores want it scaled.
  void scale(const std::string& layer, int side, int channels) {
    NoiseBiasAct<T> op;
    op.n = n_, op.h = op.w = side, op.o = channels;
    op.epilogue.next_style = there<float>();
    add(layer, "scale", work_of(op));
  }

  void up_convolution(int side, int in, int out) {
    const std::string layer = block_ + ".conv0";
    const bool tensor_cores = on_tensor_cores(in, out);
    if (tensor_cores && !scaled_) scale(layer, side / 2, in);
    const float* style = !tensor_cores && !scaled_ ? there<float>() : nullptr;
    scaled_ = true;  // its only reader is conv1
    const int half_side = side / 2;
    Epilogue<T> end = epilogue(true);
    end.next_style = there<float>();
    if (tensor_cores && up_method(side) == UpMethod::composite) {
      PhasedConv<T> op;
      op.n = n_, op.h = op.w = half_side, op.i = in, op.o = out;
      op.epilogue = end;
      const int64_t rows = int64_t{half_side} * half_side, all = n_ * rows;
      const ConvShape shape = {4, {all, all, all, all}, {9, 9, 9, 9}, in, out};
      const int splits = tap_splits(rows, out, 4);
      if (splits > 1)
        add_split(layer, work_of(op), shape, splits);
      else
        add(layer, "convolution", work_of(op), convolution_time(shape, work_of(op).bytes));
      return;
    }
    TransposedConv<T> op;
    op.n = n_, op.h = op.w = half_side, op.i = in, op.o = out;
    op.style = style;
    op.demod = there<float>();
    const Work work = work_of(op);
    if (tensor_cores && prefers_up_kernel(half_side, half_side)) {
      add(layer, "up-convolution", work,
          up_kernel_time(n_, half_side, half_side, in, out, work.bytes));
    } else {
      const auto rows = [&](int a, int b) {
        return int64_t{n_} * (half_side + 1 - a) * (half_side + 1 - b);
      };
      const ConvShape shape = {
          4, {rows(0, 0), rows(0, 1), rows(1, 0), rows(1, 1)}, {4, 2, 2, 1}, in, out};
      add(layer, "convolution", work,
          tensor_cores ? convolution_time(shape, work.bytes) : plain_time(work));
    }
    Upfirdn2d<T> filter;
    filter.n = n_, filter.h = filter.w = side + 1, filter.c = out, filter.fh = filter.fw = 4;
    filter.pad_x0 = filter.pad_x1 = filter.pad_y0 = filter.pad_y1 = 1;
    filter.epilogue = epilogue(false);
    filter.epilogue.next_style = there<float>();
    const double bytes = work_of(filter).bytes;
    if (kHalf && out % 8 == 0)
      add(layer, "filter", work_of(filter), filter_time(n_, side, side, out, bytes));
    else
      add(layer, "filter", work_of(filter));
  }

  /// conv1 and the block's to_rgb. `next`: channels of the block above where its conv0 alone reads
  /// the result besides, else 0.
  void convolution(int side, int channels, bool colours, int next, bool two_buffers, bool last) {
    const std::string layer = block_ + ".conv1";
    const bool tensor_cores = on_tensor_cores(channels, channels);
    if (tensor_cores && !scaled_) scale(layer, side, channels);
    ModulatedConv<T> op;
    op.y = there<T>();
    op.n = n_, op.h = op.w = side, op.i = op.o = channels;
    if (!tensor_cores && !scaled_) op.style = there<float>();
    op.epilogue = epilogue(true);
    if (config_.architecture == Architecture::resnet && two_buffers)
      op.epilogue.residual = there<T>();
    const bool next_scaled = next > 0 && on_tensor_cores(channels, next);
    const bool fused_rgb = colours && tensor_cores && fits_rgb_epilogue(side, side, channels);
    const bool twice = colours && next_scaled && !fused_rgb && (two_buffers || side == 4);
    scaled_ = colours ? next_scaled && (fused_rgb || twice) : next > 0;
    if (scaled_) op.epilogue.next_style = there<float>();
    if (twice) op.epilogue.plain = there<T>();
    if (fused_rgb) {
      if (next == 0) op.y = nullptr;
      const Work work = work_of(ConvToRgb<T>{op, rgb(side, channels, last)});
      add(layer, "convolution with to_rgb", work,
          square_convolution_time(n_, side, side, channels, channels, true, work.bytes));
      return;
    }
    const int64_t rows = int64_t{side} * side;
    const Work work = work_of(op);
    if (!tensor_cores)
      add(layer, "convolution", work);
    else if (const int splits = tap_splits(rows, channels, 1); splits > 1)
      add_split(layer, work, {1, {n_ * rows}, {9}, channels, channels}, splits);
    else
      add(layer, "convolution", work,
          square_convolution_time(n_, side, side, channels, channels, false, work.bytes));
    if (!colours) return;
    ToRgb<T> alone = rgb(side, channels, last);
    alone.x = there<T>();
    add(layer, "to_rgb", work_of(alone));
  }

  /// 3 x 3 products on tensor cores, their taps in `splits` shares: two launches.
  void add_split(const std::string& layer, const Work& work, const ConvShape& shape, int splits) {
    double results = 0;
    for (int p = 0; p < shape.phases; ++p)
      results += static_cast<double>(shape.rows[p]) * shape.out_channels;
    const double partials = sizeof(float) * splits * results;
    const double inputs =
        sizeof(T) * (static_cast<double>(shape.rows[0]) + 9.0 * shape.phases * shape.out_channels) *
        shape.in_channels;
    add(layer, "convolution", {work.flop, inputs + partials},
        split_time(shape, splits, inputs + partials));
    add(layer, "sum of shares", {splits * results, partials + work.bytes - inputs});
  }

  ToRgb<T> rgb(int side, int channels, bool last) const {
    ToRgb<T> op;
    op.n = n_, op.h = op.w = side, op.i = channels, op.c = config_.image_channels;
    if (config_.architecture == Architecture::skip && side > 4) op.previous = there<float>();
    if (last) op.pixels = there<uint8_t>();
    return op;
  }

  /// The branch of the resnet architecture: a pointwise convolution, then the doubling.
  void branch(int side, int in, int out) {
    ModulatedConv<T> op;
    op.y = there<T>();
    op.n = n_, op.h = op.w = side / 2, op.i = in, op.o = out, op.k = 1;
    const bool tensor_cores = on_tensor_cores(in, out);
    const Work work = work_of(op);
    add(block_ + ".skip", "convolution", work,
        tensor_cores
            ? convolution_time({1, {int64_t{n_} * side * side / 4}, {1}, in, out}, work.bytes)
            : plain_time(work));
    Upfirdn2d<T> up;
    up.n = n_, up.h = up.w = side / 2, up.c = out, up.fh = up.fw = 4, up.up_x = up.up_y = 2;
    up.pad_x0 = up.pad_y0 = 2, up.pad_x1 = up.pad_y1 = 1;
    add(block_ + ".skip", "filter", work_of(up));
  }

  const NetworkConfig& config_;
  const int n_;
  std::string block_;
  bool scaled_ =
      false;  // buffer a or b, whichever is read next, holds a value times its reader's style
  std::vector<LaunchCost> costs_;
};

}  // namespace

std::vector<LaunchCost> launch_costs(const NetworkConfig& config, int n, bool half) {
  return half ? ForwardCosts<f16>(config, n).costs() : ForwardCosts<float>(config, n).costs();
}

std::vector<LaunchCost> mapping_costs(const NetworkConfig& config, int n) {
  std::vector<LaunchCost> costs;
  const auto add = [&](const char* kernel, const Work& work) {
    costs.push_back(cost_of("mapping", kernel, work, plain_time(work)));
  };
  const auto dense = [&](int in, int out) {
    FullyConnected op;
    op.n = n, op.i = in, op.o = out;
    add("fully connected", work_of(op));
  };
  const auto norm = [&](int width) {
    PixelNorm op;
    op.n = n, op.f = width;
    add("pixel norm", work_of(op));
  };
  norm(config.z_dim);
  if (config.c_dim > 0) {
    dense(config.c_dim, config.embed_features);
    norm(config.embed_features);
  }
  int in = config.z_dim + (config.c_dim > 0 ? config.embed_features : 0);
  for (const int out : config.mapping_widths) {
    dense(in, out);
    in = out;
  }
  return costs;
}

}  // namespace vernissage
