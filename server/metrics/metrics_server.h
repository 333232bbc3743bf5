// /metrics on a listener of its own, so that the public one has no such address.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/config/endpoint.h"
#include "server/http/http_server.h"
#include "server/metrics/registry.h"

namespace vernissage::metrics {

/// An HttpServer on TCP or a Unix socket, as `endpoint` says. Throws Error.
std::unique_ptr<http::HttpServer> listen(const config::Endpoint& endpoint,
                                         http::HttpServer::Parts parts);

class MetricsServer {
 public:
  /// Answers from now on. `endpoint` as read_endpoint() takes it; empty: there is no listener.
  /// Throws Error when it cannot listen.
  MetricsServer(const std::string& endpoint, const Registry& registry,
                std::function<void(const std::string&)> on_trouble);

 private:
  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace vernissage::metrics
