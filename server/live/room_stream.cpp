#include "server/live/room_stream.h"

#include <mutex>
#include <stop_token>
#include <vector>

#include "server/gallery/claims.h"
#include "server/http/json.h"
#include "server/web/page_parts.h"
#include "server/web/painting_json.h"

namespace vernissage::live {
namespace {

class RoomStream : public http::BodyStream, public std::enable_shared_from_this<RoomStream> {
 public:
  RoomStream(RoomStreamParts parts, const gallery::Room& room, size_t first)
      : parts_(std::move(parts)),
        room_(room),
        wall_(parts_.gallery.wall(room.slug)),
        first_(first) {}
  ~RoomStream() override { stop_.request_stop(); }

  void next(Deliver deliver) override {
    {
      const std::lock_guard lock(mutex_);
      deliver_ = std::move(deliver);
    }
    go_on();
  }

  void cancel() noexcept override {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    deliver_ = nullptr;
    has_ended_ = true;
  }

 private:
  // Asks for more where there is room, and gives the reader what is there.
  void go_on() {
    while (const gallery::Painting* painting = claim_next()) {
      if (parts_.pictures.has_previews(*painting)) {
        arrived(*painting, /*painted=*/true);
      } else if (!ask(*painting)) {
        break;
      }
    }
    Deliver deliver;
    std::optional<std::string> piece;
    {
      const std::lock_guard lock(mutex_);
      if (!deliver_) return;
      const bool is_last = asked_ == wall_.size() && again_.empty() && on_their_way_ == 0;
      if (lines_.empty() && !is_last) return;
      if (!lines_.empty()) piece = std::move(lines_);
      lines_.clear();
      line_count_ = 0;
      deliver = std::move(deliver_);
      deliver_ = nullptr;
    }
    deliver(std::move(piece));
  }

  // The next painting to ask for, counted as on its way; null: the window is full, or that was all.
  const gallery::Painting* claim_next() {
    const std::lock_guard lock(mutex_);
    if (has_ended_ || on_their_way_ + line_count_ >= parts_.window) return nullptr;
    if (again_.empty() && asked_ == wall_.size()) return nullptr;
    ++on_their_way_;
    if (!again_.empty()) {
      const gallery::Painting* painting = again_.back();
      again_.pop_back();
      return painting;
    }
    return wall_[(first_ + asked_++) % wall_.size()];
  }

  // False: the queue has no room now; later it will be asked again.
  bool ask(const gallery::Painting& painting) {
    const auto admission = parts_.pictures.paint_previews(
        painting, parts_.client, stop_.get_token(),
        [self = weak_from_this(), &painting](render::Outcome outcome) {
          const auto here = self.lock();
          if (!here) return;
          if (outcome == render::Outcome::cancelled) return here->cut_off();
          here->arrived(painting, outcome == render::Outcome::done);
          here->go_on();
        });
    if (admission) return true;
    if (admission.verdict == render::Admission::Verdict::closed) {
      cut_off();
      return false;
    }
    {
      const std::lock_guard lock(mutex_);
      --on_their_way_;
      again_.push_back(&painting);
      if (is_resting_) return false;
      is_resting_ = true;
    }
    parts_.timer->after(admission.retry_after, [self = weak_from_this()] {
      const auto here = self.lock();
      if (!here) return;
      {
        const std::lock_guard lock(here->mutex_);
        here->is_resting_ = false;
      }
      here->go_on();
    });
    return false;
  }

  void arrived(const gallery::Painting& painting, bool painted) {
    http::Json json;
    json.begin('{').key("id").value(painting.id);
    json.key("place").value(web::place_of(parts_.gallery, painting));
    json.key("title").value(painting.title).key("alt").value(web::alt_text(painting, room_));
    json.key("taken").value(parts_.gallery.claims().of_painting(painting.id).has_value());
    web::add_curation(json, painting);
    if (painted) {
      json.key("previews").begin('[');
      for (const int width : parts_.gallery.ladder())
        for (const char* format : {"webp", "jpg"})
          json.value(web::preview_url(painting.id, width, format));
      json.end(']');
    }
    json.end('}');
    const std::lock_guard lock(mutex_);
    lines_ += json.text() + '\n';
    ++line_count_;
    --on_their_way_;
  }

  // The queue closes: the reader sees a body without its end.
  void cut_off() {
    Deliver dropped;
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    std::swap(dropped, deliver_);
  }

  const RoomStreamParts parts_;
  const gallery::Room& room_;
  const std::vector<const gallery::Painting*>& wall_;
  const size_t first_;
  std::stop_source stop_;

  std::mutex mutex_;  // guards what follows
  Deliver deliver_;
  size_t asked_ = 0;                             // paintings, from first_ on
  size_t on_their_way_ = 0;                      // of these
  std::vector<const gallery::Painting*> again_;  // those the queue had no room for
  bool is_resting_ = false;                      // until the queue has room
  std::string lines_;                            // for the reader
  size_t line_count_ = 0;
  bool has_ended_ = false;
};

}  // namespace

std::shared_ptr<http::BodyStream> open_room_stream(RoomStreamParts parts, const gallery::Room& room,
                                                   size_t first) {
  return std::make_shared<RoomStream>(std::move(parts), room, first);
}

}  // namespace vernissage::live
