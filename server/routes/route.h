// One line of the table of addresses, for the files that hold the handlers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/routes/routes.h"

namespace vernissage::http {

/// The parts of the path that a route's {braces} stand for, in order.
using Parameters = std::vector<std::string>;

/// Answers at once, or sets *later and keeps the reply for then. Nothing: not found.
using Action = std::optional<Response> (*)(App&, const Request&, const Parameters&, const Reply&,
                                           bool* later);

struct Route {
  std::string_view pattern;  // {} stands for one non-empty part of the path
  Action action;
  std::string_view methods = "GET, HEAD";
};

}  // namespace vernissage::http
