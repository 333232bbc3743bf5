// Bytes as text: base64, and its alphabet for addresses and cookies.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vernissage::gallery {

/// RFC 4648, section 4, with padding.
std::string base64(std::span<const uint8_t> bytes);

/// RFC 4648, section 5: with '-' and '_', without padding.
std::string base64url(std::string_view bytes);
/// Nothing for any text that base64url() could not have given.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace vernissage::gallery
