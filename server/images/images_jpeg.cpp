// JPEG by libjpeg-turbo's TurboJPEG.
#include <turbojpeg.h>

#include "base/error.h"
#include "server/images/images.h"

namespace vernissage {
namespace {

constexpr int kFullChromaQuality =
    92;  // from here on halving the chroma would be the largest error

struct Handle {
  tjhandle handle;

  explicit Handle(tjhandle made) : handle(made) {
    if (!handle) throw Error(std::string("JPEG: ") + tjGetErrorStr2(nullptr));
  }
  Handle(const Handle&) = delete;
  ~Handle() { tjDestroy(handle); }

  // A warning (a truncated scan, a bad marker) is as bad as an error: such a picture is half grey.
  void expect(int status) const {
    if (status != 0) throw Error(std::string("JPEG: ") + tjGetErrorStr2(handle));
  }
};

}  // namespace

std::vector<uint8_t> encode_jpeg(const Image& image, int quality) {
  check(image);
  if (image.channels == 4) throw Error("JPEG: cannot hold the alpha channel of a 4-channel image");
  if (quality < 1 || quality > 100)
    throw Error("JPEG: quality " + std::to_string(quality) + ", expected 1 to 100");
  const bool grey = image.channels == 1;
  const int chroma = grey ? TJSAMP_GRAY : quality < kFullChromaQuality ? TJSAMP_420 : TJSAMP_444;
  const Handle codec(tjInitCompress());
  std::vector<uint8_t> bytes(tjBufSize(image.width, image.height, chroma));
  unsigned char* out = bytes.data();
  unsigned long size = bytes.size();
  codec.expect(tjCompress2(codec.handle, image.pixels.data(), image.width, 0, image.height,
                           grey ? TJPF_GRAY : TJPF_RGB, &out, &size, chroma, quality,
                           TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT));
  bytes.resize(size);
  return bytes;
}

Image decode_jpeg(std::span<const uint8_t> bytes) {
  const Handle codec(tjInitDecompress());
  int chroma = 0;
  int space = 0;
  Image image;
  codec.expect(tjDecompressHeader3(codec.handle, bytes.data(), bytes.size(), &image.width,
                                   &image.height, &chroma, &space));
  const int64_t pixels = int64_t{image.width} * image.height;
  if (image.width > kImageSideMax || image.height > kImageSideMax || pixels > kImagePixelsMax)
    throw Error("JPEG: " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                ", larger than is read");
  if (space != TJCS_GRAY && space != TJCS_YCbCr && space != TJCS_RGB)
    throw Error("JPEG: stored as CMYK, expected grey or colour");
  image.channels = space == TJCS_GRAY ? 1 : 3;
  image.pixels.resize(size_t(pixels) * size_t(image.channels));
  codec.expect(tjDecompress2(
      codec.handle, bytes.data(), bytes.size(), image.pixels.data(), image.width, 0, image.height,
      image.channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS));
  return image;
}

}  // namespace vernissage
