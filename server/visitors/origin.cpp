#include "server/visitors/origin.h"

#include <optional>
#include <string>

#include "server/visitors/address.h"

namespace vernissage::visitors {
namespace {

struct Single {
  std::optional<std::string_view> value;
  bool repeated = false;
};

Single single(const http::Request& request, std::string_view name) {
  Single found;
  for (const auto& [key, value] : request.fields) {
    if (!http::same_name(key, name)) continue;
    found.repeated = found.value.has_value();
    if (found.repeated) break;
    found.value = value;
  }
  return found;
}

}  // namespace

bool is_same_origin(const http::Request& request, std::string_view public_origin) {
  const Single site = single(request, "Sec-Fetch-Site");
  const Single origin = single(request, "Origin");
  if (site.repeated || origin.repeated) return false;
  if (site.value && *site.value != "same-origin") return false;
  if (!origin.value) return true;
  if (!public_origin.empty()) return *origin.value == public_origin;
  const auto host = request.field("Host");
  if (!host || host->empty()) return false;
  // Browsers write both in lower case; an odd spelling is somebody else's.
  for (const std::string_view scheme : {"https://", "http://"})
    if (*origin.value == std::string(scheme) + std::string(*host)) return true;
  return false;
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view rest = host.substr(end + 1);
    return host.substr(1, end - 1) == "::1" && (rest.empty() || rest.front() == ':');
  }
  const std::string_view name = host.substr(0, host.find(':'));
  if (name == "localhost") return true;
  const auto address = read_address(name);
  return address && address->is_v4() && address->bytes[12] == 127;
}

}  // namespace vernissage::visitors
