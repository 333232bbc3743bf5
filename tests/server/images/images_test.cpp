// Pictures as bytes. Goal: what is encoded comes back (exactly for PNG, within a bound derived
// below for the lossy codecs), previews are exact area averages, hostile bytes are refused without
// a large allocation, and files appear whole or not at all. Random pixels come from the seed named
// beside them.
#include "server/images/images.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <random>

#include "base/error.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;

Image random_image(int width, int height, int channels, uint32_t seed) {
  Image image{width, height, channels, {}};
  std::mt19937 bits(seed);
  image.pixels.resize(size_t(width) * size_t(height) * size_t(channels));
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(bits() >> 24);
  return image;
}

// Ramps in different directions per channel: what a codec that halves the chroma still keeps.
constexpr double kSlope = 2;  // largest change per pixel
Image ramps(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) {
        const int values[] = {40 + 2 * x, 220 - 2 * y, 60 + x + y, 255 - x};
        image.pixels.push_back(static_cast<uint8_t>(values[c]));
      }
  return image;
}

double psnr(const Image& a, const Image& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double difference = double(a.pixels[i]) - double(b.pixels[i]);
    sum += difference * difference;
  }
  return sum == 0 ? 99 : 10 * std::log10(255.0 * 255.0 * double(a.pixels.size()) / sum);
}

void expect_same_shape(const Image& a, const Image& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.channels, b.channels);
}

// The worst RMS error of a colour channel, by Minkowski's inequality: JPEG's DCT is orthonormal, so
// a coefficient step s costs at most s/2 RMS in Y, Cb and Cr; to that come half a level for storing
// each of them as a byte, half a level for an integer DCT each way, and, where chroma is halved,
// one pixel's change of it (a ramp is restored but for the border). Blue weighs most: B = Y + 1.772
// Cb. One half for the byte that results. Steps: ITU-T T.81 annex K, largest entry 121, scaled by
// the quality as libjpeg does.
double jpeg_floor(int quality) {
  const double percent = quality < 50 ? 5000.0 / quality : 200.0 - 2.0 * quality;
  const double step = std::max(1.0, std::floor((121 * percent + 50) / 100));
  const double luma = step / 2 + 0.5 + 2 * 0.5;
  const double chroma = luma + (quality < 92 ? kSlope : 0);
  return 20 * std::log10(255 / (luma + 1.772 * chroma + 0.5));
}

// VP8 at quality 100: quantiser index 0 has step 4 (RFC 6386, section 14.1), the encoder may shift
// the chroma's by up to 6 entries of the table, to 10. The inverse transform divides by 8 where an
// orthonormal one of 4 x 4 would divide by 4: steps of 2 and 5. A rate-distortion choice may round
// the wrong way, so a whole step is allowed. R = 1.164 Y + 1.596 V, half a level for each byte, one
// pixel's change for halving the chroma.
double webp_floor() {
  return 20 * std::log10(255 / (1.164 * (2 + 0.5) + 1.596 * (5 + 0.5 + kSlope) + 0.5));
}

struct Size {
  int width, height;
};
constexpr Size kSizes[] = {{1, 1}, {1, 9}, {7, 5}, {16, 16}, {37, 53}, {64, 48}};

TEST(Png, ComesBackExactly) {
  for (const Size size : kSizes)
    for (const int channels : {1, 3, 4}) {
      const Image image = random_image(size.width, size.height, channels, 7);
      const Image back = decode_png(encode_png(image));
      expect_same_shape(image, back);
      EXPECT_EQ(image.pixels, back.pixels)
          << size.width << " x " << size.height << " x " << channels;
    }
}

TEST(Png, CarriesItsTexts) {
  const Image image = ramps(8, 8, 3);
  const std::vector<uint8_t> bytes =
      encode_png(image, {{"Title", "Ōkyo, “Waves”"}, {"Source", ""}});
  const std::string text(bytes.begin(), bytes.end());
  // keyword, 0, not compressed, method, no language, no translated keyword: PNG specification, iTXt
  EXPECT_NE(text.find(std::string("iTXtTitle\0\0\0\0\0Ōkyo, “Waves”", 9 + 5 + 18)),
            std::string::npos);
  EXPECT_LT(text.find("iTXtSource"), text.find("IDAT"));
  EXPECT_EQ(decode_png(bytes).pixels, image.pixels);
  EXPECT_THROW(encode_png(image, {{"", "x"}}), Error);
  EXPECT_THROW(encode_png(image, {{"a\nb", "x"}}), Error);
  EXPECT_THROW(encode_png(image, {{std::string(80, 'k'), "x"}}), Error);
}

TEST(Jpeg, KeepsThePictureWithinTheStepsOfItsTables) {
  for (const int quality : {100, 95, 91, 80})
    for (const Size size : kSizes)
      for (const int channels : {1, 3}) {
        const Image image = ramps(size.width, size.height, channels);
        const Image back = decode_jpeg(encode_jpeg(image, quality));
        expect_same_shape(image, back);
        EXPECT_GE(psnr(image, back), jpeg_floor(quality))
            << size.width << " x " << size.height << ", " << quality;
      }
}

TEST(Jpeg, HalvesChromaOnlyBelow92) {
  // The frame header's sampling factors of the first component: T.81, table B.2. 0x22 is 4:2:0,
  // 0x11 is 4:4:4.
  const auto sampling = [](const std::vector<uint8_t>& bytes) {
    for (size_t i = 2; i + 11 < bytes.size(); i += 2 + bytes[i + 2] * 256u + bytes[i + 3])
      if (bytes[i + 1] == 0xC0) return int{bytes[i + 11]};
    return -1;
  };
  EXPECT_EQ(sampling(encode_jpeg(ramps(32, 32, 3), 91)), 0x22);
  EXPECT_EQ(sampling(encode_jpeg(ramps(32, 32, 3), 92)), 0x11);
}

TEST(Jpeg, RefusesAlphaAndQualitiesOutOfRange) {
  EXPECT_THROW(encode_jpeg(ramps(8, 8, 4), 90), Error);
  for (const int quality : {-1, 0, 101}) EXPECT_THROW(encode_jpeg(ramps(8, 8, 3), quality), Error);
}

TEST(Webp, KeepsThePictureWithinItsQuantiser) {
  for (const Size size : kSizes) {
    const Image image = ramps(size.width, size.height, 3);
    const Image back = decode_webp(encode_webp(image, 100));
    expect_same_shape(image, back);
    EXPECT_GE(psnr(image, back), webp_floor()) << size.width << " x " << size.height;
  }
}

TEST(Webp, KeepsAlphaExactlyAndShowsGreyAsColour) {
  const Image image = ramps(40, 30, 4);
  const Image back = decode_webp(encode_webp(image, 90));
  expect_same_shape(image, back);
  for (size_t i = 3; i < image.pixels.size(); i += 4) ASSERT_EQ(image.pixels[i], back.pixels[i]);

  const Image grey = ramps(40, 30, 1);
  Image colour{40, 30, 3, {}};
  for (const uint8_t value : grey.pixels) colour.pixels.insert(colour.pixels.end(), 3, value);
  EXPECT_GE(psnr(colour, decode_webp(encode_webp(grey, 100))), webp_floor());
}

TEST(Webp, RefusesQualitiesOutOfRange) {
  for (const float quality : {-1.0f, 100.5f, NAN})
    EXPECT_THROW(encode_webp(ramps(8, 8, 3), quality), Error);
}

TEST(AnimatedWebp, KeepsEveryFrameAndItsTime) {
  AnimatedWebp animation(24, 16, 100);
  std::vector<Image> images;
  for (int frame = 0; frame < 5; ++frame) {
    Image image = ramps(24, 16, 3);
    for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(value / 2 + 20 * frame);
    animation.add_frame(image, 40 + frame);
    images.push_back(std::move(image));
  }
  const std::vector<uint8_t> bytes = animation.finish();
  const std::vector<AnimationFrame> frames = decode_animated_webp(bytes);
  ASSERT_EQ(frames.size(), images.size());
  int end_ms = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    end_ms += 40 + static_cast<int>(i);
    EXPECT_EQ(frames[i].end_ms, end_ms);
    Image colour{24, 16, 3, {}};
    for (size_t p = 0; p < frames[i].image.pixels.size(); ++p)
      if (p % 4 != 3) colour.pixels.push_back(frames[i].image.pixels[p]);
    EXPECT_GE(psnr(images[i], colour), webp_floor()) << "frame " << i;
  }
  // ANIM chunk: size 6, background 4 bytes, loop count 2 bytes, 0 for ever.
  const std::string text(bytes.begin(), bytes.end());
  const size_t anim = text.find("ANIM");
  ASSERT_NE(anim, std::string::npos);
  EXPECT_EQ(text.substr(anim + 12, 2), std::string(2, '\0'));
}

TEST(AnimatedWebp, RefusesWrongFrames) {
  AnimatedWebp animation(24, 16, 80);
  EXPECT_THROW(animation.add_frame(ramps(16, 24, 3), 40), Error);
  EXPECT_THROW(animation.add_frame(ramps(24, 16, 3), 0), Error);
  EXPECT_THROW(animation.finish(), Error);
  EXPECT_THROW(AnimatedWebp(0, 16, 80), Error);
  EXPECT_THROW(AnimatedWebp(16, 16, 101), Error);
}

// ---- the area average

// The mean over [x0, x1) x [y0, y1) by its definition.
double area_mean(const Image& image, int c, double x0, double x1, double y0, double y1) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const double w = std::min(x1, x + 1.0) - std::max(x0, double(x));
      const double h = std::min(y1, y + 1.0) - std::max(y0, double(y));
      if (w > 0 && h > 0)
        sum += w * h *
               image.pixels[(size_t(y) * size_t(image.width) + size_t(x)) * size_t(image.channels) +
                            size_t(c)];
    }
  return sum / ((x1 - x0) * (y1 - y0));
}

TEST(ResizeArea, IsTheMeanOfTheCoveredArea) {
  const std::pair<Size, Size> cases[] = {
      {{32, 32}, {16, 16}}, {{33, 20}, {17, 7}}, {{40, 15}, {13, 15}}, {{7, 9}, {1, 1}},
      {{5, 4}, {13, 11}},   {{1, 1}, {3, 2}},    {{64, 3}, {48, 5}}};
  for (const auto& [from, to] : cases)
    for (const int channels : {1, 3, 4}) {
      const Image image = random_image(from.width, from.height, channels, 11);
      const Image result = resize_area(image, to.width, to.height);
      ASSERT_EQ(result.width, to.width);
      ASSERT_EQ(result.height, to.height);
      ASSERT_EQ(result.channels, channels);
      const double x_step = double(from.width) / to.width;
      const double y_step = double(from.height) / to.height;
      size_t i = 0;
      for (int y = 0; y < to.height; ++y)
        for (int x = 0; x < to.width; ++x)
          for (int c = 0; c < channels; ++c, ++i) {
            const double mean =
                area_mean(image, c, x * x_step, (x + 1) * x_step, y * y_step, (y + 1) * y_step);
            // Rounding costs one half; the reference's own sums of up to 1320 doubles some 1e-10.
            ASSERT_LE(std::abs(result.pixels[i] - mean), 0.5 + 1e-9) << "at " << x << ", " << y;
          }
    }
}

TEST(ResizeArea, LeavesSameSizeAndFlatPicturesAlone) {
  const Image image = random_image(19, 23, 3, 3);
  EXPECT_EQ(resize_area(image, 19, 23).pixels, image.pixels);
  Image flat{301, 199, 3, std::vector<uint8_t>(301 * 199 * 3, 255)};
  for (const Size size : {Size{192, 192}, Size{1, 1}, Size{400, 7}})
    for (const uint8_t value : resize_area(flat, size.width, size.height).pixels)
      ASSERT_EQ(value, 255);
}

TEST(ResizeArea, RefusesSizesOutOfRange) {
  const Image image = ramps(8, 8, 3);
  for (const Size size : {Size{0, 8}, Size{8, 0}, Size{-1, 8}, Size{kImageSideMax + 1, 8}})
    EXPECT_THROW(resize_area(image, size.width, size.height), Error);
}

// ---- hostile input

TEST(Images, RefuseToBeEncodedWhenTheyBreakTheirRules) {
  std::vector<Image> wrong;
  wrong.push_back({0, 4, 3, {}});
  wrong.push_back({4, -1, 3, {}});
  wrong.push_back({kImageSideMax + 1, 1, 1, std::vector<uint8_t>(kImageSideMax + 1)});
  wrong.push_back({2, 2, 2, std::vector<uint8_t>(8)});
  wrong.push_back({2, 2, 5, std::vector<uint8_t>(20)});
  wrong.push_back({2, 2, 3, std::vector<uint8_t>(11)});
  wrong.push_back({2, 2, 3, std::vector<uint8_t>(13)});
  for (const Image& image : wrong) {
    EXPECT_THROW(check(image), Error);
    EXPECT_THROW(encode_png(image), Error);
    EXPECT_THROW(encode_jpeg(image, 90), Error);
    EXPECT_THROW(encode_webp(image, 90), Error);
    EXPECT_THROW(resize_area(image, 2, 2), Error);
  }
}

uint32_t crc32_of(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

void put_big_endian(std::vector<uint8_t>& bytes, size_t at, uint32_t value, int count) {
  for (int i = 0; i < count; ++i)
    bytes[at + size_t(i)] = static_cast<uint8_t>(value >> (8 * (count - 1 - i)));
}

// The size itself is the reason given, so nothing was allocated for the pixels that are missing.
template <class Decode>
void expect_too_large(Decode decode, std::span<const uint8_t> bytes) {
  try {
    decode(bytes);
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_TRUE(what.find("larger than is read") != std::string::npos ||
                what.find("are read") != std::string::npos ||
                what == "PNG: Invalid IHDR data")  // libpng's word for a side above the limit
        << what;
  }
}

// A valid file whose header claims another size: 16000² is inside the side limit but not the pixel
// limit.
TEST(Images, ThatClaimToBeHugeAreRefused) {
  for (const uint32_t side : {16000u, 20000u, 60000u}) {
    std::vector<uint8_t> png = encode_png(ramps(8, 8, 3));
    put_big_endian(png, 16, side, 4);
    put_big_endian(png, 20, side, 4);
    put_big_endian(png, 29, crc32_of(std::span(png).subspan(12, 17)),
                   4);  // "IHDR" and its 13 bytes
    expect_too_large(decode_png, png);

    std::vector<uint8_t> jpeg = encode_jpeg(ramps(8, 8, 3), 95);
    size_t frame = 2;
    while (jpeg[frame + 1] != 0xC0) frame += 2 + jpeg[frame + 2] * 256u + jpeg[frame + 3];
    put_big_endian(jpeg, frame + 5, side, 2);
    put_big_endian(jpeg, frame + 7, side, 2);
    expect_too_large(decode_jpeg, jpeg);
  }
  // VP8 frame header: 3 bytes tag, 3 bytes start code, then 14 bits of width and of height,
  // little-endian.
  std::vector<uint8_t> webp = encode_webp(ramps(8, 8, 3), 80);
  const uint8_t start_code[] = {0x9d, 0x01, 0x2a};
  const auto frame =
      std::search(webp.begin(), webp.end(), std::begin(start_code), std::end(start_code));
  ASSERT_NE(frame, webp.end());
  for (const int at : {3, 5}) {
    frame[at] = 0xff;
    frame[at + 1] = 0x3f;
  }
  expect_too_large(decode_webp, webp);
  expect_too_large(decode_animated_webp, webp);
}

// libpng reserves, and clears, what a chunk's length says: a length that is not true is refused
// before, whichever chunk says it, by the chunk's name and place. Goal: no file of a kilobyte costs
// gigabytes. Method: each length in turn made longer than the file by one byte, and by far.
TEST(Images, WithAChunkLongerThanTheFileAreRefusedByItsName) {
  // The first text ends in the name of the last chunk, which it is not.
  const std::vector<uint8_t> png =
      encode_png(ramps(8, 8, 3), {{"Title", "Dawn IEND"}, {"Source", "Small"}});
  std::vector<PngChunk> chunks;
  size_t at = 0;
  while (const auto chunk = next_png_chunk(png, at)) chunks.push_back(*chunk);
  ASSERT_EQ(chunks.size(), 5u);  // IHDR, two iTXt, IDAT, IEND
  for (const PngChunk& chunk : chunks) {
    const size_t left = png.size() - chunk.at - 12;
    for (const size_t length :
         {left + 1, size_t{0x646f0054}, size_t{0x7fffffff}, size_t{0xf9ffffff}}) {
      std::vector<uint8_t> longer = png;
      put_big_endian(longer, chunk.at, static_cast<uint32_t>(length), 4);
      try {
        decode_png(longer);
        ADD_FAILURE() << chunk.type << " of " << length << " bytes was read";
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()), "PNG: chunk " + std::string(chunk.type) + " at byte " +
                                                 std::to_string(chunk.at) + ": " +
                                                 std::to_string(length) + " bytes, but " +
                                                 std::to_string(left) + " are left in the file");
      }
    }
  }
}

struct Codec {
  const char* name;
  std::vector<uint8_t> bytes;
  Image (*decode)(std::span<const uint8_t>);
};

std::vector<Codec> small_files() {
  const Image image = ramps(11, 7, 3);
  return {{"png", encode_png(image), decode_png},
          {"jpeg", encode_jpeg(image, 80), decode_jpeg},
          {"webp", encode_webp(image, 80), decode_webp}};
}

TEST(Images, CutShortAreRefused) {
  for (const Codec& codec : small_files())
    for (size_t size = 0; size < codec.bytes.size() - 2; ++size)
      EXPECT_THROW(codec.decode(std::span(codec.bytes).first(size)), Error)
          << codec.name << " at " << size;
}

TEST(Images, OfAnotherFormatAreRefused) {
  const std::vector<Codec> codecs = small_files();
  for (size_t i = 0; i < codecs.size(); ++i)
    for (size_t j = 0; j < codecs.size(); ++j) {
      if (i == j) continue;
      EXPECT_THROW(codecs[i].decode(codecs[j].bytes), Error) << codecs[i].name;
    }
}

TEST(Images, WithAnyOneByteChangedAreRefusedOrStillPictures) {
  for (const Codec& codec : small_files())
    for (size_t at = 0; at < codec.bytes.size(); ++at) {
      std::vector<uint8_t> bytes = codec.bytes;
      bytes[at] ^= 0x41;
      try {
        check(codec.decode(bytes));
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos)
            << codec.name << " at " << at;
      }
    }
}

// ---- files

class AtomicFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "images_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  size_t entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(AtomicFile, IsWrittenWholeAndReplacesTheOldOne) {
  const fs::path path = folder_ / "a.bin";
  for (const size_t size : {size_t{100'000}, size_t{3}, size_t{0}}) {
    const std::vector<uint8_t> bytes(size, 'x');
    write_file_atomically(path, bytes);
    EXPECT_EQ(fs::file_size(path), size);
    EXPECT_EQ(entries(), 1u);
  }
}

TEST_F(AtomicFile, FailsByNameAndLeavesNothing) {
  const std::vector<uint8_t> bytes(10);
  const fs::path missing = folder_ / "missing" / "a.bin";
  const fs::path taken = folder_ / "folder";
  fs::create_directories(taken / "inside");
  for (const fs::path& path : {missing, taken}) {
    try {
      write_file_atomically(path, bytes);
      ADD_FAILURE() << path << " was written";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    }
  }
  EXPECT_EQ(entries(), 1u);
}

// A full disk, played by the limit on a file's size.
TEST_F(AtomicFile, ThatDoesNotFitLeavesTheOldOne) {
  const fs::path path = folder_ / "a.bin";
  write_file_atomically(path, std::vector<uint8_t>(10, 'x'));
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto usual_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  bool failed = false;
  try {
    write_file_atomically(path, std::vector<uint8_t>(100'000, 'y'));
  } catch (const Error&) {
    failed = true;
  }
  setrlimit(RLIMIT_FSIZE, &usual);
  std::signal(SIGXFSZ, usual_handler);
  EXPECT_TRUE(failed);
  EXPECT_EQ(fs::file_size(path), 10u);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFile, FoldersThatCannotTakeFilesAreNamed) {
  std::ofstream(folder_ / "file") << "x";
  EXPECT_NO_THROW(expect_writable_folder(folder_));
  for (const char* name : {"missing", "file", "file/below"}) {
    try {
      expect_writable_folder(folder_ / name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find((folder_ / name).string()), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace vernissage
