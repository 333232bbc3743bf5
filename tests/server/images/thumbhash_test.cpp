// ThumbHash against its published description. Goal: what a decoder draws from a hash is the
// picture's low frequencies. Method: a decoder written here from the format's description, in the
// other direction than the encoder; pictures that are made of low frequencies alone come back
// within the quantisation.
#include "server/images/thumbhash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace vernissage {
namespace {

struct Decoded {
  std::array<double, 3> average;  // r, g, b, 0 … 1
  int lx = 0, ly = 0;
  std::vector<double> l;  // coefficients by (cy, cx), the constant first
  double l_step = 0;      // of a coefficient's quantisation
};

Decoded decode(const std::vector<uint8_t>& hash) {
  const uint32_t head = hash.at(0) | hash.at(1) << 8 | hash.at(2) << 16;
  const uint32_t scales = hash.at(3) | hash.at(4) << 8;
  EXPECT_EQ(head >> 23, 0u) << "alpha";
  const double l = (head & 63) / 63.0, p = ((head >> 6) & 63) / 31.5 - 1,
               q = ((head >> 12) & 63) / 31.5 - 1;
  const double l_scale = ((head >> 18) & 31) / 31.0;
  const bool landscape = scales >> 15;
  Decoded decoded;
  const int shorter = std::max(3, static_cast<int>(scales & 7));
  decoded.lx = landscape ? 7 : shorter;
  decoded.ly = landscape ? shorter : 7;
  const double b = l - 2 * p / 3, r = (3 * l - b + q) / 2;
  decoded.average = {r, r - q, b};
  decoded.l = {l};
  decoded.l_step = l_scale / 7.5;
  size_t nibble = 0;
  for (int cy = 0; cy < decoded.ly; ++cy)
    for (int cx = cy ? 0 : 1; cx * decoded.ly < decoded.lx * (decoded.ly - cy); ++cx, ++nibble) {
      const int value = (hash.at(5 + nibble / 2) >> (nibble % 2 * 4)) & 15;
      decoded.l.push_back((value / 7.5 - 1) * l_scale);
    }
  // 5 coefficients for each of the two colour differences follow.
  EXPECT_EQ(hash.size(), 5 + (nibble + 10 + 1) / 2);
  return decoded;
}

Image plain(int width, int height, std::array<uint8_t, 3> colour) {
  Image image{width, height, 3, {}};
  for (int i = 0; i < width * height; ++i)
    image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
  return image;
}

TEST(ThumbHash, KeepsTheAverageColour) {
  for (const std::array<uint8_t, 3> colour : {std::array<uint8_t, 3>{255, 255, 255},
                                              {0, 0, 0},
                                              {255, 0, 0},
                                              {10, 200, 90},
                                              {30, 60, 250}}) {
    const Decoded decoded = decode(thumbhash(plain(20, 20, colour)));
    // l within half a 63rd, p and q within half a 31.5th: r = l + p/3 + q/2 adds them up.
    const double tolerance = 0.5 / 63 + 0.5 / 31.5 * (1.0 / 3 + 1.0 / 2) + 0.5 / 31.5 * 0.5;
    for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(decoded.average[c], colour[c] / 255.0, tolerance);
  }
}

TEST(ThumbHash, KeepsEveryLowFrequencyOfTheLight) {
  constexpr int kSide = 64;
  for (const auto& [wanted_x, wanted_y] :
       {std::pair{1, 0}, {0, 1}, {2, 1}, {3, 3}, {6, 0}, {0, 6}}) {
    Image image{kSide, kSide, 1, std::vector<uint8_t>(kSide * kSide)};
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x)
        image.pixels[static_cast<size_t>(y * kSide + x)] = static_cast<uint8_t>(
            std::lround(127.5 + 100 * std::cos(std::numbers::pi * wanted_x * (x + 0.5) / kSide) *
                                    std::cos(std::numbers::pi * wanted_y * (y + 0.5) / kSide)));
    const Decoded decoded = decode(thumbhash(image));
    // The mean over the pixels of cos² is 1/2 in each direction that has a wave.
    const double amplitude = 100 / 255.0 / ((wanted_x ? 2 : 1) * (wanted_y ? 2 : 1));
    size_t i = 1;
    for (int cy = 0; cy < decoded.ly; ++cy)
      for (int cx = cy ? 0 : 1; cx * decoded.ly < decoded.lx * (decoded.ly - cy); ++cx, ++i) {
        const double expected = cx == wanted_x && cy == wanted_y ? amplitude : 0;
        // Half a step of the nibble, half a step of the scale, and the rounding of pixels.
        EXPECT_NEAR(decoded.l[i], expected, decoded.l_step / 2 + 0.5 / 31 + 0.5 / 255)
            << cx << "," << cy;
      }
  }
}

TEST(ThumbHash, ShapeIsKeptAndSizesAreChecked) {
  EXPECT_EQ(thumbhash(plain(64, 64, {1, 2, 3})).size(), 24u);
  const Decoded wide = decode(thumbhash(plain(90, 45, {9, 9, 9})));
  EXPECT_EQ(wide.lx, 7);
  EXPECT_EQ(wide.ly, 4);
  const Decoded tall = decode(thumbhash(plain(45, 90, {9, 9, 9})));
  EXPECT_EQ(tall.lx, 4);
  EXPECT_EQ(tall.ly, 7);
  EXPECT_THROW(thumbhash(plain(101, 10, {1, 2, 3})), Error);
  EXPECT_THROW(thumbhash({4, 4, 4, std::vector<uint8_t>(64)}), Error);
}

}  // namespace
}  // namespace vernissage
