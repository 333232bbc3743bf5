#include "server/http/answers.h"

#include <ctime>
#include <utility>

#include "server/http/caching.h"
#include "server/http/json.h"
#include "server/web/pages.h"

namespace vernissage::http {
namespace {

// Nothing may be loaded but our own pictures, style and script; nothing inline, no frames, no
// <base>.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr std::pair<const char*, const char*> kAlways[] = {
    {"Content-Security-Policy", kContentSecurityPolicy},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

// RFC 9110, 5.6.7. Spelled by hand: strftime's names depend on the locale.
std::string http_date(std::time_t now) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text;
}

bool wants_page(const Request& request) {
  const auto accept = request.field("Accept");
  return !request.path.starts_with("/api/") && accept &&
         accept->find("text/html") != std::string_view::npos;
}

}  // namespace

Response fresh(const Request& request, std::string media_type, std::string body) {
  Response response;
  response.set("Content-Type", std::move(media_type));
  response.set("Cache-Control", "no-cache");
  response.set("ETag", etag_of(body));
  response.body = std::move(body);
  return conditional(request, std::move(response), /*ranges=*/false);
}

Response momentary(int status, std::string json) {
  Response response;
  response.status = status;
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  response.body = std::move(json);
  return response;
}

Response permanent(const Request& request, std::string media_type, std::string body) {
  Response response;
  response.set("Content-Type", std::move(media_type));
  response.set("Cache-Control", "public, max-age=31536000, immutable");
  response.set("ETag", etag_of(body));
  response.body = std::move(body);
  return conditional(request, std::move(response), /*ranges=*/true);
}

Response problem(const web::Site& site, const gallery::Gallery& gallery, const Request& request,
                 int status, const std::string& detail) {
  const std::string title(reason_phrase(status));
  Response response;
  response.status = status;
  response.set("Cache-Control", "no-store");
  response.set("Vary", "Accept");
  if (wants_page(request)) {
    response.set("Content-Type", "text/html; charset=utf-8");
    response.body = web::error_page(site, gallery, status, title, detail);
    return response;
  }
  Json json;
  json.begin('{');
  json.key("type").value("about:blank").key("title").value(title).key("status").value(status);
  json.key("detail").value(detail).key("request_id").value(request.id);
  json.end('}');
  response.set("Content-Type", "application/problem+json");
  response.body = json.text();
  return response;
}

Response dressed(Response response, const std::string& request_id) {
  for (const auto& [name, value] : kAlways) response.set(name, value);
  response.set("Date", http_date(std::time(nullptr)));
  response.set("X-Request-Id", request_id);
  return response;
}

}  // namespace vernissage::http
