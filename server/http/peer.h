// Who is at the other end of a connection.
#pragma once

#include <sys/socket.h>

#include <string>

namespace vernissage::http {

struct Peer {
  std::string name;   // as in Request::peer
  std::string share;  // whose connections are counted together: an IPv4 address, an IPv6 /64
  std::string wide;   // likewise, with a larger limit: an IPv6 /48; empty for an IPv4 address
};

/// An IPv4 address that is written as IPv6 is itself. Neither TCP: all are empty.
Peer peer_of(const sockaddr* address);

}  // namespace vernissage::http
