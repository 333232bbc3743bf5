#include "training/png_file.h"

#include <png.h>

#include "base/error.h"

namespace vernissage::training {

void write_png(const std::filesystem::path& path, int width, int height,
               std::span<const uint8_t> rgb) {
  VERNISSAGE_ASSERT(rgb.size() == size_t(width) * size_t(height) * 3);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = png_uint_32(width);
  image.height = png_uint_32(height);
  image.format = PNG_FORMAT_RGB;
  if (!png_image_write_to_file(&image, path.c_str(), /*convert_to_8bit=*/0, rgb.data(),
                               /*row_stride=*/0, /*colormap=*/nullptr))
    throw Error(path.string() + ": " + image.message);
}

}  // namespace vernissage::training
