// The render queue with a painter that waits for the test. Goal: batching, priorities, single
// flight, bounds and what they tell, cancellation and both ways to close, in every stage. Method:
// gates hold the painter and the finisher where the test wants them; nothing depends on how long
// anything takes.
#include "server/render/render_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>

#include "tests/support/studio.h"

namespace vernissage::render {
namespace {

TEST(RenderQueue, PaintsFinishesAndTellsTheWaiter) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 4), limits(8, kAtOnce));
  Ticket ticket;
  ASSERT_TRUE(queue.submit(work(studio, "a", 7), {}, ticket.waiter()));
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
    ASSERT_TRUE(
        queue.submit(work(studio, "work " + std::to_string(i), i), {}, tickets[i].waiter()));
  studio.loading.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{0, 1, 2}, {3, 4, 5}, {6}}));
}

TEST(RenderQueue, WaitsForCompanyButNotForMoreThanABatch) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(8, kForAges));
  Ticket first, second;
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, first.waiter()));
  EXPECT_FALSE(first.is_called());
  ASSERT_TRUE(queue.submit(work(studio, "b", 2), {}, second.waiter()));
  EXPECT_EQ(first.get(), Outcome::done);
  EXPECT_EQ(second.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{1, 2}}));
}

TEST(RenderQueue, SameWorkIsDoneOnceInEveryStage) {
  Studio studio;
  RenderQueue queue(parts_for(studio, 4), limits(1, kAtOnce));
  Ticket waiting, waiting_too, painting, finishing, afterwards;
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, waiting.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, waiting_too.waiter()))
      << "joins, though the queue is full";
  studio.loading.open();
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, painting.waiter()));
  studio.painting.open();
  studio.finishing.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, finishing.waiter()));
  EXPECT_FALSE(waiting.is_called());
  studio.finishing.open();
  for (Ticket* ticket : {&waiting, &waiting_too, &painting, &finishing})
    EXPECT_EQ(ticket->get(), Outcome::done);
  EXPECT_EQ(studio.batches_now().size(), 1u);
  // Landed: the next one is a flight of its own.
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, afterwards.waiter()));
  EXPECT_EQ(afterwards.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now().size(), 2u);
}

TEST(RenderQueue, RefusesOneMoreThanItHolds) {
  Studio studio;
  constexpr size_t kMax = 3;
  RenderQueue queue(parts_for(studio, 1), limits(kMax, kAtOnce));
  std::vector<Ticket> tickets(kMax);
  for (size_t i = 0; i < kMax; ++i)
    EXPECT_TRUE(queue.submit(work(studio, std::to_string(i), i), {}, tickets[i].waiter())) << i;
  Ticket refused;
  EXPECT_FALSE(queue.submit(work(studio, "one more", 9), {}, refused.waiter()));
  // What is being painted or finished counts too.
  studio.loading.open(), studio.painting.open();
  studio.finishing.await_arrivals(1);
  EXPECT_FALSE(queue.submit(work(studio, "one more", 9), {}, refused.waiter()));
  studio.finishing.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  Ticket accepted;
  EXPECT_TRUE(queue.submit(work(studio, "one more", 9), {}, accepted.waiter()));
  EXPECT_EQ(accepted.get(), Outcome::done);
  EXPECT_FALSE(refused.is_called());
}

TEST(RenderQueue, DropsWorkThatNobodyWaitsForAnyMore) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 8), limits(8, kAtOnce));
  std::stop_source gone, gone_too, stays;
  Ticket alone, one_of_two, other_of_two;
  ASSERT_TRUE(queue.submit(work(studio, "alone", 1), gone.get_token(), alone.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "two", 2), gone_too.get_token(), one_of_two.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "two", 2), stays.get_token(), other_of_two.waiter()));
  gone.request_stop();
  gone_too.request_stop();
  studio.loading.open();
  EXPECT_EQ(alone.get(), Outcome::cancelled);
  EXPECT_EQ(one_of_two.get(), Outcome::cancelled) << "told at once, not when it is painted";
  EXPECT_EQ(other_of_two.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{2}}));
}

TEST(RenderQueue, DrainingPaintsWhatWaits) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(8, kForAges));
  std::vector<Ticket> tickets(3);
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(queue.submit(work(studio, std::to_string(i), i), {}, tickets[i].waiter()));
  queue.close(RenderQueue::Closing::drain);
  for (Ticket& ticket : tickets) {
    ASSERT_TRUE(ticket.is_called());
    EXPECT_EQ(ticket.get(), Outcome::done);
  }
  Ticket late;
  EXPECT_FALSE(queue.submit(work(studio, "late", 4), {}, late.waiter()));
  EXPECT_EQ(queue.state(), RenderQueue::State::closed);
}

TEST(RenderQueue, CancellingEndsWhatIsPaintedAndDropsWhatWaits) {
  Studio studio;
  studio.loading.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 1), limits(8, kAtOnce));
  Ticket painting, waiting;
  ASSERT_TRUE(queue.submit(work(studio, "painting", 1), {}, painting.waiter()));
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(studio, "waiting", 2), {}, waiting.waiter()));
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
    ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, ticket.waiter()));
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
  ASSERT_TRUE(queue.submit(work(studio, "poison", kPoison), {}, poisoned.waiter()));
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(studio, "waiting", 1), {}, waiting.waiter()));
  studio.painting.open();
  EXPECT_EQ(poisoned.get(), Outcome::failed);
  EXPECT_EQ(waiting.get(), Outcome::failed);
  EXPECT_FALSE(queue.submit(work(studio, "late", 2), {}, late.waiter()));
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
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), {}, ticket.waiter()));
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
  ASSERT_TRUE(queue.submit(work(studio, "full disk", 1), {}, unlucky.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "fine", 2), {}, lucky.waiter()));
  studio.loading.open();
  EXPECT_EQ(unlucky.get(), Outcome::failed);
  EXPECT_EQ(lucky.get(), Outcome::done);
  ASSERT_TRUE(queue.submit(work(studio, "fine too", 3), {}, again.waiter()));
  EXPECT_EQ(again.get(), Outcome::done);
  EXPECT_EQ(studio.finish_failed, 1);
  EXPECT_EQ(queue.state(), RenderQueue::State::ready);
}

using Verdict = Admission::Verdict;

TEST(RenderQueue, TheMostUrgentIsPaintedFirstAndAloneAmongItsKind) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 3), limits(16, kAtOnce));
  std::vector<Ticket> tickets(6);
  const std::pair<Priority, uint64_t> asked[] = {{Priority::studio, 1},  {Priority::flow, 2},
                                                 {Priority::visible, 3}, {Priority::studio, 4},
                                                 {Priority::owner, 5},   {Priority::visible, 6}};
  for (size_t i = 0; i < tickets.size(); ++i)
    ASSERT_TRUE(queue.submit(work(studio, std::to_string(i), asked[i].second, asked[i].first), {},
                             tickets[i].waiter()));
  studio.loading.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{5}, {3, 6}, {2}, {1, 4}}));
}

TEST(RenderQueue, WhoJoinsWithMoreUrgencyTakesTheWorkAlong) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 1), limits(16, kAtOnce));
  Ticket print, preview, same_print, late;
  ASSERT_TRUE(queue.submit(work(studio, "print", 1, Priority::studio), {}, print.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "preview", 2), {}, preview.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "print", 1, Priority::owner), {}, same_print.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "print", 1, Priority::studio), {}, late.waiter()));
  studio.loading.open();
  for (Ticket* ticket : {&print, &preview, &same_print, &late})
    EXPECT_EQ(ticket->get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{1}, {2}}));
}

TEST(RenderQueue, UrgentWorkThatComesWhileOtherWaitsForCompanyIsNotHeldUp) {
  Studio studio;
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(16, kForAges));
  Ticket print, one, two;
  ASSERT_TRUE(queue.submit(work(studio, "print", 1, Priority::studio), {}, print.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "a", 2), {}, one.waiter()));
  ASSERT_TRUE(queue.submit(work(studio, "b", 3), {}, two.waiter()));
  EXPECT_EQ(one.get(), Outcome::done);
  EXPECT_EQ(two.get(), Outcome::done);
  queue.close(RenderQueue::Closing::drain);
  EXPECT_EQ(print.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{2, 3}, {1}}));
}

TEST(RenderQueue, WalksAndPrintsLeaveRoomForPreviewsAndOwnersAreNeverRefused) {
  Studio studio;
  RenderQueue queue(parts_for(studio, 1), limits(8, kAtOnce));
  int asked = 0;
  const auto ask = [&](Priority priority) {
    return queue.submit(work(studio, std::to_string(asked++), 1, priority), {}, [](Outcome) {})
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
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
}

TEST(RenderQueue, OneClientIsRefusedWhileOthersAreServed) {
  Studio studio;
  RenderLimits bounds = limits(16, kAtOnce);
  bounds.client_flights_max = 2;
  RenderQueue queue(parts_for(studio, 1), bounds);
  const auto ask = [&](const std::string& id, const std::string& client, std::stop_token token) {
    return queue
        .submit(work(studio, id, 1, Priority::visible, client), std::move(token), [](Outcome) {})
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
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  queue.close(RenderQueue::Closing::drain);
}

TEST(RenderQueue, WorkGivenUpMakesRoomBeforeAnybodyIsRefused) {
  Studio studio;
  RenderQueue queue(parts_for(studio, 1), limits(1, kAtOnce));
  std::stop_source gone;
  Ticket left, stays;
  ASSERT_TRUE(queue.submit(work(studio, "a", 1), gone.get_token(), left.waiter()));
  EXPECT_EQ(queue.submit(work(studio, "b", 2), {}, [](Outcome) {}).verdict, Verdict::full);
  gone.request_stop();
  ASSERT_TRUE(queue.submit(work(studio, "b", 2), {}, stays.waiter()));
  EXPECT_EQ(left.get(), Outcome::cancelled);
  studio.loading.open(), studio.painting.open(), studio.finishing.open();
  EXPECT_EQ(stays.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{2}}));
}

// With nobody else to come, waiting for company after the painter was busy would only lose time.
TEST(RenderQueue, WhoCameWhileThePainterWasBusyIsPaintedWithoutDelay) {
  Studio studio;
  studio.loading.open(), studio.finishing.open();
  RenderQueue queue(parts_for(studio, 2), limits(16, kForAges));
  std::vector<Ticket> tickets(3);
  for (size_t i = 0; i < 2; ++i)
    ASSERT_TRUE(queue.submit(work(studio, std::to_string(i), i), {}, tickets[i].waiter()));
  studio.painting.await_arrivals(1);
  ASSERT_TRUE(queue.submit(work(studio, "2", 2), {}, tickets[2].waiter()));
  studio.painting.open();
  for (Ticket& ticket : tickets) EXPECT_EQ(ticket.get(), Outcome::done);
  EXPECT_EQ(studio.batches_now(), (std::vector<std::vector<uint64_t>>{{0, 1}, {2}}));
}

TEST(RenderQueue, TellsTheMetricsWhatItDid) {
  Studio studio;
  studio.painting.open(), studio.finishing.open();
  std::atomic<int> waited = 0, batches = 0, pictures = 0, finished = 0;
  RenderQueue::Parts parts = parts_for(studio, 2);
  parts.on_waited = [&](RenderQueue::Seconds seconds) { waited += seconds.count() >= 0; };
  parts.on_painted = [&](size_t count, RenderQueue::Seconds) {
    ++batches;
    pictures += static_cast<int>(count);
  };
  parts.on_finished = [&](RenderQueue::Seconds) { ++finished; };
  RenderQueue queue(std::move(parts), limits(8, kAtOnce));
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(queue.submit(work(studio, std::to_string(i), 1), {}, [](Outcome) {}));
  studio.loading.open();
  queue.close(RenderQueue::Closing::drain);
  EXPECT_EQ(waited, 3);
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(pictures, 3);
  EXPECT_EQ(finished, 3);
  EXPECT_EQ(queue.depth(), 0u);
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
          std::stop_source source;
          if (i % 5 == 0) source.request_stop();
          if (queue.submit(work(studio, std::to_string(candidate), candidate,
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
