#include "server/live/events.h"

#include <charconv>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "server/gallery/claims.h"
#include "server/http/json.h"
#include "server/web/page_parts.h"

namespace vernissage::live {
namespace {

constexpr size_t kClaimsPerPiece = 64;
constexpr int kComeBackMs = 3000;  // browsers, after a connection that broke

std::string event_text(const char* name, int64_t sequence, const http::Json& data) {
  return "id: " + std::to_string(sequence) + "\nevent: " + name + "\ndata: " + data.text() + "\n\n";
}

// "hello" and "reset": from here on; what was before is in the state.
std::string start_text(const char* name, int64_t sequence) {
  http::Json json;
  json.begin('{').key("sequence").value(sequence).end('}');
  return "retry: " + std::to_string(kComeBackMs) + "\n" + event_text(name, sequence, json);
}

std::string claim_text(const gallery::Gallery& gallery, const gallery::PublicClaim& claim) {
  http::Json json;
  json.begin('{').key("sequence").value(claim.sequence).key("painting").value(claim.painting);
  if (const gallery::Painting* painting = gallery.painting(claim.painting))
    json.key("place").value(web::place_of(gallery, *painting));
  json.key("plaque").value(claim.plaque).end('}');
  return event_text("claimed", claim.sequence, json);
}

}  // namespace

class Events::Hub : public std::enable_shared_from_this<Hub> {
 public:
  Hub(gallery::Gallery& gallery, std::shared_ptr<Timer> timer, Limits limits)
      : gallery_(gallery), timer_(std::move(timer)), limits_(limits) {}

  const gallery::Gallery& gallery() const { return gallery_; }

  void start() {
    // The winner of a painting must not wait for those who hear of it.
    gallery_.claims().listen([timer = std::weak_ptr(timer_), hub = weak_from_this()](const auto&) {
      const auto clock = timer.lock();
      if (!clock) return;
      clock->soon([hub] {
        if (const auto here = hub.lock()) here->tell({});
      });
    });
    beat();
  }

  bool add(const std::shared_ptr<Listener>& listener) {
    const std::lock_guard lock(mutex_);
    if (closed_ || listeners_.size() >= limits_.listeners_max) return false;
    listeners_.emplace(listener.get(), listener);
    return true;
  }
  void remove(const Listener* listener) {
    const std::lock_guard lock(mutex_);
    listeners_.erase(listener);
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return listeners_.size();
  }

  void tell(const std::string& otherwise);
  void close();

 private:
  std::vector<std::shared_ptr<Listener>> present() const {
    std::vector<std::shared_ptr<Listener>> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [address, listener] : listeners_)
      if (auto here = listener.lock()) all.push_back(std::move(here));
    return all;
  }

  void beat() {
    timer_->after(limits_.heartbeat, [hub = weak_from_this()] {
      const auto here = hub.lock();
      if (!here) return;
      here->tell(": still here\n\n");
      here->beat();
    });
  }

  gallery::Gallery& gallery_;
  const std::shared_ptr<Timer> timer_;
  const Limits limits_;
  mutable std::mutex mutex_;                                      // guards what follows
  std::map<const Listener*, std::weak_ptr<Listener>> listeners_;  // a listener takes itself out
  bool closed_ = false;
};

class Events::Listener : public http::BodyStream {
 public:
  Listener(std::weak_ptr<Hub> hub, const gallery::Gallery& gallery, int64_t sequence,
           std::string greeting)
      : hub_(std::move(hub)),
        gallery_(gallery),
        sequence_(sequence),
        greeting_(std::move(greeting)) {}
  ~Listener() override {
    if (const auto hub = hub_.lock()) hub->remove(this);
  }

  void next(Deliver deliver) override {
    {
      const std::lock_guard lock(mutex_);
      deliver_ = std::move(deliver);
    }
    wake({});
  }

  void cancel() noexcept override {
    if (const auto hub = hub_.lock()) hub->remove(this);
    const std::lock_guard lock(mutex_);
    deliver_ = nullptr;
    ended_ = true;
  }

  // Gives a reader who waits what is new, or else `otherwise`, if there is any.
  void wake(const std::string& otherwise) {
    Deliver deliver;
    std::optional<std::string> piece;
    {
      const std::lock_guard lock(mutex_);
      if (!deliver_) return;
      if (!ended_) {
        piece = std::move(greeting_);
        greeting_.clear();
        for (const auto& claim : gallery_.claims().since(sequence_, kClaimsPerPiece)) {
          *piece += claim_text(gallery_, claim);
          sequence_ = claim.sequence;
        }
        if (piece->empty()) *piece = otherwise;
        if (piece->empty()) return;
      }
      deliver = std::move(deliver_);
      deliver_ = nullptr;
    }
    deliver(std::move(piece));
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake({});
  }

 private:
  const std::weak_ptr<Hub> hub_;
  const gallery::Gallery& gallery_;
  std::mutex mutex_;  // guards what follows
  Deliver deliver_;
  int64_t sequence_;  // of the last claim that was given
  std::string greeting_;
  bool ended_ = false;
};

void Events::Hub::tell(const std::string& otherwise) {
  for (const auto& listener : present()) listener->wake(otherwise);
}

void Events::Hub::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  for (const auto& listener : present()) listener->end();
}

Events::Events(gallery::Gallery& gallery, std::shared_ptr<Timer> timer, Limits limits)
    : hub_(std::make_shared<Hub>(gallery, std::move(timer), limits)) {
  hub_->start();
}

Events::~Events() {
  close();
}

std::shared_ptr<http::BodyStream> Events::open(std::optional<int64_t> last_seen) {
  const int64_t now = hub_->gallery().claims().snapshot().sequence;
  int64_t from = now;
  std::string greeting;
  if (!last_seen)
    greeting = start_text("hello", now);
  else if (*last_seen > now || now - *last_seen > kMissedMax)
    greeting = start_text("reset", now);  // another gallery's number, or too much to tell
  else
    from = *last_seen;
  auto listener = std::make_shared<Listener>(hub_, hub_->gallery(), from, std::move(greeting));
  if (!hub_->add(listener)) return nullptr;
  return listener;
}

size_t Events::listeners() const {
  return hub_->size();
}

void Events::close() {
  hub_->close();
}

std::optional<int64_t> read_event_id(std::string_view text) {
  int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace vernissage::live
