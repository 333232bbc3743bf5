// How a server is asked to stop, and how it tells its supervisor how it is.
#pragma once

#include <csignal>
#include <string>

namespace vernissage::process {

/// SIGTERM and SIGINT, and SIGHUP (read your keys again), held back in every thread and waited for
/// in one.
class StopSignals {
 public:
  /// Before any other thread is started: they inherit the mask.
  StopSignals();

  /// Waits for the next one, SIGHUP included; which it was.
  int wait() const;
  /// True when another SIGTERM or SIGINT comes within `ms`: somebody is in a hurry.
  bool comes_within(int64_t ms) const;
  /// Wakes wait() from inside the process, by the door an operator uses.
  static void raise();

 private:
  sigset_t stops_, all_;
};

/// Tells systemd (a unit of Type=notify) "READY=1", "STOPPING=1" …; nothing where $NOTIFY_SOCKET is
/// not set. A supervisor that does not listen is no reason to fail.
void notify_supervisor(const std::string& state);

}  // namespace vernissage::process
