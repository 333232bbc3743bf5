#include "server/routes/answers.h"

#include <ctime>
#include <utility>

#include "base/error.h"
#include "server/http/caching.h"
#include "server/http/compression.h"
#include "server/http/json.h"
#include "server/visitors/claim_request.h"
#include "server/web/pages.h"

namespace vernissage::http {
namespace {

// Nothing may be loaded but our own pictures, style and script; nothing inline, no frames, no
// <base>.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr char kVaryByWords[] = "Accept-Encoding, Accept-Language, Cookie";

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

// The query as it was sent, without lang=.
std::string without_language(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!pair.empty() && !pair.starts_with("lang="))
      out.append(out.empty() ? "" : "&").append(pair);
  }
  return out;
}

bool wants_page(const Request& request) {
  const auto accept = request.field("Accept");
  return !request.path.starts_with("/api/") && accept &&
         accept->find("text/html") != std::string_view::npos;
}

}  // namespace

Response etag_response(const Request& request, std::string media_type, std::string body) {
  Response response;
  response.set("Content-Type", std::move(media_type));
  response.set("Cache-Control", "no-cache");
  response.set("ETag", etag_of(body));
  response.body = std::move(body);
  compress(request, &response);
  return conditional(request, std::move(response), /*ranges=*/false);
}

std::string_view asked_language(const Request& request) {
  constexpr size_t kPairsMax = 8;
  if (request.query.find("lang=") == std::string::npos) return {};
  try {
    for (const auto& [name, value] : visitors::read_pairs(request.query, kPairsMax))
      if (name == "lang")
        for (const web::Language& language : web::languages())
          if (value == language.code) return language.code;
  } catch (const ParseError&) {
    // Whoever reads the rest of the query says so.
  }
  return {};
}

web::Site localized(const web::Site& site, const Request& request, const std::string& origin) {
  const bool readable = request.method == "GET" || request.is_head();
  return site.at(
      {web::choose_language(asked_language(request), request.field("Cookie").value_or(""),
                            request.field("Accept-Language").value_or("")),
       readable ? request.path : "/", readable ? without_language(request.query) : "", origin});
}

Response localized_page(const Request& request, std::string html) {
  Response response = etag_response(request, "text/html; charset=utf-8", std::move(html));
  return response.set("Vary", kVaryByWords);
}

Response localized_json(const Request& request, std::string json) {
  Response response = etag_response(request, "application/json", std::move(json));
  return response.set("Vary", kVaryByWords);
}

Response no_store_json(int status, std::string json) {
  Response response;
  response.status = status;
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  response.body = std::move(json);
  return response;
}

Response immutable_response(const Request& request, std::string media_type, std::string body) {
  Response response;
  response.set("Content-Type", std::move(media_type));
  response.set("Cache-Control", "public, max-age=31536000, immutable");
  response.set("ETag", etag_of(body));
  response.body = std::move(body);
  compress(request, &response);
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
    // Nothing of what was asked is repeated, not even where it was asked.
    const web::Site said = localized(site, request);
    response.set("Content-Type", "text/html; charset=utf-8");
    response.body =
        web::error_page(said.at({said.visit().language}), gallery, status, title, detail);
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

Response finish_headers(Response response, const std::string& request_id) {
  for (const auto& [name, value] : kAlways) response.set(name, value);
  response.set("Date", http_date(std::time(nullptr)));
  response.set("X-Request-Id", request_id);
  return response;
}

}  // namespace vernissage::http
