// Internet addresses as the rules about visitors need them: whose share of the limits a request
// takes, and which proxies are believed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage::visitors {

/// IPv4 is kept in its mapped form, ::ffff:a.b.c.d, so that both spellings are one address.
struct Address {
  std::array<uint8_t, 16> bytes{};

  bool is_v4() const;
  bool operator==(const Address&) const = default;
};

/// "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"; nothing for anything else (names, ports, zones).
std::optional<Address> read_address(std::string_view text);
std::string address_text(const Address& address);

/// A range of addresses: those that share the first `bits` bits (of 128, in the mapped form).
struct AddressRange {
  Address base;
  int bits = 128;

  bool contains(const Address& address) const;
};

/// "10.0.0.0/8", "2001:db8::/32", or a single address. Throws Error saying what was expected; so
/// does a base with bits set behind the prefix.
AddressRange read_address_range(std::string_view text);

/// The part of the network that one customer holds: an IPv4 /24, an IPv6 /48, as providers give
/// customers up to a /48 (RFC 6177), which is 65,536 times a /64. Bits behind it zero.
Address subnet_of(const Address& address);
/// What stands for one visitor's machine: an IPv4 address, an IPv6 /64, as whoever has a single
/// IPv6 address has 2^64.
Address machine_of(const Address& address);

/// Who is believed about others: proxies in front of this server.
struct TrustedProxies {
  std::vector<AddressRange> ranges;
  bool unix_socket = false;  // whoever reaches our Unix socket is a proxy

  /// `peer` as in http::Request: an address, or empty for a Unix socket.
  bool contains(std::string_view peer) const;
};

/// "10.0.0.0/8,unix"; empty: nobody. Throws Error.
TrustedProxies read_trusted_proxies(std::string_view text);

/// An address as proxies write it: bare, with a port ("192.0.2.7:5678"), in brackets
/// ("[2001:db8::1]"), in brackets with a port. Nothing for names, "unknown", and obfuscated
/// identifiers ("_hidden").
std::optional<Address> read_node(std::string_view text);

/// What proxies have said about who they speak for: the fields of one request, in their order.
struct ForwardedFields {
  std::vector<std::string_view> x_forwarded_for;  // X-Forwarded-For
  std::vector<std::string_view> forwarded;        // Forwarded, RFC 7239; of it "for"
};

/// Whose request it is: the peer, or, where that is a trusted proxy, the last address of
/// X-Forwarded-For, or of Forwarded, that is no trusted proxy itself. What stands to its left was
/// written by that very client and is worth nothing. An entry that is no address ends the search:
/// then it is the last proxy. Where both fields are there and name two clients, one of them came
/// from the client: then it is the peer. Nothing: a Unix socket without a forwarded address.
std::optional<Address> client_address(std::string_view peer, const ForwardedFields& fields,
                                      const TrustedProxies& trusted);

}  // namespace vernissage::visitors
