#include "server/routes/live_routes.h"

#include <algorithm>

#include "base/base64.h"
#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/http/json.h"
#include "server/live/room_stream.h"
#include "server/routes/answers.h"
#include "server/routes/picture_routes.h"
#include "server/visitors/claim_request.h"
#include "server/web/pages.h"

namespace vernissage::http {
namespace {

constexpr size_t kQueryPairsMax = 32;
constexpr int64_t kListenersRetrySeconds = 30;
constexpr int64_t kShareRetrySeconds = 5;

/// What HEAD gets: the fields of a stream without one.
class NoBody : public BodyStream {
 public:
  void next(Deliver deliver) override { deliver(std::nullopt); }
  void cancel() noexcept override {}
};

Response stream_of(const char* media_type, std::shared_ptr<BodyStream> body) {
  Response response;
  response.set("Content-Type", media_type);
  response.set("Cache-Control", "no-store");
  response.set("X-Accel-Buffering", "no");  // nginx would hold pieces back
  response.stream = std::move(body);
  return response;
}

Response bad_query(const App& app, const Request& request, const std::string& detail) {
  return problem(app.site, app.gallery, request, 400, detail);
}

Response too_many_streams(const App& app, const Request& request) {
  return problem(app.site, app.gallery, request, 429,
                 "too many streams of this kind are open from your address")
      .set("Retry-After", std::to_string(kShareRetrySeconds));
}

// The values of the one or two names a route knows; nothing when the query has others, has one
// twice, or cannot be read.
enum class Unknown { refused, passed_over };
std::optional<std::vector<std::string>> query_values(const Request& request,
                                                     const std::vector<std::string>& names,
                                                     Unknown unknown = Unknown::refused) {
  std::vector<std::string> values(names.size());
  if (request.query.empty()) return values;
  try {
    for (auto& [name, value] : visitors::read_pairs(request.query, kQueryPairsMax)) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end() && unknown == Unknown::passed_over) continue;
      if (found == names.end()) return std::nullopt;
      std::string& place = values[static_cast<size_t>(found - names.begin())];
      if (!place.empty()) return std::nullopt;
      place = std::move(value);
    }
  } catch (const ParseError&) {
    return std::nullopt;
  }
  return values;
}

}  // namespace

Handled api_state(App& app, const Request& request) {
  const gallery::Snapshot snapshot = app.gallery.claims().snapshot();
  Json json;
  json.begin('{').key("sequence").value(snapshot.sequence);
  json.key("count").value(static_cast<int64_t>(snapshot.count));
  json.key("taken").value(gallery::base64(snapshot.bitmap)).end('}');
  return etag_response(request, "application/json", json.text());
}

Handled api_events(App& app, const Request& request) {
  constexpr char kMediaType[] = "text/event-stream";
  if (request.is_head()) return stream_of(kMediaType, std::make_shared<NoBody>());
  std::optional<int64_t> last_seen;
  if (const auto id = request.field("Last-Event-ID")) {
    last_seen = live::read_event_id(*id);
    if (!last_seen)
      return bad_query(app, request, "Last-Event-ID: expected the id of an event of this stream");
  }
  const std::string client = client_of(app, request);
  if (app.event_shares.is_full(client)) return too_many_streams(app, request);
  auto stream = app.event_shares.admit(client, [&] { return app.events.open(last_seen); });
  if (!stream)
    return problem(app.site, app.gallery, request, 503,
                   "too many event listeners; poll /api/v1/state instead")
        .set("Retry-After", std::to_string(kListenersRetrySeconds));
  return stream_of(kMediaType, std::move(stream));
}

Handled api_flow(App& app, const Request& request) {
  const auto values = query_values(request, {"from", "to"});
  if (!values || (*values)[0].empty() || (*values)[1].empty() || (*values)[0] == (*values)[1])
    return bad_query(app, request, "query: expected from=ID&to=ID, two different paintings");
  const gallery::Painting* from = app.gallery.painting((*values)[0]);
  const gallery::Painting* to = app.gallery.painting((*values)[1]);
  if (!from || !to) return NotFound{};
  if (request.is_head()) return stream_of(live::kFlowMediaType, std::make_shared<NoBody>());
  const std::string client = client_of(app, request);
  if (app.flow_shares.is_full(client)) return too_many_streams(app, request);
  live::Flow::Opened opened;
  auto stream = app.flow_shares.admit(client, [&] {
    opened = app.flow.open(*from, *to);
    return opened.stream;
  });
  if (!stream)
    return problem(app.site, app.gallery, request, 503, "too many viewers of interpolations")
        .set("Retry-After", std::to_string(opened.retry_after.count()));
  return stream_of(live::kFlowMediaType, std::move(stream));
}

Handled api_room_stream(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Room* room = app.gallery.room(parameters[0]);
  if (!room) return NotFound{};
  const auto values = query_values(request, {"from"});
  const std::string from = values ? (*values)[0] : "";
  const gallery::Painting* first = app.gallery.painting(from);
  if (!values || (!from.empty() && (!first || first->room != room->slug)))
    return bad_query(app, request, "query: expected from=ID of a painting in this room");
  if (request.is_head()) return stream_of(live::kRoomMediaType, std::make_shared<NoBody>());
  const auto& wall = app.gallery.wall(room->slug);
  const auto place = first ? std::find(wall.begin(), wall.end(), first) - wall.begin() : 0;
  const std::string client = client_of(app, request);
  auto stream = app.room_shares.admit(client, [&] {
    return live::open_room_stream({app.gallery, app.pictures, app.timer, client}, *room,
                                  static_cast<size_t>(place));
  });
  if (!stream) return too_many_streams(app, request);
  return stream_of(live::kRoomMediaType, std::move(stream));
}

Handled studio(App& app, const Request& request) {
  // A page: what others have hung on a link that was shared is passed over.
  const auto values = query_values(request, {"from"}, Unknown::passed_over);
  const auto first = !values                ? std::nullopt
                     : (*values)[0].empty() ? std::optional<uint32_t>(0)
                                            : render::read_print_number((*values)[0]);
  if (!first)
    return bad_query(app, request,
                     "query: expected from=N, 0 to " + std::to_string(web::kPrintsMax - 1));
  return localized_page(request,
                        web::studio_page(localized(app.site, request), app.gallery, *first));
}

}  // namespace vernissage::http
