#include "engine/cpu/passes.h"

#include <algorithm>
#include <cmath>

#include "engine/cpu/linear.h"
#include "engine/cpu/vector.h"

namespace vernissage::cpu {

namespace {

// Pixels handled together: to_rgb's partial sums of a segment stay in the first-level cache while
// the channel blocks pass by.
constexpr int kSegment = 64;
constexpr int kImageChannelsMax = 4;
// Activations of this many values (64 MiB) do not stay in any cache until the next layer reads
// them.
constexpr int64_t kPastCaches = int64_t{1} << 24;

template <bool kLrelu>
Vec activated(Activation activation, Vec x) {
  if constexpr (kLrelu) {
    return max(x, 0.2f * x);
  } else {
    for (int lane = 0; lane < kBlock; ++lane) x[lane] = activate(activation, x[lane]);
    return x;
  }
}

/// One value of an upsampling by 2 (zeros inserted, padding 2 before and 1 after, filter mirrored
/// as a true convolution has it, gain 4). `at(y, x)` is the input, asked only inside it.
template <class Value, class At>
Value upsampled(const float* filter, int below, int y, int x, const At& at) {
  Value value{};
  for (int a = y & 1; a < 4; a += 2) {
    const int row = (y + a) / 2 - 1;
    if (row < 0 || row >= below) continue;
    for (int b = x & 1; b < 4; b += 2) {
      const int column = (x + b) / 2 - 1;
      if (column < 0 || column >= below) continue;
      value += (4.0f * filter[(3 - a) * 4 + (3 - b)]) * at(row, column);
    }
  }
  return value;
}

struct RgbSums {
  Vec sum[kImageChannelsMax][kSegment];  // lanes: partial sums over the channels
};

/// `values` += pixels [x0, x0 + count) of row y of the image below, upsampled. count ≤ kSegment, x0
/// even.
void add_upsampled(const float* filter, const float* below, int below_size, int y, int x0,
                   int count, float* values) {
  // The two rows of the image below that reach row y, with one pixel more on both sides and zeros
  // outside.
  constexpr int kReach = kSegment / 2 + 2;
  float above[2][kReach] = {};
  const float* taps[2];
  const int first = x0 / 2 - 1;
  for (int k = 0; k < 2; ++k) {
    const int a = (y & 1) + 2 * k, row = (y + a) / 2 - 1;
    taps[k] = filter + (3 - a) * 4;
    if (row < 0 || row >= below_size) continue;
    for (int i = 0; i < kReach; ++i)
      if (first + i >= 0 && first + i < below_size)
        above[k][i] = 4.0f * below[int64_t{row} * below_size + first + i];
  }
  float pairs[kSegment + 2];
  for (int i = 0; i < kSegment / 2; ++i) {
    pairs[2 * i] = (taps[0][3] * above[0][i] + taps[0][1] * above[0][i + 1]) +
                   (taps[1][3] * above[1][i] + taps[1][1] * above[1][i + 1]);
    pairs[2 * i + 1] = (taps[0][2] * above[0][i + 1] + taps[0][0] * above[0][i + 2]) +
                       (taps[1][2] * above[1][i + 1] + taps[1][0] * above[1][i + 2]);
  }
  for (int i = 0; i < count; ++i) values[i] += pairs[i];
}

/// Adds the segment's finished sums to the image: pixels [x0, x0 + count) of row y.
void write_rgb(const ToRgb& op, int resolution, RgbSums& sums_of, int y, int x0, int count) {
  const int below = resolution / 2;
  const Vec limit = splat(op.clamp >= 0 ? op.clamp : INFINITY);
  for (int c = 0; c < op.channels; ++c) {
    float values[kSegment];
    for (int i = 0; i < kSegment; i += kBlock)
      store(values + i, max(min(sums(sums_of.sum[c] + i) + op.bias[c], limit), -limit));
    if (op.below)
      add_upsampled(op.filter, op.below + int64_t{c} * below * below, below, y, x0, count, values);
    std::copy_n(values, count, op.image + (int64_t{c} * resolution + y) * resolution + x0);
  }
}

/// The plain source: x itself.
struct Plain {
  const float* x;
  int64_t plane;  // pixels of a channel block
  int width;

  void row(int block, int y, int x0, int count, float* to) const {
    const float* from = x + (block * plane + int64_t{y} * width + x0) * kBlock;
    for (int i = 0; i < count; ++i) store(to + i * kBlock, load(from + i * kBlock));
  }
};

/// A transposed convolution's result (width R + 1) seen through the filter.
struct Filtered {
  const float* x;
  int64_t plane;
  int width;
  const float* filter;

  void row(int block, int y, int x0, int count, float* to) const {
    Vec taps[16];
    for (int t = 0; t < 16; ++t) taps[t] = splat(4.0f * filter[15 - t]);
    const float* from = x + block * plane * kBlock;
    const int first = std::max(0, 1 - y), last = std::min(3, width - y);
    const auto checked = [&](int column) {
      Vec value{};
      for (int a = first; a <= last; ++a)
        for (int b = 0; b < 4; ++b) {
          const int at = column + b - 1;
          if (at >= 0 && at < width)
            value += taps[a * 4 + b] * load(from + (int64_t{y + a - 1} * width + at) * kBlock);
        }
      return value;
    };
    for (int i = 0; i < count; ++i) {
      const int column = x0 + i;
      if (first > 0 || last < 3 || column == 0 || column + 2 >= width) {
        store(to + i * kBlock, checked(column));
        continue;
      }
      const float* p = from + (int64_t{y - 1} * width + column - 1) * kBlock;
      const int64_t stride = int64_t{width} * kBlock;
      Vec value{};
      for (int a = 0; a < 4; ++a, p += stride)
        for (int b = 0; b < 4; ++b) value += taps[a * 4 + b] * load(p + b * kBlock);
      store(to + i * kBlock, value);
    }
  }
};

template <bool kLrelu, class Source>
void finish_rows(const Finish& op, const Source& source) {
  const int r = op.resolution;
  const int blocks = op.channels / kBlock;
  const int segments = (r + kSegment - 1) / kSegment;
  const Vec limit = splat(op.clamp >= 0 ? op.clamp : INFINITY);
  const Vec gain = splat(op.gain);
  const bool past_caches = int64_t{r} * r * op.channels >= kPastCaches;
#pragma omp parallel
  {
#pragma omp for collapse(2) schedule(static) nowait
    for (int y = 0; y < r; ++y)
      for (int segment = 0; segment < segments; ++segment) {
        const int x0 = segment * kSegment, count = std::min(kSegment, r - x0);
        RgbSums sums_of{};
        float row[kSegment * kBlock];
        const float* noise = op.noise ? op.noise + int64_t{y} * r + x0 : nullptr;
        for (int block = 0; block < blocks; ++block) {
          source.row(block, y, x0, count, row);
          const Vec d = load(op.demodulation + block * kBlock);
          const Vec bias = load(op.bias + block * kBlock);
          const Vec scale = load(op.scale + block * kBlock);
          const int64_t at = ((int64_t{block} * r + y) * r + x0) * kBlock;
          const float* residual = op.residual ? op.residual + at : nullptr;
          Vec weight[kImageChannelsMax] = {};
          for (int c = 0; c < op.to_rgb.channels; ++c)
            weight[c] = load(op.to_rgb.weight + c * op.channels + block * kBlock);
          for (int i = 0; i < count; ++i) {
            Vec v = load(row + i * kBlock) * d + bias;
            if (noise) v += splat(op.noise_strength * noise[i]);
            v = gain * activated<kLrelu>(op.activation, v);
            v = max(min(v, limit), -limit);
            if (residual) v += load(residual + i * kBlock);
            for (int c = 0; c < op.to_rgb.channels; ++c) sums_of.sum[c][i] += weight[c] * v;
            if (op.y == nullptr) continue;
            if (past_caches)
              store_past_caches(op.y + at + i * kBlock, v * scale);
            else
              store(op.y + at + i * kBlock, v * scale);
          }
        }
        if (op.to_rgb.channels) write_rgb(op.to_rgb, r, sums_of, y, x0, count);
      }
    if (past_caches) store_fence();
  }
}

template <class Source>
void finish_any(const Finish& op, const Source& source) {
  if (op.activation == Activation::lrelu)
    finish_rows<true>(op, source);
  else
    finish_rows<false>(op, source);
}

}  // namespace

void finish(const Finish& op, const float* x) {
  finish_any(op, Plain{x, int64_t{op.resolution} * op.resolution, op.resolution});
}

void filter_and_finish(const Finish& op, const float* x, const float* filter) {
  const int width = op.resolution + 1;
  finish_any(op, Filtered{x, int64_t{width} * width, width, filter});
}

void to_rgb(const ToRgb& op, int channels, int resolution, const float* x) {
#pragma omp parallel for schedule(static)
  for (int y = 0; y < resolution; ++y)
    for (int x0 = 0; x0 < resolution; x0 += kSegment) {
      const int count = std::min(kSegment, resolution - x0);
      RgbSums sums_of{};
      for (int block = 0; block < channels / kBlock; ++block) {
        const float* from = x + ((int64_t{block} * resolution + y) * resolution + x0) * kBlock;
        for (int c = 0; c < op.channels; ++c) {
          const Vec weight = load(op.weight + c * channels + block * kBlock);
          for (int i = 0; i < count; ++i) sums_of.sum[c][i] += weight * load(from + i * kBlock);
        }
      }
      write_rgb(op, resolution, sums_of, y, x0, count);
    }
}

void scale_channels(int channels, int64_t pixels, const float* x, const float* scale, float* y) {
  const int blocks = channels / kBlock;
#pragma omp parallel for collapse(2) schedule(static)
  for (int block = 0; block < blocks; ++block)
    for (int64_t i = 0; i < pixels; ++i) {
      const int64_t at = (block * pixels + i) * kBlock;
      store(y + at, load(x + at) * load(scale + block * kBlock));
    }
}

void upsample(int channels, int resolution, const float* x, const float* filter, float gain,
              float* y) {
  const int blocks = channels / kBlock, below = resolution / 2;
#pragma omp parallel for collapse(2) schedule(static)
  for (int block = 0; block < blocks; ++block)
    for (int row = 0; row < resolution; ++row)
      for (int column = 0; column < resolution; ++column) {
        const Vec value = upsampled<Vec>(filter, below, row, column, [&](int from_y, int from_x) {
          return load(x + ((int64_t{block} * below + from_y) * below + from_x) * kBlock);
        });
        store(y + ((int64_t{block} * resolution + row) * resolution + column) * kBlock,
              gain * value);
      }
}

void unblock(int channels, int resolution, const float* x, float* y) {
  const int64_t plane = int64_t{resolution} * resolution;
  for (int c = 0; c < channels; ++c)
    for (int64_t i = 0; i < plane; ++i)
      y[c * plane + i] = x[(c / kBlock * plane + i) * kBlock + c % kBlock];
}

}  // namespace vernissage::cpu
