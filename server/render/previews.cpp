#include "server/render/previews.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "engine/error.h"
#include "server/images.h"

namespace vernissage::render {
namespace {

// Chosen by eye and by size on generated pictures: a first screen of 24 at 256 px is 0.2-0.5 MB.
constexpr float kWebpQuality = 80;
constexpr int kJpegQuality = 85;

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
      if (name == std::to_string(width) + "." + std::string(extension(format)))
        return PreviewName{width, format};
  return std::nullopt;
}

std::filesystem::path preview_path(const std::filesystem::path& previews, const std::string& id,
                                   PreviewName name) {
  return previews / id / (std::to_string(name.width) + "." + std::string(extension(name.format)));
}

void write_previews(const std::filesystem::path& previews, const std::string& id,
                    const std::vector<int>& ladder, const Image& picture) {
  std::error_code failed;
  std::filesystem::create_directories(previews / id, failed);
  if (failed) throw Error((previews / id).string() + ": cannot be made: " + failed.message());
  for (const int width : ladder) {
    VERNISSAGE_ASSERT_OP(width, <, picture.width);
    const Image reduced = resize_area(picture, width, width);
    write_file_atomically(preview_path(previews, id, {width, PreviewFormat::webp}),
                          encode_webp(reduced, kWebpQuality));
    write_file_atomically(preview_path(previews, id, {width, PreviewFormat::jpg}),
                          encode_jpeg(reduced, kJpegQuality));
  }
}

std::optional<std::string> read_preview(const std::filesystem::path& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed == std::errc::no_such_file_or_directory) return std::nullopt;
  if (failed) throw Error(path.string() + ": cannot be read: " + failed.message());
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    throw Error(path.string() + ": cannot be read: " + std::strerror(errno));
  return bytes;
}

}  // namespace vernissage::render
