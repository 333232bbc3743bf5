// One line of the table of addresses, for the files that hold the handlers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/routes/routes.h"

namespace vernissage::http {

/// The parts of the path that a route's {braces} stand for, in order.
using Parameters = std::vector<std::string>;

/// There is nothing under this address: a 404 in the visitor's language.
struct NotFound {};

/// The answer takes a while: called at once with the right to give it, from any thread. What the
/// Reply is given gets the headers of every answer (finish_headers). The request lives until this
/// returns, not until the Reply is used: copy what that needs.
using Later = std::function<void(Reply)>;

/// What a handler makes of a request.
using Handled = std::variant<Response, NotFound, Later>;

/// A handler takes the path's parameters where its pattern has any.
using PlainHandler = Handled (*)(App&, const Request&);
using PathHandler = Handled (*)(App&, const Request&, const Parameters&);

struct Route {
  std::string_view pattern;  // {} stands for one non-empty part of the path
  std::variant<PlainHandler, PathHandler> handler;
  std::string_view methods = "GET, HEAD";
};

}  // namespace vernissage::http
