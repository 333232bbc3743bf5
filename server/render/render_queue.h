// The only way to a picture: a bounded queue in front of the one thread that owns the painter.
//
//   submit ──> waiting ──> painting (in batches, render thread) ──> finishing (small pool) ──>
//   waiters
//
// The same work asked for twice at once is done once (single flight), whichever stage it is in.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/worker_pool.h"
#include "server/render/painter.h"

namespace vernissage::render {

/// The most urgent first. A batch is of one priority: nobody who waits for a preview also waits for
/// the prints that happened to be beside it. Strict: prints are painted when nothing else waits,
/// which previews, each painted once and kept, cannot prevent for long.
enum class Priority { owner, visible, flow, studio };
inline constexpr size_t kPriorities = 4;

struct RenderLimits {
  /// Works in any stage; one more is refused. Walks may fill half of it and prints a quarter, so
  /// that previews always find room; an owner's picture, of which there is one a visitor, is never
  /// refused.
  size_t flights_max = 64;
  /// Nobody is taken in who would wait longer than this for the painter, at the pace of late: the
  /// bound that a visitor feels, whatever the pictures' size and the machine. Owners wait. Before
  /// anything was painted there is no pace, and no bound. Long enough for all pictures of a
  /// visitor's own page on a slow machine; where another server can be asked instead, much less is
  /// better.
  std::chrono::milliseconds wait_max{10000};
  size_t client_flights_max = 32;  // requests of one client, in any stage
  /// How long a picture waits for company that finds the painter idle. Who comes while it paints
  /// has time for company anyway.
  std::chrono::microseconds delay_max{2000};
  int finisher_threads = 2;
};

struct Work {
  std::string id;  // equal ids: the same work
  Subject subject;
  /// What is done with the picture (reduce, encode, write), on the pool, off the render thread.
  std::function<void(const Image&)> finish;
  Priority priority = Priority::visible;
  std::string client = {};  // who asks: an address, say; empty: ourselves, without a bound
};

enum class Outcome {
  done,       // finished: what `finish` made is there
  failed,     // painting or finishing threw
  cancelled,  // nobody waited any more, or the queue closed first
};

/// Whether work was taken.
struct Admission {
  enum class Verdict { accepted, client_full, full, closed };
  Verdict verdict;
  /// When there will be room: everything that is in the queue now, at the pace measured so far,
  /// rounded up to whole seconds; at least one.
  std::chrono::seconds retry_after{0};

  explicit operator bool() const { return verdict == Verdict::accepted; }
};

class RenderQueue {
 public:
  enum class State { loading, ready, failed, closed };
  enum class Closing { drain, cancel };
  using Seconds = std::chrono::duration<double>;
  using Clock = std::chrono::steady_clock;

  struct Parts {
    /// Runs on the render thread, first of all. Throwing means State::failed.
    std::function<std::unique_ptr<Painter>()> make_painter;
    /// Called on the render thread, once at most each.
    std::function<void(const Painter&)> on_ready = [](const Painter&) {};
    std::function<void(const std::string& reason)> on_failed = [](const std::string&) {};
    /// One finish that threw: a full disk, say. The queue goes on.
    std::function<void(const std::string& reason)> on_finish_failed = [](const std::string&) {};

    /// For the metrics: each work that leaves the queue for the painter, each batch, each finish.
    std::function<void(Seconds)> on_waited = [](Seconds) {};
    std::function<void(size_t pictures, Seconds)> on_painted = [](size_t, Seconds) {};
    std::function<void(Seconds)> on_finished = [](Seconds) {};

    /// What the pace of painting and finishing is measured with.
    std::function<Clock::time_point()> now = Clock::now;
  };

  using Waiter = std::function<void(Outcome)>;

  RenderQueue(Parts parts, RenderLimits limits);
  /// Cancels what waits.
  ~RenderQueue();
  RenderQueue(const RenderQueue&) = delete;
  RenderQueue& operator=(const RenderQueue&) = delete;

  /// Accepted: `waiter` will be called exactly once, on another thread. Otherwise it never is. A
  /// request whose token is stopped while its work waits for the painter is told `cancelled`, and
  /// work that nobody waits for any more is dropped. Joining work under way never makes it later:
  /// the more urgent priority counts.
  Admission submit(Work work, std::stop_token token, Waiter waiter);

  /// Takes nothing more. `drain` paints what waits, `cancel` does not; both let what is being
  /// painted end, and return when every waiter has been called. Once only counts.
  void close(Closing closing);

  State state() const;
  /// Works that wait for the painter and that somebody still wants; in every stage together, those
  /// given up included that have not been dropped yet.
  size_t waiting() const;
  size_t depth() const;

 private:
  struct Flight;
  struct Waiting;
  using Flights = std::vector<std::shared_ptr<Flight>>;

  void run();
  std::optional<Flights> take_batch(size_t batch_max, Clock::time_point idle_since);
  void paint(Painter& painter, const Flights& batch);
  void fail(const std::string& reason, const Flights& batch);
  void land(const std::shared_ptr<Flight>& flight, Outcome outcome);

  // All with mutex_ held.
  std::optional<Admission::Verdict> refusal(const Work& work) const;
  std::vector<Waiter> sweep();
  void leave(const Waiting& waiting);
  void forget(const std::shared_ptr<Flight>& flight);
  Flights take_waiting();
  std::deque<std::shared_ptr<Flight>>* most_urgent();
  Seconds pace() const;
  Seconds wait_for(Priority priority) const;
  std::chrono::seconds time_for_all() const;

  const Parts parts_;
  const RenderLimits limits_;

  mutable std::mutex mutex_;  // guards everything down to closing_
  std::condition_variable wake_;
  State state_ = State::loading;
  std::array<std::deque<std::shared_ptr<Flight>>, kPriorities> waiting_;  // oldest first
  std::map<std::string, std::shared_ptr<Flight>> flights_;                // every stage, by work id
  std::array<size_t, kPriorities> flying_{};  // how many of flights_ are of each
  std::map<std::string, size_t> clients_;     // requests of each, in any stage
  size_t painting_ = 0;                       // pictures under the brush
  Clock::time_point painting_since_;          // when they were begun, by parts_.now
  std::optional<Seconds> painting_pace_;  // of one picture, of late; nothing: none was painted yet
  Seconds finishing_pace_{0};             // of one picture, all finishers together
  bool closing_ = false;

  std::mutex close_mutex_;  // held while one thread closes; the next finds it done
  std::optional<WorkerPool> finishers_;
  std::thread render_thread_;  // last: starts when all else is there
};

}  // namespace vernissage::render
