#include "server/routes/picture_routes.h"

#include <exception>

#include "base/error.h"
#include "server/http/caching.h"
#include "server/routes/answers.h"

namespace vernissage::http {
namespace {

constexpr char kForEver[] = "public, max-age=31536000, immutable";
// Prints leave the cache and are painted anew, the same on the same machine only.
constexpr char kForADay[] = "public, max-age=86400";

// A picture that is kept: its tag is known, so nothing is hashed here.
Response kept(const Request& request, std::string_view media_type, const char* cache_control,
              const render::CachedPicture& picture) {
  Response response;
  response.set("Content-Type", std::string(media_type));
  response.set("Cache-Control", cache_control);
  response.set("ETag", picture.etag);
  response.body = *picture.bytes;
  return conditional(request, std::move(response), /*ranges=*/true);
}

using Find = std::function<std::optional<Response>()>;
using Paint = std::function<render::Admission(render::RenderQueue::Waiter)>;

// What happens when the picture was painted, or was not. On a thread of the queue.
Response painted(App& app, const Request& request, const Find& find, render::Outcome outcome) {
  try {
    if (outcome == render::Outcome::done) {
      auto found = find();
      return found ? std::move(*found)
                   : problem(app.site, app.gallery, request, 500,
                             "the rendered picture is not in the cache");
    }
    return outcome == render::Outcome::failed
               ? problem(app.site, app.gallery, request, 500, "the picture could not be rendered")
               : refused(app, request, {render::Admission::Verdict::closed});
  } catch (const std::exception& exception) {
    app.on_trouble(request.id + ": " + exception.what());
    return problem(app.site, app.gallery, request, 500,
                   "the picture could not be read from the cache");
  }
}

Handled found_or_painted(App& app, const Request& request, Find find, Paint paint) {
  if (auto found = find()) return std::move(*found);
  return Later([&app, request, find = std::move(find), paint = std::move(paint)](Reply reply) {
    const render::Admission admission =
        paint([&app, request, find, reply](render::Outcome outcome) {
          reply(painted(app, request, find, outcome));
        });
    if (!admission) reply(refused(app, request, admission));
  });
}

}  // namespace

std::string client_of(const App& app, const Request& request) {
  return visitors::address_text(app.visitors.client(request));
}

Response refused(const App& app, const Request& request, const render::Admission& admission) {
  // A gallery that closes opens again, or another one answers here, when it has restarted.
  constexpr int64_t kRestartSeconds = 5;
  using Verdict = render::Admission::Verdict;
  const bool closed = admission.verdict == Verdict::closed;
  Response response =
      admission.verdict == Verdict::client_full
          ? problem(app.site, app.gallery, request, 429,
                    "too many pictures requested by this client at once")
          : problem(app.site, app.gallery, request, 503,
                    closed ? "the server is shutting down" : "the render queue is full");
  return response.set("Retry-After",
                      std::to_string(closed ? kRestartSeconds : admission.retry_after.count()));
}

Handled preview(App& app, const Request& request, const Parameters& parameters) {
  const gallery::Painting* found = app.gallery.painting(parameters[0]);
  const auto name = render::read_preview_name(parameters[1], app.gallery.ladder());
  if (!found || !name) return NotFound{};
  const Find find = [&app, request, found, name = *name]() -> std::optional<Response> {
    const auto picture = app.pictures.preview(*found, name);
    if (!picture) return std::nullopt;
    return kept(request, render::media_type(name.format), kForEver, *picture);
  };
  const Paint paint = [&app, request, found](render::RenderQueue::Waiter waiter) {
    return app.pictures.paint_previews(*found, client_of(app, request), request.left,
                                       std::move(waiter));
  };
  return found_or_painted(app, request, find, paint);
}

Handled studio_print(App& app, const Request& request, const Parameters& parameters) {
  std::string_view name = parameters[0];
  const bool full = name.ends_with(".png");
  if (!full && !name.ends_with(".jpg")) return NotFound{};
  const auto size = full ? render::Pictures::PrintSize::full : render::Pictures::PrintSize::look;
  name.remove_suffix(4);
  const auto number = render::read_print_number(name);
  if (!number) return NotFound{};
  const Find find = [&app, request, full, size, number = *number]() -> std::optional<Response> {
    const auto picture = app.pictures.print(number, size);
    if (!picture) return std::nullopt;
    return kept(request, full ? "image/png" : render::media_type(render::PreviewFormat::jpg),
                kForADay, *picture);
  };
  const Paint paint = [&app, request, size, number = *number](render::RenderQueue::Waiter waiter) {
    return app.pictures.paint_print(number, size, client_of(app, request), request.left,
                                    std::move(waiter));
  };
  return found_or_painted(app, request, find, paint);
}

}  // namespace vernissage::http
