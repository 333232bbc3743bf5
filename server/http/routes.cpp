#include "server/http/routes.h"

#include <exception>
#include <optional>
#include <vector>

#include "engine/error.h"
#include "server/http/answers.h"
#include "server/http/json.h"
#include "server/web/pages.h"

namespace vernissage::http {
namespace {

constexpr char kRetryAfterSeconds[] = "5";
constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr char kJson[] = "application/json";
constexpr char kNotHere[] = "There is nothing under this address.";

/// The parts of the path that a route's {braces} stand for, in order.
using Parameters = std::vector<std::string>;

// Answers, except that a picture may still have to be painted: then it keeps the reply for later.
// Nothing: not found.
using Action = std::optional<Response> (*)(App&, const Request&, const Parameters&, const Reply&,
                                           bool* later);

Response not_found(const App& app, const Request& request) {
  return problem(app.site, app.gallery, request, 404, kNotHere);
}

Response busy(const App& app, const Request& request, const std::string& detail) {
  Response response = problem(app.site, app.gallery, request, 503, detail);
  return response.set("Retry-After", kRetryAfterSeconds);
}

// ---- pages
// ---------------------------------------------------------------------------------------

std::optional<Response> entrance(App& app, const Request& request, const Parameters&, const Reply&,
                                 bool*) {
  return fresh(request, kHtml, web::entrance_page(app.site, app.gallery));
}

std::optional<Response> room(App& app, const Request& request, const Parameters& parameters,
                             const Reply&, bool*) {
  const gallery::Room* found = app.gallery.room(parameters[0]);
  if (!found) return std::nullopt;
  return fresh(request, kHtml, web::room_page(app.site, app.gallery, *found));
}

std::optional<Response> painting(App& app, const Request& request, const Parameters& parameters,
                                 const Reply&, bool*) {
  const gallery::Painting* found = app.gallery.painting(parameters[0]);
  if (!found) return std::nullopt;
  return fresh(request, kHtml, web::painting_page(app.site, app.gallery, *found));
}

std::optional<Response> asset(App& app, const Request& request, const Parameters& parameters,
                              const Reply&, bool*) {
  auto found = app.site.asset(parameters[0]);
  if (!found) return std::nullopt;
  return permanent(request, std::move(found->media_type), std::move(found->bytes));
}

std::optional<Response> icon(App& app, const Request& request, const Parameters&, const Reply&,
                             bool*) {
  auto found = app.site.plain_asset("icon.svg");
  return fresh(request, std::move(found.media_type), std::move(found.bytes));
}

// ---- previews
// ------------------------------------------------------------------------------------

std::optional<Response> stored_preview(const App& app, const Request& request,
                                       const gallery::Painting& painting,
                                       render::PreviewName name) {
  auto bytes =
      render::read_preview(render::preview_path(app.gallery.previews_path(), painting.id, name));
  if (!bytes) return std::nullopt;
  return permanent(request, std::string(render::media_type(name.format)), std::move(*bytes));
}

// What happens when the picture was painted, or was not. On a thread of the queue.
void answer_painted(App& app, const Request& request, const gallery::Painting& painting,
                    render::PreviewName name, render::Outcome outcome, const Reply& reply) {
  Response response;
  try {
    if (outcome == render::Outcome::done) {
      auto stored = stored_preview(app, request, painting, name);
      response = stored ? std::move(*stored)
                        : problem(app.site, app.gallery, request, 500, "The picture is not there.");
    } else if (outcome == render::Outcome::failed) {
      response = problem(app.site, app.gallery, request, 500, "The picture could not be painted.");
    } else {
      response = busy(app, request, "The gallery is closing.");
    }
  } catch (const std::exception& exception) {
    app.on_trouble(request.id + ": " + exception.what());
    response = problem(app.site, app.gallery, request, 500, "The picture could not be read.");
  }
  reply(dressed(std::move(response), request.id));
}

std::optional<Response> preview(App& app, const Request& request, const Parameters& parameters,
                                const Reply& reply, bool* later) {
  const gallery::Painting* found = app.gallery.painting(parameters[0]);
  const auto name = render::read_preview_name(parameters[1], app.gallery.ladder());
  if (!found || !name) return std::nullopt;
  if (auto stored = stored_preview(app, request, *found, *name)) return stored;
  const bool accepted =
      app.queue.submit({found->id, found->candidate}, {},
                       [&app, request, found, name = *name, reply](render::Outcome outcome) {
                         answer_painted(app, request, *found, name, outcome, reply);
                       });
  if (!accepted) return busy(app, request, "Too many pictures are being painted just now.");
  *later = true;
  return std::nullopt;
}

// ---- API
// -----------------------------------------------------------------------------------------

std::optional<Response> api_gallery(App& app, const Request& request, const Parameters&,
                                    const Reply&, bool*) {
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
  return fresh(request, kJson, json.text());
}

std::optional<Response> api_room(App& app, const Request& request, const Parameters& parameters,
                                 const Reply&, bool*) {
  const gallery::Room* found = app.gallery.room(parameters[0]);
  if (!found) return std::nullopt;
  Json json;
  json.begin('{').key("room").value(found->slug).key("title").value(found->title);
  json.key("sizes").begin('[');
  for (const int width : app.gallery.ladder()) json.value(width);
  json.end(']').key("formats").begin('[').value("webp").value("jpg").end(']');
  json.key("paintings").begin('[');
  for (const gallery::Painting* work : app.gallery.wall(found->slug))
    json.begin('{')
        .key("id")
        .value(work->id)
        .key("title")
        .value(work->title)
        .key("alt")
        .value(web::alt_text(*work, *found))
        .end('}');
  json.end(']').end('}');
  return fresh(request, kJson, json.text());
}

// ---- health
// --------------------------------------------------------------------------------------

// Alive says nothing of ready: an orchestrator that kills whatever is not ready kills whatever
// loads.
std::optional<Response> healthz(App&, const Request&, const Parameters&, const Reply&, bool*) {
  return momentary(200, "{\"status\":\"alive\"}");
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

std::optional<Response> readyz(App& app, const Request&, const Parameters&, const Reply&, bool*) {
  const bool store = app.gallery.store().healthy();
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
  return momentary(ready ? 200 : 503, json.text());
}

// ---- the table
// -----------------------------------------------------------------------------------

struct Route {
  std::string_view pattern;  // {} stands for one non-empty part of the path
  Action action;
};

constexpr Route kRoutes[] = {
    {"/", entrance},
    {"/rooms/{}", room},
    {"/paintings/{}", painting},
    {"/paintings/{}/{}", preview},
    {"/assets/{}", asset},
    {"/favicon.svg", icon},
    {"/favicon.ico", icon},
    {"/api/v1/gallery", api_gallery},
    {"/api/v1/rooms/{}", api_room},
    {"/healthz", healthz},
    {"/readyz", readyz},
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

std::optional<Response> dispatch(App& app, const Request& request, const Reply& reply,
                                 bool* later) {
  for (const Route& route : kRoutes) {
    const auto parameters = match(route.pattern, request.path);
    if (!parameters) continue;
    if (request.method != "GET" && request.method != "HEAD") {
      Response response = problem(app.site, app.gallery, request, 405,
                                  "This address can be read (GET, HEAD) and nothing else.");
      return response.set("Allow", "GET, HEAD");
    }
    return route.action(app, request, *parameters, reply, later);
  }
  return std::nullopt;
}

}  // namespace

void answer(App& app, const Request& request, Reply reply) {
  Response response;
  try {
    bool later = false;
    auto found = dispatch(app, request, reply, &later);
    if (later) return;
    response = found ? std::move(*found) : not_found(app, request);
  } catch (const std::exception& exception) {
    app.on_trouble(request.id + ": " + exception.what());
    response = Response{};
    response.status = 500;
    response.set("Cache-Control", "no-store");
  }
  reply(dressed(std::move(response), request.id));
}

Response refuse(const App& app, const Refusal& refusal, const std::string& request_id) {
  Request unread;  // nothing of it can be trusted: always problem+json
  unread.id = request_id;
  Response response = problem(app.site, app.gallery, unread, refusal.status, refusal.detail);
  response.close = true;
  return dressed(std::move(response), request_id);
}

}  // namespace vernissage::http
