// The only way to a picture: a bounded queue in front of the one thread that owns the painter.
//
//   submit ──> waiting ──> painting (in batches, render thread) ──> finishing (small pool) ──>
//   waiters
//
// The same work asked for twice at once is done once (single flight), whichever stage it is in.
#pragma once

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

#include "server/render/painter.h"
#include "server/render/worker_pool.h"

namespace vernissage::render {

struct RenderLimits {
  size_t flights_max = 64;                    // works in any stage; one more is refused
  std::chrono::microseconds delay_max{2000};  // how long a picture waits for company
  int finisher_threads = 2;
};

struct Work {
  std::string id;      // equal ids: the same work
  uint64_t candidate;  // what to paint
};

enum class Outcome {
  done,       // finished: what `finish` made is there
  failed,     // painting or finishing threw
  cancelled,  // nobody waited any more, or the queue closed first
};

class RenderQueue {
 public:
  enum class State { loading, ready, failed, closed };
  enum class Closing { drain, cancel };

  struct Parts {
    /// Runs on the render thread, first of all. Throwing means State::failed.
    std::function<std::unique_ptr<Painter>()> make_painter;
    /// What is done with a picture (reduce, encode, write), on the pool, off the render thread.
    std::function<void(const Work&, const Image&)> finish;
    /// Called on the render thread, once at most each.
    std::function<void(const Painter&)> on_ready = [](const Painter&) {};
    std::function<void(const std::string& reason)> on_failed = [](const std::string&) {};
    /// One finish that threw: a full disk, say. The queue goes on.
    std::function<void(const std::string& reason)> on_finish_failed = [](const std::string&) {};
  };

  using Waiter = std::function<void(Outcome)>;

  RenderQueue(Parts parts, RenderLimits limits);
  /// Cancels what waits.
  ~RenderQueue();
  RenderQueue(const RenderQueue&) = delete;
  RenderQueue& operator=(const RenderQueue&) = delete;

  /// True: `waiter` will be called exactly once, on another thread. False: refused (the queue is
  /// full, failed or closed) and never called. Work that nobody waits for any more, all their
  /// tokens stopped, is dropped unless it is already being painted.
  bool submit(const Work& work, std::stop_token token, Waiter waiter);

  /// Takes nothing more. `drain` paints what waits, `cancel` does not; both let what is being
  /// painted end, and return when every waiter has been called. Once only counts.
  void close(Closing closing);

  State state() const;

 private:
  struct Flight;
  using Flights = std::vector<std::shared_ptr<Flight>>;

  void run();
  std::optional<Flights> take_batch(size_t batch_max);
  void paint(Painter& painter, const Flights& batch);
  void fail(const std::string& reason, const Flights& batch);
  void land(const std::shared_ptr<Flight>& flight, Outcome outcome);

  const Parts parts_;
  const RenderLimits limits_;

  mutable std::mutex mutex_;  // guards everything down to closing_
  std::condition_variable wake_;
  State state_ = State::loading;
  std::deque<std::shared_ptr<Flight>> waiting_;             // oldest first
  std::map<std::string, std::shared_ptr<Flight>> flights_;  // every stage, by work id
  bool closing_ = false;

  std::mutex close_mutex_;  // held while one thread closes; the next finds it done
  std::optional<WorkerPool> finishers_;
  std::thread render_thread_;  // last: starts when all else is there
};

}  // namespace vernissage::render
