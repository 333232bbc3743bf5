#include "server/serve_command.h"

#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/backends/backend.h"
#include "engine/error.h"
#include "server/gallery/gallery.h"
#include "server/http/http_server.h"
#include "server/http/routes.h"
#include "server/render/generator_painter.h"
#include "server/render/previews.h"
#include "server/render/render_queue.h"
#include "server/web/site.h"

namespace vernissage {
namespace {

// Enough to answer pages and files; the pictures have threads of their own.
constexpr int kHttpThreads = 2;

struct ServeOptions {
  std::string gallery;
  std::string host = "127.0.0.1";
  uint16_t port = 8080;
  std::string device = "auto";
  int threads = 0;
  std::string web_root;  // empty: the embedded files
};

// SIGTERM and SIGINT, held back in every thread and waited for in one.
class StopSignals {
 public:
  /// Before any other thread is started: they inherit the mask.
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // whoever read our output may leave; the gallery stays open
  }
  int wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
    return signal;
  }
  /// Wakes wait() from inside the process, by the door an operator uses.
  static void raise() { ::kill(::getpid(), SIGTERM); }

 private:
  sigset_t set_;
};

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

void log_trouble(const std::string& what) {
  spdlog::warn("{}", what);
}

void log_answer(const http::Request& request, int status, size_t bytes, double ms) {
  const auto shown = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
  spdlog::info("{} {} {} {} {} bytes {:.1f} ms", request.id, shown(request.method),
               shown(request.path), status, bytes, ms);
}

void serve(const ServeOptions& options) {
  const StopSignals signals;
  spdlog::set_default_logger(spdlog::stderr_color_mt("vernissage"));

  const gallery::Gallery gallery(options.gallery);
  const web::Site site(options.web_root.empty()
                           ? std::nullopt
                           : std::optional<std::filesystem::path>(options.web_root));
  Failure failure;
  std::unique_ptr<http::App> app;  // there before the listener starts to answer

  http::HttpServer server(options.host, options.port,
                          {[&](const http::Request& request, http::Reply reply) {
                             http::answer(*app, request, std::move(reply));
                           },
                           [&](const http::Refusal& refusal, const std::string& id) {
                             return http::refuse(*app, refusal, id);
                           },
                           log_answer, log_trouble});

  render::RenderQueue::Parts parts;
  parts.make_painter = [&] {
    return render::make_generator_painter(gallery, options.device, options.threads);
  };
  parts.finish = [&](const render::Work& work, const Image& picture) {
    render::write_previews(gallery.previews_path(), work.id, gallery.ladder(), picture);
  };
  parts.on_ready = [&](const render::Painter& painter) {
    say(backend_line(options.device, painter.describe()));
    say("Serving " + gallery.config().name + " at " + server.url());
  };
  parts.on_failed = [&](const std::string& reason) {
    failure.set(reason);
    StopSignals::raise();
  };
  parts.on_finish_failed = log_trouble;
  render::RenderQueue queue(std::move(parts), {});
  app.reset(new http::App{gallery, site, queue, false, log_trouble});
  server.start(kHttpThreads);

  signals.wait();
  app->draining = true;
  spdlog::info("closing {}", server.url());
  if (!server.drain()) spdlog::warn("some pictures were not painted in time");
  // Whoever still waits is told to come back; then there is nothing left to answer.
  queue.close(render::RenderQueue::Closing::cancel);
  server.drain();
  server.stop();
  spdlog::info("closed");
  if (const auto reason = failure.get()) throw Error(*reason);
}

}  // namespace

void add_serve_command(CLI::App& app) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Show a gallery to browsers");
  command->add_option("--gallery", options->gallery, "the gallery's directory")->required();
  command->add_option("--host", options->host, "address to listen on")->capture_default_str();
  command->add_option("--port", options->port, "port to listen on; 0: any free one")
      ->capture_default_str();
  command->add_option("--device", options->device, "auto, cpu or cuda")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  command->add_option("--threads", options->threads, "threads of the CPU backend; 0: all cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command->add_option("--web-root", options->web_root,
                      "take templates and style from here, read anew each time");
  command->callback([options] { serve(*options); });
}

}  // namespace vernissage
