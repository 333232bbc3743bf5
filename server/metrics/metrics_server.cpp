#include "server/metrics/metrics_server.h"

#include <filesystem>
#include <utility>

#include "server/process/log.h"

namespace vernissage::metrics {
namespace {

http::Response text(int status, std::string body, const char* media_type) {
  http::Response response;
  response.status = status;
  response.set("Content-Type", media_type);
  response.set("Cache-Control", "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
  return response;
}

http::Response answer(const Registry& registry, const http::Request& request) {
  constexpr char kPlain[] = "text/plain; charset=utf-8";
  if (request.path != "/metrics") return text(404, "Only /metrics is here.\n", kPlain);
  if (request.method != "GET" && !request.is_head())
    return text(405, "It can be read (GET, HEAD) and nothing else.\n", kPlain)
        .set("Allow", "GET, HEAD");
  return text(200, registry.text(), kMediaType);
}

}  // namespace

std::unique_ptr<http::HttpServer> listen(const config::Endpoint& endpoint,
                                         http::HttpServer::Parts parts) {
  if (!endpoint.socket.empty())
    return std::make_unique<http::HttpServer>(std::filesystem::path(endpoint.socket),
                                              std::move(parts));
  return std::make_unique<http::HttpServer>(endpoint.host, endpoint.port, std::move(parts));
}

MetricsServer::MetricsServer(const std::string& endpoint, const Registry& registry,
                             std::function<void(const std::string&)> on_trouble) {
  if (endpoint.empty()) return;
  const config::Endpoint where = config::read_endpoint(endpoint);
  http::HttpServer::Parts parts;
  parts.handle = [&registry](const http::Request& request, http::Reply reply) {
    reply(answer(registry, request));
  };
  parts.refuse = [](const http::Refusal& refusal, const std::string&) {
    return text(refusal.status, refusal.detail + "\n", "text/plain; charset=utf-8");
  };
  parts.on_answered = [](const http::Request&, int, size_t, double) {};
  parts.on_trouble = std::move(on_trouble);
  server_ = listen(where, std::move(parts));
  process::log_info("metrics at " + server_->url() + "/metrics");
  if (!config::is_local(where))
    process::log_info("the metrics can be read by whoever reaches " + endpoint);
  server_->start(1);
}

}  // namespace vernissage::metrics
