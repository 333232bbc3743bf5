#include "base/base64.h"

#include <algorithm>
#include <cstring>

namespace vernissage::gallery {
namespace {

constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string base64(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) group = group << 8 | (i < left ? bytes[at + i] : 0u);
    for (size_t i = 0; i < 4; ++i) out += i <= left ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int bit_count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<uint8_t>(c);
    for (bit_count += 8; bit_count >= 6; bit_count -= 6)
      out += kBase64Url[(bits >> (bit_count - 6)) & 63];
  }
  if (bit_count > 0) out += kBase64Url[(bits << (6 - bit_count)) & 63];
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int bit_count = 0;
  for (const char c : text) {
    const char* at = c == '\0' ? nullptr : std::strchr(kBase64Url, c);
    if (!at) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(at - kBase64Url);
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out += static_cast<char>(bits >> bit_count);
    }
  }
  const bool spare_is_zero = (bits & ((1u << bit_count) - 1)) == 0;
  return bit_count < 6 && spare_is_zero ? std::optional(out) : std::nullopt;
}

}  // namespace vernissage::gallery
