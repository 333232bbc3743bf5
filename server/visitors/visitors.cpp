#include "server/visitors/visitors.h"

#include <algorithm>
#include <ctime>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/visitors/origin.h"

namespace vernissage::visitors {
namespace {

using Clock = RateLimiter::Clock;

std::vector<std::string_view> all_fields(const http::Request& request, std::string_view name) {
  std::vector<std::string_view> found;
  for (const auto& [key, value] : request.fields)
    if (http::same_name(key, name)) found.push_back(value);
  return found;
}

std::string set_cookie_field(bool plain, const std::string& value) {
  return std::string(plain ? kLoopbackCookieName : kCookieName) + "=" + value +
         "; Path=/; Max-Age=" + std::to_string(kCookieSeconds) +
         (plain ? "; HttpOnly; SameSite=Lax" : "; Secure; HttpOnly; SameSite=Lax");
}

std::string name_of(const VisitorId& id) {
  return "cookie:" + gallery::hex(id);
}

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

Quota per_hour(double count) {
  return {std::max(count, 1.0), count / 3600};
}

}  // namespace

std::string read_identity(std::string_view text) {
  if (text == "cookie") return "";
  constexpr std::string_view kHeader = "header:";
  const std::string_view name = text.substr(std::min(kHeader.size(), text.size()));
  if (!text.starts_with(kHeader) || name.empty() ||
      !std::all_of(name.begin(), name.end(), is_token_character))
    throw Error("\"" + std::string(text) +
                "\": expected cookie, or header:NAME with a field's name");
  return std::string(name);
}

void check_public_origin(const std::string& text) {
  if (text.empty()) return;
  const size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view(":/.-[]").find(c) != std::string_view::npos;
  });
  if (scheme == 0 || text.size() == scheme || !plain || text.find('/', scheme) != std::string::npos)
    throw Error("\"" + text + "\": expected an origin such as https://gallery.example");
}

namespace {

// Ranges so wide that they hold strangers: whoever is in one could say who they are.
void check_believed(const VisitorSettings& settings) {
  constexpr int kV4BitsMin = 8;  // 10.0.0.0/8
  constexpr int kV6BitsMin = 7;  // fc00::/7
  if (settings.identity_field.empty()) return;
  for (const AddressRange& range : settings.trusted.ranges) {
    const bool is_v4 = range.base.is_v4();
    const int bits = is_v4 ? range.bits - 96 : range.bits;
    if (bits >= (is_v4 ? kV4BitsMin : kV6BitsMin)) continue;
    throw Error("trusted-proxy " + address_text(range.base) + "/" + std::to_string(bits) +
                ": with identity header:" + settings.identity_field +
                " everybody in this range could name themselves anybody; give the proxy's own "
                "address, or a range of at least " +
                std::to_string(is_v4 ? kV4BitsMin : kV6BitsMin) + " bits");
  }
}

CookieKeys open_keys(const std::filesystem::path& path, const VisitorSettings& settings) {
  if (settings.has_owners && settings.identity_field.empty() && !std::filesystem::exists(path))
    throw Error(
        path.string() +
        ": is missing, and without it no owner would be known again: restore it from a "
        "backup, or make a new one (rotate-keys --new), which makes every owner a stranger");
  return CookieKeys::open(path);
}

VisitorSettings checked(VisitorSettings settings) {
  check_believed(settings);
  return settings;
}

}  // namespace

Visitors::Limits::Limits(double claims_per_hour)
    : attempts(kAttempts),
      subnet_attempts(kSubnetAttempts),
      wins(per_hour(claims_per_hour)),
      subnet_wins(per_hour(claims_per_hour * kSubnetShare)) {}

Visitors::Visitors(const std::filesystem::path& directory, VisitorSettings settings)
    : settings_(checked(std::move(settings))),
      keys_path_(directory / "visitors.key"),
      keys_(std::make_shared<const CookieKeys>(open_keys(keys_path_, settings_))),
      limits_(settings_.claims_per_hour > 0
                  ? std::make_unique<Limits>(static_cast<double>(settings_.claims_per_hour))
                  : nullptr) {}

// Where the public origin is set it decides: a proxy may have put a Host of its own in the place of
// the browser's. Else the Host that the browser asked for does: nobody can change that in another
// one's browser, and a gallery behind a name of its own never takes the plain one.
bool Visitors::takes_plain_cookie(const http::Request& request) const {
  const std::string& origin = settings_.public_origin;
  if (origin.starts_with("https://")) return false;
  if (settings_.insecure_cookies) return true;
  constexpr size_t kScheme = 7;  // http://
  return is_loopback_host(origin.empty() ? request.field("Host").value_or("")
                                         : std::string_view(origin).substr(kScheme));
}

bool Visitors::forgets(const http::Request& request) const {
  if (!settings_.identity_field.empty() || takes_plain_cookie(request)) return false;
  if (settings_.public_origin.starts_with("https://") || settings_.trusted.contains(request.peer) ||
      request.field("Sec-Fetch-Site"))
    return false;
  for (const char* name : {"X-Forwarded-Proto", "Forwarded"})
    for (const std::string_view value : all_fields(request, name))
      if (value.find("https") != std::string_view::npos) return false;
  return true;
}

std::shared_ptr<const CookieKeys> Visitors::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

void Visitors::reload_keys() {
  auto fresh = std::make_shared<const CookieKeys>(CookieKeys::load(keys_path_));
  const std::lock_guard lock(mutex_);
  keys_.swap(fresh);
}

std::optional<Visitor> Visitors::identify(const http::Request& request) const {
  if (!settings_.identity_field.empty()) {
    if (!settings_.trusted.contains(request.peer)) return std::nullopt;
    const auto fields = all_fields(request, settings_.identity_field);
    if (fields.size() != 1 || fields[0].empty()) return std::nullopt;
    Visitor visitor{"header:" + std::string(fields[0]), ""};
    if (visitor.name.size() > gallery::kVisitorBytesMax) return std::nullopt;
    return visitor;
  }
  const bool plain = takes_plain_cookie(request);
  const char* name = plain ? kLoopbackCookieName : kCookieName;
  const auto value = find_cookie(all_fields(request, "Cookie"), name);
  const int64_t now = std::time(nullptr);
  const auto known = keys();
  const auto verified = value ? known->verify(name, *value, now) : std::nullopt;
  if (!verified) return std::nullopt;
  return Visitor{
      name_of(verified->id),
      verified->renew ? set_cookie_field(plain, known->sign(name, verified->id, now)) : ""};
}

std::optional<Visitor> Visitors::welcome(const http::Request& request) const {
  auto visitor = identify(request);
  if (visitor || !settings_.identity_field.empty()) return visitor;
  const bool plain = takes_plain_cookie(request);
  const VisitorId id = fresh_visitor_id();
  return Visitor{name_of(id),
                 set_cookie_field(plain, keys()->sign(plain ? kLoopbackCookieName : kCookieName, id,
                                                      std::time(nullptr)))};
}

bool Visitors::is_ours(const http::Request& request) const {
  return is_same_origin(request, settings_.public_origin);
}

std::string Visitors::form_token(const Visitor& visitor, std::string_view painting) const {
  return keys()->token(visitor.name + '\0' + std::string(painting));
}

bool Visitors::is_form_token(const Visitor& visitor, std::string_view painting,
                             std::string_view token) const {
  return keys()->is_token(visitor.name + '\0' + std::string(painting), token);
}

Address Visitors::client(const http::Request& request) const {
  const auto address = client_address(
      request.peer, {all_fields(request, "X-Forwarded-For"), all_fields(request, "Forwarded")},
      settings_.trusted);
  return address ? machine_of(*address) : Address{};
}

std::optional<std::chrono::milliseconds> Visitors::count_attempt(const Address& client) {
  if (!limits_) return std::nullopt;
  const auto now = Clock::now();
  if (const auto wait = limits_->attempts.take(client, now)) return wait;
  return limits_->subnet_attempts.take(subnet_of(client), now);
}

std::optional<std::chrono::milliseconds> Visitors::reserve_win(const Address& client) {
  if (!limits_) return std::nullopt;
  const auto now = Clock::now();
  if (const auto wait = limits_->wins.take(client, now)) return wait;
  const auto wait = limits_->subnet_wins.take(subnet_of(client), now);
  if (wait) limits_->wins.give_back(client, now);
  return wait;
}

void Visitors::give_back_win(const Address& client) {
  if (!limits_) return;
  const auto now = Clock::now();
  limits_->wins.give_back(client, now);
  limits_->subnet_wins.give_back(subnet_of(client), now);
}

}  // namespace vernissage::visitors
