// What the server answers: every address in one table.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/timer.h"
#include "server/gallery/gallery.h"
#include "server/http/framing.h"
#include "server/http/message.h"
#include "server/live/events.h"
#include "server/live/flow.h"
#include "server/live/stream_shares.h"
#include "server/render/pictures.h"
#include "server/render/render_queue.h"
#include "server/routes/claim_queue.h"
#include "server/visitors/visitors.h"
#include "server/web/site.h"

namespace vernissage::http {

/// What the handlers share. All references outlive every request.
struct App {
  gallery::Gallery& gallery;
  const web::Site& site;
  render::RenderQueue& queue;
  render::Pictures& pictures;
  std::atomic<bool> draining = false;  // the operator asked us to stop: no longer ready
  /// One line for the log about an answer that was our fault.
  std::function<void(const std::string&)> on_trouble = [](const std::string&) {};
  /// After each attempt to claim: won, same, taken, already-own, unavailable or failed, and the
  /// seconds that the store took.
  std::function<void(std::string_view result, double seconds)> on_claim = [](std::string_view,
                                                                             double) {};
  render::OnEncoded on_encoded = [](auto, auto) {};  // the frames of interpolations
  visitors::Visitors visitors{gallery.directory(), visitors::VisitorSettings{}};
  live::Events::Limits event_limits{};
  live::Flow::Limits flow_limits{};
  std::shared_ptr<live::Timer> timer = std::make_shared<live::Timer>();
  live::Events events{gallery, timer, event_limits};
  live::Flow flow{gallery, queue, timer, flow_limits, on_encoded};
  /// What one client may hold of each kind of stream; the places are everybody's.
  live::StreamShares event_shares{live::kEventsPerClient, live::kEventsLifetime};
  live::StreamShares flow_shares{live::kFlowsPerClient, live::kPictureStreamLifetime};
  live::StreamShares room_shares{live::kRoomsPerClient, live::kPictureStreamLifetime};
  /// Where claims wait for the disk, so that readers do not. After everything they use.
  ClaimQueue claim_queue{};
};

/// Answers `request`, at once or when its picture is painted. Never throws.
void answer(App& app, const Request& request, Reply reply);

/// The answer to bytes that never became a request.
Response refuse(const App& app, const Refusal& refusal, const std::string& request_id);

/// The line of the table that `path` falls under, "/rooms/{}"; "other": under none.
std::string_view route_of(std::string_view path);

/// The whole table: patterns, and the methods each takes ("GET, HEAD").
std::vector<std::pair<std::string_view, std::string_view>> all_routes();

}  // namespace vernissage::http
