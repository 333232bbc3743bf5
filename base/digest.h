// SHA-256 and HMAC-SHA256 as values, and their hexadecimal spelling.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vernissage::gallery {

using Digest = std::array<uint8_t, 32>;

/// FIPS 180-4. All of these throw Error when OpenSSL fails.
Digest sha256(std::string_view bytes);
/// Of a whole file, read in pieces. Throws Error naming the path.
Digest sha256_of_file(const std::filesystem::path& path);
/// RFC 2104.
Digest hmac_sha256(std::span<const uint8_t> key, std::string_view bytes);

/// Lower case, two characters a byte.
std::string hex(std::span<const uint8_t> bytes);
/// Nothing for any text that hex() of a Digest could not have given.
std::optional<Digest> digest_from_hex(std::string_view text);

/// The bytes as they stand, for hashing and storing.
inline std::string_view as_text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace vernissage::gallery
