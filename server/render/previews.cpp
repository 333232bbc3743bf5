#include "server/render/previews.h"

#include "base/error.h"
#include "server/gallery/gallery.h"

namespace vernissage::render {
namespace {

// Chosen by eye and by size on generated pictures: a first screen of 24 at 256 px is 0.2-0.5 MB.
constexpr float kWebpQuality = 80;
constexpr int kJpegQuality = 85;
// Narrower than the ladder's first step, a picture is shown several times as large as it is: every
// block would be seen.
constexpr int kSmallQuality = 96;

}  // namespace

std::string_view extension(PreviewFormat format) {
  return format == PreviewFormat::webp ? "webp" : "jpg";
}

std::string_view media_type(PreviewFormat format) {
  return format == PreviewFormat::webp ? "image/webp" : "image/jpeg";
}

std::optional<PreviewName> read_preview_name(std::string_view name,
                                             const std::vector<int>& ladder) {
  for (const int width : ladder)
    for (const PreviewFormat format : {PreviewFormat::webp, PreviewFormat::jpg})
      if (name == file_name({width, format})) return PreviewName{width, format};
  return std::nullopt;
}

std::string file_name(PreviewName name) {
  return std::to_string(name.width) + "." + std::string(extension(name.format));
}

std::vector<uint8_t> encode_preview(const Image& picture, PreviewName name) {
  VERNISSAGE_ASSERT_OP(name.width, <, picture.width);
  const Image reduced = resize_area(picture, name.width, name.width);
  const bool small = name.width < gallery::kLadder[0];
  return name.format == PreviewFormat::webp
             ? encode_webp(reduced, small ? kSmallQuality : kWebpQuality)
             : encode_jpeg(reduced, small ? kSmallQuality : kJpegQuality);
}

}  // namespace vernissage::render
