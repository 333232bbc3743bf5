// What the server answers: every address in one table.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>

#include "server/gallery/gallery.h"
#include "server/http/framing.h"
#include "server/http/message.h"
#include "server/render/previews.h"
#include "server/render/render_queue.h"
#include "server/web/site.h"

namespace vernissage::http {

/// What the handlers share. All references outlive every request.
struct App {
  const gallery::Gallery& gallery;
  const web::Site& site;
  render::RenderQueue& queue;
  std::atomic<bool> draining = false;  // the operator asked us to stop: no longer ready
  /// One line for the log about an answer that was our fault.
  std::function<void(const std::string&)> on_trouble = [](const std::string&) {};
};

/// Answers `request`, at once or when its picture is painted. Never throws.
void answer(App& app, const Request& request, Reply reply);

/// The answer to bytes that never became a request.
Response refuse(const App& app, const Refusal& refusal, const std::string& request_id);

}  // namespace vernissage::http
