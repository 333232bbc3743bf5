// Who somebody is, and how much they may ask for.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"
#include "server/visitors/address.h"
#include "server/visitors/cookie.h"
#include "server/visitors/rate_limiter.h"

namespace vernissage::visitors {

struct VisitorSettings {
  /// The field in which a trusted proxy names the visitor it has logged in; empty: cookies.
  std::string identity_field;
  TrustedProxies trusted;
  std::string public_origin;  // "https://gallery.example"; empty: the Host of each request
  /// Paintings that one machine may win in an hour, and kSubnetShare times as many its subnet.
  /// 0: any number, and any number of attempts.
  int64_t claims_per_hour = 3;
  /// Name tags without Secure, under any Host: for a trusted network without TLS, where whoever
  /// listens can take a visitor's place. Never with a public origin of https.
  bool insecure_cookies = false;
  /// Owners are known by the cookie keys: where there are owners, keys that are missing are not
  /// made anew, as everybody would be a stranger to them.
  bool has_owners = false;
};

/// "cookie" gives "", "header:X-Remote-User" gives the name. Throws Error for anything else.
std::string read_identity(std::string_view text);
/// Throws Error for a text that is neither empty nor an origin: scheme, host, port, nothing more.
void check_public_origin(const std::string& text);

inline constexpr double kSubnetShare = 4;  // a /24 is often a house, or an office
/// Attempts, won or not: each is a look into the store's lock.
inline constexpr Quota kAttempts{30, 1};
inline constexpr Quota kSubnetAttempts{120, 4};

/// With TLS a browser lets nobody but us set a cookie of this name, for all of the site.
inline constexpr char kCookieName[] = "__Host-visitor";
/// On http://localhost browsers take no __Host- cookie, and there is nobody in between. The name
/// goes into the signature, so a value under one name is worth nothing under the other.
inline constexpr char kLoopbackCookieName[] = "visitor";

struct Visitor {
  std::string name;        // for Claims: unique, 1 … kVisitorBytesMax bytes; never shown
  std::string set_cookie;  // a field for the answer, when not empty
};

class Visitors {
 public:
  /// The cookie keys lie in `directory`/visitors.key, which is made where there is none and
  /// no owner's cookie can have been signed by it. Throws
  /// Error; so it does for a trusted range so wide that strangers in it could name themselves by
  /// the identity field.
  Visitors(const std::filesystem::path& directory, VisitorSettings settings);

  /// Takes up what was rotated meanwhile. Throws Error, also where there is no file any more, and
  /// the keys stay as they were.
  void reload_keys();

  /// Nothing: a stranger. Only for a request that may be told a Set-Cookie.
  std::optional<Visitor> identify(const http::Request& request) const;
  /// The same, but a stranger gets a fresh name tag; nothing only where tags are the proxy's
  /// affair.
  std::optional<Visitor> welcome(const http::Request& request) const;

  /// True where this request's name tag is the one without Secure and __Host-.
  bool takes_plain_cookie(const http::Request& request) const;

  /// True where the browser takes our name tag and does not keep it: it came without TLS and not
  /// from this machine. As far as can be told: of a trusted proxy, a browser that says where its
  /// request comes from (which it does in secure contexts only), or a word of https it is false.
  bool forgets(const http::Request& request) const;

  /// False for a request that another site's page made.
  bool is_ours(const http::Request& request) const;
  /// Binds a form to its visitor and painting.
  std::string form_token(const Visitor& visitor, std::string_view painting) const;
  bool is_form_token(const Visitor& visitor, std::string_view painting,
                     std::string_view token) const;

  /// Whose share of every limit a request takes: an IPv4 address or IPv6 /64. Requests over a Unix
  /// socket without a forwarded address share one.
  Address client(const http::Request& request) const;

  /// Counts an attempt to claim. How long to wait, when there have been too many.
  std::optional<std::chrono::milliseconds> count_attempt(const Address& client);
  /// Reserves a win before the store is asked; to be given back when it was none.
  std::optional<std::chrono::milliseconds> reserve_win(const Address& client);
  void give_back_win(const Address& client);

  const VisitorSettings& settings() const { return settings_; }

 private:
  struct Limits {
    explicit Limits(double claims_per_hour);
    RateLimiter attempts, subnet_attempts, wins, subnet_wins;
  };

  std::shared_ptr<const CookieKeys> keys() const;

  VisitorSettings settings_;
  std::filesystem::path keys_path_;
  mutable std::mutex mutex_;  // guards keys_, of which each request takes its own share
  std::shared_ptr<const CookieKeys> keys_;
  std::unique_ptr<Limits> limits_;  // null: none
};

}  // namespace vernissage::visitors
