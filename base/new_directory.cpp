#include "base/new_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "base/error.h"

namespace vernissage::gallery {
namespace {

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

// "galleries/mine/" names the same directory as "galleries/mine".
std::filesystem::path without_slash(const std::filesystem::path& path) {
  const std::filesystem::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

}  // namespace

NewDirectory::NewDirectory(const std::filesystem::path& out) : out_(without_slash(out)) {
  if (out_.empty() || out_ == "." || out_ == ".." || out_ == "/")
    throw Error("the gallery's directory needs a name of its own");
  if (std::filesystem::exists(out_) &&
      !(std::filesystem::is_directory(out_) && std::filesystem::is_empty(out_)))
    throw Error(out.string() + ": is already there");
  std::error_code failed;
  std::filesystem::create_directories(parent_of(out_), failed);
  if (failed)
    throw Error(parent_of(out_).string() + ": cannot make a directory: " + failed.message());
  std::string name = parent_of(out_).string();
  name.append("/.").append(out_.filename().string()).append(".new-XXXXXX");
  if (!::mkdtemp(name.data()))
    throw Error(parent_of(out_).string() + ": cannot make a directory: " + std::strerror(errno));
  path_ = name;
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;  // a leftover under this name is no gallery
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

void NewDirectory::move_into_place() {
  sync_to_disk(path_);
  if (std::rename(path_.c_str(), out_.c_str()) != 0)
    throw Error(out_.string() + ": cannot be moved into place: " + std::strerror(errno));
  path_.clear();
  sync_to_disk(parent_of(out_));
}

void sync_to_disk(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    const std::string why = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    throw Error(path.string() + ": cannot be written to disk: " + why);
  }
  ::close(descriptor);
}

void copy_to_disk(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  std::filesystem::copy_file(from, to, failed);
  if (failed) throw Error(to.string() + ": cannot copy " + from.string() + ": " + failed.message());
  sync_to_disk(to);
}

}  // namespace vernissage::gallery
