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
#include "server/visitors/wish.h"
#include "server/web/pages.h"

namespace vernissage::http {
namespace {

using gallery::ClaimAnswer;
using gallery::ClaimResult;
using gallery::PublicClaim;
using visitors::Visitor;
using visitors::Wish;

constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr int64_t kStoreRetrySeconds = 5;

Response refusal(const App& app, const Request& request, int status, const std::string& detail) {
  return problem(app.site, app.gallery, request, status, detail);
}

Response come_back(const App& app, const Request& request, int status, const std::string& detail,
                   int64_t seconds) {
  Response response = refusal(app, request, status, detail);
  return response.set("Retry-After", std::to_string(seconds));
}

Response too_many(const App& app, const Request& request, std::chrono::milliseconds wait) {
  return come_back(app, request, 429, "Too many claims came from your network.",
                   (wait.count() + 999) / 1000);
}

// An answer to this visitor and nobody else.
Response personal(Response response, const Visitor& visitor) {
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
  return personal(std::move(response), visitor);
}

Response not_known(const App& app, const Request& request) {
  return refusal(app, request, 403,
                 app.visitors.settings().identity_field.empty()
                     ? "Nobody knows you yet: ask /api/v1/me once, and bring the cookie it sets."
                     : "The door in front of this gallery has not said who you are.");
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
void put_belongings(Json& json, const App& app, const PublicClaim& claim) {
  json.key("picture").value(web::full_url(claim.painting));
  json.key("picture_ready").value(app.gallery.claims().picture_ready(claim.painting));
  json.key("certificate").value(web::certificate_url(claim.painting));
}

const char* word(ClaimResult result) {
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
    json.key("title")
        .value(taken ? "Taken" : "You own a painting already")
        .key("status")
        .value(409);
    json.key("detail").value(taken ? "Somebody else owns this painting. Your choice is still yours."
                                   : "Every visitor has one painting, and you have chosen yours.");
    json.key("request_id").value(request.id);
  }
  json.key("result").value(word(answer.result)).key("claim");
  put_claim(json, app, answer.claim);
  if (answer.result != ClaimResult::taken) put_belongings(json, app, answer.claim);
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

Response sent_on(const Visitor& visitor, std::string address) {
  Response response;
  response.status = 303;
  response.set("Location", std::move(address));
  return personal(std::move(response), visitor);
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
          web::taken_page(speaking(app.site, request), app.gallery, wanted, answer.similar));
    case ClaimResult::already_own: {
      const gallery::Painting* owned = app.gallery.painting(answer.claim.painting);
      VERNISSAGE_ASSERT(owned != nullptr);
      return page_for(
          visitor, 409,
          web::already_own_page(speaking(app.site, request), app.gallery, wanted, *owned));
    }
  }
  return sent_on(visitor, web::kMineUrl);
}

// ---- claiming

enum class Manner { json, form };

bool has_media_type(const Request& request, std::string_view type) {
  std::string_view given = request.field("Content-Type").value_or("");
  given = given.substr(0, given.find(';'));
  while (!given.empty() && given.back() == ' ') given.remove_suffix(1);
  return same_name(given, type);
}

// At the desk: asks the store, and says what came of it.
Response settle(App& app, const Request& request, Manner manner, const Visitor& visitor,
                const gallery::Attempt& attempt, const visitors::Address& client, bool reserved) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<ClaimAnswer> answer;
  const char* trouble = nullptr;
  try {
    answer = app.gallery.claims().claim(attempt);
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
  app.on_claim(trouble ? trouble : word(answer->result), spent.count());
  if (trouble)
    return come_back(app, request, 503,
                     "The gallery's book cannot be written just now. Ask again: if the painting "
                     "became yours after all, you will be told so.",
                     kStoreRetrySeconds);
  if (manner == Manner::json) return personal(api_answer(app, request, *answer), visitor);
  const gallery::Painting* wanted = app.gallery.painting(attempt.painting);
  VERNISSAGE_ASSERT(wanted != nullptr);
  return form_answer(app, request, visitor, *wanted, *answer);
}

std::optional<Response> claim(App& app, const Request& request, Manner manner, const Reply& reply,
                              bool* later) {
  if (!app.visitors.is_ours(request))
    return refusal(app, request, 403, "Another site's page made this request.");
  const visitors::Address client = app.visitors.client(request);
  if (const auto wait = app.visitors.count_attempt(client)) return too_many(app, request, *wait);
  const char* type =
      manner == Manner::json ? "application/json" : "application/x-www-form-urlencoded";
  if (!has_media_type(request, type))
    return refusal(app, request, 415, std::string("A claim is made in ") + type + ".");

  Wish wish;
  try {
    wish = manner == Manner::json ? visitors::read_json_wish(request.body)
                                  : visitors::read_form_wish(request.body);
  } catch (const ParseError& error) {
    return refusal(
        app, request, 400,
        "The claim cannot be read: a fault at byte " + std::to_string(error.offset()) + ".");
  }
  if (const auto key = request.field("Idempotency-Key")) wish.idempotency_key = *key;
  if (!wish.idempotency_key.empty() && !visitors::is_idempotency_key(wish.idempotency_key))
    return refusal(app, request, 400,
                   "An idempotency key is 1 to " +
                       std::to_string(gallery::kIdempotencyKeyBytesMax) + " visible characters.");

  const auto visitor = app.visitors.identify(request);
  if (!visitor) return not_known(app, request);
  if (manner == Manner::form && !app.visitors.is_form_token(*visitor, wish.painting, wish.token))
    return refusal(app, request, 403, "This form is not one of ours, or not yours: open it again.");
  const gallery::Painting* painting = app.gallery.painting(wish.painting);
  if (!painting) return std::nullopt;
  while (wish.plaque.starts_with(' ')) wish.plaque.erase(0, 1);
  while (wish.plaque.ends_with(' ')) wish.plaque.pop_back();
  if (!gallery::is_plaque(wish.plaque)) {
    const web::Site site = manner == Manner::json ? app.site : speaking(app.site, request);
    const std::string problem =
        site.words().say("claim.plaque_problem", {{"n", std::to_string(gallery::kPlaqueBytesMax)}});
    if (manner == Manner::json) return refusal(app, request, 422, problem);
    return page_for(*visitor, 422,
                    web::claim_page(site, app.gallery, *painting,
                                    {wish.token, wish.idempotency_key, wish.plaque, problem}));
  }

  // Only what may be won takes a win from the network's share: a retry is free.
  const gallery::Claims& claims = app.gallery.claims();
  const bool winnable = !claims.of_painting(wish.painting) && !claims.of_visitor(visitor->name);
  if (winnable)
    if (const auto wait = app.visitors.reserve_win(client)) return too_many(app, request, *wait);

  gallery::Attempt attempt{wish.painting, visitor->name, wish.idempotency_key, wish.plaque};
  const bool accepted = app.desk.post([&app, request, manner, visitor = *visitor, client, winnable,
                                       attempt = std::move(attempt), reply] {
    Response response;
    try {
      response = settle(app, request, manner, visitor, attempt, client, winnable);
    } catch (const std::exception& exception) {
      app.on_trouble(request.id + ": " + exception.what());
      response.status = 500;
      response.set("Cache-Control", "no-store");
    }
    reply(dressed(std::move(response), request.id));
  });
  if (!accepted) {
    if (winnable) app.visitors.give_back_win(client);
    return come_back(app, request, 503, "Too many claims are being written just now.", 1);
  }
  *later = true;
  return std::nullopt;
}

}  // namespace

std::optional<Response> claim_page(App& app, const Request& request, const Parameters& parameters,
                                   const Reply&, bool*) {
  const gallery::Painting* painting = app.gallery.painting(parameters[0]);
  if (!painting) return std::nullopt;
  const auto visitor = app.visitors.welcome(request);
  if (!visitor) return not_known(app, request);
  const gallery::Claims& claims = app.gallery.claims();
  if (claims.of_visitor(visitor->name)) return sent_on(*visitor, web::kMineUrl);
  // Its own page says who has it.
  if (claims.of_painting(painting->id)) return sent_on(*visitor, web::painting_url(painting->id));
  return page_for(
      *visitor, 200,
      web::claim_page(speaking(app.site, request), app.gallery, *painting,
                      {app.visitors.form_token(*visitor, painting->id), gallery::random_id()}));
}

std::optional<Response> claim_form(App& app, const Request& request, const Parameters&,
                                   const Reply& reply, bool* later) {
  return claim(app, request, Manner::form, reply, later);
}

std::optional<Response> api_claim(App& app, const Request& request, const Parameters&,
                                  const Reply& reply, bool* later) {
  return claim(app, request, Manner::json, reply, later);
}

std::optional<Response> owner_page(App& app, const Request& request, const Parameters&,
                                   const Reply&, bool*) {
  const auto visitor = app.visitors.welcome(request);
  if (!visitor) return not_known(app, request);
  const auto own = app.gallery.claims().of_visitor(visitor->name);
  const gallery::Painting* owned = own ? app.gallery.painting(own->painting) : nullptr;
  if (!owned)
    return page_for(*visitor, 200,
                    web::nothing_mine_page(speaking(app.site, request), app.gallery));
  const web::Site site = speaking(app.site, request, app.visitors.settings().public_origin);
  Response response = page_for(*visitor, 200, web::mine_page(site, app.gallery, *owned));
  // Without a script too the page shows the picture when it is there.
  if (!app.gallery.claims().picture_ready(own->painting)) response.set("Refresh", "3");
  return response;
}

std::optional<Response> api_me(App& app, const Request& request, const Parameters&, const Reply&,
                               bool*) {
  const auto visitor = app.visitors.welcome(request);
  if (!visitor) return not_known(app, request);
  const auto own = app.gallery.claims().of_visitor(visitor->name);
  Json json;
  json.begin('{').key("claim");
  if (own) {
    put_claim(json, app, *own);
    put_belongings(json, app, *own);
  } else {
    json.null();
  }
  json.end('}');
  return personal(momentary(200, json.text()), *visitor);
}

std::optional<Response> full_picture(App& app, const Request& request, const Parameters& parameters,
                                     const Reply&, bool*) {
  const auto visitor = app.visitors.identify(request);
  if (!visitor) return std::nullopt;
  const gallery::Claims& claims = app.gallery.claims();
  const auto own = claims.of_visitor(visitor->name);
  if (!own || own->painting != parameters[0]) return std::nullopt;
  auto bytes = claims.picture(visitor->name, own->painting);
  if (!bytes)
    return personal(come_back(app, request, 503, "Your picture is being painted.", 2), *visitor);
  Response response;
  response.set("Content-Type", "image/png");
  response.set("ETag", etag_of(*bytes));
  response.body = std::move(*bytes);
  return conditional(request, personal(std::move(response), *visitor), /*ranges=*/true);
}

std::optional<Response> certificate(App& app, const Request& request, const Parameters& parameters,
                                    const Reply&, bool*) {
  auto text = app.gallery.claims().certificate(parameters[0]);
  const gallery::Painting* painting = app.gallery.painting(parameters[0]);
  if (!painting) return std::nullopt;
  if (!text) {
    // It tells the picture's fingerprint, so it comes when that is painted.
    if (!app.gallery.claims().of_painting(painting->id)) return std::nullopt;
    return come_back(app, request, 503, "The certificate comes with the picture.", 2);
  }
  const std::string_view accept = request.field("Accept").value_or("");
  const bool page = accept.find("text/html") != std::string_view::npos;
  Response response =
      page ? fresh_page(request, web::certificate_page(speaking(app.site, request), app.gallery,
                                                       *painting, *text))
           : fresh(request, "text/plain; charset=utf-8", std::move(*text));
  return response.set("Vary", "Accept, " + std::string(*response.field("Vary")));
}

}  // namespace vernissage::http
