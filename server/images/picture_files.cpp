#include "server/images/picture_files.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <future>
#include <new>
#include <string_view>

#include "base/error.h"
#include "engine/clip/preprocess.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kFileBytesMax = uintmax_t{256} << 20;

std::vector<uint8_t> read_bytes(const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::exists(status)) throw Error("no such file");
  if (!fs::is_regular_file(status)) throw Error("not a file");
  const uintmax_t size = fs::file_size(path, failed);
  if (failed) throw Error(failed.message());
  if (size > kFileBytesMax)
    throw Error(std::to_string(size >> 20) + " MiB, at most " +
                std::to_string(kFileBytesMax >> 20) + " are read");
  std::vector<uint8_t> bytes(size);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be opened");
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (file.gcount() != static_cast<std::streamsize>(size)) throw Error("cannot be read to its end");
  return bytes;
}

Image decode(std::span<const uint8_t> bytes) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 12));
  if (start.starts_with("\x89PNG")) return decode_png(bytes);
  if (start.starts_with("\xFF\xD8")) return decode_jpeg(bytes);
  if (start.size() == 12 && start.starts_with("RIFF") && start.ends_with("WEBP"))
    return decode_webp(bytes);
  throw Error("no PNG, JPEG or WebP picture");
}

Image as_rgb(Image image) {
  if (image.channels == 3) return image;
  Image rgb{image.width, image.height, 3, {}};
  rgb.pixels.resize(size_t(image.width) * size_t(image.height) * 3);
  const size_t step = size_t(image.channels);
  for (size_t i = 0; i < rgb.pixels.size(); ++i)
    rgb.pixels[i] = image.pixels[i / 3 * step + (step == 1 ? 0 : i % 3)];
  return rgb;
}

}  // namespace

Image read_picture(const fs::path& path) try {
  return as_rgb(decode(read_bytes(path)));
} catch (const Error& error) {
  throw Error(path.string() + ": " + error.what());
}

std::vector<ReadyPicture> read_ready_pictures(std::span<const fs::path> paths,
                                              const ClipConfig& config, int threads) {
  std::vector<ReadyPicture> pictures(paths.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < paths.size(); i = next++) try {
        const Image image = read_picture(paths[i]);
        std::vector<float> pixels(size_t(config.image_size) * size_t(config.image_size) * 3);
        normalise(resize_and_crop(image.pixels, image.height, image.width, config.image_size),
                  config, pixels);
        pictures[i].pixels = std::move(pixels);
      } catch (const Error& error) {
        pictures[i].reason = error.what();
      } catch (const std::bad_alloc&) {
        pictures[i].reason = paths[i].string() + ": out of memory";
      }
  };
  std::vector<std::future<void>> workers;
  const size_t count = std::min(paths.size(), static_cast<size_t>(std::max(threads, 1)));
  for (size_t i = 0; i < count; ++i) workers.push_back(std::async(std::launch::async, work));
  for (std::future<void>& worker : workers) worker.get();
  return pictures;
}

}  // namespace vernissage
