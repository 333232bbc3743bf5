// Any bytes as the fields that say who somebody is: cookies, origins, addresses. Nobody gets in: no
// input carries a signature of the key below.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "server/visitors/address.h"
#include "server/visitors/cookie.h"
#include "server/visitors/origin.h"

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vernissage::visitors;
  static const CookieKeys keys({{1, {0x5a, 0x17, 0xc3}}, {2, {0x99, 0x01}}});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t half = text.find('\n');
  const std::string_view first = text.substr(0, half);
  const std::string_view second =
      half == std::string_view::npos ? std::string_view() : text.substr(half + 1);

  if (const auto value = find_cookie({first, second}, "visitor")) {
    expect(!keys.verify("visitor", *value, 0));
    expect(!find_cookie({first, second, "visitor=x"}, "visitor"));
  }
  expect(!keys.verify("visitor", text, 0));
  expect(!keys.is_token("form", text));
  if (const auto bytes = vernissage::gallery::from_base64url(text))
    expect(vernissage::gallery::base64url(*bytes) == text);

  if (const auto address = read_address(first)) {
    const auto again = read_address(address_text(*address));
    expect(again && *again == *address);
  }
  try {
    const auto trusted = read_trusted_proxies(first);
    client_address("10.0.0.1", {{first, second}, {second, first}}, trusted);
    client_address("", {{}, {second}}, trusted);
  } catch (const vernissage::Error&) {
  }

  vernissage::http::Request request;
  request.fields = {{"Host", "gallery.example"}, {"Origin", std::string(first)}};
  if (first != "https://gallery.example" && first != "http://gallery.example")
    expect(!is_same_origin(request, ""));
  is_loopback_host(first);
  return 0;
}
