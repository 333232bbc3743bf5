// The render queue with a painter that waits for the test. Goal: batching, single flight, bounds,
// cancellation and both ways to close, in every stage. Method: gates hold the painter and the
// finisher where the test wants them; nothing depends on how long anything takes.
#include "server/render/render_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace vernissage::render {
namespace {

// Closed at first; whoever passes waits until it is opened.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    wake_.notify_all();
    wake_.wait(lock, [this] { return open_; });
  }
  void await_arrivals(int count) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
  int arrived_ = 0;
};

constexpr uint64_t kPoison = 666;  // painting it throws

// What happened, and where it may go on.
struct Studio {
  Gate loading, painting, finishing;
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
  std::vector<Image> paint(const std::vector<uint64_t>& candidates) override {
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

RenderQueue::Parts parts_for(Studio& studio, int batch_max) {
  RenderQueue::Parts parts;
  parts.make_painter = [&studio, batch_max] {
    studio.loading.pass();
    return std::make_unique<GatedPainter>(studio, batch_max);
  };
  parts.finish = [&studio](const Work& work, const Image& image) {
    studio.finishing.pass();
    if (work.id == "full disk") throw std::runtime_error("no space left");
    const std::lock_guard lock(studio.mutex);
    studio.finished.emplace_back(work.id, image.pixels[0]);
  };
  parts.on_ready = [&studio](const Painter&) { ++studio.ready; };
  parts.on_failed = [&studio](const std::string&) { ++studio.failed; };
  parts.on_finish_failed = [&studio](const std::string&) { ++studio.finish_failed; };
  return parts;
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

RenderLimits limits(size_t flights_max, std::chrono::microseconds delay_max) {
  RenderLimits result;
  result.flights_max = flights_max;
  result.delay_max = delay_max;
  return result;
}

constexpr std::chrono::microseconds kAtOnce{0};
constexpr std::chrono::hours kForAges{1};

TEST(RenderQueue, PaintsFinishesAndTellsTheWaiter) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 4), limits(8, kAtOnce));
  Ticket ticket;
  ASSERT_TRUE(queue.submit({"a", 7}, {}, ticket.waiter()));
  EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(studio.finished, (std::vector<std::pair<std::string, uint8_t>>{{"a", 7}}));
  EXPECT_EQ(queue.state(), RenderQueue::State::ready);
  EXPECT_EQ(studio.ready, 1);
}

TEST(RenderQueue, FillsBatchesInOrderOfArrival) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 3), limits(8, kAtOnce));
  EXPECT_EQ(queue.state(), RenderQueue::State::loading);
  std::vector<Ticket> tickets(7);
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(queue.submit({"work " + std::to_string(i), i}, {}, tickets[i].waiter()));
  studio.loading.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{0, 1, 2}, {3, 4, 5}, {6}}));
}

TEST(RenderQueue, WaitsForCompanyButNotForMoreThanABatch) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(8, kForAges));
  Ticket first, second;
  ASSERT_TRUE(queue.submit({"a", 1}, {}, first.waiter()));
  EXPECT_FALSE(first.is_called());
  ASSERT_TRUE(queue.submit({"b", 2}, {}, second.waiter()));
  EXPECT_EQ(first.get(), Outcome::done);
  EXPECT_EQ(second.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{1, 2}}));
}

TEST(RenderQueue, SameWorkIsDoneOnceInEveryStage) {
  Studio studio;
  RenderQueue queue(parts_for(studio, 4), limits(1, kAtOnce));
  Ticket waiting, waiting_too, painting, finishing, afterwards;
  ASSERT_TRUE(queue.submit({"a", 1}, {}, waiting.waiter()));
  ASSERT_TRUE(queue.submit({"a", 1}, {}, waiting_too.waiter()))
      << "joins, though the queue is full";
  studio.loading.open();
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit({"a", 1}, {}, painting.waiter()));
  studio.painting.open();
  studio.finishing.await_arrivals(1);
  ASSERT_TRUE(queue.submit({"a", 1}, {}, finishing.waiter()));
  EXPECT_FALSE(waiting.is_called());
  studio.finishing.open();
  for (Ticket* ticket : {&waiting, &waiting_too, &painting, &finishing})
    EXPECT_EQ(ticket->get(), Outcome::done);
  EXPECT_EQ(studio.batches_now().size(), 1u);
  // Landed: the next one is a flight of its own.
  ASSERT_TRUE(queue.submit({"a", 1}, {}, afterwards.waiter()));
  EXPECT_EQ(afterwards.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now().size(), 2u);
}

TEST(RenderQueue, RefusesOneMoreThanItHolds) {
  Studio studio;
  constexpr size_t kMax = 3;
  RenderQueue queue(parts_for(studio, 1), limits(kMax, kAtOnce));
  std::vector<Ticket> tickets(kMax);
  for (size_t i = 0; i < kMax; ++i)
    EXPECT_TRUE(queue.submit({std::to_string(i), i}, {}, tickets[i].waiter())) << i;
  Ticket refused;
  EXPECT_FALSE(queue.submit({"one more", 9}, {}, refused.waiter()));
  // What is being painted or finished counts too.
  studio.loading.open(), studio.painting.open();
  studio.finishing.await_arrivals(1);
  EXPECT_FALSE(queue.submit({"one more", 9}, {}, refused.waiter()));
  studio.finishing.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  Ticket accepted;
  EXPECT_TRUE(queue.submit({"one more", 9}, {}, accepted.waiter()));
  EXPECT_EQ(accepted.get(), Outcome::done);
  EXPECT_FALSE(refused.is_called());
}

TEST(RenderQueue, DropsWorkThatNobodyWaitsForAnyMore) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 8), limits(8, kAtOnce));
  std::stop_source gone, gone_too, stays;
  Ticket alone, one_of_two, other_of_two;
  ASSERT_TRUE(queue.submit({"alone", 1}, gone.get_token(), alone.waiter()));
  ASSERT_TRUE(queue.submit({"two", 2}, gone_too.get_token(), one_of_two.waiter()));
  ASSERT_TRUE(queue.submit({"two", 2}, stays.get_token(), other_of_two.waiter()));
  gone.request_stop();
  gone_too.request_stop();
  studio.loading.open();
  EXPECT_EQ(alone.get(), Outcome::cancelled);
  EXPECT_EQ(one_of_two.get(), Outcome::done);
  EXPECT_EQ(other_of_two.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{2}}));
}

TEST(RenderQueue, DrainingPaintsWhatWaits) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(8, kForAges));
  std::vector<Ticket> tickets(3);
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(queue.submit({std::to_string(i), i}, {}, tickets[i].waiter()));
  queue.close(RenderQueue::Closing::drain);
  for (Ticket& ticket : tickets) {
    ASSERT_TRUE(ticket.is_called());
    EXPECT_EQ(ticket.get(), Outcome::done);
  }
  Ticket late;
  EXPECT_FALSE(queue.submit({"late", 4}, {}, late.waiter()));
  EXPECT_EQ(queue.state(), RenderQueue::State::closed);
}

TEST(RenderQueue, CancellingEndsWhatIsPaintedAndDropsWhatWaits) {
  Studio studio;
  studio.loading.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 1), limits(8, kAtOnce));
  Ticket painting, waiting;
  ASSERT_TRUE(queue.submit({"painting", 1}, {}, painting.waiter()));
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit({"waiting", 2}, {}, waiting.waiter()));
  auto closing = std::async(std::launch::async, [&] { queue.close(RenderQueue::Closing::cancel); });
  EXPECT_EQ(waiting.get(), Outcome::cancelled);
  EXPECT_FALSE(painting.is_called());
  studio.painting.open();
  closing.get();
  ASSERT_TRUE(painting.is_called());
  EXPECT_EQ(painting.get(), Outcome::done);
  queue.close(RenderQueue::Closing::drain);  // once only counts
}

TEST(RenderQueue, DestructionCancels) {
  Studio studio;
  studio.finishing.open(), studio.painting.open();
  Ticket ticket;
  std::jthread opener;  // lets the queue end once its destruction has cancelled the work
  {
    RenderQueue queue(parts_for(studio, 1), limits(8, kAtOnce));
    studio.loading.await_arrivals(1);
    ASSERT_TRUE(queue.submit({"a", 1}, {}, ticket.waiter()));
    opener = std::jthread([&] {
      EXPECT_EQ(ticket.get(), Outcome::cancelled);
      studio.loading.open();
    });
  }
  EXPECT_TRUE(studio.batches_now().empty());
}

TEST(RenderQueue, APainterThatThrowsFailsEverythingAndStaysFailed) {
  Studio studio;
  studio.loading.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 1), limits(8, kAtOnce));
  Ticket poisoned, waiting, late;
  ASSERT_TRUE(queue.submit({"poison", kPoison}, {}, poisoned.waiter()));
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit({"waiting", 1}, {}, waiting.waiter()));
  studio.painting.open();
  EXPECT_EQ(poisoned.get(), Outcome::failed);
  EXPECT_EQ(waiting.get(), Outcome::failed);
  EXPECT_FALSE(queue.submit({"late", 2}, {}, late.waiter()));
  queue.close(RenderQueue::Closing::cancel);
  EXPECT_EQ(queue.state(), RenderQueue::State::failed);
  EXPECT_EQ(studio.failed, 1);
}

TEST(RenderQueue, APainterThatCannotBeMadeFailsWhatWaits) {
  Studio studio;
  RenderQueue::Parts parts = parts_for(studio, 1);
  parts.make_painter = [&]() -> std::unique_ptr<Painter> {
    studio.loading.pass();
    throw std::runtime_error("no such network");
  };
  RenderQueue queue(std::move(parts), limits(8, kAtOnce));
  Ticket ticket;
  ASSERT_TRUE(queue.submit({"a", 1}, {}, ticket.waiter()));
  studio.loading.open();
  EXPECT_EQ(ticket.get(), Outcome::failed);
  queue.close(RenderQueue::Closing::cancel);
  EXPECT_EQ(queue.state(), RenderQueue::State::failed);
  EXPECT_EQ(studio.ready, 0);
}

TEST(RenderQueue, AFinishThatThrowsFailsItsOwnWorkAlone) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(8, kAtOnce));
  Ticket unlucky, lucky, again;
  ASSERT_TRUE(queue.submit({"full disk", 1}, {}, unlucky.waiter()));
  ASSERT_TRUE(queue.submit({"fine", 2}, {}, lucky.waiter()));
  studio.loading.open();
  EXPECT_EQ(unlucky.get(), Outcome::failed);
  EXPECT_EQ(lucky.get(), Outcome::done);
  ASSERT_TRUE(queue.submit({"fine too", 3}, {}, again.waiter()));
  EXPECT_EQ(again.get(), Outcome::done);
  EXPECT_EQ(studio.finish_failed, 1);
  EXPECT_EQ(queue.state(), RenderQueue::State::ready);
}

TEST(RenderQueue, ManyThreadsEachGetTheirOneAnswer) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 4), limits(16, std::chrono::microseconds(50)));
  constexpr int kThreads = 4, kEach = 500;
  std::atomic<int> accepted = 0, answered = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const auto candidate = static_cast<uint64_t>((i * 7 + t) % 40);
          if (queue.submit({std::to_string(candidate), candidate}, {},
                           [&](Outcome) { ++answered; }))
            ++accepted;
        }
      });
  }
  queue.close(RenderQueue::Closing::drain);
  EXPECT_EQ(answered, accepted);
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace vernissage::render
