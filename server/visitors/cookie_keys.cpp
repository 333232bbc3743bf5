// The file that holds the cookie keys: reading, making, rotating.
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/digest.h"
#include "base/error.h"
#include "server/visitors/cookie.h"

namespace vernissage::visitors {
namespace {

CookieKeys::Key fresh_key(uint8_t number) {
  CookieKeys::Key key{number, {}};
  if (RAND_bytes(key.bytes.data(), static_cast<int>(key.bytes.size())) != 1)
    throw Error("the system's random generator gave nothing");
  return key;
}

// Held while the file is read, changed and written: two rotations at once would lose one's key. On
// the directory, as the file itself is replaced.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& path) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX) != 0) {
      const std::string reason = std::strerror(errno);
      if (descriptor_ >= 0) ::close(descriptor_);
      throw Error(folder.string() + ": cannot be locked: " + reason);
    }
  }
  ~DirectoryLock() { ::close(descriptor_); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_;
};

std::vector<CookieKeys::Key> read_keys(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw Error(path.string() + ": " + std::string(std::strerror(errno)));
  if ((status.st_mode & 077) != 0)
    throw Error(path.string() + ": others may read it; expected mode 0600");
  std::ifstream file(path);
  if (!file) throw Error(path.string() + ": cannot be read: " + std::strerror(errno));
  std::vector<CookieKeys::Key> keys;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto fail = [&](const std::string& why) {
      throw Error(path.string() + ", line " + std::to_string(number) + ": " + why);
    };
    std::istringstream words(line);
    int key_number = -1;
    std::string hex, rest;
    const auto digest = words >> key_number >> hex ? gallery::digest_from_hex(hex) : std::nullopt;
    if (!digest || words >> rest || key_number < 0 || key_number > 255)
      fail("expected a number of 0 to 255 and 64 hexadecimal digits");
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const auto& key) { return key.number == key_number; }))
      fail("the number " + std::to_string(key_number) + " stands there twice");
    if (keys.size() == CookieKeys::kKeysMax)
      fail("more than " + std::to_string(CookieKeys::kKeysMax) + " keys");
    keys.push_back({static_cast<uint8_t>(key_number), *digest});
  }
  if (keys.empty()) throw Error(path.string() + ": it holds no key");
  return keys;
}

// Beside it first, then in its place: nobody ever sees half of it.
void write_keys(const std::filesystem::path& path, const std::vector<CookieKeys::Key>& keys) {
  std::string text;
  for (const auto& key : keys)
    text += std::to_string(key.number) + " " + gallery::hex(key.bytes) + "\n";
  const std::string beside = path.string() + ".new";
  const auto fail = [&] {
    const std::string reason = std::strerror(errno);
    ::unlink(beside.c_str());
    throw Error(path.string() + ": " + reason);
  };
  ::unlink(beside.c_str());
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail();
  const bool written = ::write(file, text.data(), text.size()) == std::ssize(text);
  const bool synced = written && ::fsync(file) == 0;
  ::close(file);
  if (!synced || ::rename(beside.c_str(), path.c_str()) != 0) fail();
}

}  // namespace

CookieKeys CookieKeys::load(const std::filesystem::path& path) {
  return CookieKeys(read_keys(path));
}

CookieKeys CookieKeys::open(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    const DirectoryLock lock(path);
    if (!std::filesystem::exists(path)) write_keys(path, {fresh_key(1)});
  }
  return load(path);
}

void CookieKeys::rotate(const std::filesystem::path& path) {
  const DirectoryLock lock(path);
  auto keys = read_keys(path);
  auto number = static_cast<uint8_t>(keys.front().number + 1);
  while (
      std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return key.number == number; }))
    ++number;
  keys.insert(keys.begin(), fresh_key(number));
  if (keys.size() > kKeysMax) keys.resize(kKeysMax);
  write_keys(path, keys);
}

}  // namespace vernissage::visitors
