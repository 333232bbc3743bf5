#include "server/http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace vernissage::http {
namespace {

Peer of_ipv4(const void* bytes) {
  char text[INET_ADDRSTRLEN];
  const std::string name = ::inet_ntop(AF_INET, bytes, text, sizeof text);
  return {name, name, ""};
}

}  // namespace

Peer peer_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return of_ipv4(&v4.sin_addr);
  }
  if (address->sa_family != AF_INET6) return {};
  sockaddr_in6 v6;
  std::memcpy(&v6, address, sizeof v6);
  const auto* bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return of_ipv4(bytes + 12);
  char text[INET6_ADDRSTRLEN];
  return {::inet_ntop(AF_INET6, bytes, text, sizeof text), std::string(bytes, 8),
          std::string(bytes, 6)};
}

}  // namespace vernissage::http
