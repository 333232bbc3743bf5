#include "server/config/endpoint.h"

#include <sys/un.h>

#include <charconv>
#include <string_view>

#include "base/error.h"

namespace vernissage::config {

Endpoint read_endpoint(const std::string& text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr size_t kPathMax = sizeof(sockaddr_un::sun_path) - 1;
  if (text.starts_with(kUnix)) {
    const std::string path = text.substr(kUnix.size());
    if (path.empty() || path.size() > kPathMax)
      throw Error("'" + text + "': expected unix: and a path of 1 to " + std::to_string(kPathMax) +
                  " bytes");
    return {"", 0, path};
  }
  const Error wrong("'" + text + "': expected ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH");
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw wrong;
  std::string host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool has_colons = host.find(':') != std::string::npos;
  uint16_t port = 0;
  const char* digits = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(digits, end, port);
  if (host.empty() || bracketed != has_colons || digits == end || failed != std::errc() ||
      stop != end)
    throw wrong;
  return {host, port, ""};
}

bool is_local(const Endpoint& endpoint) {
  return !endpoint.socket.empty() || endpoint.host.starts_with("127.") || endpoint.host == "::1";
}

}  // namespace vernissage::config
