// The render queue with a renderer that waits for the test. Goal: batching, priorities, single
// flight, bounds and what they tell, cancellation and both ways to close, in every stage. Method:
// gates hold the renderer and the finisher where the test wants them; nothing depends on how long
// anything takes.
#include "server/render/render_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>

#include "tests/support/gated_renderer.h"

namespace vernissage::render {
namespace {

TEST(RenderQueue, PaintsFinishesAndTellsTheWaiter) {
  RenderHarness harness;
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 4), limits(8, kAtOnce));
  Ticket ticket;
  ASSERT_TRUE(queue.submit(work(harness, "a", 7), {}, ticket.waiter()));
  EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(harness.finished, (std::vector<std::pair<std::string, uint8_t>>{{"a", 7}}));
  EXPECT_EQ(queue.state(), RenderQueue::State::ready);
  EXPECT_EQ(harness.ready, 1);
}

TEST(RenderQueue, FillsBatchesInOrderOfArrival) {
  RenderHarness harness;
  harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 3), limits(8, kAtOnce));
  EXPECT_EQ(queue.state(), RenderQueue::State::loading);
  std::vector<Ticket> tickets(7);
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(
        queue.submit(work(harness, "work " + std::to_string(i), i), {}, tickets[i].waiter()));
  harness.loading.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{0, 1, 2}, {3, 4, 5}, {6}}));
}

TEST(RenderQueue, WaitsForCompanyButNotForMoreThanABatch) {
  RenderHarness harness;
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 2), limits(8, kForAges));
  Ticket first, second;
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, first.waiter()));
  EXPECT_FALSE(first.is_called());
  ASSERT_TRUE(queue.submit(work(harness, "b", 2), {}, second.waiter()));
  EXPECT_EQ(first.get(), Outcome::done);
  EXPECT_EQ(second.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{1, 2}}));
}

TEST(RenderQueue, SameWorkIsDoneOnceInEveryStage) {
  RenderHarness harness;
  RenderQueue queue(parts_for(harness, 4), limits(1, kAtOnce));
  Ticket waiting, waiting_too, painting, finishing, afterwards;
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, waiting.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, waiting_too.waiter()))
      << "joins, though the queue is full";
  harness.loading.open();
  harness.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, painting.waiter()));
  harness.painting.open();
  harness.finishing.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, finishing.waiter()));
  EXPECT_FALSE(waiting.is_called());
  harness.finishing.open();
  for (Ticket* ticket : {&waiting, &waiting_too, &painting, &finishing})
    EXPECT_EQ(ticket->get(), Outcome::done);
  EXPECT_EQ(harness.batches_now().size(), 1u);
  // Completed: the next one is rendered anew.
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, afterwards.waiter()));
  EXPECT_EQ(afterwards.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now().size(), 2u);
}

TEST(RenderQueue, RefusesOneMoreThanItHolds) {
  RenderHarness harness;
  constexpr size_t kMax = 3;
  RenderQueue queue(parts_for(harness, 1), limits(kMax, kAtOnce));
  std::vector<Ticket> tickets(kMax);
  for (size_t i = 0; i < kMax; ++i)
    EXPECT_TRUE(queue.submit(work(harness, std::to_string(i), i), {}, tickets[i].waiter())) << i;
  Ticket refused;
  EXPECT_FALSE(queue.submit(work(harness, "one more", 9), {}, refused.waiter()));
  // What is being painted or finished counts too.
  harness.loading.open(), harness.painting.open();
  harness.finishing.await_arrivals(1);
  EXPECT_FALSE(queue.submit(work(harness, "one more", 9), {}, refused.waiter()));
  harness.finishing.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  Ticket accepted;
  EXPECT_TRUE(queue.submit(work(harness, "one more", 9), {}, accepted.waiter()));
  EXPECT_EQ(accepted.get(), Outcome::done);
  EXPECT_FALSE(refused.is_called());
}

TEST(RenderQueue, DropsWorkThatNobodyWaitsForAnyMore) {
  RenderHarness harness;
  harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 8), limits(8, kAtOnce));
  std::stop_source gone, gone_too, stays;
  Ticket alone, one_of_two, other_of_two;
  ASSERT_TRUE(queue.submit(work(harness, "alone", 1), gone.get_token(), alone.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "two", 2), gone_too.get_token(), one_of_two.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "two", 2), stays.get_token(), other_of_two.waiter()));
  gone.request_stop();
  gone_too.request_stop();
  harness.loading.open();
  EXPECT_EQ(alone.get(), Outcome::cancelled);
  EXPECT_EQ(one_of_two.get(), Outcome::cancelled) << "told at once, not when it is painted";
  EXPECT_EQ(other_of_two.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{2}}));
}

TEST(RenderQueue, DrainingPaintsWhatWaits) {
  RenderHarness harness;
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 2), limits(8, kForAges));
  std::vector<Ticket> tickets(3);
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(queue.submit(work(harness, std::to_string(i), i), {}, tickets[i].waiter()));
  queue.close(RenderQueue::Closing::drain);
  for (Ticket& ticket : tickets) {
    ASSERT_TRUE(ticket.is_called());
    EXPECT_EQ(ticket.get(), Outcome::done);
  }
  Ticket late;
  EXPECT_FALSE(queue.submit(work(harness, "late", 4), {}, late.waiter()));
  EXPECT_EQ(queue.state(), RenderQueue::State::closed);
}

TEST(RenderQueue, CancellingEndsWhatIsPaintedAndDropsWhatWaits) {
  RenderHarness harness;
  harness.loading.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 1), limits(8, kAtOnce));
  Ticket painting, waiting;
  ASSERT_TRUE(queue.submit(work(harness, "painting", 1), {}, painting.waiter()));
  harness.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(harness, "waiting", 2), {}, waiting.waiter()));
  auto closing = std::async(std::launch::async, [&] { queue.close(RenderQueue::Closing::cancel); });
  EXPECT_EQ(waiting.get(), Outcome::cancelled);
  EXPECT_FALSE(painting.is_called());
  harness.painting.open();
  closing.get();
  ASSERT_TRUE(painting.is_called());
  EXPECT_EQ(painting.get(), Outcome::done);
  queue.close(RenderQueue::Closing::drain);  // once only counts
}

TEST(RenderQueue, DestructionCancels) {
  RenderHarness harness;
  harness.finishing.open(), harness.painting.open();
  Ticket ticket;
  std::jthread opener;  // lets the queue end once its destruction has cancelled the work
  {
    RenderQueue queue(parts_for(harness, 1), limits(8, kAtOnce));
    harness.loading.await_arrivals(1);
    ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, ticket.waiter()));
    opener = std::jthread([&] {
      EXPECT_EQ(ticket.get(), Outcome::cancelled);
      harness.loading.open();
    });
  }
  EXPECT_TRUE(harness.batches_now().empty());
}

TEST(RenderQueue, ARendererThatThrowsFailsEverythingAndStaysFailed) {
  RenderHarness harness;
  harness.loading.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 1), limits(8, kAtOnce));
  Ticket poisoned, waiting, late;
  ASSERT_TRUE(queue.submit(work(harness, "poison", kPoison), {}, poisoned.waiter()));
  harness.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(harness, "waiting", 1), {}, waiting.waiter()));
  harness.painting.open();
  EXPECT_EQ(poisoned.get(), Outcome::failed);
  EXPECT_EQ(waiting.get(), Outcome::failed);
  EXPECT_FALSE(queue.submit(work(harness, "late", 2), {}, late.waiter()));
  queue.close(RenderQueue::Closing::cancel);
  EXPECT_EQ(queue.state(), RenderQueue::State::failed);
  EXPECT_EQ(harness.failed, 1);
}

TEST(RenderQueue, ARendererThatCannotBeMadeFailsWhatWaits) {
  RenderHarness harness;
  RenderQueue::Parts parts = parts_for(harness, 1);
  parts.make_renderer = [&]() -> std::unique_ptr<Renderer> {
    harness.loading.pass();
    throw std::runtime_error("no such network");
  };
  RenderQueue queue(std::move(parts), limits(8, kAtOnce));
  Ticket ticket;
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), {}, ticket.waiter()));
  harness.loading.open();
  EXPECT_EQ(ticket.get(), Outcome::failed);
  queue.close(RenderQueue::Closing::cancel);
  EXPECT_EQ(queue.state(), RenderQueue::State::failed);
  EXPECT_EQ(harness.ready, 0);
}

TEST(RenderQueue, AFinishThatThrowsFailsItsOwnWorkAlone) {
  RenderHarness harness;
  harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 2), limits(8, kAtOnce));
  Ticket unlucky, lucky, again;
  ASSERT_TRUE(queue.submit(work(harness, "full disk", 1), {}, unlucky.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "fine", 2), {}, lucky.waiter()));
  harness.loading.open();
  EXPECT_EQ(unlucky.get(), Outcome::failed);
  EXPECT_EQ(lucky.get(), Outcome::done);
  ASSERT_TRUE(queue.submit(work(harness, "fine too", 3), {}, again.waiter()));
  EXPECT_EQ(again.get(), Outcome::done);
  EXPECT_EQ(harness.finish_failed, 1);
  EXPECT_EQ(queue.state(), RenderQueue::State::ready);
}

using Verdict = Admission::Verdict;

TEST(RenderQueue, TheMostUrgentIsPaintedFirstAndAloneAmongItsKind) {
  RenderHarness harness;
  harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 3), limits(16, kAtOnce));
  std::vector<Ticket> tickets(6);
  const std::pair<Priority, uint64_t> asked[] = {{Priority::studio, 1},  {Priority::flow, 2},
                                                 {Priority::visible, 3}, {Priority::studio, 4},
                                                 {Priority::owner, 5},   {Priority::visible, 6}};
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(queue.submit(work(harness, std::to_string(i), asked[i].second, asked[i].first), {},
                             tickets[i].waiter()));
  harness.loading.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{5}, {3, 6}, {2}, {1, 4}}));
}

TEST(RenderQueue, WhoJoinsWithMoreUrgencyTakesTheWorkAlong) {
  RenderHarness harness;
  harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 1), limits(16, kAtOnce));
  Ticket print, preview, same_print, late;
  ASSERT_TRUE(queue.submit(work(harness, "print", 1, Priority::studio), {}, print.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "preview", 2), {}, preview.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "print", 1, Priority::owner), {}, same_print.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "print", 1, Priority::studio), {}, late.waiter()));
  harness.loading.open();
  for (Ticket* ticket : {&print, &preview, &same_print, &late})
    EXPECT_EQ(ticket->get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{1}, {2}}));
}

TEST(RenderQueue, UrgentWorkThatComesWhileOtherWaitsForCompanyIsNotHeldUp) {
  RenderHarness harness;
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 2), limits(16, kForAges));
  Ticket print, one, two;
  ASSERT_TRUE(queue.submit(work(harness, "print", 1, Priority::studio), {}, print.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "a", 2), {}, one.waiter()));
  ASSERT_TRUE(queue.submit(work(harness, "b", 3), {}, two.waiter()));
  EXPECT_EQ(one.get(), Outcome::done);
  EXPECT_EQ(two.get(), Outcome::done);
  queue.close(RenderQueue::Closing::drain);
  EXPECT_EQ(print.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{2, 3}, {1}}));
}

TEST(RenderQueue, WalksAndPrintsLeaveRoomForPreviewsAndOwnersAreNeverRefused) {
  RenderHarness harness;
  RenderQueue queue(parts_for(harness, 1), limits(8, kAtOnce));
  int asked = 0;
  const auto ask = [&](Priority priority) {
    return queue.submit(work(harness, std::to_string(asked++), 1, priority), {}, [](Outcome) {})
        .verdict;
  };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(Priority::studio), Verdict::accepted) << i;
  EXPECT_EQ(ask(Priority::studio), Verdict::full) << "a quarter";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(Priority::flow), Verdict::accepted) << i;
  EXPECT_EQ(ask(Priority::flow), Verdict::full) << "a half";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(Priority::visible), Verdict::accepted) << i;
  EXPECT_EQ(ask(Priority::visible), Verdict::full) << "all of it";
  for (int i = 0; i < 9; ++i) EXPECT_EQ(ask(Priority::owner), Verdict::accepted) << i;
  EXPECT_EQ(ask(Priority::visible), Verdict::full);
  EXPECT_EQ(queue.depth(), 17u);
  EXPECT_EQ(queue.waiting(), 17u);
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
}

TEST(RenderQueue, OneClientIsRefusedWhileOthersAreServed) {
  RenderHarness harness;
  RenderLimits bounds = limits(16, kAtOnce);
  bounds.client_in_flight_max = 2;
  RenderQueue queue(parts_for(harness, 1), bounds);
  const auto ask = [&](const std::string& id, const std::string& client, std::stop_token token) {
    return queue
        .submit(work(harness, id, 1, Priority::visible, client), std::move(token), [](Outcome) {})
        .verdict;
  };
  std::stop_source gone;
  EXPECT_EQ(ask("a", "one", {}), Verdict::accepted);
  EXPECT_EQ(ask("b", "one", gone.get_token()), Verdict::accepted);
  EXPECT_EQ(ask("c", "one", {}), Verdict::client_full);
  EXPECT_EQ(ask("a", "one", {}), Verdict::client_full) << "joining is asking too";
  EXPECT_EQ(ask("c", "two", {}), Verdict::accepted);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask("own " + std::to_string(i), "", {}), Verdict::accepted);
  gone.request_stop();
  EXPECT_EQ(ask("d", "one", {}), Verdict::accepted) << "who left made room";
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  queue.close(RenderQueue::Closing::drain);
}

TEST(RenderQueue, WorkGivenUpMakesRoomBeforeAnybodyIsRefused) {
  RenderHarness harness;
  RenderQueue queue(parts_for(harness, 1), limits(1, kAtOnce));
  std::stop_source gone;
  Ticket left, stays;
  ASSERT_TRUE(queue.submit(work(harness, "a", 1), gone.get_token(), left.waiter()));
  EXPECT_EQ(queue.submit(work(harness, "b", 2), {}, [](Outcome) {}).verdict, Verdict::full);
  gone.request_stop();
  ASSERT_TRUE(queue.submit(work(harness, "b", 2), {}, stays.waiter()));
  EXPECT_EQ(left.get(), Outcome::cancelled);
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  EXPECT_EQ(stays.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{2}}));
}

// With nobody else to come, waiting for company after the renderer was busy would only lose time.
TEST(RenderQueue, WhoCameWhileTheRendererWasBusyIsPaintedWithoutDelay) {
  RenderHarness harness;
  harness.loading.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 2), limits(16, kForAges));
  std::vector<Ticket> tickets(3);
  for (size_t i = 0; i < 2; ++i)
    ASSERT_TRUE(queue.submit(work(harness, std::to_string(i), i), {}, tickets[i].waiter()));
  harness.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(harness, "2", 2), {}, tickets[2].waiter()));
  harness.painting.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(harness.batches_now(), (std::vector<std::vector<uint64_t>>{{0, 1}, {2}}));
}

TEST(RenderQueue, TellsTheMetricsWhatItDid) {
  RenderHarness harness;
  harness.painting.open(), harness.finishing.open();
  std::atomic<int> waited = 0, batches = 0, pictures = 0, finished = 0;
  RenderQueue::Parts parts = parts_for(harness, 2);
  parts.on_waited = [&](RenderQueue::Seconds seconds) { waited += seconds.count() >= 0; };
  parts.on_painted = [&](size_t count, RenderQueue::Seconds) {
    ++batches;
    pictures += static_cast<int>(count);
  };
  parts.on_finished = [&](RenderQueue::Seconds) { ++finished; };
  RenderQueue queue(std::move(parts), limits(8, kAtOnce));
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(queue.submit(work(harness, std::to_string(i), 1), {}, [](Outcome) {}));
  harness.loading.open();
  queue.close(RenderQueue::Closing::drain);
  EXPECT_EQ(waited, 3);
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(pictures, 3);
  EXPECT_EQ(finished, 3);
  EXPECT_EQ(queue.depth(), 0u);
}

TEST(RenderQueue, ManyThreadsEachGetTheirOneAnswer) {
  RenderHarness harness;
  harness.loading.open(), harness.painting.open(), harness.finishing.open();
  RenderQueue queue(parts_for(harness, 4), limits(16, std::chrono::microseconds(50)));
  constexpr int kThreads = 4, kEach = 500;
  std::atomic<int> accepted = 0, answered = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const auto candidate = static_cast<uint64_t>((i * 7 + t) % 40);
          std::stop_source source;
          if (i % 5 == 0) source.request_stop();
          if (queue.submit(work(harness, std::to_string(candidate), candidate,
                                static_cast<Priority>(i % 4), std::to_string(t)),
                           source.get_token(), [&](Outcome) { ++answered; }))
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
