// What no codec is needed for: the rules of a picture, the area average, files written whole.
#include "server/images/images.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

#include "base/error.h"

namespace vernissage {
namespace {

// One output pixel along one axis: the input pixels it covers and how much of each. Lengths are in
// units of 1/(output size) of an input pixel, so they are whole numbers and every weight of an axis
// sums to `total`.
struct Cover {
  int first;                      // index of the first input pixel
  std::vector<uint32_t> weights;  // all ≥ 1
};

std::vector<Cover> covers(int in, int out) {
  std::vector<Cover> all(static_cast<size_t>(out));
  for (int i = 0; i < out; ++i) {
    const int64_t begin =
        int64_t{i} * in;  // the output pixel is [begin, end), input pixel j is [j·out, (j+1)·out)
    const int64_t end = begin + in;
    Cover& cover = all[static_cast<size_t>(i)];
    cover.first = static_cast<int>(begin / out);
    for (int64_t j = cover.first; j * out < end; ++j) {
      const int64_t from = std::max(begin, j * out);
      const int64_t to = std::min(end, (j + 1) * out);
      cover.weights.push_back(static_cast<uint32_t>(to - from));
    }
  }
  return all;
}

// sums[x, c] = Σ weight · pixel over the columns that output pixel x covers; at most 255 · 16383.
void sum_columns(const uint8_t* row, int channels, const std::vector<Cover>& columns,
                 uint32_t* sums) {
  for (const Cover& cover : columns) {
    const uint8_t* pixel = row + int64_t{cover.first} * channels;
    std::fill_n(sums, channels, 0u);
    for (const uint32_t weight : cover.weights) {
      for (int c = 0; c < channels; ++c) sums[c] += weight * pixel[c];
      pixel += channels;
    }
    sums += channels;
  }
}

std::string reason() {
  return std::strerror(errno);
}

// Owns the temporary file until it has its final name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    std::random_device random;
    const std::string folder = target.has_parent_path() ? target.parent_path().string() : ".";
    for (int attempt = 0; attempt < 16 && file_ < 0; ++attempt) {
      path_ = folder + "/." + target.filename().string() + "." + std::to_string(random()) + ".part";
      file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file_ < 0 && errno != EEXIST) break;
    }
    if (file_ < 0) throw Error(target.string() + ": cannot be written: " + reason());
    folder_ = folder;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_ >= 0) ::close(file_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("writing");
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
  }

  void take_name(Durability durability) {
    if (durability == Durability::at_once && ::fsync(file_) != 0) fail("fsync");
    const int file = file_;
    file_ = -1;
    if (::close(file) != 0) fail("closing");
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail("renaming");
    path_.clear();
    if (durability == Durability::in_time) return;
    // The name is on disk only once the folder is; a file system that cannot do this has said so by
    // EINVAL.
    const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;  // the folder may be writable and searchable yet not readable
    const bool failed = ::fsync(folder) != 0 && errno != EINVAL;
    const std::string why = reason();
    ::close(folder);
    if (failed) throw Error(target_.string() + ": fsync of its folder: " + why);
  }

 private:
  [[noreturn]] void fail(const char* doing) {
    throw Error(target_.string() + ": " + doing + ": " + reason());
  }

  std::filesystem::path target_;
  std::string folder_;
  std::string path_;
  int file_ = -1;
};

}  // namespace

void check(const Image& image) {
  const auto side = [](const char* name, int value) {
    if (value >= 1 && value <= kImageSideMax) return;
    throw Error(std::string("image: ") + name + " " + std::to_string(value) + ", expected 1 to " +
                std::to_string(kImageSideMax));
  };
  side("width", image.width);
  side("height", image.height);
  if (image.channels != 1 && image.channels != 3 && image.channels != 4)
    throw Error("image: " + std::to_string(image.channels) + " channels, expected 1, 3 or 4");
  const size_t expected = size_t(image.width) * size_t(image.height) * size_t(image.channels);
  if (image.pixels.size() != expected)
    throw Error("image: " + std::to_string(image.pixels.size()) + " bytes of pixels, expected " +
                std::to_string(expected));
}

Image resize_area(const Image& image, int width, int height) {
  check(image);
  for (const int side : {width, height})
    if (side < 1 || side > kImageSideMax)
      throw Error("image: cannot be resized to " + std::to_string(width) + " x " +
                  std::to_string(height) + ", sides are 1 to " + std::to_string(kImageSideMax));

  Image result{width, height, image.channels, {}};
  const size_t in_row = size_t(image.width) * size_t(image.channels);
  const size_t out_row = size_t(width) * size_t(image.channels);
  result.pixels.resize(out_row * size_t(height));

  // Whole numbers throughout, so the result is the exact mean, rounded once: the weights of a pixel
  // sum to (input width) · (input height) ≤ 2^28, and 255 times that fits easily.
  const uint64_t total = uint64_t(image.width) * uint64_t(image.height);
  const std::vector<Cover> columns = covers(image.width, width);
  const std::vector<Cover> rows = covers(image.height, height);
  std::vector<uint32_t> sums(out_row);
  std::vector<uint64_t> totals(out_row);
  int summed =
      -1;  // the input row in `sums`: neighbours share one when enlarging, or at a common edge
  for (int y = 0; y < height; ++y) {
    std::fill(totals.begin(), totals.end(), uint64_t{0});
    int row = rows[size_t(y)].first;
    for (const uint32_t weight : rows[size_t(y)].weights) {
      if (summed != row)
        sum_columns(image.pixels.data() + size_t(row) * in_row, image.channels, columns,
                    sums.data());
      summed = row++;
      for (size_t i = 0; i < out_row; ++i) totals[i] += uint64_t{weight} * sums[i];
    }
    uint8_t* out = result.pixels.data() + size_t(y) * out_row;
    for (size_t i = 0; i < out_row; ++i)
      out[i] = static_cast<uint8_t>((totals[i] + total / 2) / total);
  }
  return result;
}

void expect_writable_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  const auto status = std::filesystem::status(folder, failed);
  if (!std::filesystem::exists(status)) throw Error(folder.string() + ": no such folder");
  if (!std::filesystem::is_directory(status)) throw Error(folder.string() + ": not a folder");
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(folder.string() + ": cannot be written to: " + reason());
}

void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes,
                           Durability durability) {
  TemporaryFile file(path);
  file.write(bytes);
  file.take_name(durability);
}

}  // namespace vernissage
