#include "base/new_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

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

constexpr char kUnfinished[] = ".new-";

// Removes what a killed command has left beside `out`: nobody holds its lock. One that was made
// this moment may not be locked yet.
void sweep(const std::filesystem::path& out) {
  constexpr std::chrono::seconds kYoung{5};
  std::string prefix(1, '.');
  prefix.append(out.filename().string()).append(kUnfinished);
  std::error_code failed;
  std::vector<std::filesystem::path> left;
  for (const auto& entry :
       std::filesystem::directory_iterator(out.has_parent_path() ? out.parent_path() : ".", failed))
    if (entry.path().filename().string().starts_with(prefix)) left.push_back(entry.path());
  for (const std::filesystem::path& path : left) {
    const int lock = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (lock < 0) continue;
    struct stat status {};
    const auto age = std::filesystem::file_time_type::clock::now() -
                     std::filesystem::last_write_time(path, failed);
    const bool abandoned = ::fstat(lock, &status) == 0 && status.st_uid == ::geteuid() &&
                           age > kYoung && ::flock(lock, LOCK_EX | LOCK_NB) == 0;
    if (abandoned && std::filesystem::remove_all(path, failed) > 0 && !failed)
      std::fprintf(stderr, "removed %s, which a command that was killed had left\n", path.c_str());
    ::close(lock);
  }
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
  sweep(out_);
  std::string name = parent_of(out_).string();
  name.append("/.").append(out_.filename().string()).append(".new-XXXXXX");
  if (!::mkdtemp(name.data()))
    throw Error(parent_of(out_).string() + ": cannot make a directory: " + std::strerror(errno));
  path_ = name;
  hold();
}

void NewDirectory::hold() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0) ::flock(lock_, LOCK_EX | LOCK_NB);
  cleanup_.emplace(path_);
}

NewDirectory::~NewDirectory() {
  cleanup_.reset();
  std::error_code ignored;  // a leftover under this name is no gallery
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

void NewDirectory::move_into_place() {
  sync_to_disk(path_);
  if (std::rename(path_.c_str(), out_.c_str()) != 0)
    throw Error(out_.string() + ": cannot be moved into place: " + std::strerror(errno));
  path_.clear();
  cleanup_.reset();
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
  const auto fail = [&](const std::filesystem::path& at) {
    throw Error(to.string() + ": cannot copy " + from.string() + ": " + at.filename().string() +
                ": " + std::strerror(errno));
  };
  struct Descriptor {
    int number;
    ~Descriptor() {
      if (number >= 0) ::close(number);
    }
  };
  const Descriptor source{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status {};
  if (source.number < 0 || ::fstat(source.number, &status) != 0) fail(from);
  const Descriptor copy{
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0777)};
  if (copy.number < 0 || ::fchmod(copy.number, status.st_mode & 0777) != 0) fail(to);
  std::vector<char> piece(1 << 20);
  while (true) {
    const ssize_t count = ::read(source.number, piece.data(), piece.size());
    if (count < 0) fail(from);
    if (count == 0) break;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::write(copy.number, piece.data() + done, static_cast<size_t>(count - done));
      if (written < 0) fail(to);
      done += written;
    }
  }
  if (::fsync(copy.number) != 0) fail(to);
}

}  // namespace vernissage::gallery
