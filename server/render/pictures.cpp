#include "server/render/pictures.h"

#include <algorithm>
#include <charconv>
#include <exception>

#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/web/pages.h"

namespace vernissage::render {
namespace {

std::string preview_key(const std::string& id, PreviewName name) {
  return id + '/' + file_name(name);
}

// Prints lie in folders of a thousand.
std::string print_key(uint32_t number, Pictures::PrintSize size) {
  return std::to_string(number / 1000) + '/' + std::to_string(number) +
         (size == Pictures::PrintSize::full ? ".png" : ".jpg");
}

}  // namespace

struct Pictures::Kept {
  PictureCache previews;
  PictureCache prints;
  std::vector<int> ladder;
  std::function<void(const std::string&)> on_trouble;
  OnEncoded on_encoded;

  // Times it; an owner's picture is also signed and written.
  template <class Encode>
  auto timed(std::string_view format, const Encode& encode) const {
    struct Watch {
      const OnEncoded& tell;
      std::string_view format;
      std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
      ~Watch() { tell(format, std::chrono::steady_clock::now() - start); }
    };
    const Watch watch{on_encoded, format};
    return encode();
  }

  std::vector<uint8_t> preview(const Image& picture, PreviewName name) const {
    return timed(extension(name.format), [&] { return encode_preview(picture, name); });
  }

  // A full disk is no reason not to show what was painted: the memory has it.
  void keep(PictureCache& cache, const std::string& key, const std::vector<uint8_t>& bytes) const {
    try {
      cache.put(key, bytes);
    } catch (const Error& error) {
      on_trouble(error.what());
    }
  }
};

Pictures::Pictures(gallery::Gallery& gallery, RenderQueue& queue, Limits limits,
                   std::function<void(const std::string&)> on_trouble, OnEncoded on_encoded)
    : gallery_(gallery),
      queue_(queue),
      kept_(new Kept{{gallery.previews_path(), limits.previews},
                     {gallery.directory() / "studio", limits.prints},
                     gallery.ladder(),
                     std::move(on_trouble),
                     std::move(on_encoded)}) {
  VERNISSAGE_ASSERT(!kept_->ladder.empty());
}

std::optional<CachedPicture> Pictures::preview(const gallery::Painting& painting,
                                               PreviewName name) {
  return kept_->previews.find(preview_key(painting.id, name));
}

bool Pictures::has_previews(const gallery::Painting& painting) const {
  return std::all_of(kept_->ladder.begin(), kept_->ladder.end(), [&](int width) {
    return kept_->previews.contains(preview_key(painting.id, {width, PreviewFormat::webp})) &&
           kept_->previews.contains(preview_key(painting.id, {width, PreviewFormat::jpg}));
  });
}

Admission Pictures::paint_previews(const gallery::Painting& painting, const std::string& client,
                                   std::stop_token token, RenderQueue::Waiter waiter) {
  const auto finish = [kept = kept_, id = painting.id](const Image& picture) {
    for (const int width : kept->ladder)
      for (const PreviewFormat format : {PreviewFormat::webp, PreviewFormat::jpg}) {
        const PreviewName name{width, format};
        kept->keep(kept->previews, preview_key(id, name), kept->preview(picture, name));
      }
  };
  return queue_.submit({"preview " + painting.id, RenderSpec::painting(painting.candidate), finish,
                        Priority::visible, client},
                       std::move(token), std::move(waiter));
}

bool Pictures::paint_full(const gallery::Painting& painting, std::function<void()> done) {
  const auto finish = [kept = kept_, &gallery = gallery_, &painting](const Image& picture) {
    kept->timed("png", [&] { gallery.claims().store_picture(painting, picture); });
  };
  const auto waiter = [done = std::move(done)](Outcome) { done(); };
  return static_cast<bool>(queue_.submit(
      {"full " + painting.id, RenderSpec::painting(painting.candidate), finish, Priority::owner},
      {}, waiter));
}

std::optional<CachedPicture> Pictures::print(uint32_t number, PrintSize size) {
  return kept_->prints.find(print_key(number, size));
}

Admission Pictures::paint_print(uint32_t number, PrintSize size, const std::string& client,
                                std::stop_token token, RenderQueue::Waiter waiter) {
  VERNISSAGE_ASSERT_OP(number, <, web::kPrintsMax);
  const auto finish = [kept = kept_, number, size](const Image& picture) {
    kept->keep(kept->prints, print_key(number, size),
               size == PrintSize::full
                   ? kept->timed("png", [&] { return encode_png(picture); })
                   : kept->preview(picture, {kept->ladder.back(), PreviewFormat::jpg}));
  };
  return queue_.submit({"print " + print_key(number, size), RenderSpec::print(number), finish,
                        Priority::studio, client},
                       std::move(token), std::move(waiter));
}

std::optional<uint32_t> read_print_number(std::string_view text) {
  uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || number >= web::kPrintsMax || text != std::to_string(number))
    return std::nullopt;
  return number;
}

}  // namespace vernissage::render
