// What must not be left behind when a command is interrupted (Ctrl-C, a terminal that closes, a
// service that stops): a half-made gallery holds its key.
#pragma once

#include <filesystem>

namespace vernissage {

/// While it lives, SIGINT, SIGTERM and SIGHUP remove `directory` with all that is in it before they
/// end the program as they would have done; those that are ignored (nohup) stay so. A kill -9
/// leaves it. For commands, not beside another handler of these signals that is installed later.
class InterruptedCleanup {
 public:
  explicit InterruptedCleanup(std::filesystem::path directory);
  ~InterruptedCleanup();
  InterruptedCleanup(const InterruptedCleanup&) = delete;
  InterruptedCleanup& operator=(const InterruptedCleanup&) = delete;

 private:
  std::filesystem::path directory_;
};

}  // namespace vernissage
