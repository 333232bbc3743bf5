#include "server/render/render_queue.h"

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/error.h"
#include "base/scheduling.h"

namespace vernissage::render {
namespace {

// Before anything was measured: a second a picture.
constexpr RenderQueue::Seconds kUnmeasured{1};
// Weight of the newest measurement in the pace; ten batches ago still count for a tenth together.
constexpr double kNewest = 0.2;

// The part of the queue that each priority may fill, in quarters.
constexpr std::array<size_t, kPriorities> kQuarters = {4, 4, 2, 1};

size_t index(Priority priority) {
  return static_cast<size_t>(priority);
}

}  // namespace

// One request for a work.
struct RenderQueue::Waiting {
  std::stop_token token;
  Waiter waiter;
  std::string client;
};

struct RenderQueue::InFlight {
  Work work;
  Clock::time_point since;
  bool is_waiting = true;  // for the renderer
  std::vector<Waiting> requests;
};

RenderQueue::RenderQueue(Parts parts, RenderLimits limits)
    : parts_(std::move(parts)), limits_(limits) {
  VERNISSAGE_ASSERT_OP(limits_.in_flight_max, >=, 1u);
  VERNISSAGE_ASSERT_OP(limits_.client_in_flight_max, >=, 1u);
  finishers_.emplace(limits_.finisher_threads);
  render_thread_ = std::thread([this] { run(); });
}

RenderQueue::~RenderQueue() {
  close(Closing::cancel);
}

Admission RenderQueue::submit(Work work, std::stop_token token, Waiter waiter) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || state_ == State::failed) return {Admission::Verdict::closed};
    auto refused = refusal(work);
    if (refused) {
      // Those who left may have made room.
      for (Waiter& left : prune()) finishers_->post([left] { left(Outcome::cancelled); });
      refused = refusal(work);
    }
    if (refused) return {*refused, time_for_all()};

    if (!work.client.empty()) ++clients_[work.client];
    auto& entry = in_flight_[work.id];
    const Priority wanted = work.priority;
    Waiting request{std::move(token), std::move(waiter), work.client};
    if (!entry) {
      entry = std::make_shared<InFlight>();
      entry->work = std::move(work);
      entry->since = Clock::now();
      ++in_flight_by_priority_[index(wanted)];
      waiting_[index(wanted)].push_back(entry);
    } else if (wanted < entry->work.priority) {
      --in_flight_by_priority_[index(entry->work.priority)];
      ++in_flight_by_priority_[index(wanted)];
      if (entry->is_waiting) {
        std::erase(waiting_[index(entry->work.priority)], entry);
        waiting_[index(wanted)].push_back(entry);
      }
      entry->work.priority = wanted;
    }
    entry->requests.push_back(std::move(request));
  }
  wake_.notify_one();
  return {Admission::Verdict::accepted};
}

// Nothing: there is room.
std::optional<Admission::Verdict> RenderQueue::refusal(const Work& work) const {
  if (!work.client.empty()) {
    const auto client = clients_.find(work.client);
    if (client != clients_.end() && client->second >= limits_.client_in_flight_max)
      return Admission::Verdict::client_full;
  }
  if (work.priority == Priority::owner || in_flight_.contains(work.id)) return std::nullopt;
  // Owners' pictures come on top of the limit: they take no room from the others.
  const size_t owners = in_flight_by_priority_[index(Priority::owner)];
  const size_t share =
      std::max<size_t>(1, limits_.in_flight_max * kQuarters[index(work.priority)] / 4);
  if (in_flight_.size() - owners >= limits_.in_flight_max ||
      in_flight_by_priority_[index(work.priority)] >= share)
    return Admission::Verdict::full;
  if (painting_pace_ && wait_for(work.priority) > limits_.wait_max) return Admission::Verdict::full;
  return std::nullopt;
}

// How long one more would wait: for the renderer, who first finishes what is being rendered,
// however urgent it is; or for the finishers, where they are slower. The renderer and the finishers
// work side by side, so what is being finished keeps nobody from being painted.
RenderQueue::Seconds RenderQueue::wait_for(Priority priority) const {
  const Seconds each = painting_pace_.value_or(kUnmeasured);
  const Seconds rendering = painting_ == 0
                                ? Seconds(0)
                                : std::max(Seconds(0), each * static_cast<double>(painting_) -
                                                           Seconds(parts_.now() - painting_since_));
  size_t waiting = 0, in_flight = 0;
  for (size_t urgent = 0; urgent <= index(priority); ++urgent) {
    waiting += waiting_[urgent].size();
    in_flight += in_flight_by_priority_[urgent];
  }
  return std::max(rendering + each * static_cast<double>(waiting),
                  finishing_pace_ * static_cast<double>(in_flight));
}

// Takes out the requests that were given up while they waited for the renderer, and returns those
// who made them.
std::vector<RenderQueue::Waiter> RenderQueue::prune() {
  std::vector<Waiter> left;
  for (auto& waiting : waiting_) {
    for (const auto& entry : waiting)
      std::erase_if(entry->requests, [&](Waiting& request) {
        if (!request.token.stop_requested()) return false;
        leave(request);
        left.push_back(std::move(request.waiter));
        return true;
      });
    std::erase_if(waiting, [&](const auto& entry) {
      if (!entry->requests.empty()) return false;
      forget(entry);
      return true;
    });
  }
  return left;
}

void RenderQueue::leave(const Waiting& request) {
  if (request.client.empty()) return;
  const auto client = clients_.find(request.client);
  VERNISSAGE_ASSERT(client != clients_.end());
  if (--client->second == 0) clients_.erase(client);
}

// Out of the map: who asks for the same from now on starts a render of their own.
void RenderQueue::forget(const std::shared_ptr<InFlight>& entry) {
  const auto found = in_flight_.find(entry->work.id);
  if (found == in_flight_.end() || found->second != entry) return;
  --in_flight_by_priority_[index(entry->work.priority)];
  in_flight_.erase(found);
}

RenderQueue::Batch RenderQueue::take_waiting() {
  Batch all;
  for (auto& waiting : waiting_) {
    all.insert(all.end(), waiting.begin(), waiting.end());
    waiting.clear();
  }
  return all;
}

std::deque<std::shared_ptr<RenderQueue::InFlight>>* RenderQueue::most_urgent() {
  for (auto& waiting : waiting_)
    if (!waiting.empty()) return &waiting;
  return nullptr;
}

// Of one picture after the other: the renderer and the finishers work side by side.
RenderQueue::Seconds RenderQueue::pace() const {
  return std::max(painting_pace_.value_or(kUnmeasured), finishing_pace_);
}

std::chrono::seconds RenderQueue::time_for_all() const {
  const Seconds all = pace() * static_cast<double>(in_flight_.size());
  return std::chrono::seconds(std::max<int64_t>(1, std::lround(std::ceil(all.count()))));
}

void RenderQueue::close(Closing closing) {
  const std::lock_guard closing_lock(close_mutex_);
  Batch dropped;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (closing == Closing::cancel) dropped = take_waiting();
  }
  wake_.notify_all();
  for (const auto& entry : dropped) complete(entry, Outcome::cancelled);
  if (render_thread_.joinable()) render_thread_.join();
  finishers_.reset();  // runs what was posted
  const std::lock_guard lock(mutex_);
  if (state_ != State::failed) state_ = State::closed;
}

RenderQueue::State RenderQueue::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

size_t RenderQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& waiting : waiting_)
    for (const auto& entry : waiting)
      count += std::any_of(entry->requests.begin(), entry->requests.end(),
                           [](const Waiting& request) { return !request.token.stop_requested(); });
  return count;
}

size_t RenderQueue::depth() const {
  const std::lock_guard lock(mutex_);
  return in_flight_.size();
}

void RenderQueue::run() {
  process::give_way();  // before the renderer starts threads of its own, which inherit it
  std::unique_ptr<Renderer> renderer;
  try {
    renderer = parts_.make_renderer();
  } catch (const std::exception& exception) {
    fail(exception.what(), {});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ready;
  }
  parts_.on_ready(*renderer);
  auto idle_since = Clock::time_point::min();
  while (const auto batch = take_batch(static_cast<size_t>(renderer->batch_max()), idle_since)) {
    if (batch->empty()) continue;
    try {
      paint(*renderer, *batch);
      idle_since = Clock::now();
    } catch (const std::exception& exception) {
      fail(exception.what(), *batch);
      return;
    }
  }
}

// Nothing: the queue is closed and empty. May be empty: all that waited was no longer wanted.
std::optional<RenderQueue::Batch> RenderQueue::take_batch(size_t batch_max,
                                                          Clock::time_point idle_since) {
  Batch batch;
  std::vector<Waiter> left;
  std::vector<Seconds> waits;
  {
    std::unique_lock lock(mutex_);
    std::deque<std::shared_ptr<InFlight>>* waiting = nullptr;
    while (true) {
      wake_.wait(lock, [this] { return closing_ || most_urgent(); });
      waiting = most_urgent();
      if (!waiting) return std::nullopt;
      const auto since = waiting->front()->since;
      const auto latest = since < idle_since ? since : since + limits_.delay_max;
      if (closing_ || waiting->size() >= batch_max || Clock::now() >= latest) break;
      wake_.wait_until(lock, latest);  // then look anew: something more urgent may have come
    }
    left = prune();
    const auto now = Clock::now();
    while (!waiting->empty() && batch.size() < batch_max) {
      waiting->front()->is_waiting = false;
      waits.push_back(now - waiting->front()->since);
      batch.push_back(std::move(waiting->front()));
      waiting->pop_front();
    }
    painting_ = batch.size();
    painting_since_ = parts_.now();
  }
  for (const Seconds wait : waits) parts_.on_waited(wait);
  for (const Waiter& waiter : left) waiter(Outcome::cancelled);
  return batch;
}

void RenderQueue::paint(Renderer& renderer, const Batch& batch) {
  std::vector<RenderSpec> specs;
  for (const auto& entry : batch) specs.push_back(entry->work.spec);
  const auto start = parts_.now();
  std::vector<Image> images = renderer.paint(specs);
  VERNISSAGE_ASSERT_OP(images.size(), ==, batch.size());
  const Seconds painting = parts_.now() - start;
  {
    const std::lock_guard lock(mutex_);
    painting_ = 0;
    const Seconds each = painting / static_cast<double>(batch.size());
    painting_pace_ =
        painting_pace_ ? *painting_pace_ * (1 - kNewest) + each * kNewest : Seconds(each);
  }
  parts_.on_painted(batch.size(), painting);
  for (size_t n = 0; n < batch.size(); ++n)
    finishers_->post(
        [this, entry = batch[n], image = std::make_shared<const Image>(std::move(images[n]))] {
          const auto begin = parts_.now();
          Outcome outcome = Outcome::done;
          try {
            entry->work.finish(*image);
          } catch (const std::exception& exception) {
            parts_.on_finish_failed(exception.what());
            outcome = Outcome::failed;
          }
          const Seconds finishing = parts_.now() - begin;
          {
            const std::lock_guard lock(mutex_);
            finishing_pace_ =
                finishing_pace_ * (1 - kNewest) + finishing / limits_.finisher_threads * kNewest;
          }
          parts_.on_finished(finishing);
          complete(entry, outcome);
        });
}

// The renderer is gone for good: a device error stays, and memory that is missing stays missing.
void RenderQueue::fail(const std::string& reason, const Batch& batch) {
  Batch lost = batch;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::failed;
    const Batch waiting = take_waiting();
    lost.insert(lost.end(), waiting.begin(), waiting.end());
  }
  for (const auto& entry : lost) complete(entry, Outcome::failed);
  parts_.on_failed(reason);
}

// Waiters are called without the lock: they may submit again.
void RenderQueue::complete(const std::shared_ptr<InFlight>& entry, Outcome outcome) {
  std::vector<Waiting> requests;
  {
    const std::lock_guard lock(mutex_);
    forget(entry);
    requests.swap(entry->requests);
    for (const Waiting& request : requests) leave(request);
  }
  for (const Waiting& request : requests) request.waiter(outcome);
}

}  // namespace vernissage::render
