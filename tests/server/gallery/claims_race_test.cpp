// One painting, one owner, when everybody wants at once. Goal: exactly one winner, every loser told
// the truth, nothing acknowledged lost. Method: 64 threads, as 64 connections would be, against the
// real claims on a real gallery; each round has one right outcome, and the free race is judged
// afterwards from what every thread was told and when.
//
// 1,000 rounds and 100,000 attempts; VERNISSAGE_RACE_ROUNDS and VERNISSAGE_RACE_ATTEMPTS set other
// numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "server/gallery/claim_log.h"
#include "server/gallery/claims.h"
#include "server/gallery/gallery.h"
#include "server/gallery/hang.h"
#include "tests/support/tiny_network.h"

namespace vernissage::gallery {
namespace {

using testing::TemporaryDirectory;

constexpr int kThreads = 64;

int number_from(const char* variable, int otherwise) {
  const char* set = std::getenv(variable);
  return set ? std::max(1, std::atoi(set)) : otherwise;
}

class ClaimRace : public ::testing::Test {
 protected:
  // Four rooms of per_room.
  void hang(int per_room) {
    save_network(directory_ / "net.safetensors", testing::tiny_network(256));
    hang_gallery({directory_ / "net.safetensors", directory_ / "gallery", "Race", per_room, 0.7f});
    gallery_.emplace(directory_ / "gallery");
  }
  ClaimResult claim(size_t painting, const std::string& visitor, const std::string& key = "") {
    return gallery_->claims()
        .claim({gallery_->catalogue()[painting]->id, visitor, key, ""})
        ->result;
  }

  // What every thread of every round was told. `work` claims; `judge` sees all results of a round.
  void rounds(int count, const std::function<ClaimResult(int round, int thread)>& work,
              const std::function<void(int round, const std::vector<ClaimResult>&)>& judge) {
    std::vector<ClaimResult> results(kThreads);
    int round = 0;
    const auto end_of_round = [&]() noexcept {
      judge(round, results);
      ++round;
    };
    std::barrier end(kThreads, end_of_round);
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < count; ++i) {
          results[static_cast<size_t>(thread)] = work(i, thread);
          end.arrive_and_wait();
        }
      });
  }

  TemporaryDirectory directory_;
  std::optional<Gallery> gallery_;
};

std::map<ClaimResult, int> count(const std::vector<ClaimResult>& results) {
  std::map<ClaimResult, int> counts;
  for (const ClaimResult result : results) ++counts[result];
  return counts;
}

using Counts = std::map<ClaimResult, int>;

int round_count() {
  return number_from("VERNISSAGE_RACE_ROUNDS", 1000);
}

TEST_F(ClaimRace, OfSixtyFourVisitorsOnOnePaintingOneWins) {
  const int count_of_rounds = round_count();
  hang(count_of_rounds / 4 + 1);
  rounds(
      count_of_rounds,
      [&](int round, int thread) {
        return claim(static_cast<size_t>(round),
                     std::to_string(round) + "/" + std::to_string(thread));
      },
      [](int round, const std::vector<ClaimResult>& results) {
        EXPECT_EQ(count(results), (Counts{{ClaimResult::won, 1}, {ClaimResult::taken, 63}}))
            << "round " << round;
      });
  EXPECT_EQ(gallery_->claims().snapshot().sequence, count_of_rounds);
}

TEST_F(ClaimRace, OfOneVisitorsSixtyFourPaintingsOneIsWon) {
  const int count_of_rounds = round_count();
  hang((count_of_rounds + kThreads) / 4 + 1);
  // Free at the start of the round: all but those won before.
  std::vector<size_t> free(gallery_->catalogue().size());
  for (size_t i = 0; i < free.size(); ++i) free[i] = i;
  rounds(
      count_of_rounds,
      [&](int round, int thread) {
        return claim(free[static_cast<size_t>(thread)], "visitor " + std::to_string(round));
      },
      [&](int round, const std::vector<ClaimResult>& results) {
        EXPECT_EQ(count(results), (Counts{{ClaimResult::won, 1}, {ClaimResult::already_own, 63}}))
            << "round " << round;
        const auto won = std::find(results.begin(), results.end(), ClaimResult::won);
        if (won != results.end()) free.erase(free.begin() + (won - results.begin()));
      });
  EXPECT_EQ(gallery_->claims().snapshot().sequence, count_of_rounds);
}

TEST_F(ClaimRace, TheSameClaimSixtyFourTimesIsWonOnce) {
  const int count_of_rounds = round_count();
  hang(count_of_rounds / 4 + 1);
  rounds(
      count_of_rounds,
      [&](int round, int) {
        return claim(static_cast<size_t>(round), "visitor " + std::to_string(round),
                     "key " + std::to_string(round));
      },
      [](int round, const std::vector<ClaimResult>& results) {
        EXPECT_EQ(count(results), (Counts{{ClaimResult::won, 1}, {ClaimResult::same, 63}}))
            << "round " << round;
      });
  EXPECT_EQ(gallery_->claims().snapshot().sequence, count_of_rounds);
}

// ---- the free race

struct Told {
  size_t painting;
  int visitor;
  ClaimResult result;
  PublicClaim claim;
  int64_t begin, end;  // by a clock that only counts
};

TEST_F(ClaimRace, AHundredThousandAttemptsAreAllExplainedByTheLog) {
  const int attempts = number_from("VERNISSAGE_RACE_ATTEMPTS", 100000);
  const int per_room = 1000;
  const size_t painting_count = 4 * per_room;
  const int visitor_count = 2 * static_cast<int>(painting_count);
  constexpr unsigned kSeed = 64;
  hang(per_room);
  Claims& claims = gallery_->claims();

  std::mutex heard_mutex;
  std::vector<PublicClaim> heard;  // by a listener, in order
  claims.listen([&](const PublicClaim& claim) {
    const std::lock_guard lock(heard_mutex);
    heard.push_back(claim);
  });

  std::atomic<int64_t> clock = 0;
  std::vector<std::vector<Told>> told(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        std::mt19937 random(kSeed + static_cast<unsigned>(thread));
        for (int i = thread; i < attempts; i += kThreads) {
          Told one{};
          one.painting = random() % painting_count;
          one.visitor = static_cast<int>(random() % static_cast<unsigned>(visitor_count));
          one.begin = clock++;
          const auto answer = claims.claim({gallery_->catalogue()[one.painting]->id,
                                            "visitor " + std::to_string(one.visitor), "", ""});
          one.end = clock++;
          one.result = answer->result;
          one.claim = answer->claim;
          told[static_cast<size_t>(thread)].push_back(one);
        }
      });
  }

  const std::vector<Claim> log = gallery_->store().claims_since(0);
  const LogVerdict verdict = check_log(log);
  EXPECT_EQ(verdict.fault, std::nullopt);  // among it: no painting and no visitor twice

  // Who won what, by the answers; when each win was under way.
  std::map<std::string, const Told*> won_by_painting;
  std::map<int, const Told*> won_by_visitor;
  size_t wins = 0;
  for (const auto& thread : told)
    for (const Told& one : thread)
      if (one.result == ClaimResult::won) {
        ++wins;
        EXPECT_TRUE(won_by_painting.emplace(one.claim.painting, &one).second) << "a second owner";
        EXPECT_TRUE(won_by_visitor.emplace(one.visitor, &one).second) << "a second painting";
      }
  EXPECT_EQ(wins, log.size());
  for (const Claim& entry : log) {
    const auto found = won_by_painting.find(entry.painting);
    ASSERT_NE(found, won_by_painting.end()) << "in the log, acknowledged to nobody";
    EXPECT_EQ(found->second->claim.sequence, entry.number);
  }
  for (const auto& thread : told)
    for (const Told& one : thread) {
      if (one.result == ClaimResult::won) continue;
      // The win that explains it: of the painting, or of the visitor; begun before this answer.
      const std::string& id = gallery_->catalogue()[one.painting]->id;
      const Told* reason = nullptr;
      if (one.result == ClaimResult::taken) {
        const auto found = won_by_painting.find(id);
        if (found != won_by_painting.end()) reason = found->second;
        EXPECT_TRUE(!reason || reason->visitor != one.visitor);
      } else {
        const auto found = won_by_visitor.find(one.visitor);
        if (found != won_by_visitor.end()) reason = found->second;
        EXPECT_TRUE(!reason || (reason->claim.painting == id) == (one.result == ClaimResult::same));
      }
      ASSERT_NE(reason, nullptr) << "refused without a reason in the log";
      EXPECT_LT(reason->begin, one.end) << "refused because of something later";
      EXPECT_EQ(one.claim, reason->claim);
    }
  EXPECT_EQ(heard, claims.since(0, SIZE_MAX)) << "every claim once, in order";
  EXPECT_EQ(heard.size(), log.size());
  std::printf("%d attempts: %zu won\n", attempts, wins);

  gallery_.reset();  // what was acknowledged is there when the gallery is opened again
  EXPECT_EQ(Gallery(directory_ / "gallery").store().claims_since(0), log);
}

}  // namespace
}  // namespace vernissage::gallery
