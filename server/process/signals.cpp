#include "server/process/signals.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace vernissage::process {

StopSignals::StopSignals() {
  sigemptyset(&stops_);
  sigaddset(&stops_, SIGTERM);
  sigaddset(&stops_, SIGINT);
  all_ = stops_;
  sigaddset(&all_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &all_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // whoever read our output may leave; the gallery stays open
}

int StopSignals::wait() const {
  int signal = 0;
  sigwait(&all_, &signal);
  return signal;
}

bool StopSignals::comes_within(int64_t ms) const {
  const timespec time{ms / 1000, ms % 1000 * 1000000};
  return sigtimedwait(&stops_, nullptr, &time) > 0;
}

void StopSignals::raise() {
  ::kill(::getpid(), SIGTERM);
}

// The protocol of sd_notify(3): one datagram. A name that begins with '@' is abstract: in its place
// the kernel wants a zero.
void notify_supervisor(const std::string& state) {
  const char* name = std::getenv("NOTIFY_SOCKET");
  if (!name || !*name) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::string_view(name).copy(address.sun_path, sizeof address.sun_path - 1);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  ::close(socket);
}

}  // namespace vernissage::process
