// Names and bytes of the small pictures: the ladder of previews, and the studio's prints. Never the
// full size.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/images/images.h"

namespace vernissage::render {

enum class PreviewFormat { webp, jpg };
std::string_view extension(PreviewFormat format);   // "webp", "jpg"
std::string_view media_type(PreviewFormat format);  // "image/webp", "image/jpeg"

/// "256.webp" → (256, webp), for widths of `ladder` and for nothing else.
struct PreviewName {
  int width;
  PreviewFormat format;
};
std::optional<PreviewName> read_preview_name(std::string_view name, const std::vector<int>& ladder);
/// (256, webp) → "256.webp"
std::string file_name(PreviewName name);

/// One encoding: "webp", "jpg" or "png", and how long it took.
using OnEncoded = std::function<void(std::string_view format, std::chrono::duration<double>)>;

/// `picture` reduced to width × width. The same picture gives the same bytes. Throws Error.
std::vector<uint8_t> encode_preview(const Image& picture, PreviewName name);

}  // namespace vernissage::render
