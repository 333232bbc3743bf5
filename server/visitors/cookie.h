// A visitor's name tag: signed here, kept by the browser, believed only with its signature. Nothing
// about visitors is stored on the server, so there is nothing to look up and nothing to fill.
//
//   value = base64url(id ‖ key number ‖ expiry ‖ mac), 76 characters
//     id          16 bytes
//     key number  1 byte
//     expiry      8 bytes: seconds since 1970, big-endian
//     mac         32 bytes: HMAC-SHA256(key, name ‖ 0 ‖ id ‖ key number ‖ expiry)
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage::visitors {

using VisitorId = std::array<uint8_t, 16>;

inline constexpr int64_t kCookieSeconds = 400 * 86400;      // browsers keep none longer
inline constexpr int64_t kCookieRenewSeconds = 30 * 86400;  // a tag older than this is renewed
inline constexpr size_t kCookieCharacters = 76;

/// The keys behind the signatures: the first signs, all of them verify, so a key can be replaced
/// without anybody losing their tag. Immutable; safe from several threads.
class CookieKeys {
 public:
  struct Key {
    uint8_t number;
    std::array<uint8_t, 32> bytes;
  };

  /// Reads `path`: one key a line, "number hexadecimal", newest first; mode 0600. Throws Error
  /// naming the path and line.
  static CookieKeys load(const std::filesystem::path& path);
  /// The same; makes a file with a fresh key where there is none.
  static CookieKeys open(const std::filesystem::path& path);
  /// Puts a fresh key before those in `path`; the oldest beyond kKeysMax go. Atomic. Throws Error.
  static void rotate(const std::filesystem::path& path);
  explicit CookieKeys(std::vector<Key> keys);
  CookieKeys(const CookieKeys&) = default;
  CookieKeys& operator=(const CookieKeys&) = delete;
  ~CookieKeys();

  static constexpr size_t kKeysMax = 8;
  size_t count() const { return keys_.size(); }

  /// The cookie's value. `now` in seconds since 1970.
  std::string sign(std::string_view name, const VisitorId& id, int64_t now) const;

  struct Verified {
    VisitorId id;
    bool renew;  // signed with an older key, or some time ago
  };
  /// Nothing for a value that sign() did not give for this name, or that has expired. The compare
  /// takes the same time wherever the difference is.
  std::optional<Verified> verify(std::string_view name, std::string_view value, int64_t now) const;

  /// 43 characters that only the holder of the keys can compute from `text`; for forms.
  std::string token(std::string_view text) const;
  /// True for a token of this text by any of the keys; constant time as above.
  bool is_token(std::string_view text, std::string_view token) const;

 private:
  std::vector<Key> keys_;  // never empty
};

VisitorId fresh_visitor_id();

/// The value of the cookie `name` in the Cookie fields of one request. Nothing when it is not
/// there, and when it is there more than once: two tags are none, as a proxy and we might pick
/// differently.
std::optional<std::string_view> find_cookie(const std::vector<std::string_view>& fields,
                                            std::string_view name);

}  // namespace vernissage::visitors
