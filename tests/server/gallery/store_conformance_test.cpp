// What every store must do, said against the seam alone: a second store joins by one more line in
// kStores. Goal: one owner a painting, one painting a visitor, a log that only grows, whatever
// happens at once and however often the store is closed between. Method: each rule by itself, then
// races of threads whose outcome has one right answer.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <set>
#include <thread>

#include "base/error.h"
#include "server/gallery/claim_log.h"
#include "server/gallery/secret.h"
#include "server/gallery/store/store.h"
#include "tests/support/tiny_network.h"

namespace vernissage::gallery {
namespace {

using testing::TemporaryDirectory;

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Store>(const std::filesystem::path&, bool create)> open;
};

const Kind kStores[] = {{"sqlite", open_sqlite_store}};

class StoreConformance : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    store_ = GetParam().open(directory_ / "db", true);
    for (int i = 0; i < 80; ++i)
      paintings_.push_back(
          {random_id(), i < 40 ? "city" : "mood", i % 40, "Work", static_cast<uint64_t>(i)});
    store_->hang(paintings_);
  }
  void reopen() {
    store_.reset();
    store_ = GetParam().open(directory_ / "db", false);
  }
  const std::string& id(size_t i) const { return paintings_[i].id; }

  static Digest visitor(int number) { return sha256("visitor " + std::to_string(number)); }
  static Claim wanted(const std::string& painting, int number) {
    Claim claim;
    claim.painting = painting;
    claim.visitor = visitor(number);
    claim.request = sha256("request " + std::to_string(number));
    claim.plaque = "Owner № " + std::to_string(number) + " ' \" ; --";
    claim.time_ms = 1590000000000 + number;
    return claim;
  }
  ClaimResult claim(size_t painting, int number) {
    return settle(wanted(id(painting), number)).result;
  }
  struct Settled {
    ClaimResult result;
    Claim claim;
  };
  Settled settle(Claim claim) {
    const ClaimResult result = store_->claim(claim);
    return {result, std::move(claim)};
  }

  // Both rules and the chain, as an outsider would check them.
  void expect_sound(size_t claims) {
    const auto log = store_->claims_since(0);
    EXPECT_EQ(log.size(), claims);
    EXPECT_EQ(check_log(log).fault, std::nullopt);
    for (const Claim& entry : log) {
      EXPECT_EQ(store_->owner_of(entry.painting), entry);
      EXPECT_EQ(store_->claim_of(entry.visitor), entry);
    }
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  std::vector<Painting> paintings_;
};

TEST_P(StoreConformance, TheFirstWinsAndTheOthersAreToldWhy) {
  const Settled won = settle(wanted(id(0), 1));
  EXPECT_EQ(won.result, ClaimResult::won);
  EXPECT_EQ(won.claim.number, 1);
  EXPECT_EQ(won.claim.painting, id(0));
  EXPECT_EQ(won.claim.previous, Digest{});
  EXPECT_EQ(won.claim.hash, link(won.claim));

  const Settled same = settle(wanted(id(0), 1));
  EXPECT_EQ(same.result, ClaimResult::same);
  EXPECT_EQ(same.claim, won.claim);
  const Settled taken = settle(wanted(id(0), 2));
  EXPECT_EQ(taken.result, ClaimResult::taken);
  EXPECT_EQ(taken.claim, won.claim);
  const Settled already = settle(wanted(id(1), 1));
  EXPECT_EQ(already.result, ClaimResult::already_own);
  EXPECT_EQ(already.claim, won.claim);
  expect_sound(1);

  const Settled next = settle(wanted(id(1), 2));
  EXPECT_EQ(next.result, ClaimResult::won);
  EXPECT_EQ(next.claim.number, 2);
  EXPECT_EQ(next.claim.previous, won.claim.hash);
  // Both reasons at once: that the choice is spent comes first.
  EXPECT_EQ(claim(1, 1), ClaimResult::already_own);
  expect_sound(2);
}

TEST_P(StoreConformance, WhatTheCuratorSaidIsKeptWithThePainting) {
  Painting chosen{random_id(), "people", 1000, "Joy", 99999};
  chosen.why = Why{"joy", 0.25f, 17, 100000};
  chosen.placeholder = "abcd+/==";
  store_->hang({chosen});
  reopen();
  const auto hung = store_->paintings();
  EXPECT_EQ(std::count(hung.begin(), hung.end(), chosen), 1);
  EXPECT_EQ(hung.size(), paintings_.size() + 1);
  Painting wrong{random_id(), "people", 1001, "Joy", 99998};
  wrong.why = Why{"joy", 0.25f, 0, 100000};  // no rank is 0
  EXPECT_THROW(store_->hang({wrong}), Error);
}

TEST_P(StoreConformance, EmbeddingsAreKeptForHangingPaintingsAlone) {
  EXPECT_TRUE(store_->embeddings().empty());
  std::vector<Embedding> embeddings{{id(1), {0.5f, -0.5f}}, {id(0), {1, 0}}};
  EXPECT_THROW(store_->record_embeddings({embeddings[0], {random_id(), {1, 0}}}), Error);
  EXPECT_TRUE(store_->embeddings().empty()) << "all or none";
  store_->record_embeddings(embeddings);
  EXPECT_THROW(store_->record_embeddings({embeddings[0]}), Error);
  reopen();
  std::sort(embeddings.begin(), embeddings.end(),
            [](const Embedding& a, const Embedding& b) { return a.painting < b.painting; });
  EXPECT_EQ(store_->embeddings(), embeddings);
}

TEST_P(StoreConformance, NothingIsOwnedBeforeItIsClaimed) {
  EXPECT_EQ(store_->owner_of(id(0)), std::nullopt);
  EXPECT_EQ(store_->claim_of(visitor(1)), std::nullopt);
  EXPECT_TRUE(store_->claims_since(0).empty());
  EXPECT_TRUE(store_->pictures().empty());
}

TEST_P(StoreConformance, APaintingThatDoesNotHangIsNotClaimed) {
  EXPECT_THROW(settle(wanted(random_id(), 1)), Error);
  EXPECT_THROW(settle(wanted("", 1)), Error);
  EXPECT_TRUE(store_->claims_since(0).empty());
  EXPECT_EQ(claim(0, 1), ClaimResult::won) << "the attempt must not have spent the choice";
}

TEST_P(StoreConformance, ClaimsOutliveTheStore) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(claim(i, i), ClaimResult::won);
  const auto before = store_->claims_since(0);
  reopen();
  EXPECT_EQ(store_->claims_since(0), before);
  EXPECT_EQ(claim(2, 2), ClaimResult::same);
  EXPECT_EQ(claim(2, 9), ClaimResult::taken);
  EXPECT_EQ(claim(7, 2), ClaimResult::already_own);
  EXPECT_EQ(claim(7, 9), ClaimResult::won);
  expect_sound(6);
  EXPECT_EQ(store_->paintings(), paintings_);
}

TEST_P(StoreConformance, TheLogIsReadFromAnyPlace) {
  for (int i = 0; i < 5; ++i) claim(i, i);
  const auto all = store_->claims_since(0);
  for (int64_t from = 0; from <= 6; ++from) {
    const auto rest = store_->claims_since(from);
    const auto skipped = std::min<int64_t>(from, 5);
    EXPECT_EQ(rest, std::vector<Claim>(all.begin() + skipped, all.end())) << from;
  }
}

TEST_P(StoreConformance, PicturesAreKeptForClaimedPaintingsAlone) {
  claim(3, 1);
  claim(1, 2);
  const OwnerPicture first{id(3), std::string(64, 'a'), "certificate\none"};
  const OwnerPicture second{id(1), std::string(64, 'b'), "two"};
  store_->record_picture(second);
  store_->record_picture(first);
  EXPECT_THROW(store_->record_picture({id(2), std::string(64, 'c'), "three"}), Error);
  EXPECT_EQ(store_->pictures(), (std::vector{first, second})) << "in the order of their claims";
  reopen();
  const OwnerPicture again{id(3), std::string(64, 'd'), "four"};
  store_->record_picture(again);
  EXPECT_EQ(store_->pictures(), (std::vector{again, second}));
}

// Runs work(0) … work(threads - 1), released at one moment.
void at_once(int threads, const std::function<void(int)>& work) {
  std::barrier start(threads);
  std::vector<std::jthread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&, i] {
      start.arrive_and_wait();
      work(i);
    });
}

TEST_P(StoreConformance, OfManyVisitorsOnOnePaintingOneWins) {
  for (size_t painting = 0; painting < 40; ++painting) {
    std::atomic<int> won = 0, taken = 0;
    at_once(16, [&](int i) {
      const ClaimResult result = claim(painting, 1000 * static_cast<int>(painting) + i);
      if (result == ClaimResult::won) ++won;
      if (result == ClaimResult::taken) ++taken;
    });
    EXPECT_EQ(won, 1);
    EXPECT_EQ(taken, 15);
  }
  expect_sound(40);
}

TEST_P(StoreConformance, OfOneVisitorsManyClaimsOneWins) {
  std::set<size_t> owned;
  for (int visitor = 0; visitor < 40; ++visitor) {
    std::vector<size_t> free;
    for (size_t i = 0; i < 80 && free.size() < 16; ++i)
      if (!owned.contains(i)) free.push_back(i);
    std::atomic<int> won = 0, already = 0;
    std::atomic<size_t> won_painting = 0;
    at_once(16, [&](int i) {
      const size_t painting = free[static_cast<size_t>(i)];
      const ClaimResult result = claim(painting, visitor);
      if (result == ClaimResult::won) ++won, won_painting = painting;
      if (result == ClaimResult::already_own) ++already;
    });
    EXPECT_EQ(won, 1);
    EXPECT_EQ(already, 15);
    owned.insert(won_painting);
  }
  expect_sound(40);
}

TEST_P(StoreConformance, TheSameClaimManyTimesAtOnceIsOneClaim) {
  std::atomic<int> won = 0, same = 0;
  at_once(16, [&](int) {
    const ClaimResult result = claim(0, 1);
    if (result == ClaimResult::won) ++won;
    if (result == ClaimResult::same) ++same;
  });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(same, 15);
  expect_sound(1);
}

TEST_P(StoreConformance, WhileEverybodyClaimsReadersSeeWholePrefixesOfTheLog) {
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    size_t before = 0;
    do {
      const auto log = store_->claims_since(0);
      EXPECT_EQ(check_log(log).fault, std::nullopt);
      EXPECT_GE(log.size(), before);
      before = log.size();
    } while (!done);
  });
  at_once(8, [&](int thread) {
    for (int i = 0; i < 80; ++i)
      claim(static_cast<size_t>((i * 7 + thread * 11) % 80), thread * 80 + i);
  });
  done = true;
  reader.join();
  expect_sound(80);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance, ::testing::ValuesIn(kStores),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace vernissage::gallery
