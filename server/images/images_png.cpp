// PNG by libpng. Its errors are longjmps: between setjmp and the last libpng call live only
// pointers and numbers, every object with a destructor belongs to the caller's frame.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "server/images/images.h"

namespace vernissage {
namespace {

constexpr int kZlibLevel = 3;  // within 5 % of level 6 in size on photographs, at half the time
constexpr png_uint_32 kChunkBytesMax = 8
                                       << 20;  // of ancillary chunks, which a decoder need not keep

struct Reason {
  char text[160] = "unknown reason";
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* reason = static_cast<Reason*>(png_get_error_ptr(png));
  std::strncpy(reason->text, message, sizeof reason->text - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

// ---- writing

void append(png_structp png, png_bytep data, size_t size) {
  auto* bytes = static_cast<std::vector<uint8_t>*>(png_get_io_ptr(png));
  bool stored = true;
  try {
    bytes->insert(bytes->end(), data, data + size);
  } catch (const std::bad_alloc&) {
    stored = false;  // no exception may cross libpng's frames
  }
  if (!stored) png_error(png, "out of memory");
}

void flush(png_structp) {}

struct Writer {
  Reason reason;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Writer() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &reason, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) {
      png_destroy_write_struct(&png, nullptr);
      throw Error("PNG: out of memory");
    }
  }
  Writer(const Writer&) = delete;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

bool write(Writer& writer, const Image& image, int color, png_textp texts, int text_count,
           std::vector<uint8_t>& bytes) {
  if (setjmp(png_jmpbuf(writer.png))) return false;
  png_set_write_fn(writer.png, &bytes, append, flush);
  png_set_compression_level(writer.png, kZlibLevel);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, color, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_text(writer.png, writer.info, texts, text_count);
  png_write_info(writer.png, writer.info);
  const size_t row = size_t(image.width) * size_t(image.channels);
  for (int y = 0; y < image.height; ++y)
    png_write_row(writer.png, image.pixels.data() + size_t(y) * row);
  png_write_end(writer.png, nullptr);
  return true;
}

// ---- reading

// A chunk's type for a message: its four letters, or what stands in their place.
std::string type_name(std::string_view type) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return std::ranges::all_of(type, letter) ? std::string(type) : "of no known type";
}

// libpng reserves what a chunk's length says before it reads the chunk: every length is compared
// with the file first, up to IEND.
void expect_whole_chunks(std::span<const uint8_t> bytes) {
  size_t at = 0;
  while (next_png_chunk(bytes, at)) {
  }
}

void take(png_structp png, png_bytep data, size_t size) {
  auto* left = static_cast<std::span<const uint8_t>*>(png_get_io_ptr(png));
  if (size > left->size()) png_error(png, "the file ends too soon");
  std::memcpy(data, left->data(), size);
  *left = left->subspan(size);
}

struct Reader {
  Reason reason;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Reader() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reason, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw Error("PNG: out of memory");
    }
  }
  Reader(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

// Header and transforms: every kind of PNG becomes 8-bit grey, RGB or RGBA.
bool read_header(Reader& reader, std::span<const uint8_t>& left, Image& image, int& passes) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_read_fn(reader.png, &left, take);
  png_set_user_limits(reader.png, kImageSideMax, kImageSideMax);
  png_set_chunk_malloc_max(reader.png, kChunkBytesMax);
  png_read_info(reader.png, reader.info);
  png_set_expand(reader.png);
  png_set_scale_16(reader.png);
  const int color = png_get_color_type(reader.png, reader.info);
  const bool alpha =
      (color & PNG_COLOR_MASK_ALPHA) || png_get_valid(reader.png, reader.info, PNG_INFO_tRNS);
  if (alpha && !(color & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(reader.png);
  passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  image.width = static_cast<int>(png_get_image_width(reader.png, reader.info));
  image.height = static_cast<int>(png_get_image_height(reader.png, reader.info));
  image.channels = png_get_channels(reader.png, reader.info);
  return true;
}

bool read_rows(Reader& reader, Image& image, int passes) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  const size_t row = size_t(image.width) * size_t(image.channels);
  for (int pass = 0; pass < passes; ++pass)
    for (int y = 0; y < image.height; ++y)
      png_read_row(reader.png, image.pixels.data() + size_t(y) * row, nullptr);
  png_read_end(reader.png, nullptr);
  return true;
}

}  // namespace

std::vector<uint8_t> encode_png(const Image& image, const std::vector<PngText>& texts) {
  check(image);
  std::vector<png_text> chunks;
  for (const PngText& text : texts) {
    bool printable = !text.keyword.empty() && text.keyword.size() <= 79;
    for (const char letter : text.keyword) printable = printable && letter >= ' ' && letter <= '~';
    if (!printable)
      throw Error("PNG: keyword '" + text.keyword +
                  "', expected 1 to 79 printable ASCII characters");
    png_text chunk{};
    chunk.compression = PNG_ITXT_COMPRESSION_NONE;
    chunk.key = const_cast<char*>(text.keyword.c_str());
    chunk.text = const_cast<char*>(text.text.c_str());
    chunk.itxt_length = text.text.size();
    chunks.push_back(chunk);
  }
  const int color = image.channels == 1   ? PNG_COLOR_TYPE_GRAY
                    : image.channels == 3 ? PNG_COLOR_TYPE_RGB
                                          : PNG_COLOR_TYPE_RGB_ALPHA;
  Writer writer;
  std::vector<uint8_t> bytes;
  if (!write(writer, image, color, chunks.data(), static_cast<int>(chunks.size()), bytes))
    throw Error(std::string("PNG: ") + writer.reason.text);
  return bytes;
}

std::optional<PngChunk> next_png_chunk(std::span<const uint8_t> bytes, size_t& at) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
  constexpr size_t kAround = 12;  // length, type and CRC, four bytes each
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (at == 0) {
    if (!text.starts_with(kSignature)) throw Error("PNG: no PNG signature");
    at = kSignature.size();
  } else if (at == kPngEnd) {
    return std::nullopt;
  }
  const size_t left = bytes.size() - at;
  if (left < kAround)
    throw Error("PNG: byte " + std::to_string(at) + ": expected another chunk, " +
                std::to_string(left) + " bytes are left");
  const uint32_t length = uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 |
                          uint32_t{bytes[at + 2]} << 8 | uint32_t{bytes[at + 3]};
  const std::string_view type = text.substr(at + 4, 4);
  if (length > left - kAround)
    throw Error("PNG: chunk " + type_name(type) + " at byte " + std::to_string(at) + ": " +
                std::to_string(length) + " bytes, but " + std::to_string(left - kAround) +
                " are left in the file");
  const PngChunk chunk{type, at, bytes.subspan(at + 8, length)};
  at = type == "IEND" ? kPngEnd : at + kAround + length;
  return chunk;
}

Image decode_png(std::span<const uint8_t> bytes) {
  expect_whole_chunks(bytes);
  Reader reader;
  Image image;
  int passes = 1;
  if (!read_header(reader, bytes, image, passes))
    throw Error(std::string("PNG: ") + reader.reason.text);
  const int64_t pixels = int64_t{image.width} * image.height;
  if (pixels > kImagePixelsMax)
    throw Error("PNG: " + std::to_string(pixels) + " pixels, at most " +
                std::to_string(kImagePixelsMax) + " are read");
  // No memory for what cannot be there: a pixel has one bit or more, and deflate makes a byte of no
  // more than 1032 (RFC 1951; a match of 258 bytes takes two bits).
  constexpr int64_t kDeflateRatioMax = 1032;
  if (pixels / 8 > kDeflateRatioMax * std::ssize(bytes))
    throw Error("PNG: " + std::to_string(pixels) + " pixels in a file of which " +
                std::to_string(bytes.size()) + " bytes are left");
  image.pixels.resize(size_t(pixels) * size_t(image.channels));
  if (!read_rows(reader, image, passes)) throw Error(std::string("PNG: ") + reader.reason.text);
  return image;
}

}  // namespace vernissage
