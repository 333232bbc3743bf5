#include "kernels/reference.h"

#include <algorithm>
#include <cmath>

#include "kernels/philox.h"

namespace vernissage::reference {

namespace {

template <class R, class T>
R load(T x) {
  return static_cast<R>(x);
}

/// Where element (a, b, c, d) of an array (·, B, C, D) lies.
int64_t at(int64_t a, int64_t b, int64_t c, int64_t d, int64_t size_b, int64_t size_c,
           int64_t size_d) {
  return ((a * size_b + b) * size_c + c) * size_d + d;
}

template <class T>
double noise_at(const Epilogue<T>& e, int n, int64_t pixel, int64_t pixels) {
  if (e.noise != nullptr) return e.noise[e.noise_per_sample ? n * pixels + pixel : pixel];
  if (e.noise_seeds != nullptr)
    return normal_noise(e.noise_seeds[n], e.noise_layer, static_cast<uint32_t>(pixel));
  return 0;
}

/// The value stored for the sum v at pixel `pixel` of `pixels`, channel o of O.
template <class R, class T>
R finish(const Epilogue<T>& e, R v, int n, int64_t pixel, int64_t pixels, int o, int channels) {
  const int64_t sample_channel = int64_t{n} * channels + o;
  if (e.demod != nullptr) v *= load<R>(e.demod[sample_channel]);
  v += load<R>(e.noise_strength) * static_cast<R>(noise_at(e, n, pixel, pixels));
  if (e.bias != nullptr) v += load<R>(e.bias[o]);
  v = load<R>(e.gain) * activate<R>(v, e.act, load<R>(e.alpha));
  if (e.clamp >= 0)
    v = v > load<R>(e.clamp) ? load<R>(e.clamp) : (v < -load<R>(e.clamp) ? -load<R>(e.clamp) : v);
  if (e.residual != nullptr) v += load<R>(e.residual[(n * pixels + pixel) * channels + o]);
  if (e.next_style != nullptr) v *= load<R>(e.next_style[sample_channel]);
  return v;
}

}  // namespace

template <class R>
R activate(R x, Activation act, R alpha) {
  // Klambauer et al. 2017, "Self-Normalizing Neural Networks".
  constexpr R kSeluScale = static_cast<R>(1.0507009873554804934193349852946);
  constexpr R kSeluAlpha = static_cast<R>(1.6732632423543772848170429916717);
  switch (act) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return x < 0 ? R{0} : x;
    case Activation::lrelu:
      return x < 0 ? alpha * x : x;
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::elu:
      return x < 0 ? std::expm1(x) : x;
    case Activation::selu:
      return kSeluScale * (x < 0 ? kSeluAlpha * std::expm1(x) : x);
    case Activation::softplus:
      return std::max(x, R{0}) + std::log1p(std::exp(-std::abs(x)));
    case Activation::swish:
      return x / (1 + std::exp(-x));
  }
  return x;
}

template <class T, class R>
void modulated_conv(const ModulatedConv<T>& op, R* y) {
  for (int n = 0; n < op.n; ++n)
    for (int h = 0; h < op.h; ++h)
      for (int w = 0; w < op.w; ++w)
        for (int o = 0; o < op.o; ++o) {
          R v = 0;
          for (int p = 0; p < op.k; ++p)
            for (int q = 0; q < op.k; ++q) {
              const int row = h + p - op.k / 2, column = w + q - op.k / 2;
              if (row < 0 || row >= op.h || column < 0 || column >= op.w) continue;
              for (int i = 0; i < op.i; ++i) {
                const R style =
                    op.style != nullptr ? load<R>(op.style[int64_t{n} * op.i + i]) : R{1};
                v += load<R>(op.weight[at(o, p, q, i, op.k, op.k, op.i)]) * style *
                     load<R>(op.x[at(n, row, column, i, op.h, op.w, op.i)]);
              }
            }
          y[at(n, h, w, o, op.h, op.w, op.o)] =
              finish(op.epilogue, v, n, int64_t{h} * op.w + w, int64_t{op.h} * op.w, o, op.o);
        }
}

template <class T, class R>
void transposed_conv(const TransposedConv<T>& op, R* y) {
  const int out_h = 2 * op.h + 1, out_w = 2 * op.w + 1;
  std::fill(y, y + int64_t{op.n} * out_h * out_w * op.o, R{0});
  for (int n = 0; n < op.n; ++n)
    for (int h = 0; h < op.h; ++h)
      for (int w = 0; w < op.w; ++w)
        for (int p = 0; p < 3; ++p)
          for (int q = 0; q < 3; ++q)
            for (int o = 0; o < op.o; ++o) {
              R v = 0;
              for (int i = 0; i < op.i; ++i) {
                const R style =
                    op.style != nullptr ? load<R>(op.style[int64_t{n} * op.i + i]) : R{1};
                v += load<R>(op.weight[at(o, p, q, i, 3, 3, op.i)]) * style *
                     load<R>(op.x[at(n, h, w, i, op.h, op.w, op.i)]);
              }
              y[at(n, 2 * h + p, 2 * w + q, o, out_h, out_w, op.o)] += v;
            }
  if (op.demod == nullptr) return;
  const int64_t pixels = int64_t{out_h} * out_w;
  for (int n = 0; n < op.n; ++n)
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int o = 0; o < op.o; ++o)
        y[(n * pixels + pixel) * op.o + o] *= load<R>(op.demod[int64_t{n} * op.o + o]);
}

template <class T, class R>
void phased_conv(const PhasedConv<T>& op, R* y) {
  const int out_h = 2 * op.h, out_w = 2 * op.w;
  for (int n = 0; n < op.n; ++n)
    for (int h = 0; h < out_h; ++h)
      for (int w = 0; w < out_w; ++w)
        for (int o = 0; o < op.o; ++o) {
          const int64_t kernel = (int64_t{h % 2} * 2 + w % 2) * op.o + o;
          R v = 0;
          for (int p = 0; p < 3; ++p)
            for (int q = 0; q < 3; ++q) {
              const int row = h / 2 + p - 1, column = w / 2 + q - 1;
              if (row < 0 || row >= op.h || column < 0 || column >= op.w) continue;
              for (int i = 0; i < op.i; ++i) {
                const R style =
                    op.style != nullptr ? load<R>(op.style[int64_t{n} * op.i + i]) : R{1};
                v += load<R>(op.weight[at(kernel, p, q, i, 3, 3, op.i)]) * style *
                     load<R>(op.x[at(n, row, column, i, op.h, op.w, op.i)]);
              }
            }
          y[at(n, h, w, o, out_h, out_w, op.o)] =
              finish(op.epilogue, v, n, int64_t{h} * out_w + w, int64_t{out_h} * out_w, o, op.o);
        }
}

template <class T, class R>
void upfirdn2d(const Upfirdn2d<T>& op, R* y) {
  const int out_h = out_height(op), out_w = out_width(op);
  // Sample (row, column) of the upsampled and padded input: x where it falls on one, zero
  // elsewhere.
  const auto padded = [&op](int n, int row, int column, int c) {
    row -= op.pad_y0;
    column -= op.pad_x0;
    if (row < 0 || column < 0 || row >= op.h * op.up_y || column >= op.w * op.up_x) return R{0};
    if (row % op.up_y != 0 || column % op.up_x != 0) return R{0};
    return load<R>(op.x[at(n, row / op.up_y, column / op.up_x, c, op.h, op.w, op.c)]);
  };
  for (int n = 0; n < op.n; ++n)
    for (int p = 0; p < out_h; ++p)
      for (int q = 0; q < out_w; ++q)
        for (int c = 0; c < op.c; ++c) {
          R v = 0;
          for (int a = 0; a < op.fh; ++a)
            for (int b = 0; b < op.fw; ++b) {
              const int row = op.flip ? a : op.fh - 1 - a, column = op.flip ? b : op.fw - 1 - b;
              v += load<R>(op.filter[row * op.fw + column]) *
                   padded(n, p * op.down_y + a, q * op.down_x + b, c);
            }
          y[at(n, p, q, c, out_h, out_w, op.c)] =
              finish(op.epilogue, load<R>(op.gain) * v, n, int64_t{p} * out_w + q,
                     int64_t{out_h} * out_w, c, op.c);
        }
}

template <class T, class R>
void noise_bias_act(const NoiseBiasAct<T>& op, R* y) {
  const int64_t pixels = int64_t{op.h} * op.w;
  for (int n = 0; n < op.n; ++n)
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int o = 0; o < op.o; ++o) {
        const int64_t index = (n * pixels + pixel) * op.o + o;
        y[index] = finish(op.epilogue, load<R>(op.x[index]), n, pixel, pixels, o, op.o);
      }
}

template <class T, class R>
void to_rgb(const ToRgb<T>& op, R* image) {
  std::vector<R> upsampled(op.previous != nullptr ? int64_t{op.n} * op.h * op.w * op.c : 0);
  if (op.previous != nullptr) {
    Upfirdn2d<float> up;
    up.x = op.previous;
    up.filter = op.filter;
    up.n = op.n, up.h = op.h / 2, up.w = op.w / 2, up.c = op.c;
    up.fh = up.fw = 4;
    up.up_x = up.up_y = 2;
    up.pad_x0 = up.pad_y0 = 2, up.pad_x1 = up.pad_y1 = 1;
    up.gain = 4;
    upfirdn2d(up, upsampled.data());
  }
  const int64_t pixels = int64_t{op.h} * op.w;
  for (int n = 0; n < op.n; ++n)
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int c = 0; c < op.c; ++c) {
        R v = 0;
        for (int i = 0; i < op.i; ++i)
          v += load<R>(op.weight[c * op.i + i]) * load<R>(op.style[int64_t{n} * op.i + i]) *
               load<R>(op.x[(n * pixels + pixel) * op.i + i]);
        if (op.bias != nullptr) v += load<R>(op.bias[c]);
        if (op.clamp >= 0) v = std::clamp(v, -load<R>(op.clamp), load<R>(op.clamp));
        const int64_t index = (n * pixels + pixel) * op.c + c;
        image[index] = op.previous != nullptr ? v + upsampled[index] : v;
      }
}

template <class R>
void style(const Styles& op, const StyleLayer& layer, R* style) {
  for (int n = 0; n < op.n; ++n) {
    R* row = style + int64_t{n} * layer.i;
    const float* w = op.ws + (int64_t{n} * op.num_ws + layer.w_index) * op.w_dim;
    R largest = 0;
    for (int i = 0; i < layer.i; ++i) {
      R v = 0;
      for (int j = 0; j < op.w_dim; ++j)
        v += load<R>(layer.weight[int64_t{i} * op.w_dim + j]) * load<R>(w[j]);
      row[i] = load<R>(layer.scale) * (v + load<R>(layer.bias[i]));
      largest = std::max(largest, std::abs(row[i]));
    }
    if (layer.normalise && largest > 0)
      for (int i = 0; i < layer.i; ++i) row[i] /= largest;
  }
}

template <class R>
void demodulate(const Demodulate& op, const DemodulateLayer& layer, R* demod) {
  for (int n = 0; n < op.n; ++n)
    for (int o = 0; o < layer.o; ++o) {
      R sum = 0;
      for (int i = 0; i < layer.i; ++i) {
        const R s = load<R>(layer.style[int64_t{n} * layer.i + i]);
        sum += s * s * load<R>(layer.square[int64_t{o} * layer.i + i]);
      }
      demod[int64_t{n} * layer.o + o] = 1 / std::sqrt(sum + static_cast<R>(1e-8));
    }
}

namespace {
template <class R, class T>
void normalise_row(const T* x, int count, R* y) {
  R sum = 0;
  for (int f = 0; f < count; ++f) sum += load<R>(x[f]) * load<R>(x[f]);
  const R scale = 1 / std::sqrt(sum / static_cast<R>(count) + static_cast<R>(1e-8));
  for (int f = 0; f < count; ++f) y[f] = load<R>(x[f]) * scale;
}
}  // namespace

template <class R>
void pixel_norm(const PixelNorm& op, R* y) {
  for (int n = 0; n < op.n; ++n)
    normalise_row(op.x + int64_t{n} * op.x_stride, op.f, y + int64_t{n} * op.y_stride);
}

template <class T>
void to_nchw(const ToNchw<T>& op, float* y) {
  for (int n = 0; n < op.n; ++n)
    for (int c = 0; c < op.c; ++c)
      for (int h = 0; h < op.h; ++h)
        for (int w = 0; w < op.w; ++w)
          y[at(n, c, h, w, op.c, op.h, op.w)] = load<float>(op.x[at(n, h, w, c, op.h, op.w, op.c)]);
}

void pack_rgb8(const PackRgb8& op, uint8_t* pixels) {
  for (int64_t i = 0; i < op.count; ++i) {
    // Two roundings, not one: this library is compiled with -ffp-contract=off.
    const float level = op.image[i] * 127.5f + 128.0f;
    pixels[i] =
        level > 0 ? static_cast<uint8_t>(level < 255 ? level : 255.0f) : uint8_t{0};  // NaN: 0
  }
}

template <class R>
std::vector<R> dense(const Dense& op, std::span<const R> x) {
  const int64_t count = static_cast<int64_t>(x.size()) / op.i;
  std::vector<R> y(count * op.o);
  for (int64_t n = 0; n < count; ++n)
    for (int o = 0; o < op.o; ++o) {
      R v = 0;
      for (int i = 0; i < op.i; ++i)
        v +=
            x[n * op.i + i] * (load<R>(op.weight[int64_t{o} * op.i + i]) * load<R>(op.weight_gain));
      if (op.bias != nullptr) v += load<R>(op.bias[o]) * load<R>(op.bias_gain);
      y[n * op.o + o] = load<R>(op.gain) * activate<R>(v, op.act, load<R>(op.alpha));
    }
  return y;
}

template <class R>
std::vector<R> mapping(const Mapping& op, std::span<const R> z, std::span<const R> c) {
  const int64_t count = static_cast<int64_t>(z.size()) / op.z_dim;
  const bool labels = op.embed.weight != nullptr;
  const int width = op.z_dim + (labels ? op.embed.o : 0);
  const std::vector<R> embedded = labels ? dense(op.embed, c) : std::vector<R>();
  std::vector<R> x(count * width);
  for (int64_t n = 0; n < count; ++n) {
    normalise_row(z.data() + n * op.z_dim, op.z_dim, x.data() + n * width);
    if (labels)
      normalise_row(embedded.data() + n * op.embed.o, op.embed.o, x.data() + n * width + op.z_dim);
  }
  for (const Dense& layer : op.layers) x = dense(layer, std::span<const R>(x));
  return x;
}

template <class R>
std::vector<R> truncate(std::span<const R> w, std::span<const float> w_avg, int num_ws, double psi,
                        int cutoff) {
  const int64_t width = static_cast<int64_t>(w_avg.size());
  const int64_t count = static_cast<int64_t>(w.size()) / width;
  std::vector<R> ws(count * num_ws * width);
  for (int64_t n = 0; n < count; ++n)
    for (int i = 0; i < num_ws; ++i)
      for (int64_t j = 0; j < width; ++j) {
        const R own = w[n * width + j], average = load<R>(w_avg[j]);
        const bool pulled = cutoff < 0 || i < cutoff;
        ws[(n * num_ws + i) * width + j] =
            pulled ? average + static_cast<R>(psi) * (own - average) : own;
      }
  return ws;
}

#define VERNISSAGE_REFERENCE(T, R)                             \
  template void modulated_conv(const ModulatedConv<T>&, R*);   \
  template void transposed_conv(const TransposedConv<T>&, R*); \
  template void phased_conv(const PhasedConv<T>&, R*);         \
  template void upfirdn2d(const Upfirdn2d<T>&, R*);            \
  template void noise_bias_act(const NoiseBiasAct<T>&, R*);    \
  template void to_rgb(const ToRgb<T>&, R*);
VERNISSAGE_REFERENCE(float, float)
VERNISSAGE_REFERENCE(float, double)
VERNISSAGE_REFERENCE(double, double)
#undef VERNISSAGE_REFERENCE

#define VERNISSAGE_REFERENCE(R)                                                            \
  template R activate(R, Activation, R);                                                   \
  template void style(const Styles&, const StyleLayer&, R*);                               \
  template void demodulate(const Demodulate&, const DemodulateLayer&, R*);                 \
  template void pixel_norm(const PixelNorm&, R*);                                          \
  template std::vector<R> dense(const Dense&, std::span<const R>);                         \
  template std::vector<R> mapping(const Mapping&, std::span<const R>, std::span<const R>); \
  template std::vector<R> truncate(std::span<const R>, std::span<const float>, int, double, int);
VERNISSAGE_REFERENCE(float)
VERNISSAGE_REFERENCE(double)
#undef VERNISSAGE_REFERENCE

template void to_nchw(const ToNchw<float>&, float*);

}  // namespace vernissage::reference
