// Every small picture there is to see: what is kept is given at once, what is not is painted and
// then kept. One object for the whole server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "server/gallery/gallery.h"
#include "server/render/picture_cache.h"
#include "server/render/previews.h"
#include "server/render/render_queue.h"

namespace vernissage::render {

/// Safe to call from several threads. `gallery` and `queue` outlive it; work it gave to the queue
/// may outlive it in turn.
class Pictures {
 public:
  struct Limits {
    PictureCache::Limits previews{};
    PictureCache::Limits prints{uint64_t{256} << 20, uint64_t{16} << 20};
  };

  /// Keeps previews and prints under the gallery's directory. `on_trouble`: one line for the log
  /// when one could not be kept. Throws Error when they cannot be kept at all.
  Pictures(
      gallery::Gallery& gallery, RenderQueue& queue, Limits limits,
      std::function<void(const std::string&)> on_trouble, OnEncoded on_encoded = [](auto, auto) {});

  /// What is there already.
  std::optional<CachedPicture> preview(const gallery::Painting& painting, PreviewName name);
  /// True when the whole ladder is there.
  bool has_previews(const gallery::Painting& painting) const;
  /// Has all previews of a painting made. Waiter, token, client: as RenderQueue::submit.
  Admission paint_previews(const gallery::Painting& painting, const std::string& client,
                           std::stop_token token, RenderQueue::Waiter waiter);

  /// Has the full-size picture painted and given to Claims::store_picture(), before all else. True:
  /// `done` will be called once, on another thread, whatever became of it.
  bool paint_full(const gallery::Painting& painting, std::function<void()> done);

  /// How a print is given: to look at, as JPEG as wide as the ladder goes; or all of it, as PNG,
  /// for whoever wants it on cloth. Prints are nobody's, so their full size is no secret.
  enum class PrintSize { look, full };
  std::optional<CachedPicture> print(uint32_t number, PrintSize size);
  Admission paint_print(uint32_t number, PrintSize size, const std::string& client,
                        std::stop_token token, RenderQueue::Waiter waiter);

 private:
  // What finishing needs, shared with the work under way.
  struct Kept;

  gallery::Gallery& gallery_;
  RenderQueue& queue_;
  std::shared_ptr<Kept> kept_;
};

/// "7" → 7, for the numbers of prints (below web::kPrintsMax) in their one spelling.
std::optional<uint32_t> read_print_number(std::string_view text);

}  // namespace vernissage::render
