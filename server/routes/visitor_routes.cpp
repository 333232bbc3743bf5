#include "server/routes/visitor_routes.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>

#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/gallery/secret.h"
#include "server/http/caching.h"
#include "server/http/json.h"
#include "server/routes/answers.h"
#include "server/visitors/claim_request.h"
#include "server/web/pages.h"

namespace vernissage::http {
namespace {

using gallery::ClaimAnswer;
using gallery::ClaimRequest;
using gallery::ClaimResult;
using gallery::PublicClaim;
using visitors::Visitor;

constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr int64_t kStoreRetrySeconds = 5;

Response refusal(const App& app, const Request& request, int status, const std::string& detail) {
  return problem(app.site, app.gallery, request, status, detail);
}

Response retry_later(const App& app, const Request& request, int status, const std::string& detail,
                     int64_t seconds) {
  Response response = refusal(app, request, status, detail);
  return response.set("Retry-After", std::to_string(seconds));
}

Response too_many(const App& app, const Request& request, std::chrono::milliseconds wait) {
  return retry_later(app, request, 429, "too many claim attempts from this address range",
                     (wait.count() + 999) / 1000);
}

// An answer to this visitor and nobody else.
Response private_response(Response response, const Visitor& visitor) {
  response.set("Cache-Control", "private, no-store");
  response.set("Vary", "Cookie");
  if (!visitor.set_cookie.empty()) response.set("Set-Cookie", visitor.set_cookie);
  return response;
}

Response page_for(const Visitor& visitor, int status, std::string html) {
  Response response;
  response.status = status;
  response.set("Content-Type", kHtml);
  response.body = std::move(html);
  return private_response(std::move(response), visitor);
}

Response no_identity(const App& app, const Request& request) {
  const std::string& field = app.visitors.settings().identity_field;
  const std::string peer = request.peer.empty() ? "the Unix socket" : request.peer;
  std::string detail = "no identity: ";
  if (field.empty())
    detail += "the visitor cookie is missing; GET /api/v1/me sets it";
  else if (!app.visitors.settings().trusted.contains(request.peer))
    detail += "the request came from " + peer + ", which is not a trusted proxy";
  else if (!request.field(field))
    detail += "header " + field + " is missing from trusted proxy " + peer;
  else
    detail += "header " + field + " from trusted proxy " + peer + ": expected once, with 1 to " +
              std::to_string(gallery::kVisitorBytesMax - std::string_view("header:").size()) +
              " bytes";
  return refusal(app, request, 403, detail);
}

// ---- the API's words

// RFC 3339, to the second.
std::string time_text(int64_t time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

void put_claim(Json& json, const App& app, const PublicClaim& claim) {
  const gallery::Painting* painting = app.gallery.painting(claim.painting);
  VERNISSAGE_ASSERT(painting != nullptr);
  json.begin('{').key("number").value(claim.sequence).key("painting").value(claim.painting);
  json.key("title").value(painting->title).key("plaque").value(claim.plaque);
  json.key("time").value(time_text(claim.time_ms)).end('}');
}

// What only its owner is told.
void put_owner_urls(Json& json, const App& app, const PublicClaim& claim) {
  json.key("picture").value(web::full_url(claim.painting));
  json.key("picture_ready").value(app.gallery.claims().picture_ready(claim.painting));
  json.key("certificate").value(web::certificate_url(claim.painting));
}

const char* result_name(ClaimResult result) {
  switch (result) {
    case ClaimResult::won:
      return "won";
    case ClaimResult::same:
      return "same";
    case ClaimResult::taken:
      return "taken";
    case ClaimResult::already_own:
      return "already-own";
  }
  return "";
}

Response api_answer(const App& app, const Request& request, const ClaimAnswer& answer) {
  const bool owns = answer.result == ClaimResult::won || answer.result == ClaimResult::same;
  Json json;
  json.begin('{');
  Response response;
  if (owns) {
    response.status = answer.result == ClaimResult::won ? 201 : 200;
    response.set("Content-Type", "application/json");
    response.set("Location", "/api/v1/me");
  } else {
    response.status = 409;
    response.set("Content-Type", "application/problem+json");
    const bool taken = answer.result == ClaimResult::taken;
    json.key("type").value(taken ? "urn:vernissage:taken" : "urn:vernissage:already-own");
    json.key("title").value(taken ? "Taken" : "Already an owner").key("status").value(409);
    json.key("detail").value(
        taken ? "this painting has another owner; the visitor can still claim one"
              : "each visitor can own one painting, and this visitor owns one");
    json.key("request_id").value(request.id);
  }
  json.key("result").value(result_name(answer.result)).key("claim");
  put_claim(json, app, answer.claim);
  if (answer.result != ClaimResult::taken) put_owner_urls(json, app, answer.claim);
  if (answer.result == ClaimResult::taken) {
    json.key("similar").begin('[');
    for (const gallery::Painting* painting : answer.similar)
      json.begin('{')
          .key("id")
          .value(painting->id)
          .key("title")
          .value(painting->title)
          .key("room")
          .value(painting->room)
          .end('}');
    json.end(']');
  }
  json.end('}');
  response.body = json.text();
  return response;
}

Response see_other(const Visitor& visitor, std::string address) {
  Response response;
  response.status = 303;
  response.set("Location", std::move(address));
  return private_response(std::move(response), visitor);
}

Response form_answer(const App& app, const Request& request, const Visitor& visitor,
                     const gallery::Painting& wanted, const ClaimAnswer& answer) {
  switch (answer.result) {
    case ClaimResult::won:
    case ClaimResult::same:
      break;
    case ClaimResult::taken:
      return page_for(
          visitor, 409,
          web::taken_page(localized(app.site, request), app.gallery, wanted, answer.similar));
    case ClaimResult::already_own: {
      const gallery::Painting* owned = app.gallery.painting(answer.claim.painting);
      VERNISSAGE_ASSERT(owned != nullptr);
      return page_for(
          visitor, 409,
          web::already_own_page(localized(app.site, request), app.gallery, wanted, *owned));
    }
  }
  return see_other(visitor, web::kMineUrl);
}

// ---- claiming

enum class BodyFormat { json, form };

bool has_media_type(const Request& request, std::string_view type) {
  std::string_view given = request.field("Content-Type").value_or("");
  given = given.substr(0, given.find(';'));
  while (!given.empty() && given.back() == ' ') given.remove_suffix(1);
  return same_name(given, type);
}

// On the claim queue's thread: asks the store, and says what came of it.
Response settle(App& app, const Request& request, BodyFormat format, const Visitor& visitor,
                const ClaimRequest& wanted, const visitors::Address& client, bool reserved) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<ClaimAnswer> answer;
  const char* trouble = nullptr;
  try {
    answer = app.gallery.claims().claim(wanted);
  } catch (const gallery::StoreUnavailable& exception) {
    app.on_trouble(request.id + ": " + exception.what());
    trouble = "unavailable";
  } catch (const std::exception& exception) {
    app.on_trouble(request.id + ": " + exception.what());
    trouble = "failed";
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  if (reserved && !(answer && answer->result == ClaimResult::won))
    app.visitors.give_back_win(client);
  app.on_claim(trouble ? trouble : result_name(answer->result), spent.count());
  if (trouble)
    return retry_later(
        app, request, 503,
        "claims cannot be recorded now (the store cannot write); repeat the request with the "
        "same idempotency key: if the claim was recorded after all, the answer says so",
        kStoreRetrySeconds);
  if (format == BodyFormat::json)
    return private_response(api_answer(app, request, *answer), visitor);
  const gallery::Painting* painting = app.gallery.painting(wanted.painting);
  VERNISSAGE_ASSERT(painting != nullptr);
  return form_answer(app, request, visitor, *painting, *answer);
}

// What the body and the header fields ask for. Throws ParseError for a body that cannot be read.
ClaimRequest read_claim(const Request& request, BodyFormat format, std::string& token) {
  ClaimRequest wanted = format == BodyFormat::json ? visitors::read_json_claim(request.body)
                                                   : visitors::read_form_claim(request.body, token);
  if (const auto key = request.field("Idempotency-Key")) wanted.idempotency_key = *key;
  while (wanted.plaque.starts_with(' ')) wanted.plaque.erase(0, 1);
  while (wanted.plaque.ends_with(' ')) wanted.plaque.pop_back();
  return wanted;
}

Response bad_plaque(const App& app, const Request& request, BodyFormat format,
                    const Visitor& visitor, const gallery::Painting& painting,
                    const ClaimRequest& wanted, const std::string& token) {
  const web::Site site = format == BodyFormat::json ? app.site : localized(app.site, request);
  const std::string problem =
      site.words().say("claim.plaque_problem", {{"n", std::to_string(gallery::kPlaqueBytesMax)}});
  if (format == BodyFormat::json) return refusal(app, request, 422, problem);
  return page_for(visitor, 422,
                  web::claim_page(site, app.gallery, painting,
                                  {token, wanted.idempotency_key, wanted.plaque, problem}));
}

// Has the claim recorded in its turn, or says at once that too many wait.
void enqueue(App& app, const Request& request, BodyFormat format, const Visitor& visitor,
             const ClaimRequest& wanted, const visitors::Address& client, bool reserved,
             const Reply& reply) {
  const bool accepted = app.claim_queue.post([=, &app] {
    Response response;
    try {
      response = settle(app, request, format, visitor, wanted, client, reserved);
    } catch (const std::exception& exception) {
      app.on_trouble(request.id + ": " + exception.what());
      response.status = 500;
      response.set("Cache-Control", "no-store");
    }
    reply(std::move(response));
  });
  if (accepted) return;
  if (reserved) app.visitors.give_back_win(client);
  reply(retry_later(app, request, 503, "too many claims are waiting for the store", 1));
}

Handled claim(App& app, const Request& request, BodyFormat format) {
  if (!app.visitors.is_ours(request))
    return refusal(app, request, 403,
                   "cross-site request: Sec-Fetch-Site or Origin names another site");
  const visitors::Address client = app.visitors.client(request);
  if (const auto wait = app.visitors.count_attempt(client)) return too_many(app, request, *wait);
  const char* type =
      format == BodyFormat::json ? "application/json" : "application/x-www-form-urlencoded";
  if (!has_media_type(request, type))
    return refusal(app, request, 415, std::string("Content-Type: expected ") + type);

  ClaimRequest wanted;
  std::string token;
  try {
    wanted = read_claim(request, format, token);
  } catch (const ParseError& error) {
    return refusal(
        app, request, 400,
        "the claim cannot be read at byte " + std::to_string(error.offset()) + ": expected " +
            (format == BodyFormat::json ? R"({"painting": ID, "plaque": TEXT})"
                                        : "the fields painting, plaque, request, token"));
  }
  if (!wanted.idempotency_key.empty() && !visitors::is_idempotency_key(wanted.idempotency_key))
    return refusal(app, request, 400,
                   "idempotency key: expected 1 to " +
                       std::to_string(gallery::kIdempotencyKeyBytesMax) +
                       " visible ASCII characters");

  const auto visitor = app.visitors.identify(request);
  if (!visitor) return no_identity(app, request);
  wanted.visitor = visitor->name;
  if (format == BodyFormat::form && !app.visitors.is_form_token(*visitor, wanted.painting, token))
    return refusal(app, request, 403,
                   "form token: not issued to this visitor for this painting; open the form again");
  const gallery::Painting* painting = app.gallery.painting(wanted.painting);
  if (!painting) return NotFound{};
  if (!gallery::is_plaque(wanted.plaque))
    return bad_plaque(app, request, format, *visitor, *painting, wanted, token);

  // Only what may be won takes a win from the network's share: a retry is free.
  const gallery::Claims& claims = app.gallery.claims();
  const bool winnable = !claims.of_painting(wanted.painting) && !claims.of_visitor(visitor->name);
  if (winnable)
    if (const auto wait = app.visitors.reserve_win(client)) return too_many(app, request, *wait);
  return Later([=, &app, visitor = *visitor](const Reply& reply) {
    enqueue(app, request, format, visitor, wanted, client, winnable, reply);
  });
}

}  // namespace

Handled claim_page(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Painting* painting = app.gallery.painting(parameters[0]);
  if (!painting) return NotFound{};
  const auto visitor = app.visitors.welcome(request);
  if (!visitor) return no_identity(app, request);
  const gallery::Claims& claims = app.gallery.claims();
  if (claims.of_visitor(visitor->name)) return see_other(*visitor, web::kMineUrl);
  // Its own page says who has it.
  if (claims.of_painting(painting->id)) return see_other(*visitor, web::painting_url(painting->id));
  const web::Site site = localized(app.site, request);
  const std::string problem =
      app.visitors.forgets(request) ? site.words().say("claim.needs_https") : "";
  return page_for(*visitor, 200,
                  web::claim_page(site, app.gallery, *painting,
                                  {app.visitors.form_token(*visitor, painting->id),
                                   gallery::random_id(), "", problem}));
}

Handled claim_form(App& app, const Request& request) {
  return claim(app, request, BodyFormat::form);
}

Handled api_claim(App& app, const Request& request) {
  return claim(app, request, BodyFormat::json);
}

Handled owner_page(App& app, const Request& request) {
  const auto visitor = app.visitors.welcome(request);
  if (!visitor) return no_identity(app, request);
  const auto own = app.gallery.claims().of_visitor(visitor->name);
  const gallery::Painting* owned = own ? app.gallery.painting(own->painting) : nullptr;
  if (!owned)
    return page_for(*visitor, 200,
                    web::nothing_mine_page(localized(app.site, request), app.gallery));
  const web::Site site = localized(app.site, request, app.visitors.settings().public_origin);
  Response response = page_for(*visitor, 200, web::mine_page(site, app.gallery, *owned));
  // Without a script too the page shows the picture when it is there.
  if (!app.gallery.claims().picture_ready(own->painting)) response.set("Refresh", "3");
  return response;
}

Handled api_me(App& app, const Request& request) {
  const auto visitor = app.visitors.welcome(request);
  if (!visitor) return no_identity(app, request);
  const auto own = app.gallery.claims().of_visitor(visitor->name);
  Json json;
  json.begin('{').key("claim");
  if (own) {
    put_claim(json, app, *own);
    put_owner_urls(json, app, *own);
  } else {
    json.null();
  }
  json.end('}');
  return private_response(no_store_json(200, json.text()), *visitor);
}

Handled full_picture(App& app, const Request& request, const Parameters& parameters) {
  const auto visitor = app.visitors.identify(request);
  if (!visitor) return NotFound{};
  const gallery::Claims& claims = app.gallery.claims();
  const auto own = claims.of_visitor(visitor->name);
  if (!own || own->painting != parameters[0]) return NotFound{};
  auto file = claims.picture(visitor->name, own->painting);
  if (!file)
    return private_response(
        retry_later(app, request, 503, "the full-size picture is not rendered yet", 2), *visitor);
  Response response;
  response.set("Content-Type", "image/png");
  response.set("ETag", etag_of_digest(file->sha256));
  response.body = std::move(file->bytes);
  return conditional(request, private_response(std::move(response), *visitor), /*ranges=*/true);
}

Handled certificate(App& app, const Request& request, const Parameters& parameters) {
  auto text = app.gallery.claims().certificate(parameters[0]);
  const gallery::Painting* painting = app.gallery.painting(parameters[0]);
  if (!painting) return NotFound{};
  if (!text) {
    // It tells the picture's fingerprint, so it comes when that is painted.
    if (!app.gallery.claims().of_painting(painting->id)) return NotFound{};
    return retry_later(
        app, request, 503,
        "the certificate is signed when the full-size picture is rendered, which it is not yet", 2);
  }
  const std::string_view accept = request.field("Accept").value_or("");
  const bool page = accept.find("text/html") != std::string_view::npos;
  Response response =
      page ? localized_page(request, web::certificate_page(localized(app.site, request),
                                                           app.gallery, *painting, *text))
           : etag_response(request, "text/plain; charset=utf-8", std::move(*text));
  return response.set("Vary", "Accept, " + std::string(*response.field("Vary")));
}

}  // namespace vernissage::http
