// What changes while somebody looks: the state, its events, interpolations, and rooms as they are
// painted.
#pragma once

#include "server/routes/route.h"

namespace vernissage::http {

/// GET /api/v1/state: {"sequence", "count", "taken"}; "taken" is a bitmap in base64, bit `place`
/// (least significant first) for each painting. With an ETag, so that asking again is cheap.
Handled api_state(App& app, const Request& request);
/// GET /api/v1/events: server-sent events "hello", "claimed", "reset"; Last-Event-ID.
Handled api_events(App& app, const Request& request);
/// GET /api/v1/flow?from=ID&to=ID: the interpolation between two paintings as MJPEG.
Handled api_flow(App& app, const Request& request);
/// GET /api/v1/rooms/{room}/stream?from=ID: one line of JSON a painting as its previews are ready.
Handled api_room_stream(App& app, const Request& request, const Parameters& parameters);
/// GET /studio?from=N: the page of the prints.
Handled studio(App& app, const Request& request);

}  // namespace vernissage::http
