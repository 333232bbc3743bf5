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
  return cut(address, address.is_v4() ? 96 + 24 : 48);
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

namespace {

// Up to the next `separator` outside of a quoted string; removes it and what stands behind it too.
std::string_view take_part(std::string_view& text, char separator) {
  bool quoted = false;
  size_t end = 0;
  for (; end < text.size() && (quoted || text[end] != separator); ++end) {
    if (text[end] == '"') quoted = !quoted;
    if (text[end] == '\\' && quoted) ++end;
  }
  end = std::min(end, text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool is_for(std::string_view name) {
  const auto is = [](char c, char lower) { return c == lower || c == lower - 'a' + 'A'; };
  return name.size() == 3 && is(name[0], 'f') && is(name[1], 'o') && is(name[2], 'r');
}

// The value of "for" in one element of Forwarded: for="[2001:db8::1]:4711";proto=https. Empty:
// none. Addresses need no escapes, so a value with a backslash is no address.
std::string_view node_of(std::string_view element) {
  while (!element.empty()) {
    const std::string_view pair = take_part(element, ';');
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!is_for(trimmed(pair.substr(0, equals)))) continue;
    std::string_view value = trimmed(pair.substr(std::min(equals + 1, pair.size())));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

// What each proxy said it speaks for, in the order of the request.
std::vector<std::string_view> nodes_of(const ForwardedFields& fields, bool standard) {
  std::vector<std::string_view> nodes;
  for (std::string_view field : standard ? fields.forwarded : fields.x_forwarded_for) do {
      const std::string_view part = take_part(field, ',');
      nodes.push_back(standard ? node_of(part) : trimmed(part));
    } while (!field.empty());
  return nodes;
}

std::optional<Address> last_untrusted(std::optional<Address> client,
                                      const std::vector<std::string_view>& nodes,
                                      const TrustedProxies& trusted) {
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    const auto address = read_node(*node);
    if (!address) return client;
    client = address;
    if (!trusted.contains(address_text(*address))) return client;
  }
  return client;
}

}  // namespace

std::optional<Address> read_node(std::string_view text) {
  const auto is_port = [](std::string_view port) {
    return !port.empty() && port.size() <= 5 &&
           port.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    const auto address = read_address(text.substr(1, end - 1));
    return address && text.substr(0, end).find(':') != std::string_view::npos ? address
                                                                              : std::nullopt;
  }
  const size_t colon = text.find(':');
  const bool one_colon =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (!one_colon) return read_address(text);
  if (!is_port(text.substr(colon + 1))) return std::nullopt;
  return read_address(text.substr(0, colon));
}

std::optional<Address> client_address(std::string_view peer, const ForwardedFields& fields,
                                      const TrustedProxies& trusted) {
  const auto last = read_address(peer);
  if (!trusted.contains(peer)) return last;
  const auto by = [&](bool standard) {
    return last_untrusted(last, nodes_of(fields, standard), trusted);
  };
  if (fields.forwarded.empty()) return by(false);
  if (fields.x_forwarded_for.empty()) return by(true);
  const auto client = by(true);
  return client == by(false) ? client : last;
}

}  // namespace vernissage::visitors
