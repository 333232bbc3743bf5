#include "server/visitors/cookie.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/base64.h"
#include "base/digest.h"
#include "base/error.h"

namespace vernissage::visitors {
namespace {

constexpr size_t kSignedBytes = 16 + 1 + 8;
constexpr size_t kValueBytes = kSignedBytes + 32;
static_assert(kValueBytes % 3 == 0, "base64 without bits to spare: one spelling of each value");
static_assert(kValueBytes / 3 * 4 == kCookieCharacters);

gallery::Digest signature(const CookieKeys::Key& key, std::string_view purpose,
                          std::string_view text) {
  std::string message(purpose);
  message += '\0';
  message += text;
  return gallery::hmac_sha256(key.bytes, message);
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Apart from every cookie's name: no cookie is called this.
constexpr std::string_view kTokenPurpose = "form token";

}  // namespace

CookieKeys::CookieKeys(std::vector<Key> keys) : keys_(std::move(keys)) {
  VERNISSAGE_ASSERT(!keys_.empty());
}

CookieKeys::~CookieKeys() {
  for (Key& key : keys_) OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
}

std::string CookieKeys::sign(std::string_view name, const VisitorId& id, int64_t now) const {
  const Key& key = keys_.front();
  std::string bytes(gallery::as_text(id));
  bytes += static_cast<char>(key.number);
  const auto expiry = static_cast<uint64_t>(now + kCookieSeconds);
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(expiry >> shift);
  return gallery::base64url(bytes + std::string(gallery::as_text(signature(key, name, bytes))));
}

std::optional<CookieKeys::Verified> CookieKeys::verify(std::string_view name,
                                                       std::string_view value, int64_t now) const {
  if (value.size() != kCookieCharacters) return std::nullopt;
  const auto bytes = gallery::from_base64url(value);
  if (!bytes) return std::nullopt;
  const std::string_view message = std::string_view(*bytes).substr(0, kSignedBytes);
  const auto number = static_cast<uint8_t>(message[16]);
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const Key& candidate) { return candidate.number == number; });
  if (key == keys_.end()) return std::nullopt;
  const gallery::Digest expected = signature(*key, name, message);
  if (!same(gallery::as_text(expected), std::string_view(*bytes).substr(kSignedBytes)))
    return std::nullopt;
  uint64_t expiry = 0;
  for (size_t i = 17; i < kSignedBytes; ++i)
    expiry = (expiry << 8) | static_cast<uint8_t>(message[i]);
  const int64_t left = static_cast<int64_t>(expiry) - now;
  if (left <= 0) return std::nullopt;
  Verified verified{};
  std::memcpy(verified.id.data(), message.data(), verified.id.size());
  verified.renew = key != keys_.begin() || left < kCookieSeconds - kCookieRenewSeconds;
  return verified;
}

std::string CookieKeys::token(std::string_view text) const {
  return gallery::base64url(gallery::as_text(signature(keys_.front(), kTokenPurpose, text)));
}

bool CookieKeys::is_token(std::string_view text, std::string_view token) const {
  bool found = false;
  for (const Key& key : keys_)
    found |= same(gallery::base64url(gallery::as_text(signature(key, kTokenPurpose, text))), token);
  return found;
}

VisitorId fresh_visitor_id() {
  VisitorId id;
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1)
    throw Error("the system's random generator gave nothing");
  return id;
}

std::optional<std::string_view> find_cookie(const std::vector<std::string_view>& fields,
                                            std::string_view name) {
  std::optional<std::string_view> found;
  for (std::string_view field : fields) {
    while (!field.empty()) {
      const size_t end = std::min(field.find(';'), field.size());
      const std::string_view pair = trimmed(field.substr(0, end));
      const size_t equals = std::min(pair.find('='), pair.size());
      if (pair.substr(0, equals) == name) {
        if (found) return std::nullopt;
        found = pair.substr(std::min(equals + 1, pair.size()));
      }
      field.remove_prefix(std::min(end + 1, field.size()));
    }
  }
  return found;
}

}  // namespace vernissage::visitors
