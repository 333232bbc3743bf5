#include "server/live/flow.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/images/images.h"

namespace vernissage::live {
namespace {

using Clock = Timer::Clock;
using Frame = std::shared_ptr<const std::string>;  // JPEG

constexpr int kJpegQuality = 82;
constexpr char kFirstBoundary[] = "--frame\r\n";

// A browser shows a frame when it reads the boundary behind it: so each carries its own end.
std::string part(const std::string& jpeg, bool last) {
  return "Content-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) + "\r\n\r\n" +
         jpeg + (last ? "\r\n--frame--\r\n" : "\r\n--frame\r\n");
}

}  // namespace

float flow_position(int i, int n) {
  if (2 * i > n - 1) return 1 - flow_position(n - 1 - i, n);
  const double even = static_cast<double>(i) / (n - 1);
  return static_cast<float>(even * even * (3 - 2 * even));
}

// Where the viewers are, and the interpolations.
struct Flow::FlowHub {
  FlowHub(const gallery::Gallery& paintings, render::RenderQueue& renderers,
          std::shared_ptr<Timer> clock, Limits bounds, render::OnEncoded tell_encoded)
      : gallery(paintings),
        queue(renderers),
        timer(std::move(clock)),
        limits(bounds),
        on_encoded(std::move(tell_encoded)) {}

  const gallery::Gallery& gallery;
  render::RenderQueue& queue;
  const std::shared_ptr<Timer> timer;
  const Limits limits;
  const render::OnEncoded on_encoded;
  int width = 0;  // of the frames

  std::mutex mutex;  // guards what follows
  std::map<const Viewer*, std::weak_ptr<Viewer>> viewers;
  std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<Interpolation>> interpolations;
  std::list<std::shared_ptr<Interpolation>> kept;  // the latest first
};

// The frames between two paintings, in the direction of their candidates.
class Flow::Interpolation : public std::enable_shared_from_this<Interpolation> {
 public:
  /// Null: it will not come.
  using Ready = std::function<void(Frame)>;

  Interpolation(std::weak_ptr<FlowHub> hub, const gallery::Painting& first,
                const gallery::Painting& second, int frames)
      : hub_(std::move(hub)),
        first_(first),
        second_(second),
        frames_(static_cast<size_t>(frames)) {}

  void enter() {
    const std::lock_guard lock(mutex_);
    // Who left last took back what was asked for.
    if (viewers_++ == 0) wanted_ = std::stop_source();
  }
  void leave() {
    std::stop_source unwanted(std::nostopstate);
    {
      const std::lock_guard lock(mutex_);
      if (--viewers_ == 0) std::swap(unwanted, wanted_);
    }
    unwanted.request_stop();
  }

  /// Calls `ready`, which may be null, when frame `index` is there: at once, or from another
  /// thread.
  void ask(size_t index, Ready ready) {
    Frame there;
    bool submit = false;
    {
      const std::lock_guard lock(mutex_);
      Slot& slot = frames_[index];
      there = slot.frame;
      if (!there) {
        if (ready) slot.waiting.push_back(std::move(ready));
        submit = !slot.is_asked;
        slot.is_asked = true;
      }
    }
    if (there && ready) ready(there);
    if (submit) paint(index);
  }

 private:
  struct Slot {
    Frame frame;
    bool is_asked = false;
    std::vector<Ready> waiting;
  };

  void paint(size_t index) {
    const auto hub = hub_.lock();
    if (!hub) return give_up(index);
    std::stop_token token;
    {
      const std::lock_guard lock(mutex_);
      token = wanted_.get_token();
    }
    // The pixels go from the finisher to whoever waits, by way of this.
    auto made = std::make_shared<Frame>();
    const auto finish = [made, width = hub->width,
                         on_encoded = hub->on_encoded](const Image& picture) {
      const auto start = Clock::now();
      const auto jpeg = encode_jpeg(resize_area(picture, width, width), kJpegQuality);
      on_encoded("jpg", Clock::now() - start);
      *made = std::make_shared<const std::string>(jpeg.begin(), jpeg.end());
    };
    const float along = flow_position(static_cast<int>(index), static_cast<int>(frames_.size()));
    const std::string id = "flow " + first_.id + ' ' + second_.id + ' ' + std::to_string(index);
    const auto admission = hub->queue.submit(
        {id, render::RenderSpec::interpolation(first_.candidate, second_.candidate, along), finish,
         render::Priority::flow},
        token, [self = shared_from_this(), index, made](render::Outcome outcome) {
          self->painted(index, outcome, *made);
        });
    if (admission) return;
    if (admission.verdict == render::Admission::Verdict::closed) return give_up(index);
    hub->timer->after(hub->limits.retry_ms, [self = weak_from_this(), index] {
      if (const auto here = self.lock()) here->paint(index);
    });
  }

  void painted(size_t index, render::Outcome outcome, const Frame& frame) {
    const auto hub = hub_.lock();
    const bool may_ask_anew = outcome == render::Outcome::cancelled && hub &&
                              hub->queue.state() == render::RenderQueue::State::ready;
    std::vector<Ready> waiting;
    bool is_wanted = false;
    {
      const std::lock_guard lock(mutex_);
      // Somebody may have come just when the last one had left and taken back what was asked for.
      is_wanted = may_ask_anew && viewers_ > 0;
      if (!is_wanted) waiting = settle(index, outcome == render::Outcome::done ? frame : nullptr);
    }
    if (is_wanted) return paint(index);
    for (const Ready& ready : waiting) ready(frame);
  }

  // It will not be painted.
  void give_up(size_t index) {
    std::vector<Ready> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting = settle(index, nullptr);
    }
    for (const Ready& ready : waiting) ready(nullptr);
  }

  // Who waited for it. With mutex_ held.
  std::vector<Ready> settle(size_t index, Frame frame) {
    Slot& slot = frames_[index];
    slot.frame = std::move(frame);
    slot.is_asked = false;
    return std::exchange(slot.waiting, {});
  }

  const std::weak_ptr<FlowHub> hub_;
  const gallery::Painting& first_;
  const gallery::Painting& second_;
  std::mutex mutex_;  // guards what follows
  std::vector<Slot> frames_;
  std::stop_source wanted_{std::nostopstate};
  size_t viewers_ = 0;
};

// One who watches, from one end of an interpolation to the other.
class Flow::Viewer : public http::BodyStream, public std::enable_shared_from_this<Viewer> {
 public:
  Viewer(std::shared_ptr<FlowHub> hub, std::shared_ptr<Interpolation> interpolation, bool backwards)
      : hub_(std::move(hub)), interpolation_(std::move(interpolation)), backwards_(backwards) {
    interpolation_->enter();
  }
  ~Viewer() override {
    leave();
    const std::lock_guard lock(hub_->mutex);
    hub_->viewers.erase(this);
  }

  void next(Deliver deliver) override {
    Clock::time_point due;
    {
      const std::lock_guard lock(mutex_);
      if (shown_ < total()) {
        deliver_ = std::move(deliver);
        if (shown_ == 0) started_ = due_ = Clock::now();
        due = due_;
      }
    }
    if (deliver) return deliver(std::nullopt);
    if (due <= Clock::now()) return show();
    hub_->timer->at(due, [self = weak_from_this()] {
      if (const auto here = self.lock()) here->show();
    });
  }

  void cancel() noexcept override {
    leave();
    const std::lock_guard lock(mutex_);
    deliver_ = nullptr;
  }

  /// At the pace so far, but no faster than frames are shown.
  std::chrono::duration<double> left() const {
    const std::lock_guard lock(mutex_);
    const std::chrono::duration<double> slowest = hub_->limits.frame_ms;
    const std::chrono::duration<double> spent = Clock::now() - started_;
    const auto each = shown_ == 0 ? slowest : std::max(slowest, spent / double(shown_));
    return each * static_cast<double>(total() - shown_);
  }

 private:
  size_t total() const { return static_cast<size_t>(hub_->limits.frames); }
  size_t index(size_t step) const { return backwards_ ? total() - 1 - step : step; }

  void show() {
    size_t step = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!deliver_) return;
      step = shown_;
    }
    interpolation_->ask(index(step), [self = weak_from_this()](Frame frame) {
      if (const auto here = self.lock()) here->give(std::move(frame));
    });
    const size_t end = std::min(total(), step + 1 + static_cast<size_t>(hub_->limits.ahead));
    for (size_t later = step + 1; later < end; ++later) interpolation_->ask(index(later), nullptr);
  }

  // Null: the connection is cut off, which dropping the Deliver does.
  void give(Frame frame) {
    Deliver deliver;
    std::string piece;
    {
      const std::lock_guard lock(mutex_);
      if (!deliver_) return;
      deliver = std::move(deliver_);
      deliver_ = nullptr;
      if (!frame) return;
      if (shown_ == 0) piece = kFirstBoundary;
      ++shown_;
      due_ = std::max(due_ + hub_->limits.frame_ms, Clock::now());
      piece += part(*frame, shown_ == total());
    }
    deliver(std::move(piece));
  }

  void leave() noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (has_left_) return;
      has_left_ = true;
    }
    interpolation_->leave();
  }

  const std::shared_ptr<FlowHub> hub_;
  const std::shared_ptr<Interpolation> interpolation_;
  const bool backwards_;
  mutable std::mutex mutex_;  // guards what follows
  Deliver deliver_;
  size_t shown_ = 0;
  Clock::time_point started_, due_;
  bool has_left_ = false;
};

Flow::Flow(const gallery::Gallery& gallery, render::RenderQueue& queue,
           std::shared_ptr<Timer> timer, Limits limits, render::OnEncoded on_encoded)
    : hub_(std::make_shared<FlowHub>(gallery, queue, std::move(timer), limits,
                                     std::move(on_encoded))) {
  VERNISSAGE_ASSERT_OP(limits.frames, >=, 2);
  // The widest preview that is no wider than a frame may be, or the narrowest there is.
  for (const int width : gallery.ladder())
    if (hub_->width == 0 || width <= kFlowWidthMax) hub_->width = width;
}

Flow::~Flow() = default;

Flow::Opened Flow::open(const gallery::Painting& from, const gallery::Painting& to) {
  VERNISSAGE_ASSERT(from.candidate != to.candidate);
  const bool backwards = from.candidate > to.candidate;
  const gallery::Painting& first = backwards ? to : from;
  const gallery::Painting& second = backwards ? from : to;
  std::vector<std::shared_ptr<Viewer>> present;  // let go of without the lock
  const std::lock_guard lock(hub_->mutex);
  if (hub_->viewers.size() >= hub_->limits.viewers_max) {
    std::chrono::duration<double> soonest = std::chrono::hours(1);
    for (const auto& [address, viewer] : hub_->viewers)
      if (auto here = viewer.lock()) {
        soonest = std::min(soonest, here->left());
        present.push_back(std::move(here));
      }
    const auto seconds = static_cast<int64_t>(std::ceil(soonest.count()));
    return {nullptr, std::chrono::seconds(std::max<int64_t>(1, seconds))};
  }
  auto& known = hub_->interpolations[{first.candidate, second.candidate}];
  auto interpolation = known.lock();
  if (!interpolation) {
    interpolation = std::make_shared<Interpolation>(hub_, first, second, hub_->limits.frames);
    known = interpolation;
    std::erase_if(hub_->interpolations, [](const auto& entry) { return entry.second.expired(); });
  }
  hub_->kept.remove(interpolation);
  hub_->kept.push_front(interpolation);
  if (hub_->kept.size() > hub_->limits.interpolations_kept) hub_->kept.pop_back();
  auto viewer = std::make_shared<Viewer>(hub_, interpolation, backwards);
  hub_->viewers.emplace(viewer.get(), viewer);
  return {viewer};
}

size_t Flow::viewers() const {
  const std::lock_guard lock(hub_->mutex);
  return hub_->viewers.size();
}

}  // namespace vernissage::live
