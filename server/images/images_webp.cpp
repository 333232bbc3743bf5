// WebP by libwebp: still pictures, and animations by its mux and demux parts.
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <utility>

#include "base/error.h"
#include "server/images/images.h"

namespace vernissage {
namespace {

const char* encoding_error(int code) {
  switch (code) {
    case VP8_ENC_ERROR_OUT_OF_MEMORY:
    case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_ENC_ERROR_BAD_DIMENSION:
      return "bad dimensions";
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW:
    case VP8_ENC_ERROR_PARTITION_OVERFLOW:
    case VP8_ENC_ERROR_FILE_TOO_BIG:
      return "too large for the format";
    default:
      return "the encoder failed";
  }
}

const char* decoding_error(int code) {
  switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "not a WebP file, or damaged";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "a feature that is not read";
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "the file ends too soon";
    default:
      return "the decoder failed";
  }
}

void expect_size(int64_t width, int64_t height, int64_t frames) {
  if (width > kImageSideMax || height > kImageSideMax ||
      frames > kImagePixelsMax / (width * height))
    throw Error("WebP: " + std::to_string(frames) + " frame(s) of " + std::to_string(width) +
                " x " + std::to_string(height) + ", larger than is read");
}

// The header alone, its size checked: before this nothing is allocated.
WebPBitstreamFeatures read_features(std::span<const uint8_t> bytes) {
  WebPBitstreamFeatures features;
  if (const int status = WebPGetFeatures(bytes.data(), bytes.size(), &features))
    throw Error(std::string("WebP: ") + decoding_error(status));
  if (features.width < 1 || features.height < 1) throw Error("WebP: a picture without pixels");
  expect_size(features.width, features.height, 1);
  return features;
}

WebPConfig config_for(float quality) {
  if (!(quality >= 0 && quality <= 100))
    throw Error("WebP: quality " + std::to_string(quality) + ", expected 0 to 100");
  WebPConfig config;
  if (!WebPConfigPreset(&config, WEBP_PRESET_PHOTO, quality))
    throw Error("WebP: library version mismatch");
  return config;
}

struct Picture {
  WebPPicture picture;

  explicit Picture(const Image& image) {
    if (!WebPPictureInit(&picture)) throw Error("WebP: library version mismatch");
    picture.width = image.width;
    picture.height = image.height;
    bool imported = false;
    if (image.channels == 4) {
      imported = WebPPictureImportRGBA(&picture, image.pixels.data(), image.width * 4);
    } else if (image.channels == 3) {
      imported = WebPPictureImportRGB(&picture, image.pixels.data(), image.width * 3);
    } else {
      std::vector<uint8_t> colour(image.pixels.size() * 3);
      for (size_t i = 0; i < colour.size(); ++i) colour[i] = image.pixels[i / 3];
      imported = WebPPictureImportRGB(&picture, colour.data(), image.width * 3);
    }
    if (!imported) throw Error("WebP: out of memory");
  }
  Picture(const Picture&) = delete;
  ~Picture() { WebPPictureFree(&picture); }
};

struct Memory {
  WebPMemoryWriter writer;
  Memory() { WebPMemoryWriterInit(&writer); }
  Memory(const Memory&) = delete;
  ~Memory() { WebPMemoryWriterClear(&writer); }
};

}  // namespace

std::vector<uint8_t> encode_webp(const Image& image, float quality) {
  check(image);
  const WebPConfig config = config_for(quality);
  Picture source(image);
  Memory memory;
  source.picture.writer = WebPMemoryWrite;
  source.picture.custom_ptr = &memory.writer;
  if (!WebPEncode(&config, &source.picture))
    throw Error(std::string("WebP: ") + encoding_error(source.picture.error_code));
  return {memory.writer.mem, memory.writer.mem + memory.writer.size};
}

Image decode_webp(std::span<const uint8_t> bytes) {
  const WebPBitstreamFeatures features = read_features(bytes);
  if (features.has_animation) throw Error("WebP: an animation, expected a still picture");
  Image image{features.width, features.height, features.has_alpha ? 4 : 3, {}};
  image.pixels.resize(size_t(image.width) * size_t(image.height) * size_t(image.channels));
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(bytes.data(), bytes.size(), image.pixels.data(), image.pixels.size(),
              image.width * image.channels))
    throw Error("WebP: damaged, or the file ends too soon");
  return image;
}

// ---- animations

struct AnimatedWebp::Encoder {
  WebPConfig config;
  WebPAnimEncoder* encoder = nullptr;
  int width = 0;
  int height = 0;
  int end_ms = 0;  // where the next frame begins

  Encoder(int width_, int height_, float quality)
      : config(config_for(quality)), width(width_), height(height_) {
    config.thread_level = 1;
    WebPAnimEncoderOptions options;
    if (!WebPAnimEncoderOptionsInit(&options)) throw Error("WebP: library version mismatch");
    options.anim_params.loop_count = 0;  // for ever
    encoder = WebPAnimEncoderNew(width, height, &options);
    if (!encoder)
      throw Error("WebP: an animation of " + std::to_string(width) + " x " +
                  std::to_string(height) + " cannot be encoded");
  }
  Encoder(const Encoder&) = delete;
  ~Encoder() { WebPAnimEncoderDelete(encoder); }

  void expect(int ok) const {
    if (!ok) throw Error(std::string("WebP: ") + WebPAnimEncoderGetError(encoder));
  }
};

AnimatedWebp::AnimatedWebp(int width, int height, float quality) {
  for (const int side : {width, height})
    if (side < 1 || side > kImageSideMax)
      throw Error("WebP: an animation of " + std::to_string(width) + " x " +
                  std::to_string(height) + ", sides are 1 to " + std::to_string(kImageSideMax));
  encoder_ = std::make_unique<Encoder>(width, height, quality);
}

AnimatedWebp::AnimatedWebp(AnimatedWebp&&) noexcept = default;
AnimatedWebp::~AnimatedWebp() = default;

void AnimatedWebp::add_frame(const Image& image, int duration_ms) {
  check(image);
  if (image.width != encoder_->width || image.height != encoder_->height)
    throw Error("WebP: a frame of " + std::to_string(image.width) + " x " +
                std::to_string(image.height) + ", expected " + std::to_string(encoder_->width) +
                " x " + std::to_string(encoder_->height));
  if (duration_ms < 1)
    throw Error("WebP: a frame of " + std::to_string(duration_ms) + " ms, expected 1 or more");
  Picture frame(image);
  encoder_->expect(
      WebPAnimEncoderAdd(encoder_->encoder, &frame.picture, encoder_->end_ms, &encoder_->config));
  encoder_->end_ms += duration_ms;
}

std::vector<uint8_t> AnimatedWebp::finish() {
  if (encoder_->end_ms == 0) throw Error("WebP: an animation without frames");
  encoder_->expect(WebPAnimEncoderAdd(encoder_->encoder, nullptr, encoder_->end_ms, nullptr));
  WebPData file;
  WebPDataInit(&file);
  const std::unique_ptr<WebPData, void (*)(WebPData*)> owner(&file, WebPDataClear);
  encoder_->expect(WebPAnimEncoderAssemble(encoder_->encoder, &file));
  return {file.bytes, file.bytes + file.size};
}

std::vector<AnimationFrame> decode_animated_webp(std::span<const uint8_t> bytes) {
  const WebPBitstreamFeatures canvas = read_features(bytes);
  const WebPData file{bytes.data(), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&file, nullptr), WebPAnimDecoderDelete);
  WebPAnimInfo info;
  if (!decoder || !WebPAnimDecoderGetInfo(decoder.get(), &info))
    throw Error("WebP: not a WebP file, or damaged");
  expect_size(canvas.width, canvas.height, info.frame_count);

  std::vector<AnimationFrame> frames;
  while (WebPAnimDecoderHasMoreFrames(decoder.get())) {
    uint8_t* pixels = nullptr;
    int end_ms = 0;
    if (!WebPAnimDecoderGetNext(decoder.get(), &pixels, &end_ms))
      throw Error("WebP: a frame is damaged");
    Image image{static_cast<int>(info.canvas_width), static_cast<int>(info.canvas_height), 4, {}};
    image.pixels.assign(pixels, pixels + size_t(image.width) * size_t(image.height) * 4);
    frames.push_back({std::move(image), end_ms});
  }
  return frames;
}

}  // namespace vernissage
