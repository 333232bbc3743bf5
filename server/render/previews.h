// Reductions of the paintings: made once, together, kept as files, never the full size.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/gallery/gallery.h"
#include "server/render/render_queue.h"

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

/// Where a preview lies: <previews>/<id>/256.webp.
std::filesystem::path preview_path(const std::filesystem::path& previews, const std::string& id,
                                   PreviewName name);

/// Writes every width of `ladder` in every format, each file whole or not at all. The same picture
/// gives the same bytes. Throws Error.
void write_previews(const std::filesystem::path& previews, const std::string& id,
                    const std::vector<int>& ladder, const Image& picture);

/// The file's bytes; nothing when it is not there. Throws Error when it cannot be read.
std::optional<std::string> read_preview(const std::filesystem::path& path);

}  // namespace vernissage::render
