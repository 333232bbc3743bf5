#include "server/render/render_queue.h"

#include <algorithm>
#include <exception>

#include "engine/error.h"

namespace vernissage::render {

struct RenderQueue::Flight {
  Work work;
  std::chrono::steady_clock::time_point since;
  std::vector<std::pair<std::stop_token, Waiter>> waiters;

  bool is_wanted() const {
    return std::any_of(waiters.begin(), waiters.end(),
                       [](const auto& waiter) { return !waiter.first.stop_requested(); });
  }
};

RenderQueue::RenderQueue(Parts parts, RenderLimits limits)
    : parts_(std::move(parts)), limits_(limits) {
  VERNISSAGE_ASSERT_OP(limits_.flights_max, >=, 1u);
  finishers_.emplace(limits_.finisher_threads);
  render_thread_ = std::thread([this] { run(); });
}

RenderQueue::~RenderQueue() {
  close(Closing::cancel);
}

bool RenderQueue::submit(const Work& work, std::stop_token token, Waiter waiter) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || state_ == State::failed) return false;
    if (const auto found = flights_.find(work.id); found != flights_.end()) {
      found->second->waiters.emplace_back(std::move(token), std::move(waiter));
      return true;
    }
    if (flights_.size() >= limits_.flights_max) return false;
    auto flight = std::make_shared<Flight>();
    flight->work = work;
    flight->since = std::chrono::steady_clock::now();
    flight->waiters.emplace_back(std::move(token), std::move(waiter));
    waiting_.push_back(flight);
    flights_.emplace(work.id, std::move(flight));
  }
  wake_.notify_one();
  return true;
}

void RenderQueue::close(Closing closing) {
  const std::lock_guard closing_lock(close_mutex_);
  Flights dropped;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (closing == Closing::cancel) {
      dropped.assign(waiting_.begin(), waiting_.end());
      waiting_.clear();
    }
  }
  wake_.notify_all();
  for (const auto& flight : dropped) land(flight, Outcome::cancelled);
  if (render_thread_.joinable()) render_thread_.join();
  finishers_.reset();  // runs what was posted
  const std::lock_guard lock(mutex_);
  if (state_ != State::failed) state_ = State::closed;
}

RenderQueue::State RenderQueue::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void RenderQueue::run() {
  std::unique_ptr<Painter> painter;
  try {
    painter = parts_.make_painter();
  } catch (const std::exception& exception) {
    fail(exception.what(), {});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ready;
  }
  parts_.on_ready(*painter);
  while (const auto batch = take_batch(static_cast<size_t>(painter->batch_max()))) {
    if (batch->empty()) continue;
    try {
      paint(*painter, *batch);
    } catch (const std::exception& exception) {
      fail(exception.what(), *batch);
      return;
    }
  }
}

// Nothing: the queue is closed and empty. May be empty: all that waited was no longer wanted.
std::optional<RenderQueue::Flights> RenderQueue::take_batch(size_t batch_max) {
  Flights batch, unwanted;
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return std::nullopt;
    const auto latest = waiting_.front()->since + limits_.delay_max;
    wake_.wait_until(lock, latest, [&] { return closing_ || waiting_.size() >= batch_max; });
    while (!waiting_.empty() && batch.size() < batch_max) {
      const bool wanted = waiting_.front()->is_wanted();
      // Out of the map at once: who asks for it from now on starts a flight of their own.
      if (!wanted) flights_.erase(waiting_.front()->work.id);
      (wanted ? batch : unwanted).push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  for (const auto& flight : unwanted) land(flight, Outcome::cancelled);
  return batch;
}

void RenderQueue::paint(Painter& painter, const Flights& batch) {
  std::vector<uint64_t> candidates;
  for (const auto& flight : batch) candidates.push_back(flight->work.candidate);
  std::vector<Image> images = painter.paint(candidates);
  VERNISSAGE_ASSERT_OP(images.size(), ==, batch.size());
  for (size_t n = 0; n < batch.size(); ++n)
    finishers_->post(
        [this, flight = batch[n], image = std::make_shared<const Image>(std::move(images[n]))] {
          Outcome outcome = Outcome::done;
          try {
            parts_.finish(flight->work, *image);
          } catch (const std::exception& exception) {
            parts_.on_finish_failed(exception.what());
            outcome = Outcome::failed;
          }
          land(flight, outcome);
        });
}

// The painter is gone for good: a device error stays, and memory that is missing stays missing.
void RenderQueue::fail(const std::string& reason, const Flights& batch) {
  Flights lost = batch;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::failed;
    lost.insert(lost.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  for (const auto& flight : lost) land(flight, Outcome::failed);
  parts_.on_failed(reason);
}

// Waiters are called without the lock: they may submit again.
void RenderQueue::land(const std::shared_ptr<Flight>& flight, Outcome outcome) {
  std::vector<std::pair<std::stop_token, Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = flights_.find(flight->work.id);
        found != flights_.end() && found->second == flight)
      flights_.erase(found);
    waiters.swap(flight->waiters);
  }
  for (const auto& [token, waiter] : waiters) waiter(outcome);
}

}  // namespace vernissage::render
