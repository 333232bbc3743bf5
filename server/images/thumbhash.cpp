#include "server/images/thumbhash.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace vernissage {
namespace {

constexpr int kSideMax = 100;

// One channel's cosine transform: the triangle of frequencies cx · ny < nx · (ny - cy).
struct Transform {
  double constant = 0;
  double scale = 0;             // largest |coefficient| of the others
  std::vector<double> details;  // the others, 0 … 1 around 0.5

  Transform(const std::vector<double>& channel, int width, int height, int nx, int ny) {
    const auto wave = [](int frequency, int position, int size) {
      return std::cos(std::numbers::pi / size * frequency * (position + 0.5));
    };
    for (int cy = 0; cy < ny; ++cy)
      for (int cx = 0; cx * ny < nx * (ny - cy); ++cx) {
        double sum = 0;
        for (int y = 0; y < height; ++y) {
          const double down = wave(cy, y, height);
          for (int x = 0; x < width; ++x)
            sum += channel[static_cast<size_t>(y * width + x)] * wave(cx, x, width) * down;
        }
        sum /= width * height;
        if (cx == 0 && cy == 0) {
          constant = sum;
        } else {
          details.push_back(sum);
          scale = std::max(scale, std::abs(sum));
        }
      }
    if (scale > 0)
      for (double& detail : details) detail = 0.5 + 0.5 / scale * detail;
  }
};

uint32_t quantised(double value, int steps) {
  return static_cast<uint32_t>(
      std::clamp(std::lround(value * steps), 0L, static_cast<long>(steps)));
}

}  // namespace

std::vector<uint8_t> thumbhash(const Image& image) {
  check(image);
  const int w = image.width, h = image.height;
  if (w > kSideMax || h > kSideMax || image.channels == 4)
    throw Error("thumbhash: expected at most 100 x 100 pixels without alpha, got " +
                std::to_string(w) + " x " + std::to_string(h) + " with " +
                std::to_string(image.channels) + " channels");
  const auto count = static_cast<size_t>(w) * static_cast<size_t>(h);
  const auto channels = static_cast<size_t>(image.channels);
  std::vector<double> light(count), yellow_blue(count), red_green(count);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* pixel = image.pixels.data() + i * channels;
    const double r = pixel[0] / 255.0, g = pixel[channels == 3 ? 1 : 0] / 255.0,
                 b = pixel[channels == 3 ? 2 : 0] / 255.0;
    light[i] = (r + g + b) / 3;
    yellow_blue[i] = (r + g) / 2 - b;
    red_green[i] = r - g;
  }
  const int longer = std::max(w, h);
  const auto steps = [&](int side) {
    return std::max(1, static_cast<int>(std::lround(7.0 * side / longer)));
  };
  const int lx = steps(w), ly = steps(h);
  const bool landscape = w > h;
  const Transform l(light, w, h, std::max(3, lx), std::max(3, ly));
  const Transform p(yellow_blue, w, h, 3, 3);
  const Transform q(red_green, w, h, 3, 3);

  const uint32_t averages = quantised(l.constant, 63) | quantised((p.constant + 1) / 2, 63) << 6 |
                            quantised((q.constant + 1) / 2, 63) << 12 |
                            quantised(l.scale, 31) << 18;
  const uint32_t scales = static_cast<uint32_t>(landscape ? ly : lx) | quantised(p.scale, 63) << 3 |
                          quantised(q.scale, 63) << 9 | (landscape ? 1u << 15 : 0u);
  std::vector<uint8_t> hash{static_cast<uint8_t>(averages), static_cast<uint8_t>(averages >> 8),
                            static_cast<uint8_t>(averages >> 16), static_cast<uint8_t>(scales),
                            static_cast<uint8_t>(scales >> 8)};
  bool high = false;
  for (const Transform* channel : {&l, &p, &q})
    for (const double detail : channel->details) {
      const uint32_t nibble = quantised(detail, 15);
      if (high)
        hash.back() = static_cast<uint8_t>(hash.back() | nibble << 4);
      else
        hash.push_back(static_cast<uint8_t>(nibble));
      high = !high;
    }
  return hash;
}

}  // namespace vernissage
