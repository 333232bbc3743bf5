// Pictures as bytes: encoders, decoders, the area average that makes previews, and files that are
// there whole or not at all. Each codec's library is seen by one .cpp alone: images_png,
// images_jpeg, images_webp.
//
// All functions are safe to call from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage {

/// Rows from top to bottom, pixels from left to right, channels interleaved.
struct Image {
  int width = 0;                // 1 … kImageSideMax
  int height = 0;               // 1 … kImageSideMax
  int channels = 0;             // 1 grey, 3 RGB, 4 RGBA (alpha not premultiplied)
  std::vector<uint8_t> pixels;  // (height, width, channels)
};

inline constexpr int kImageSideMax = 16383;  // WebP's limit; the others allow more
inline constexpr int64_t kImagePixelsMax = int64_t{1}
                                           << 26;  // a decoder allocates no more than this

/// Throws Error naming the first field of `image` that breaks a rule above.
void check(const Image& image);

/// A line of text inside a PNG: a keyword of 1 … 79 printable ASCII characters and UTF-8 text.
struct PngText {
  std::string keyword;
  std::string text;
};

/// Lossless; zlib level 3. `texts` become iTXt chunks before the pixels. Throws Error.
std::vector<uint8_t> encode_png(const Image& image, const std::vector<PngText>& texts = {});
/// Baseline JPEG, quality 1 … 100; chroma at half size below 92, at full size from 92. Alpha is
/// refused.
std::vector<uint8_t> encode_jpeg(const Image& image, int quality);
/// Lossy WebP, quality 0 … 100. Grey is stored as colour.
std::vector<uint8_t> encode_webp(const Image& image, float quality);

/// A still picture, 8 bits a channel, with the channels it was stored with (a palette is resolved;
/// JPEG: 1 or 3; WebP: 3 or 4). Throws Error naming the format and the codec's reason: wrong
/// format, truncated, or larger than kImageSideMax or kImagePixelsMax, which is known before
/// anything is allocated.
Image decode_png(std::span<const uint8_t> bytes);
Image decode_jpeg(std::span<const uint8_t> bytes);
Image decode_webp(std::span<const uint8_t> bytes);

/// One chunk of a PNG file.
struct PngChunk {
  std::string_view type;  // four letters, such as "iTXt"
  size_t at = 0;          // in the file, of its length
  std::span<const uint8_t> data;
};
inline constexpr size_t kPngEnd = SIZE_MAX;
/// The chunk at byte `at` (0: the first), and moves `at` behind it, behind IEND to kPngEnd; nothing
/// there. Throws Error naming the chunk and its place when it says to be longer than the file is.
/// CRCs are not compared. PNG, third edition, 5.2 and 5.3.
std::optional<PngChunk> next_png_chunk(std::span<const uint8_t> bytes, size_t& at);

/// Each output pixel is the mean of the input over the rectangle it covers, edges counted by their
/// share; rounded to nearest. Any sizes, in both directions. The mean is taken of the stored
/// (gamma-coded) values. Throws Error when width or height is outside 1 … kImageSideMax.
Image resize_area(const Image& image, int width, int height);

/// An animated WebP, built frame by frame. Move-only; not for several threads at once.
class AnimatedWebp {
 public:
  /// Every frame is width × height. Throws Error.
  AnimatedWebp(int width, int height, float quality);
  AnimatedWebp(AnimatedWebp&&) noexcept;
  ~AnimatedWebp();

  /// Shows `image` for duration_ms (≥ 1). Throws Error on a wrong size.
  void add_frame(const Image& image, int duration_ms);
  /// The file, which loops for ever. At least one frame was added; nothing may be added after.
  std::vector<uint8_t> finish();

 private:
  struct Encoder;
  std::unique_ptr<Encoder> encoder_;
};

/// The frames of an animated (or still) WebP, each drawn in full, and when each one ends.
struct AnimationFrame {
  Image image;     // RGBA
  int end_ms = 0;  // from the start of the animation
};
/// Throws Error as decode_webp does; kImagePixelsMax bounds all frames together.
std::vector<AnimationFrame> decode_animated_webp(std::span<const uint8_t> bytes);

/// Throws Error naming the folder when it is not there, is not a folder, or may not be written to.
void expect_writable_folder(const std::filesystem::path& folder);

/// Whether a file outlives a power cut the moment it is written, or once the system has got round
/// to it: enough for what is checked when it is read and can be made again.
enum class Durability { at_once, in_time };

/// Writes `path` whole or not at all: a temporary file beside it, fsync, rename, fsync of the
/// folder; without the two fsyncs when in_time. Throws Error naming the path and the system's
/// reason; then no temporary file is left.
void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes,
                           Durability durability = Durability::at_once);

}  // namespace vernissage
