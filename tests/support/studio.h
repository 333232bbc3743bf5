// A render queue's surroundings for tests: a painter and finishers that wait at gates, and what
// they did.
#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/render/render_queue.h"
#include "tests/support/gate.h"

namespace vernissage::render {

inline constexpr uint64_t kPoison = 666;  // painting it throws

// What happened, and where it may go on.
struct Studio {
  testing::Gate loading, painting, finishing;
  std::mutex mutex;
  std::vector<std::vector<uint64_t>> batches;
  std::vector<std::pair<std::string, uint8_t>> finished;  // work id, first byte of its picture
  std::atomic<int> ready = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> finish_failed = 0;

  std::vector<std::vector<uint64_t>> batches_now() {
    const std::lock_guard lock(mutex);
    return batches;
  }
};

class GatedPainter : public Painter {
 public:
  GatedPainter(Studio& studio, int batch_max) : studio_(studio), batch_max_(batch_max) {}

  std::string describe() const override { return "a painter for tests"; }
  int batch_max() const override { return batch_max_; }
  std::vector<Image> paint(const std::vector<Subject>& subjects) override {
    std::vector<uint64_t> candidates;
    for (const Subject& subject : subjects) candidates.push_back(subject.first);
    {
      const std::lock_guard lock(studio_.mutex);
      studio_.batches.push_back(candidates);
    }
    studio_.painting.pass();
    std::vector<Image> images;
    for (const uint64_t candidate : candidates) {
      if (candidate == kPoison) throw std::runtime_error("the machine is gone");
      images.push_back({1, 1, 1, {static_cast<uint8_t>(candidate)}});
    }
    return images;
  }

 private:
  Studio& studio_;
  int batch_max_;
};

inline RenderQueue::Parts parts_for(Studio& studio, int batch_max) {
  RenderQueue::Parts parts;
  parts.make_painter = [&studio, batch_max] {
    studio.loading.pass();
    return std::make_unique<GatedPainter>(studio, batch_max);
  };
  parts.on_ready = [&studio](const Painter&) { ++studio.ready; };
  parts.on_failed = [&studio](const std::string&) { ++studio.failed; };
  parts.on_finish_failed = [&studio](const std::string&) { ++studio.finish_failed; };
  return parts;
}

inline Work work(Studio& studio, const std::string& id, uint64_t candidate,
                 Priority priority = Priority::visible, const std::string& client = "") {
  const auto finish = [&studio, id](const Image& image) {
    studio.finishing.pass();
    if (id == "full disk") throw std::runtime_error("no space left");
    const std::lock_guard lock(studio.mutex);
    studio.finished.emplace_back(id, image.pixels[0]);
  };
  return {id, Subject::painting(candidate), finish, priority, client};
}

// A waiter one can ask; called twice, it throws in its promise.
class Ticket {
 public:
  RenderQueue::Waiter waiter() {
    return [promise = promise_](Outcome outcome) { promise->set_value(outcome); };
  }
  Outcome get() { return future_.get(); }
  bool is_called() {
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::shared_ptr<std::promise<Outcome>> promise_ = std::make_shared<std::promise<Outcome>>();
  std::future<Outcome> future_ = promise_->get_future();
};

inline RenderLimits limits(size_t flights_max, std::chrono::microseconds delay_max) {
  RenderLimits result;
  result.flights_max = flights_max;
  result.delay_max = delay_max;
  return result;
}

inline constexpr std::chrono::microseconds kAtOnce{0};
inline constexpr std::chrono::hours kForAges{1};

}  // namespace vernissage::render
