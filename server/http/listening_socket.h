// The socket at which a server hears: opened by itself, or handed over by whoever started it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vernissage::http {

/// Listens from its making on: who connects before anybody accepts waits in the kernel's queue.
class ListeningSocket {
 public:
  /// On host (an address, not a name) and port; port 0: any free one. Throws Error naming both and
  /// the reason.
  static ListeningSocket on_port(const std::string& host, uint16_t port);

  /// A Unix socket at `path`, mode 0660. A socket that nobody listens on any more is replaced.
  /// Throws Error naming the path when anything else is there.
  static ListeningSocket at_path(const std::filesystem::path& path);

  /// The one that whoever started this process has opened for it, by the protocol of
  /// sd_listen_fds(3): $LISTEN_PID is this process, $LISTEN_FDS is 1, the socket is descriptor 3.
  /// It stays open when this process ends, and who connects meanwhile waits for the next one.
  /// Throws Error saying which of this is not so, or what the descriptor is instead of a listening
  /// stream socket (TCP or Unix).
  static ListeningSocket handed_over();

  /// True when somebody has meant to hand one over to this very process.
  static bool is_handed_over();

  ListeningSocket(ListeningSocket&& other) noexcept;
  /// Closes it; the file of a Unix socket that was opened here is gone.
  ~ListeningSocket();
  ListeningSocket& operator=(ListeningSocket&&) = delete;

  int family() const { return family_; }   // AF_INET, AF_INET6 or AF_UNIX
  uint16_t port() const { return port_; }  // 0 for a Unix socket
  /// "http://127.0.0.1:8080", "http://[::1]:8080", "unix:/run/vernissage.sock"
  const std::string& url() const { return url_; }

  /// The descriptor, now the caller's to close. The file stays until the end.
  int release() noexcept;

 private:
  explicit ListeningSocket(int descriptor) : descriptor_(descriptor) {}
  // Port and url, as the kernel has them. Throws Error for what is neither TCP nor Unix.
  void read_address();

  int descriptor_;  // -1: closed, or given away
  int family_ = 0;
  uint16_t port_ = 0;
  std::string url_;
  std::filesystem::path own_path_;  // to be removed; empty: none
};

}  // namespace vernissage::http
