#include "base/interrupted_cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/error.h"

namespace vernissage {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};

// A handler may do next to nothing: it writes the signal's number here, and a thread does the work.
int told = -1;

extern "C" void tell(int signal) {
  const int before = errno;
  const auto number = static_cast<unsigned char>(signal);
  [[maybe_unused]] const ssize_t written = ::write(told, &number, 1);
  errno = before;
}

class Watch {
 public:
  static Watch& only() {
    static auto* const watch = new Watch;  // lives as long as its thread: to the end
    return *watch;
  }

  void add(const std::filesystem::path& directory) {
    const std::lock_guard lock(mutex_);
    if (directories_.empty()) install();
    directories_.insert(directory);
  }

  void remove(const std::filesystem::path& directory) {
    const std::lock_guard lock(mutex_);
    directories_.erase(directory);
    if (directories_.empty()) restore();
  }

 private:
  Watch() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error("cannot make a pipe: " + std::string(std::strerror(errno)));
    told = ends[1];
    std::thread([this, end = ends[0]] {
      unsigned char number = 0;
      while (::read(end, &number, 1) == 1) end_by(number);
    }).detach();
  }

  void install() {
    for (size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction action {};
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_IGN) continue;
      action.sa_handler = tell;
      action.sa_flags = SA_RESTART;
      ::sigaction(kSignals[i], &action, nullptr);
    }
  }
  void restore() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }

  void end_by(int number) {
    const std::lock_guard lock(mutex_);
    for (const auto& directory : directories_) {
      // The command goes on writing meanwhile, until it finds that its directory is gone.
      std::error_code failed;
      for (int attempt = 0; attempt < 100; ++attempt) {
        std::filesystem::remove_all(directory, failed);
        if (!std::filesystem::exists(directory, failed)) break;
      }
    }
    ::signal(number, SIG_DFL);
    ::kill(::getpid(), number);
  }

  std::mutex mutex_;  // guards what follows
  std::set<std::filesystem::path> directories_;
  std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace

InterruptedCleanup::InterruptedCleanup(std::filesystem::path directory)
    : directory_(std::filesystem::absolute(std::move(directory))) {
  Watch::only().add(directory_);
}

InterruptedCleanup::~InterruptedCleanup() {
  Watch::only().remove(directory_);
}

}  // namespace vernissage
