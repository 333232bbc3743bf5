// A render queue's surroundings for tests: a renderer and finishers that wait at gates, and what
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
struct RenderHarness {
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

class GatedRenderer : public Renderer {
 public:
  GatedRenderer(RenderHarness& harness, int batch_max) : harness_(harness), batch_max_(batch_max) {}

  std::string describe() const override { return "a renderer for tests"; }
  int batch_max() const override { return batch_max_; }
  std::vector<Image> paint(const std::vector<RenderSpec>& specs) override {
    std::vector<uint64_t> candidates;
    for (const RenderSpec& spec : specs) candidates.push_back(spec.first);
    {
      const std::lock_guard lock(harness_.mutex);
      harness_.batches.push_back(candidates);
    }
    harness_.painting.pass();
    std::vector<Image> images;
    for (const uint64_t candidate : candidates) {
      if (candidate == kPoison) throw std::runtime_error("the machine is gone");
      images.push_back({1, 1, 1, {static_cast<uint8_t>(candidate)}});
    }
    return images;
  }

 private:
  RenderHarness& harness_;
  int batch_max_;
};

inline RenderQueue::Parts parts_for(RenderHarness& harness, int batch_max) {
  RenderQueue::Parts parts;
  parts.make_renderer = [&harness, batch_max] {
    harness.loading.pass();
    return std::make_unique<GatedRenderer>(harness, batch_max);
  };
  parts.on_ready = [&harness](const Renderer&) { ++harness.ready; };
  parts.on_failed = [&harness](const std::string&) { ++harness.failed; };
  parts.on_finish_failed = [&harness](const std::string&) { ++harness.finish_failed; };
  return parts;
}

inline Work work(RenderHarness& harness, const std::string& id, uint64_t candidate,
                 Priority priority = Priority::visible, const std::string& client = "") {
  const auto finish = [&harness, id](const Image& image) {
    harness.finishing.pass();
    if (id == "full disk") throw std::runtime_error("no space left");
    const std::lock_guard lock(harness.mutex);
    harness.finished.emplace_back(id, image.pixels[0]);
  };
  return {id, RenderSpec::painting(candidate), finish, priority, client};
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

inline RenderLimits limits(size_t in_flight_max, std::chrono::microseconds delay_max) {
  RenderLimits result;
  result.in_flight_max = in_flight_max;
  result.delay_max = delay_max;
  return result;
}

inline constexpr std::chrono::microseconds kAtOnce{0};
inline constexpr std::chrono::hours kForAges{1};

}  // namespace vernissage::render
