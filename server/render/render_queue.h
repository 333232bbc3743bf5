// The only way to a picture: a bounded queue in front of the one thread that owns the renderer.
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
#include "server/render/renderer.h"

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
  size_t in_flight_max = 64;
  /// Nobody is taken in who would wait longer than this for the renderer, at the pace of late: the
  /// bound that a visitor feels, whatever the pictures' size and the machine. Owners wait. Before
  /// anything was painted there is no pace, and no bound. Long enough for all pictures of a
  /// visitor's own page on a slow machine; where another server can be asked instead, much less is
  /// better.
  std::chrono::milliseconds wait_max{10000};
  size_t client_in_flight_max = 32;  // requests of one client, in any stage
  /// How long a picture waits for company that finds the renderer idle. Who comes while it paints
  /// has time for company anyway.
  std::chrono::microseconds delay_max{2000};
  int finisher_threads = 2;
};

struct Work {
  std::string id;  // equal ids: the same work
  RenderSpec spec;
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
    std::function<std::unique_ptr<Renderer>()> make_renderer;
    /// Called on the render thread, once at most each.
    std::function<void(const Renderer&)> on_ready = [](const Renderer&) {};
    std::function<void(const std::string& reason)> on_failed = [](const std::string&) {};
    /// One finish that threw: a full disk, say. The queue goes on.
    std::function<void(const std::string& reason)> on_finish_failed = [](const std::string&) {};

    /// For the metrics: each work that leaves the queue for the renderer, each batch, each finish.
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
  /// request whose token is stopped while its work waits for the renderer is told `cancelled`, and
  /// work that nobody waits for any more is dropped. Joining work under way never makes it later:
  /// the more urgent priority counts.
  Admission submit(Work work, std::stop_token token, Waiter waiter);

  /// Takes nothing more. `drain` paints what waits, `cancel` does not; both let what is being
  /// painted end, and return when every waiter has been called. Once only counts.
  void close(Closing closing);

  State state() const;
  /// Works that wait for the renderer and that somebody still wants; in every stage together, those
  /// given up included that have not been dropped yet.
  size_t waiting() const;
  size_t depth() const;

 private:
  struct InFlight;
  struct Waiting;
  using Batch = std::vector<std::shared_ptr<InFlight>>;

  void run();
  std::optional<Batch> take_batch(size_t batch_max, Clock::time_point idle_since);
  void paint(Renderer& renderer, const Batch& batch);
  void fail(const std::string& reason, const Batch& batch);
  void complete(const std::shared_ptr<InFlight>& entry, Outcome outcome);

  // All with mutex_ held.
  std::optional<Admission::Verdict> refusal(const Work& work) const;
  std::vector<Waiter> prune();
  void leave(const Waiting& waiting);
  void forget(const std::shared_ptr<InFlight>& entry);
  Batch take_waiting();
  std::deque<std::shared_ptr<InFlight>>* most_urgent();
  Seconds pace() const;
  Seconds wait_for(Priority priority) const;
  std::chrono::seconds time_for_all() const;

  const Parts parts_;
  const RenderLimits limits_;

  mutable std::mutex mutex_;  // guards everything down to closing_
  std::condition_variable wake_;
  State state_ = State::loading;
  std::array<std::deque<std::shared_ptr<InFlight>>, kPriorities> waiting_;  // oldest first
  std::map<std::string, std::shared_ptr<InFlight>> in_flight_;  // every stage, by work id
  std::array<size_t, kPriorities> in_flight_by_priority_{};  // how many of in_flight_ are of each
  std::map<std::string, size_t> clients_;                    // requests of each, in any stage
  size_t painting_ = 0;                                      // pictures being rendered
  Clock::time_point painting_since_;                         // when they were begun, by parts_.now
  std::optional<Seconds> painting_pace_;  // of one picture, of late; nothing: none was painted yet
  Seconds finishing_pace_{0};             // of one picture, all finishers together
  bool closing_ = false;

  std::mutex close_mutex_;  // held while one thread closes; the next finds it done
  std::optional<WorkerPool> finishers_;
  std::thread render_thread_;  // last: starts when all else is there
};

}  // namespace vernissage::render
