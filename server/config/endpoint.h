// Where a server listens, as operators write it.
#pragma once

#include <cstdint>
#include <string>

namespace vernissage::config {

struct Endpoint {
  std::string host;    // an IP address; empty: a Unix socket
  uint16_t port = 0;   // 0: any free one
  std::string socket;  // path of the Unix socket; empty: TCP
};

/// In place of an endpoint: the socket that whoever starts the server has opened for it
/// (http::ListeningSocket::handed_over).
inline constexpr char kHandedOver[] = "systemd";

/// "127.0.0.1:8080", "[::1]:0", "unix:/run/vernissage/http.sock". Throws Error saying what was
/// expected. Whether the address exists is found out by listening on it.
Endpoint read_endpoint(const std::string& text);

/// True when nobody outside this machine can reach it: a Unix socket, 127.0.0.0/8 or ::1.
bool is_local(const Endpoint& endpoint);

}  // namespace vernissage::config
