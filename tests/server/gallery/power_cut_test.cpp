// Claims and power. Goal: a claim that was acknowledged is there after any power cut, and the
// database is sound and its log whole. Method: the real store runs on a disk that records what is
// written and synced; then the power is cut at random steps, sectors that were not synced are lost
// at random, and the store is opened on what is left. Controls: the same with SQLite's weaker
// settings must lose claims, or the method would prove nothing. (Killing a process proves nothing
// here either: the system still writes what the process wrote.)
//
// 500 cuts; VERNISSAGE_POWER_CUTS sets another number.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "server/gallery/claim_log.h"
#include "server/gallery/secret.h"
#include "server/gallery/store/store.h"
#include "tests/support/recording_vfs.h"
#include "tests/support/tiny_network.h"

namespace vernissage::gallery {
namespace {

using testing::Files;
using testing::RecordingDisk;
using testing::ReplayedDisk;
using testing::TemporaryDirectory;

// Enough for the log to be folded into the database file on the way, twice, and for a second
// opening.
constexpr int kClaims = 400;
constexpr int kReopenedAfter = 300;

int cut_count() {
  const char* set = std::getenv("VERNISSAGE_POWER_CUTS");
  return set ? std::max(1, std::atoi(set)) : 500;
}

Files files_in(const std::filesystem::path& directory) {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    files[entry.path().filename()] = bytes.str();
  }
  return files;
}

struct Acknowledged {
  size_t steps;  // had ended when the claim was acknowledged
  Claim claim;
};

struct Recording {
  Files before;
  std::vector<RecordingDisk::Step> steps;
  std::vector<Acknowledged> acknowledged;
};

Recording record_claims() {
  const TemporaryDirectory directory;
  std::vector<Painting> paintings;
  for (int i = 0; i < kClaims; ++i)
    paintings.push_back({random_id(), "city", i, "Work", static_cast<uint64_t>(i)});
  open_sqlite_store(directory / "db", true)->hang(paintings);

  Recording recording;
  recording.before = files_in(directory.path());
  recording.before.erase("db.lock");
  RecordingDisk disk;
  auto store = open_sqlite_store(directory / "db", false);
  for (int i = 0; i < kClaims; ++i) {
    if (i == kReopenedAfter) {
      store.reset();
      store = open_sqlite_store(directory / "db", false);
    }
    Claim claim;
    claim.painting = paintings[static_cast<size_t>(i)].id;
    claim.visitor = sha256("visitor " + std::to_string(i));
    claim.time_ms = i;
    EXPECT_EQ(store->claim(claim), ClaimResult::won);
    recording.acknowledged.push_back({disk.count(), claim});
    if (i % 3 == 0) store->record_picture({claim.painting, std::string(64, 'a'), "certificate"});
  }
  store.reset();
  recording.steps = disk.steps();
  return recording;
}

// What one opening after a cut found.
enum class Found { all, less, damage };

Found look(const Files& files, const Recording& recording, size_t cut) {
  const TemporaryDirectory directory;
  for (const auto& [name, bytes] : files)
    std::ofstream(directory / name, std::ios::binary) << bytes;
  const RecordingDisk unsynced;  // the power stays on from here: the real syncs are only slow
  std::vector<Claim> log;
  try {
    log = open_sqlite_store(directory / "db", false)->claims_since(0);
  } catch (const Error&) {
    return Found::damage;
  }
  if (check_log(log).fault) return Found::damage;
  size_t promised = 0;
  while (promised < recording.acknowledged.size() && recording.acknowledged[promised].steps <= cut)
    ++promised;
  if (log.size() < promised) return Found::less;
  // One more may be there: written whole, and not acknowledged any more.
  if (log.size() > promised + 1) return Found::damage;
  for (size_t i = 0; i < promised; ++i)
    if (log[i] != recording.acknowledged[i].claim) return Found::damage;
  return Found::all;
}

struct Outcome {
  int all = 0, less = 0, damage = 0;
};

Outcome cut_power(const Recording& recording, int cuts) {
  constexpr unsigned kSeed = 20200524;
  std::mt19937 random(kSeed);
  std::vector<size_t> at;
  for (int i = 0; i < cuts; ++i)
    at.push_back(std::uniform_int_distribution<size_t>(0, recording.steps.size())(random));
  std::sort(at.begin(), at.end());
  Outcome outcome;
  ReplayedDisk disk(recording.before);
  size_t fed = 0;
  for (const size_t cut : at) {
    while (fed < cut) disk.feed(recording.steps[fed++]);
    const double kept = std::uniform_int_distribution<int>(0, 3)(random) / 4.0;
    switch (look(disk.power_cut(random, kept), recording, cut)) {
      case Found::all:
        ++outcome.all;
        break;
      case Found::less:
        ++outcome.less;
        break;
      case Found::damage:
        ++outcome.damage;
        break;
    }
  }
  std::printf("%d cuts in %zu steps: %d whole, %d with claims lost, %d damaged\n", cuts,
              recording.steps.size(), outcome.all, outcome.less, outcome.damage);
  return outcome;
}

TEST(PowerCut, NoAcknowledgedClaimIsLostAndNothingIsDamaged) {
  const Outcome outcome = cut_power(record_claims(), cut_count());
  EXPECT_EQ(outcome.less, 0);
  EXPECT_EQ(outcome.damage, 0);
}

// Opens every connection with the weaker setting, and lets nobody change it.
class Weakened {
 public:
  explicit Weakened(const char* synchronous) {
    setting = synchronous;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(weaken));
  }
  ~Weakened() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(weaken)); }

 private:
  static int ignore(void*, int action, const char* name, const char* value, const char*,
                    const char*) {
    const bool setting_it =
        action == SQLITE_PRAGMA && value && name && std::string(name) == "synchronous";
    return setting_it ? SQLITE_IGNORE : SQLITE_OK;
  }
  static int weaken(sqlite3* database, char**, const void*) {
    const std::string pragma = std::string("PRAGMA synchronous = ") + setting;
    const int result = sqlite3_exec(database, pragma.c_str(), nullptr, nullptr, nullptr);
    sqlite3_set_authorizer(database, ignore, nullptr);
    return result;
  }
  static inline const char* setting = nullptr;
};

// Nearly every cut comes between two checkpoints, after claims that nothing has synced.
TEST(PowerCut, ControlWithoutSyncsLosesClaims) {
  const Weakened off("OFF");
  const Outcome outcome = cut_power(record_claims(), 50);
  EXPECT_GT(outcome.less + outcome.damage, 40);
}

TEST(PowerCut, ControlWithSyncsAtCheckpointsOnlyLosesClaims) {
  const Weakened normal("NORMAL");
  const Outcome outcome = cut_power(record_claims(), 50);
  EXPECT_GT(outcome.less + outcome.damage, 25);
}

// A full disk: nothing is won, everything can be read, and when there is room again claims work
// without a reopening.
TEST(FullDisk, ClaimsAreRefusedReadingGoesOnAndSpaceHeals) {
  const TemporaryDirectory directory;
  std::vector<Painting> paintings;
  for (int i = 0; i < 10; ++i)
    paintings.push_back({random_id(), "city", i, "Work", static_cast<uint64_t>(i)});
  RecordingDisk disk;
  const auto store = open_sqlite_store(directory / "db", true);
  store->hang(paintings);
  const auto claim = [&](size_t i) {
    Claim wanted;
    wanted.painting = paintings[i].id;
    wanted.visitor = sha256("visitor " + std::to_string(i));
    return store->claim(wanted);
  };
  EXPECT_EQ(claim(0), ClaimResult::won);
  disk.set_full(true);
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_THROW(claim(1), StoreUnavailable);
    EXPECT_EQ(store->claims_since(0).size(), 1u);
    EXPECT_EQ(store->paintings().size(), 10u);
    EXPECT_FALSE(store->healthy()) << "no claim could be written now";
  }
  EXPECT_EQ(claim(0), ClaimResult::same) << "needs no room";
  disk.set_full(false);
  EXPECT_TRUE(store->healthy());
  EXPECT_EQ(claim(1), ClaimResult::won);
  EXPECT_EQ(check_log(store->claims_since(0)).fault, std::nullopt);
}

}  // namespace
}  // namespace vernissage::gallery
