// Whom the render queue takes in, by the time they would wait. Goal: nobody waits longer than was
// promised, nobody is refused without need, and whoever is told when to come back finds room.
// Method: a clock that only painting moves, and gates that hold the renderer and the finishers.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "server/render/render_queue.h"
#include "tests/support/gated_renderer.h"

namespace vernissage::render {
namespace {

using Verdict = Admission::Verdict;

// A clock that only painting moves, by a known time for each picture.
class RenderersClock {
 public:
  RenderQueue::Clock::time_point now() const {
    return RenderQueue::Clock::time_point(std::chrono::milliseconds(ms_));
  }
  void advance(std::chrono::milliseconds time) { ms_ += time.count(); }

 private:
  std::atomic<int64_t> ms_ = 0;
};

class SteadyRenderer : public Renderer {
 public:
  SteadyRenderer(RenderHarness& harness, RenderersClock& clock, std::chrono::milliseconds each)
      : harness_(harness), clock_(clock), each_(each) {}
  std::string describe() const override { return "a steady renderer"; }
  int batch_max() const override { return 1; }
  std::vector<Image> paint(const std::vector<RenderSpec>& specs) override {
    // The first one measures; the others wait until the test has seen the queue full.
    if (specs[0].first != 0) harness_.painting.pass();
    clock_.advance(each_);
    return {Image{1, 1, 1, {0}}};
  }

 private:
  RenderHarness& harness_;
  RenderersClock& clock_;
  std::chrono::milliseconds each_;
};

class PacedQueue : public ::testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kEach{150};

  PacedQueue() { harness_.finishing.open(); }
  // A queue whose renderer is known to take kEach a picture.
  void open(RenderLimits bounds) {
    RenderQueue::Parts parts;
    parts.now = [this] { return clock_.now(); };
    parts.make_renderer = [this] {
      return std::make_unique<SteadyRenderer>(harness_, clock_, kEach);
    };
    queue_.emplace(std::move(parts), bounds);
    Ticket measured;
    ASSERT_TRUE(queue_->submit(work(harness_, "measured", 0), {}, measured.waiter()));
    ASSERT_EQ(measured.get(), Outcome::done);
  }
  void TearDown() override { harness_.painting.open(); }

  RenderHarness harness_;
  RenderersClock clock_;
  std::optional<RenderQueue> queue_;
};

// The promise: whoever comes back when told to, with nobody else coming in between, is taken. It is
// no idle caution either: the time is that of the work ahead, rounded up.
TEST_F(PacedQueue, RetryAfterTellsTheTruth) {
  constexpr size_t kMax = 9;
  open(limits(kMax, kAtOnce));
  std::vector<Ticket> tickets(kMax);
  for (size_t i = 0; i < kMax; ++i)
    ASSERT_TRUE(queue_->submit(work(harness_, std::to_string(i), i + 1), {}, tickets[i].waiter()));
  const Admission refused = queue_->submit(work(harness_, "late", 99), {}, [](Outcome) {});
  ASSERT_EQ(refused.verdict, Verdict::full);
  EXPECT_EQ(refused.retry_after, std::chrono::ceil<std::chrono::seconds>(kEach * kMax));
  const auto told = clock_.now();
  harness_.painting.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_LE(clock_.now() - told, refused.retry_after);
  for (size_t i = 0; i < kMax; ++i)
    EXPECT_TRUE(
        queue_->submit(work(harness_, "again " + std::to_string(i), i + 1), {}, [](Outcome) {}))
        << "room for all, not for one";
}

TEST_F(PacedQueue, NobodyIsTakenInWhoWouldWaitTooLong) {
  RenderLimits bounds = limits(100, kAtOnce);
  bounds.wait_max = 3 * kEach;
  open(bounds);
  int asked = 0;
  const auto ask = [&](Priority priority) {
    return queue_->submit(work(harness_, std::to_string(asked++), 1, priority), {}, [](Outcome) {})
        .verdict;
  };
  for (int ahead = 0; ahead <= 3; ++ahead)
    EXPECT_EQ(ask(Priority::visible), Verdict::accepted) << ahead;
  EXPECT_EQ(ask(Priority::visible), Verdict::full) << "four ahead: more than three times kEach";
  EXPECT_EQ(ask(Priority::studio), Verdict::full) << "it would wait for the previews as well";
  EXPECT_EQ(ask(Priority::owner), Verdict::accepted) << "owners wait";
  EXPECT_TRUE(queue_->submit(work(harness_, "0", 1), {}, [](Outcome) {}))
      << "the same work is no longer a wait for being wanted twice";
}

TEST_F(PacedQueue, LessUrgentWorkDoesNotKeepPreviewsOut) {
  RenderLimits bounds = limits(100, kAtOnce);
  bounds.wait_max = 2 * kEach;
  open(bounds);
  int asked = 0;
  const auto ask = [&](Priority priority) {
    return queue_->submit(work(harness_, std::to_string(asked++), 1, priority), {}, [](Outcome) {})
        .verdict;
  };
  EXPECT_EQ(ask(Priority::flow), Verdict::accepted);
  harness_.painting.await_arrivals(1);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(Priority::flow), Verdict::accepted) << i;
  EXPECT_EQ(ask(Priority::flow), Verdict::full);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(Priority::visible), Verdict::accepted) << i;
  EXPECT_EQ(ask(Priority::visible), Verdict::full) << "what is being rendered comes first for all";
}

// Half of what is being rendered is done: half a picture less to wait for.
TEST_F(PacedQueue, WhatIsAlmostPaintedIsHardlyAWait) {
  RenderLimits bounds = limits(100, kAtOnce);
  bounds.wait_max = kEach / 2;
  open(bounds);
  const auto ask = [&](const std::string& id) {
    return queue_->submit(work(harness_, id, 1), {}, [](Outcome) {}).verdict;
  };
  EXPECT_EQ(ask("first"), Verdict::accepted);
  harness_.painting.await_arrivals(1);
  EXPECT_EQ(ask("second"), Verdict::full);
  clock_.advance(kEach / 2);
  EXPECT_EQ(ask("second"), Verdict::accepted);
  EXPECT_EQ(ask("third"), Verdict::full);
}

// While pictures are encoded the renderer is free: whoever comes then waits for nobody.
TEST_F(PacedQueue, WhatIsBeingFinishedKeepsNobodyFromTheRenderer) {
  RenderLimits bounds = limits(100, kAtOnce);
  bounds.wait_max = std::chrono::milliseconds(0);
  open(bounds);
  testing::Gate finishing;
  Work slow = work(harness_, "slow", 1);
  slow.finish = [&](const Image&) { finishing.pass(); };
  harness_.painting.open();
  Ticket first, second;
  ASSERT_TRUE(queue_->submit(slow, {}, first.waiter()));
  finishing.await_arrivals(1);
  EXPECT_TRUE(queue_->submit(work(harness_, "next", 2), {}, second.waiter()));
  EXPECT_EQ(second.get(), Outcome::done);
  finishing.open();
  EXPECT_EQ(first.get(), Outcome::done);
}

// Where encoding is the slow part, it is what a visitor would wait for.
TEST_F(PacedQueue, FinishersThatAreSlowerSetThePace) {
  RenderLimits bounds = limits(100, kAtOnce);
  bounds.finisher_threads = 1;
  bounds.wait_max = 2 * kEach;
  open(bounds);
  harness_.painting.open();
  Ticket measured;
  Work slow = work(harness_, "slow", 1);
  slow.finish = [&](const Image&) { clock_.advance(100 * kEach); };
  ASSERT_TRUE(queue_->submit(slow, {}, measured.waiter()));
  ASSERT_EQ(measured.get(), Outcome::done);
  testing::Gate finishing;
  Work held = work(harness_, "held", 2);
  held.finish = [&](const Image&) { finishing.pass(); };
  ASSERT_TRUE(queue_->submit(held, {}, [](Outcome) {}));
  finishing.await_arrivals(1);
  EXPECT_EQ(queue_->submit(work(harness_, "late", 3), {}, [](Outcome) {}).verdict, Verdict::full);
  finishing.open();
  queue_->close(RenderQueue::Closing::drain);
}

TEST(Admission, BeforeAnythingWasPaintedNobodyIsRefusedForTime) {
  RenderHarness harness;
  RenderLimits bounds = limits(8, kAtOnce);
  bounds.wait_max = std::chrono::milliseconds(0);
  RenderQueue queue(parts_for(harness, 1), bounds);
  for (int i = 0; i < 8; ++i)
    EXPECT_TRUE(queue.submit(work(harness, std::to_string(i), 1), {}, [](Outcome) {})) << i;
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
}

}  // namespace
}  // namespace vernissage::render
