#include "server/routes/routes.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <vector>

#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/http/json.h"
#include "server/routes/answers.h"
#include "server/routes/live_routes.h"
#include "server/routes/openapi.h"
#include "server/routes/picture_routes.h"
#include "server/routes/route.h"
#include "server/routes/visitor_routes.h"
#include "server/web/page_parts.h"
#include "server/web/pages.h"
#include "server/web/painting_json.h"

namespace vernissage::http {
namespace {

constexpr char kJson[] = "application/json";
constexpr char kNotHere[] = "no such address";

Response not_found(const App& app, const Request& request) {
  return problem(app.site, app.gallery, request, 404, kNotHere);
}

Response bad_wall_query(const App& app, const Request& request) {
  return problem(app.site, app.gallery, request, 400,
                 "query: expected q=TITLE, show=free or show=taken, page=1, 2, 3 …");
}

// ---- pages

Handled entrance(App& app, const Request& request) {
  return localized_page(request, web::entrance_page(localized(app.site, request), app.gallery));
}

Handled room(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Room* found = app.gallery.room(parameters[0]);
  if (!found) return NotFound{};
  const auto query = web::read_wall_query(request.query);
  if (!query) return bad_wall_query(app, request);
  return localized_page(request,
                        web::room_page(localized(app.site, request), app.gallery, *found, *query));
}

// Whether the query holds this pair, spelled as our own links spell it.
bool has_pair(std::string_view query, std::string_view pair) {
  for (size_t at = 0; at <= query.size(); ++at) {
    const size_t end = std::min(query.find('&', at), query.size());
    if (query.substr(at, end - at) == pair) return true;
    at = end;
  }
  return false;
}

Handled painting(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Painting* found = app.gallery.painting(parameters[0]);
  if (!found) return NotFound{};
  // The page differs by who looks: shared caches must not keep it.
  web::Viewer viewer;
  if (const auto visitor = app.visitors.identify(request))
    if (const auto own = app.gallery.claims().of_visitor(visitor->name))
      viewer.owned = app.gallery.painting(own->painting);
  viewer.flowing = has_pair(request.query, web::kFlowQuery);
  const web::Site site = localized(app.site, request, app.visitors.settings().public_origin);
  Response page = localized_page(request, web::painting_page(site, app.gallery, *found, viewer));
  return page.set("Cache-Control", "private, no-cache");
}

Handled drift(App& app, const Request& request) {
  const auto query = web::read_wall_query(request.query);
  if (!query) return bad_wall_query(app, request);
  const gallery::Painting* from =
      query->at.empty() ? app.gallery.catalogue().front() : app.gallery.painting(query->at);
  if (!from) return NotFound{};
  return localized_page(request, web::drift_page(localized(app.site, request), app.gallery, *from));
}

Handled asset(App& app, const Request& request, const Parameters& parameters) {
  auto found = app.site.asset(parameters[0]);
  if (!found) return NotFound{};
  return immutable_response(request, std::move(found->media_type), std::move(found->bytes));
}

Handled icon(App& app, const Request& request) {
  auto found = app.site.plain_asset("icon.svg");
  return etag_response(request, std::move(found.media_type), std::move(found.bytes));
}

// ---- API

Handled api_gallery(App& app, const Request& request) {
  const gallery::GalleryConfig& config = app.gallery.config();
  Json json;
  json.begin('{').key("name").value(config.name).key("curated").value(config.curated);
  json.key("untrained").value(config.untrained);
  json.key("rooms").begin('[');
  for (const gallery::Room& room : config.rooms)
    json.begin('{')
        .key("room")
        .value(room.slug)
        .key("title")
        .value(room.title)
        .key("paintings")
        .value(static_cast<int64_t>(app.gallery.wall(room.slug).size()))
        .end('}');
  json.end(']').end('}');
  return etag_response(request, kJson, json.text());
}

// In the words of whoever asks.
void add_painting(Json& json, const web::Site& site, const gallery::Gallery& gallery,
                  const gallery::Painting& work) {
  json.begin('{').key("id").value(work.id);
  json.key("title").value(gallery.title(work, site.visit().language));
  json.key("alt").value(web::alt_text(site, gallery, work));
  json.key("place").value(web::place_of(gallery, work));
  const auto claim = gallery.claims().of_painting(work.id);
  json.key("taken").value(claim.has_value());
  if (claim && !claim->plaque.empty()) json.key("plaque").value(claim->plaque);
  web::add_curation(json, work);
  json.end('}');
}

// One painting, the room it hangs in and its titles in all the gallery's languages.
Handled api_painting(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Painting* found = app.gallery.painting(parameters[0]);
  if (!found) return NotFound{};
  Json json;
  json.begin('{').key("room").value(found->room).key("titles").begin('{');
  for (const std::string& language : app.gallery.config().languages)
    json.key(language).value(app.gallery.title(*found, language));
  json.end('}').key("painting");
  add_painting(json, localized(app.site, request), app.gallery, *found);
  json.end('}');
  return localized_json(request, json.text());
}

Handled api_room(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Room* found = app.gallery.room(parameters[0]);
  if (!found) return NotFound{};
  const auto query = web::read_wall_query(request.query);
  if (!query) return bad_wall_query(app, request);
  const web::Site site = localized(app.site, request);
  Json json;
  json.begin('{').key("room").value(found->slug);
  json.key("title").value(web::title_of(site, app.gallery, *found));
  json.key("sizes").begin('[');
  for (const int width : app.gallery.ladder()) json.value(width);
  json.end(']').key("formats").begin('[').value("webp").value("jpg").end(']');
  json.key("paintings").begin('[');
  for (const gallery::Painting* work : web::paintings_on(site, app.gallery, *found, *query))
    add_painting(json, site, app.gallery, *work);
  json.end(']').end('}');
  return localized_json(request, json.text());
}

// ---- health

// Alive says nothing of ready: an orchestrator that kills whatever is not ready kills whatever
// loads.
Handled healthz(App&, const Request&) {
  return no_store_json(200, "{\"status\":\"alive\"}");
}

const char* state_word(render::RenderQueue::State state) {
  switch (state) {
    case render::RenderQueue::State::loading:
      return "loading";
    case render::RenderQueue::State::ready:
      return "ready";
    case render::RenderQueue::State::failed:
      return "failed";
    case render::RenderQueue::State::closed:
      return "closed";
  }
  return "";
}

Handled readyz(App& app, const Request&) {
  // A claim could be written now: by the disk, and by the clock, which it is signed with.
  const bool store = app.gallery.store().healthy() && app.gallery.claims().is_clock_right();
  const render::RenderQueue::State generator = app.queue.state();
  const bool draining = app.draining;
  const bool ready = store && generator == render::RenderQueue::State::ready && !draining;
  Json json;
  json.begin('{').key("status").value(ready ? "ready" : "not ready");
  json.key("components").begin('{');
  json.key("store").value(store ? "ready" : "failed");
  json.key("generator").value(state_word(generator));
  json.key("listener").value(draining ? "draining" : "ready");
  json.end('}').end('}');
  return no_store_json(ready ? 200 : 503, json.text());
}

// ---- the table

constexpr Route kRoutes[] = {
    {"/", entrance},
    {"/rooms/{}", room},
    {"/paintings/{}", painting},
    {"/paintings/{}/claim", claim_page},
    {"/paintings/{}/full.png", full_picture},
    {"/paintings/{}/{}", preview},
    {"/claims", claim_form, "POST"},
    {"/mine", owner_page},
    {"/certificates/{}", certificate},
    {"/api/v1/claims", api_claim, "POST"},
    {"/api/v1/me", api_me},
    {"/studio", studio},
    {"/drift", drift},
    {"/api/v1/studio/{}", studio_print},
    {"/api/v1/state", api_state},
    {"/api/v1/events", api_events},
    {"/api/v1/flow", api_flow},
    {"/assets/{}", asset},
    {"/favicon.svg", icon},
    {"/favicon.ico", icon},
    {"/api/v1/gallery", api_gallery},
    {"/api/v1/rooms/{}", api_room},
    {"/api/v1/paintings/{}", api_painting},
    {"/api/v1/rooms/{}/stream", api_room_stream},
    {"/healthz", healthz},
    {"/readyz", readyz},
    {"/openapi.json", openapi},
};

// Compares part by part. Paths are taken as they are: none of our names needs percent-encoding, so
// an encoded one is simply another name, and there is no second spelling of any address.
std::optional<Parameters> match(std::string_view pattern, std::string_view path) {
  Parameters parameters;
  while (true) {
    VERNISSAGE_ASSERT(pattern.empty() || pattern.front() == '/');
    if (pattern.empty() || path.empty())
      return pattern.empty() && path.empty() ? std::optional(parameters) : std::nullopt;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    const std::string_view part = path.substr(0, path.find('/'));
    if (wanted == "{}") {
      if (part.empty()) return std::nullopt;
      parameters.emplace_back(part);
    } else if (part != wanted) {
      return std::nullopt;
    }
    pattern.remove_prefix(wanted.size());
    path.remove_prefix(part.size());
  }
}

// `methods` as in an Allow field; every name there is followed by ", " or by nothing.
bool allows(std::string_view methods, std::string_view method) {
  while (!methods.empty()) {
    const size_t comma = std::min(methods.find(", "), methods.size());
    if (methods.substr(0, comma) == method) return true;
    methods.remove_prefix(std::min(comma + 2, methods.size()));
  }
  return false;
}

Handled dispatch(App& app, const Request& request) {
  for (const Route& route : kRoutes) {
    const auto parameters = match(route.pattern, request.path);
    if (!parameters) continue;
    if (!allows(route.methods, request.method)) {
      Response response = problem(app.site, app.gallery, request, 405,
                                  "method: expected " + std::string(route.methods));
      return response.set("Allow", std::string(route.methods));
    }
    if (const auto* handler = std::get_if<PathHandler>(&route.handler))
      return (*handler)(app, request, *parameters);
    return std::get<PlainHandler>(route.handler)(app, request);
  }
  return NotFound{};
}

// Should it throw, the Reply that it drops answers 500.
void start(App& app, const Request& request, const Later& later, const Reply& reply) {
  try {
    later(Reply([reply, id = request.id](Response response) {
      reply(finish_headers(std::move(response), id));
    }));
  } catch (const std::exception& exception) {
    app.on_trouble(request.id + ": " + exception.what());
  }
}

// A page that says so, or, where even that fails, the bare status.
Response trouble(const App& app, const Request& request) {
  try {
    return problem(app.site, app.gallery, request, 500,
                   "internal error; the server's log has it under this request_id");
  } catch (const std::exception&) {
    Response response;
    response.status = 500;
    return response.set("Cache-Control", "no-store");
  }
}

}  // namespace

std::string_view route_of(std::string_view path) {
  for (const Route& route : kRoutes)
    if (match(route.pattern, path)) return route.pattern;
  return "other";
}

std::vector<std::pair<std::string_view, std::string_view>> all_routes() {
  std::vector<std::pair<std::string_view, std::string_view>> routes;
  for (const Route& route : kRoutes) routes.emplace_back(route.pattern, route.methods);
  return routes;
}

void answer(App& app, const Request& request, Reply reply) {
  Response response;
  try {
    Handled handled = dispatch(app, request);
    if (const Later* later = std::get_if<Later>(&handled))
      return start(app, request, *later, reply);
    Response* found = std::get_if<Response>(&handled);
    response = found ? std::move(*found) : not_found(app, request);
    // On pages only: what caches share must set no cookie.
    const bool page = response.field("Content-Type").value_or("").starts_with("text/html");
    if (const auto language = asked_language(request);
        page && !language.empty() && response.status < 400)
      response.fields.emplace_back("Set-Cookie", "lang=" + std::string(language) +
                                                     "; Path=/; Max-Age=31536000; SameSite=Lax");
  } catch (const std::exception& exception) {
    app.on_trouble(request.id + ": " + exception.what());
    response = trouble(app, request);
  }
  reply(finish_headers(std::move(response), request.id));
}

Response refuse(const App& app, const Refusal& refusal, const std::string& request_id) {
  Request unread;  // nothing of it can be trusted: always problem+json
  unread.id = request_id;
  Response response = problem(app.site, app.gallery, unread, refusal.status, refusal.detail);
  response.close = true;
  return finish_headers(std::move(response), request_id);
}

}  // namespace vernissage::http
