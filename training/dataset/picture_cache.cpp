#include "training/dataset/picture_cache.h"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "server/images/images.h"
#include "training/dataset/picture_files.h"

namespace vernissage::training {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBatchFiles = 256;        // decoded together
constexpr int64_t kNamedMax = 20;          // skipped files that are named one by one
constexpr int64_t kTellEvery = 2000;       // pictures
constexpr int64_t kBatchBytes = 64 << 20;  // of files that wait to be decoded

Image decode(std::span<const uint8_t> bytes) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 12));
  if (start.starts_with("\x89PNG")) return decode_png(bytes);
  if (start.starts_with("\xFF\xD8")) return decode_jpeg(bytes);
  if (start.size() == 12 && start.starts_with("RIFF") && start.ends_with("WEBP"))
    return decode_webp(bytes);
  throw Error("no PNG, JPEG or WebP picture");
}

// The largest square in the middle, as RGB: grey is repeated, alpha is dropped.
Image middle_square(const Image& image) {
  const int side = std::min(image.width, image.height);
  const int left = (image.width - side) / 2, top = (image.height - side) / 2;
  Image square{side, side, 3, {}};
  square.pixels.reserve(size_t(side) * size_t(side) * 3);
  const size_t step = size_t(image.channels);
  for (int y = 0; y < side; ++y) {
    const uint8_t* row =
        image.pixels.data() + (size_t(top + y) * size_t(image.width) + size_t(left)) * step;
    for (int x = 0; x < side; ++x, row += step)
      for (size_t c = 0; c < 3; ++c) square.pixels.push_back(row[step == 1 ? 0 : c]);
  }
  return square;
}

// Decodes into `rgb` (size, size, 3), or says why not.
std::string decode_into(const PictureFile& file, int size, std::span<uint8_t> rgb) try {
  if (!file.problem.empty()) return file.problem;
  const Image image = decode(file.bytes);
  const int side = std::min(image.width, image.height);
  if (side < size)
    return std::to_string(image.width) + "x" + std::to_string(image.height) + ", smaller than " +
           std::to_string(size) + "x" + std::to_string(size);
  const Image reduced = resize_area(middle_square(image), size, size);
  std::copy(reduced.pixels.begin(), reduced.pixels.end(), rgb.begin());
  return {};
} catch (const Error& error) {
  return error.what();
}

// Collects pictures batch by batch.
class Collector {
 public:
  Collector(int size, int threads) : size_(size), threads_(std::max(threads, 1)) {}

  void take(PictureFile file) {
    waiting_bytes_ += std::ssize(file.bytes);
    waiting_.push_back(std::move(file));
    if (waiting_.size() >= kBatchFiles || waiting_bytes_ >= kBatchBytes) flush();
  }

  void flush() {
    const size_t bytes = size_t(size_) * size_t(size_) * 3, n = waiting_.size();
    std::vector<uint8_t> rgb(n * bytes);
    std::vector<std::string> problems(n);
    const auto work = [&](size_t first) {
      for (size_t i = first; i < n; i += size_t(threads_))
        problems[i] = decode_into(waiting_[i], size_, std::span(rgb).subspan(i * bytes, bytes));
    };
    {
      std::vector<std::jthread> workers;
      for (int i = 1; i < threads_; ++i) workers.emplace_back(work, size_t(i));
      work(0);
    }
    for (size_t i = 0; i < n; ++i) {
      if (problems[i].empty()) {
        names += waiting_[i].name + '\n';
        pixels.insert(pixels.end(), rgb.begin() + std::ptrdiff_t(i * bytes),
                      rgb.begin() + std::ptrdiff_t((i + 1) * bytes));
        if (++count % kTellEvery == 0)
          std::fprintf(stderr, "data: %lld pictures decoded\n", static_cast<long long>(count));
        continue;
      }
      if (skipped++ < kNamedMax)
        std::fprintf(stderr, "data: skipped %s: %s\n", waiting_[i].name.c_str(),
                     problems[i].c_str());
    }
    waiting_.clear();
    waiting_bytes_ = 0;
  }

  std::vector<uint8_t> pixels;
  std::string names;
  int64_t count = 0, skipped = 0;

 private:
  const int size_, threads_;
  std::vector<PictureFile> waiting_;
  int64_t waiting_bytes_ = 0;
};

bool is_current(const fs::path& path, const std::string& wanted) {
  if (!fs::exists(path)) return false;
  const MappedFile file(path);
  try {
    const Safetensors stored(file.bytes());
    const auto found = stored.metadata().find("stamp");
    return found != stored.metadata().end() && found->second == wanted;
  } catch (const Error& error) {
    std::fprintf(stderr, "data: %s: %s; it is made anew\n", path.c_str(), error.what());
    return false;
  }
}

void check_found(const fs::path& source, const Collector& found) {
  if (found.count == 0)
    throw Error(source.string() + ": no picture among its " + std::to_string(found.skipped) +
                " files");
  if (found.skipped > found.count)
    throw Error(source.string() + ": expected pictures, but " + std::to_string(found.skipped) +
                " of its " + std::to_string(found.skipped + found.count) + " files are not usable");
}

}  // namespace

fs::path cached_pictures(const fs::path& source, const fs::path& folder, int size, int threads) {
  if (size < 1 || (size & (size - 1)) != 0)
    throw Error("pictures: expected a power of two as their side, got " + std::to_string(size));
  const std::string wanted = stamp(source);
  const fs::path path = folder / ("pictures-" + std::to_string(size) + ".safetensors");
  if (is_current(path, wanted)) return path;
  std::error_code status;
  fs::create_directories(folder, status);
  if (status) throw Error(folder.string() + ": " + status.message());
  Collector found(size, threads);
  for_each_file(source, [&](PictureFile file) { found.take(std::move(file)); });
  found.flush();
  check_found(source, found);
  const int64_t side = size;
  write_safetensors(
      path, {{"stamp", wanted}, {"skipped", std::to_string(found.skipped)}},
      {{"pictures",
        {DType::u8, {found.count, side, side, 3}, std::as_bytes(std::span(found.pixels))}},
       {"names", {DType::u8, {std::ssize(found.names)}, std::as_bytes(std::span(found.names))}}});
  return path;
}

}  // namespace vernissage::training
