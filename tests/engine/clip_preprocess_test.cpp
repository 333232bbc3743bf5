// Goal: pictures reach the image tower as Pillow makes them ready, to the byte. Method: every
// golden picture and size: the whole crop byte for byte where it is stored, else its CRC-32 and
// four windows; the pictures given by a formula are made from it. Besides: cropping and scaling of
// shapes that the goldens do not have, against both passes over the whole picture, one byte at a
// time (the weights are the same table, which the goldens prove).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <random>

#include "base/error.h"
#include "engine/clip/bicubic.h"
#include "engine/clip/preprocess.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"

namespace vernissage {
namespace {

struct Picture {
  int width, height;
  std::vector<uint8_t> rgb;
};

uint32_t crc32_of(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

std::vector<uint8_t> bytes_of(const TensorView& view) {
  const auto* first = reinterpret_cast<const uint8_t*>(view.bytes.data());
  return {first, first + view.bytes.size()};
}

/// cases.json, "formula".
Picture formula(int width, int height, int k) {
  Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const int v = x * 255 / (width - 1);
      const int green = ((x >> 3) ^ (y >> 3)) & 1 ? v : 255 - v;
      for (const int value : {((x * x + y * y) >> k) & 255, green, ((x >> 2) ^ (y >> 2)) & 255})
        picture.rgb.push_back(static_cast<uint8_t>(value));
    }
  return picture;
}

Picture noise(int width, int height, uint32_t seed) {
  std::mt19937 engine(seed);
  Picture picture{width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3)};
  for (uint8_t& value : picture.rgb) value = static_cast<uint8_t>(engine() >> 24);
  return picture;
}

std::vector<uint8_t> ready(const Picture& picture, int size) {
  return resize_and_crop(picture.rgb, picture.height, picture.width, size);
}

struct Goldens {
  MappedFile file{testing::golden("clip/preprocess/golden.safetensors")};
  Safetensors tensors{file.bytes()};
  testing::Json cases = testing::read_json(testing::golden("clip/preprocess/cases.json"));

  const TensorView* find(const std::string& name) const {
    const auto found = tensors.tensors().find(name);
    return found == tensors.tensors().end() ? nullptr : &found->second;
  }
  /// Empty for a picture that is in the full set alone.
  std::optional<Picture> source(const std::string& name, int width, int height) const {
    if (const TensorView* stored = find(name + ".source_u8"))
      return Picture{width, height, bytes_of(*stored)};
    const testing::Json* k = cases.at("formula").at("k").find(name);
    if (!k) return std::nullopt;
    return formula(width, height, k->integer());
  }
};

TEST(ClipPreprocess, GoldenCropsAndTensorsAreTheReferences) {
  const Goldens goldens;
  int compared = 0;
  for (const auto& [key, one] : goldens.cases.at("cases").members) {
    SCOPED_TRACE(key);
    const size_t dot = key.rfind('.');
    const std::string name = key.substr(0, dot);
    const int size = std::stoi(key.substr(dot + 1));
    const auto& wh = one.at("source_wh").items;
    const auto picture = goldens.source(name, wh[0].integer(), wh[1].integer());
    if (!picture) continue;
    const std::vector<uint8_t> crop = ready(*picture, size);
    EXPECT_EQ(crc32_of(crop), static_cast<uint32_t>(one.at("crop_u8_crc32").number));

    ClipConfig config;
    config.image_size = size;
    std::vector<float> values(crop.size());
    normalise(crop, config, values);
    if (const TensorView* stored = goldens.find(key + ".crop_u8")) {
      EXPECT_EQ(crop, bytes_of(*stored));
    }
    if (const TensorView* stored = goldens.find(key + ".tensor")) {
      const std::vector<float> expected = stored->to_f32();
      ASSERT_EQ(values.size(), expected.size());
      for (size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], expected[i], 1e-6) << i;
    }
    ++compared;
    const testing::Json* corners = one.find("patches_top_left");
    if (!corners) continue;
    const int side = one.at("patch").integer();
    const std::vector<uint8_t> patches = bytes_of(*goldens.find(key + ".patches_u8"));
    const std::vector<float> tensors = goldens.find(key + ".patches_tensor")->to_f32();
    const int row_index = 0, column_index = 1;
    size_t byte = 0;
    for (size_t p = 0; p < corners->items.size(); ++p) {
      const auto& corner = corners->items[p].items;
      for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x)
          for (int c = 0; c < 3; ++c, ++byte) {
            const int row = corner[row_index].integer() + y,
                      column = corner[column_index].integer() + x;
            ASSERT_EQ(crop[(size_t(row) * size_t(size) + size_t(column)) * 3 + size_t(c)],
                      patches[byte]);
            ASSERT_NEAR(
                values[(size_t(c) * size_t(size) + size_t(row)) * size_t(size) + size_t(column)],
                tensors[((p * 3 + size_t(c)) * size_t(side) + size_t(y)) * size_t(side) +
                        size_t(x)],
                1e-6);
          }
    }
  }
  EXPECT_GE(compared, 10) << "five pictures, two sizes";
}

// ---- the definition, byte by byte: both passes over the whole picture, then the crop

/// (rows, in, step) to (rows, out, step) along the middle axis.
std::vector<uint8_t> scale(const std::vector<uint8_t>& x, int rows, int in, int step, int out) {
  const BicubicTable table = bicubic_table(in, out, 0, out);
  std::vector<uint8_t> y;
  for (int row = 0; row < rows; ++row)
    for (int j = 0; j < out; ++j)
      for (int c = 0; c < step; ++c) {
        int64_t sum = 1 << 21;
        for (int k = 0; k < table.count[size_t(j)]; ++k)
          sum += int64_t{table.weights[size_t(j * table.taps + k)]} *
                 x[size_t((row * in + table.first[size_t(j)] + k) * step + c)];
        y.push_back(static_cast<uint8_t>(std::clamp<int64_t>(sum >> 22, 0, 255)));
      }
  return y;
}

std::vector<uint8_t> definition(const Picture& picture, int size) {
  const int shorter = std::min(picture.width, picture.height);
  const int width = size * picture.width / shorter, height = size * picture.height / shorter;
  const auto whole = scale(scale(picture.rgb, picture.height, picture.width, 3, width), 1,
                           picture.height, width * 3, height);
  const int left = int(std::nearbyint((width - size) / 2.0)),
            top = int(std::nearbyint((height - size) / 2.0));
  std::vector<uint8_t> out;
  for (int y = 0; y < size; ++y) {
    const auto row = whole.begin() + ((top + y) * width + left) * 3;
    out.insert(out.end(), row, row + size * 3);
  }
  return out;
}

TEST(ClipPreprocess, AnyShapeIsTheDefinition) {
  const std::array<std::array<int, 3>, 12> shapes = {{{512, 512, 224},
                                                      {64, 64, 32},
                                                      {1, 1, 7},
                                                      {1, 40, 5},
                                                      {31, 2, 16},
                                                      {17, 16, 16},
                                                      {16, 19, 16},
                                                      {97, 33, 8},
                                                      {50, 75, 33},
                                                      {15, 15, 1},
                                                      {300, 7, 9},
                                                      {23, 23, 23}}};
  uint32_t seed = 1;
  for (const auto& [width, height, size] : shapes) {
    const Picture picture = noise(width, height, seed++);
    EXPECT_EQ(ready(picture, size), definition(picture, size))
        << width << " x " << height << " to " << size;
  }
}

TEST(ClipPreprocess, APictureOfTheRightSizeIsLeftAsItIs) {
  const Picture picture = noise(64, 64, 1);
  EXPECT_EQ(ready(picture, 64), picture.rgb);
}

TEST(ClipPreprocess, WrongSizesAreRefused) {
  const std::vector<uint8_t> bytes(12);
  EXPECT_THROW(resize_and_crop(bytes, 0, 4, 2), Error);
  EXPECT_THROW(resize_and_crop(bytes, 2, -1, 2), Error);
  EXPECT_THROW(resize_and_crop(bytes, 3, 2, 2), Error);
  try {
    resize_and_crop(bytes, 5, 1, 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "picture: 12 bytes, expected 1 x 5 x 3");
  }
}

}  // namespace
}  // namespace vernissage
