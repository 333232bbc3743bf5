// Previews and prints over HTTP: what is kept at once, what is not when it is painted.
#pragma once

#include "server/routes/route.h"

namespace vernissage::http {

/// Whom a request counts against in the render queue.
std::string client_of(const App& app, const Request& request);

/// 429 to a client that asks for too much, 503 when there is too much for all; Retry-After says
/// when there will be room.
Response refused(const App& app, const Request& request, const render::Admission& admission);

Handled preview(App& app, const Request& request, const Parameters& parameters);
Handled studio_print(App& app, const Request& request, const Parameters& parameters);

}  // namespace vernissage::http
