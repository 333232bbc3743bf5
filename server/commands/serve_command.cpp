#include "server/commands/serve_command.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/engine.h"
#include "server/config/command_line.h"
#include "server/config/endpoint.h"
#include "server/gallery/claims.h"
#include "server/gallery/gallery.h"
#include "server/gallery/owner_picture_worker.h"
#include "server/gallery/secrecy.h"
#include "server/http/http_server.h"
#include "server/metrics/metrics_server.h"
#include "server/metrics/server_metrics.h"
#include "server/process/log.h"
#include "server/process/signals.h"
#include "server/render/generator_renderer.h"
#include "server/render/pictures.h"
#include "server/render/render_queue.h"
#include "server/routes/routes.h"
#include "server/web/site.h"

namespace vernissage {
namespace {

using process::log_info;
using process::log_trouble;

// Why the render thread gave up, if it did.
class Failure {
 public:
  void set(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    reason_ = reason;
  }
  std::optional<std::string> get() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  mutable std::mutex mutex_;  // guards reason_
  std::optional<std::string> reason_;
};

// "auto" fell to the CPU: say why, so that nobody wonders at the speed.
std::string backend_line(const std::string& device, const std::string& description) {
  if (device != "auto" || description.starts_with("cuda"))
    return "Painting on the " + std::string(description.starts_with("cuda") ? "CUDA" : "CPU") +
           " backend (" + description + ")";
  std::string why;
  for (const DeviceInfo& info : list_devices())
    if (info.name.starts_with("cuda") && !info.usable && !info.reason.empty())
      why = " (" + info.reason + ")";
  return "No CUDA device" + why + ": painting on the CPU backend (" + description + ")";
}

// The log goes to stderr; stdout has the two lines that people and scripts wait for.
void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::unique_ptr<http::HttpServer> listen(const config::Settings& settings,
                                         http::HttpServer::Parts parts) {
  using http::ListeningSocket;
  if (settings.listen == config::kHandedOver)
    return std::make_unique<http::HttpServer>(ListeningSocket::handed_over(), std::move(parts));
  // Whoever connects to it would wait for ever.
  if (ListeningSocket::is_handed_over())
    throw Error("a socket is handed over ($LISTEN_FDS), but 'listen' is not " +
                std::string(config::kHandedOver));
  if (settings.listen.empty())
    return std::make_unique<http::HttpServer>(settings.host, static_cast<uint16_t>(settings.port),
                                              std::move(parts));
  return metrics::listen(config::read_endpoint(settings.listen), std::move(parts));
}

visitors::VisitorSettings visitor_settings(const config::Settings& settings,
                                           const gallery::Gallery& gallery) {
  return {.identity_field = visitors::read_identity(settings.identity),
          .trusted = visitors::read_trusted_proxies(settings.trusted_proxy),
          .public_origin = settings.public_origin,
          .claims_per_hour = settings.claims_per_hour,
          .insecure_cookies = settings.insecure_cookies == "yes",
          .has_owners = gallery.claims().snapshot().sequence > 0};
}

// Files made from here on are their owner's alone, and a crash leaves no memory behind with keys in
// it, whoever starts this program.
void keep_secrets(const std::string& directory) {
  ::umask(S_IRWXG | S_IRWXO);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (!std::filesystem::is_directory(directory)) return;  // opening it says what is wrong
  for (const std::string& line : gallery::close_to_others(directory)) log_info(line);
}

render::RenderLimits render_limits(const config::Settings& settings) {
  render::RenderLimits limits;
  limits.in_flight_max = static_cast<size_t>(settings.render_queue);
  limits.client_in_flight_max = static_cast<size_t>(settings.render_queue_per_client);
  limits.delay_max = std::chrono::microseconds(settings.render_delay_us);
  limits.wait_max = std::chrono::milliseconds(settings.render_wait_ms);
  return limits;
}

// What is read off at the moment of the question. All of it lives longer than who asks.
void read_at_once(const gallery::Gallery& gallery, const render::RenderQueue& queue,
                  const http::App& app, const http::HttpServer& server,
                  metrics::Registry* registry) {
  registry->read("vernissage_http_inflight", "Requests under way, streams included.", "gauge",
                 [&] { return static_cast<double>(server.requests_under_way()); });
  registry->read("vernissage_http_connections", "Open connections.", "gauge",
                 [&] { return static_cast<double>(server.connections()); });
  registry->read("vernissage_db_busy_total", "Writes given up because another held the store.",
                 "counter", [&] { return static_cast<double>(gallery.store().busy_total()); });
  registry->read("vernissage_render_queue_depth",
                 "Pictures that wait for the renderer and are still wanted.", "gauge",
                 [&] { return static_cast<double>(queue.waiting()); });
  registry->read("vernissage_sse_clients", "Readers of /api/v1/events.", "gauge",
                 [&] { return static_cast<double>(app.events.listeners()); });
  registry->read("vernissage_flow_viewers", "Viewers of interpolations.", "gauge",
                 [&] { return static_cast<double>(app.flow.viewers()); });
  registry->read("vernissage_paintings_free", "Paintings that nobody owns, by room.", "gauge",
                 {"room"}, [&] {
                   std::vector<metrics::Registry::Sample> samples;
                   for (const gallery::Room& room : gallery.config().rooms) {
                     double free = 0;
                     for (const gallery::Painting* painting : gallery.wall(room.slug))
                       free += gallery.claims().of_painting(painting->id) ? 0 : 1;
                     samples.push_back({{room.slug}, free});
                   }
                   return samples;
                 });
}

// Keys that cannot be read leave those that are in use.
void reload(http::App& app) {
  try {
    app.visitors.reload_keys();
    log_info("took up the visitors' keys");
  } catch (const Error& error) {
    log_trouble(error.what());
  }
}

// Not ready, then (so that a balancer has looked meanwhile) no longer open, then done.
void close_down(const config::Settings& settings, int signal, bool failed,
                const process::StopSignals& signals, http::App& app, http::HttpServer& server,
                render::RenderQueue& queue) {
  app.draining = true;
  server.wind_down();
  process::notify_supervisor("STOPPING=1");
  log_info("closing " + server.url());
  if (signal == SIGTERM && !failed && settings.drain_pause_ms > 0)
    signals.comes_within(settings.drain_pause_ms);  // a second signal: at once
  if (!server.drain()) log_trouble("some pictures were not painted in time");
  // Whoever still waits is told to come back; then there is nothing left to answer.
  queue.close(render::RenderQueue::Closing::cancel);
  server.drain();
  server.stop();
  log_info("closed");
}

void serve(const config::InForce& in_force) {
  const config::Settings& settings = in_force.settings;
  if (settings.gallery.empty()) throw CLI::RequiredError("--gallery");
  const process::StopSignals signals;
  process::open_log(settings.log_format);

  keep_secrets(settings.gallery);
  gallery::Gallery gallery(settings.gallery);
  const web::Site site(settings.web_root.empty()
                           ? std::nullopt
                           : std::optional<std::filesystem::path>(settings.web_root));
  metrics::ServerMetrics counted(VERNISSAGE_VERSION);
  Failure failure;
  std::unique_ptr<http::App> app;  // there before the listener starts to answer

  const auto server =
      listen(settings, {[&](const http::Request& request, http::Reply reply) {
                          http::answer(*app, request, std::move(reply));
                        },
                        [&](const http::Refusal& refusal, const std::string& id) {
                          counted.refused_bytes();
                          return http::refuse(*app, refusal, id);
                        },
                        [&](const http::Request& request, int status, size_t bytes, double ms) {
                          counted.answered(http::route_of(request.path), request.method, status,
                                           ms / 1000);
                          process::log_answer(request, status, bytes, ms);
                        },
                        log_trouble,
                        [trusted = visitors::read_trusted_proxies(settings.trusted_proxy)](
                            const std::string& peer) { return trusted.contains(peer); },
                        static_cast<size_t>(settings.connections_per_address)});

  render::RenderQueue::Parts parts;
  parts.make_renderer = [&] {
    return render::make_generator_renderer(gallery, settings.device,
                                           precision_named(settings.precision),
                                           static_cast<int>(settings.threads));
  };
  parts.on_ready = [&](const render::Renderer& renderer) {
    say(backend_line(settings.device, renderer.describe()));
    say("Serving " + gallery.config().name + " at " + server->url());
    process::notify_supervisor("READY=1");
  };
  parts.on_failed = [&](const std::string& reason) {
    failure.set(reason);
    process::StopSignals::raise();
  };
  parts.on_finish_failed = log_trouble;
  parts.on_waited = [&](auto seconds) { counted.queue_seconds.observe(seconds.count()); };
  parts.on_painted = [&](size_t pictures, auto seconds) {
    counted.batch_size.observe(static_cast<double>(pictures));
    counted.render_seconds.observe(seconds.count());
  };
  parts.on_finished = [&](auto seconds) { counted.finish_seconds.observe(seconds.count()); };
  const auto on_encoded = [&](std::string_view format, auto seconds) {
    counted.encode_seconds.with({std::string(format)}).observe(seconds.count());
  };
  render::RenderQueue queue(std::move(parts), render_limits(settings));
  render::Pictures::Limits kept;
  kept.previews.disk_bytes_max = static_cast<uint64_t>(settings.preview_cache_mb) << 20;
  kept.prints.disk_bytes_max = static_cast<uint64_t>(settings.studio_cache_mb) << 20;
  render::Pictures pictures(gallery, queue, kept, log_trouble, on_encoded);
  const auto paint_full = [&](const gallery::Painting& painting,
                              gallery::OwnerPictureWorker::Done done) {
    return pictures.paint_full(
        painting, [&, id = painting.id, done] { done(gallery.claims().picture_ready(id)); });
  };
  gallery::OwnerPictureWorker owner_pictures(gallery.claims(), {paint_full, log_trouble});
  const auto on_claim = [&](std::string_view result, double seconds) {
    counted.claims.with({std::string(result)}).add();
    counted.claim_commit_seconds.observe(seconds);
  };
  app.reset(new http::App{gallery,
                          site,
                          queue,
                          pictures,
                          false,
                          log_trouble,
                          on_claim,
                          on_encoded,
                          {gallery.directory(), visitor_settings(settings, gallery)},
                          {.listeners_max = static_cast<size_t>(settings.event_listeners)},
                          {.viewers_max = static_cast<size_t>(settings.flow_viewers)}});

  read_at_once(gallery, queue, *app, *server, &counted.registry());
  const metrics::MetricsServer metrics_server(settings.metrics_listen, counted.registry(),
                                              log_trouble);
  server->start(static_cast<int>(settings.http_threads));

  int signal = 0;
  while ((signal = signals.wait()) == SIGHUP) reload(*app);
  close_down(settings, signal, failure.get().has_value(), signals, *app, *server, queue);
  if (const auto reason = failure.get()) throw Error(*reason);
}

}  // namespace

void add_serve_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "Show a gallery to browsers");
  config::add_settings(*command, serve);
}

}  // namespace vernissage
