#include "server/visitors/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace vernissage::visitors {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Every bit behind the first `bits` zero.
Address cut(Address address, int bits) {
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(bits - 8 * i, 0, 8);
    address.bytes[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return address;
}

}  // namespace

bool Address::is_v4() const {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::optional<Address> read_address(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];  // inet_pton wants a terminated string
  if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  if (std::strlen(copy) != text.size()) return std::nullopt;
  Address address;
  if (::inet_pton(AF_INET6, copy, address.bytes.data()) == 1) return address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, copy, address.bytes.data() + kMapped.size()) == 1) return address;
  return std::nullopt;
}

std::string address_text(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.is_v4()) {
    ::inet_ntop(AF_INET, address.bytes.data() + kMapped.size(), text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  }
  return text;
}

bool AddressRange::contains(const Address& address) const {
  return cut(address, bits) == base;
}

AddressRange read_address_range(std::string_view text) {
  const auto fail = [&](const std::string& why) {
    throw Error("\"" + std::string(text) + "\": " + why);
  };
  const size_t slash = std::min(text.find('/'), text.size());
  const auto base = read_address(text.substr(0, slash));
  if (!base) fail("expected an IP address, or a range of them such as 10.0.0.0/8");
  AddressRange range{*base, 128};
  if (slash < text.size()) {
    const std::string_view digits = text.substr(slash + 1);
    const int bits_max = base->is_v4() ? 32 : 128;
    int bits = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') fail("the prefix behind '/' is not a number");
      bits = std::min(bits * 10 + (c - '0'), 1000);
    }
    if (digits.empty() || bits > bits_max)
      fail("expected a prefix of 0 to " + std::to_string(bits_max) + " bits behind '/'");
    range.bits = 128 - bits_max + bits;
  }
  if (cut(*base, range.bits) != *base) fail("the address has bits set behind its prefix");
  return range;
}

Address subnet_of(const Address& address) {
  return cut(address, address.is_v4() ? 96 + 24 : 64);
}

Address machine_of(const Address& address) {
  return cut(address, address.is_v4() ? 128 : 64);
}

bool TrustedProxies::contains(std::string_view peer) const {
  if (peer.empty()) return unix_socket;
  const auto address = read_address(peer);
  return address && std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
           return range.contains(*address);
         });
}

TrustedProxies read_trusted_proxies(std::string_view text) {
  TrustedProxies trusted;
  if (trimmed(text).empty()) return trusted;
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view entry = trimmed(text.substr(0, comma));
    if (entry == "unix") {
      trusted.unix_socket = true;
    } else {
      trusted.ranges.push_back(read_address_range(entry));
    }
    if (comma == text.size()) return trusted;
    text.remove_prefix(comma + 1);
  }
}

std::optional<Address> client_address(std::string_view peer,
                                      const std::vector<std::string_view>& forwarded_for,
                                      const TrustedProxies& trusted) {
  auto client = read_address(peer);
  if (!trusted.contains(peer)) return client;
  for (auto field = forwarded_for.rbegin(); field != forwarded_for.rend(); ++field) {
    std::string_view rest = *field;
    while (true) {
      const size_t comma = rest.rfind(',');
      const size_t start = comma == std::string_view::npos ? 0 : comma + 1;
      const auto address = read_address(trimmed(rest.substr(start)));
      if (!address) return client;
      client = address;
      if (!trusted.contains(address_text(*address))) return client;
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace vernissage::visitors
