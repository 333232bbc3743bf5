#include "server/gallery/secrecy.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace vernissage::gallery {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

// Nothing: it is not there, or was closed already.
std::optional<std::string> close_one(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & kOthers) == 0) return std::nullopt;
  const mode_t wanted = status.st_mode & ~kOthers;
  int error = ::chmod(path.c_str(), wanted & 07777) == 0 ? 0 : errno;
  if (error == 0 && (::stat(path.c_str(), &status) != 0 || (status.st_mode & kOthers) != 0))
    error = ENOTSUP;
  if (error != 0)
    throw Error(path.string() + ": open to others (mode " + octal(status.st_mode) + "), expected " +
                octal(wanted) + ", which cannot be set: " + std::strerror(error));
  return path.string() + ": was open to others; its mode is now " + octal(wanted);
}

}  // namespace

std::vector<std::string> close_to_others(const std::filesystem::path& directory) {
  std::vector<std::string> closed;
  for (const char* name : {"", "gallery.db", "gallery.db-wal", "gallery.db-shm", "gallery.db.lock"})
    if (auto line = close_one(*name ? directory / name : directory))
      closed.push_back(std::move(*line));
  return closed;
}

}  // namespace vernissage::gallery
