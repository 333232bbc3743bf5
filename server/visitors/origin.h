// Is a request that changes something made by our own pages? (CSRF)
#pragma once

#include <string_view>

#include "server/http/message.h"

namespace vernissage::visitors {

/// False when the browser says that another site is behind the request: a Sec-Fetch-Site other than
/// same-origin, or an Origin that is not ours, "null" included; false too when either is there more
/// than once. True when it says nothing of the kind: tools send neither field, and old browsers are
/// held off by the form's token and by the media type that the API asks for.
///
/// Ours is `public_origin` ("https://gallery.example") where it is set; else any http or https
/// origin whose host and port are the Host of the request.
bool is_same_origin(const http::Request& request, std::string_view public_origin);

/// "localhost", "127.0.0.1:8080", "[::1]:8080": the Host of a browser on this very machine.
bool is_loopback_host(std::string_view host);

}  // namespace vernissage::visitors
