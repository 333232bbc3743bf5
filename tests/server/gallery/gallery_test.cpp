// The gallery without HTTP: its secret, its description, its store, and how one is hung. Goal: what
// is promised about secrecy and about half-made galleries holds. Method: real directories, and the
// files read back as an outsider would read them.
#include "server/gallery/gallery.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/new_directory.h"
#include "server/gallery/hang.h"
#include "tests/support/tiny_network.h"

namespace vernissage::gallery {
namespace {

using testing::TemporaryDirectory;

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

GalleryConfig some_config() {
  GalleryConfig config;
  config.name = "A \"gallery\" \\ with <odd> letters\tand a tab, é";
  config.generator = "generator.safetensors";
  config.truncation = 0.7f;
  config.resolution = 256;
  config.untrained = true;
  config.rooms = default_rooms();
  return config;
}

// One hung gallery for the tests that only look.
class Hung : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    save_network(*directory_ / "net.safetensors", testing::tiny_network(256));
    hang_gallery({*directory_ / "net.safetensors", *directory_ / "gallery", "Test", 16, 0.7f});
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::filesystem::path path() { return *directory_ / "gallery"; }
  static std::filesystem::path model() { return *directory_ / "net.safetensors"; }
  static std::filesystem::path beside() { return directory_->path(); }

 private:
  static inline TemporaryDirectory* directory_ = nullptr;
};

// ---- the secret

TEST(Secret, KeyFileIsForItsOwnerAloneAndNeverReplaced) {
  const TemporaryDirectory directory;
  const auto path = directory / "gallery.key";
  GalleryKey::create(path);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(status.st_size, 32);
  const std::string before = file_bytes(path);
  EXPECT_THROW(GalleryKey::create(path), Error);
  EXPECT_EQ(file_bytes(path), before);
}

TEST(Secret, KeyFileOpenToOthersOrOfWrongSizeIsRefused) {
  const TemporaryDirectory directory;
  const auto path = directory / "gallery.key";
  GalleryKey::create(path);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_NE(message_of([&] { GalleryKey::load(path); }).find("0600"), std::string::npos);
  for (const size_t size : {31u, 33u}) {
    write_text(directory / "short.key", std::string(size, 'x'));
    ASSERT_EQ(::chmod((directory / "short.key").c_str(), 0600), 0);
    EXPECT_NE(message_of([&] {
                GalleryKey::load(directory / "short.key");
              }).find("got " + std::to_string(size)),
              std::string::npos);
  }
}

// The stream's layout is part of every gallery: with this key and candidate these are the numbers,
// for ever. Expected: ChaCha20 (RFC 8439) with counter 0 and nonce 02000000 0700000000000000,
// computed with `openssl enc -chacha20`.
TEST(Secret, NoiseSeedIsChaCha20UnderTheKey) {
  const TemporaryDirectory directory;
  std::string key;
  for (int i = 0; i < 32; ++i) key += static_cast<char>(i);
  write_text(directory / "k", key);
  ASSERT_EQ(::chmod((directory / "k").c_str(), 0600), 0);
  EXPECT_EQ(GalleryKey::load(directory / "k").noise_seed(7), uint64_t{0x653cfd8d994e9e73});
}

TEST(Secret, LatentsDependOnKeyAndCandidateAndNothingElse) {
  const TemporaryDirectory directory;
  const GalleryKey key = GalleryKey::create(directory / "a");
  const GalleryKey other = GalleryKey::create(directory / "b");
  const GalleryKey again = GalleryKey::load(directory / "a");
  EXPECT_EQ(key.latent(5, 512), again.latent(5, 512));
  EXPECT_NE(key.latent(5, 512), key.latent(6, 512));
  EXPECT_NE(key.latent(5, 512), other.latent(5, 512));
  EXPECT_EQ(key.noise_seed(5), again.noise_seed(5));
  EXPECT_NE(key.noise_seed(5), key.noise_seed(6));
  EXPECT_NE(key.noise_seed(5), other.noise_seed(5));
  // A shorter latent is the beginning of a longer one, odd lengths included.
  const auto longer = key.latent(5, 512);
  const auto shorter = key.latent(5, 7);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

// Moments of n standard normal numbers stray from 0, 1, 0, 3 by multiples of 1/√n: 1, √2, √15, √96
// standard errors (Kendall & Stuart). Six of them: one failure in 10^8 runs of four checks.
TEST(Secret, LatentsAreStandardNormal) {
  const TemporaryDirectory directory;
  const GalleryKey key = GalleryKey::create(directory / "key");
  constexpr int kCandidates = 400, kZ = 511;
  double sum[5] = {};
  double neighbours = 0;
  for (int candidate = 0; candidate < kCandidates; ++candidate) {
    const auto z = key.latent(static_cast<uint64_t>(candidate), kZ);
    ASSERT_EQ(z.size(), size_t{kZ});
    for (int i = 0; i < kZ; ++i) {
      ASSERT_TRUE(std::isfinite(z[i]));
      for (int power = 1; power <= 4; ++power) sum[power] += std::pow(z[i], power);
      if (i > 0) neighbours += double{z[i]} * z[i - 1];
    }
  }
  const double n = double{kCandidates} * kZ;
  const double six = 6 / std::sqrt(n);
  EXPECT_NEAR(sum[1] / n, 0, six);
  EXPECT_NEAR(sum[2] / n, 1, six * std::sqrt(2.0));
  EXPECT_NEAR(sum[3] / n, 0, six * std::sqrt(15.0));
  EXPECT_NEAR(sum[4] / n, 3, six * std::sqrt(96.0));
  EXPECT_NEAR(neighbours / n, 0, six);
}

TEST(Secret, LabelsAreInRangeAndAllOfThemOccur) {
  const TemporaryDirectory directory;
  const GalleryKey key = GalleryKey::create(directory / "key");
  std::set<int> seen;
  for (uint64_t candidate = 0; candidate < 1000; ++candidate) seen.insert(key.label(candidate, 7));
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(key.label(3, 1), 0);
}

TEST(Secret, IdsAreRandomAndRecognised) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(random_id());
  EXPECT_EQ(ids.size(), 1000u);
  for (const std::string& id : ids) EXPECT_TRUE(is_id(id)) << id;
  for (const char* wrong : {"", "abc", "abcdefghijklmnopqrstuvwxy1", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                            "abcdefghijklmnopqrstuvwxyza", "../defghijklmnopqrstuvwxyz"})
    EXPECT_FALSE(is_id(wrong)) << wrong;
}

// ---- gallery.toml

TEST(Config, WrittenAndReadBackIsTheSame) {
  const TemporaryDirectory directory;
  for (const float truncation : {0.0f, 0.7f, 0.123456789f, 1.0f, 1e-6f}) {
    GalleryConfig config = some_config();
    config.truncation = truncation;
    save_config(directory / "gallery.toml", config);
    EXPECT_EQ(load_config(directory / "gallery.toml"), config) << truncation;
  }
}

TEST(Config, QueriesAndTitlesInSeveralLanguagesAreWrittenAndReadBack) {
  const TemporaryDirectory directory;
  GalleryConfig config = some_config();
  config.curated = true;
  config.languages = {"en", "pt", "ru"};
  config.rooms[0].titles = {{"pt", "Pessoas"}, {"ru", "Люди"}};
  config.rooms[0].queries = {{"a \"date\"", "Date", {{"ru", "Свидание"}}}, {"joy", "Joy", {}}};
  save_config(directory / "gallery.toml", config);
  EXPECT_EQ(load_config(directory / "gallery.toml"), config);
  const auto refused = [&](const std::function<void(GalleryConfig&)>& change) {
    GalleryConfig wrong = config;
    change(wrong);
    return message_of([&] { save_config(directory / "wrong.toml", wrong); });
  };
  EXPECT_NE(refused([](auto& c) { c.rooms[0].titles["de"] = "Leute"; }).find("room.titles.de"),
            std::string::npos);
  EXPECT_NE(refused([](auto& c) { c.rooms[0].queries[1].text = "a \"date\""; }).find("two of"),
            std::string::npos);
  EXPECT_NE(refused([](auto& c) { c.languages = {"e n"}; }).find("languages"), std::string::npos);
  EXPECT_NE(refused([](auto& c) { c.languages.clear(); }).find("languages"), std::string::npos);
}

TEST(Config, FaultsAreRefusedByFileAndKey) {
  const TemporaryDirectory directory;
  const auto path = directory / "gallery.toml";
  save_config(path, some_config());
  const std::string good = file_bytes(path);
  const std::tuple<const char*, const char*, const char*> faults[] = {
      {"truncation = 0.7", "truncation = 1.01", "truncation: expected 0 to 1"},
      {"truncation = 0.7", "truncation = nan", "truncation: expected 0 to 1"},
      {"truncation = 0.7", "truncation = \"0.7\"", "truncation: expected a number"},
      {"truncation = 0.7", "trunkation = 0.7", "trunkation: no such key"},
      {"\"generator.safetensors\"", "\"../generator.safetensors\"", "inside the gallery"},
      {"\"generator.safetensors\"", "\"/etc/passwd\"", "inside the gallery"},
      {"slug = \"city\"", "slug = \"people\"", "two rooms named people"},
      {"slug = \"city\"", "slug = \"Ci/ty\"", "room.slug: expected"},
      {"resolution = 256", "resolution = 99999999999", "network.resolution: expected 4 to 4096"},
      {"curated = false", "", "curated: expected true or false"},
      {"curated = false", "curated = ", "line 5"},
  };
  for (const auto& [from, to, expected] : faults) {
    std::string text = good;
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, std::string(from).size(), to);
    write_text(path, text);
    const std::string message = message_of([&] { load_config(path); });
    EXPECT_NE(message.find(expected), std::string::npos) << to << " gave: " << message;
    EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  }
}

// ---- the store

std::vector<Painting> some_paintings() {
  return {{random_id(), "city", 0, "One", 10},
          {random_id(), "city", 1, "Two", 11},
          {random_id(), "mood", 0, "Three; DROP TABLE painting; --'\"", 12}};
}

TEST(StoreTest, RemembersAcrossReopening) {
  const TemporaryDirectory directory;
  const auto paintings = some_paintings();
  open_sqlite_store(directory / "db", true)->hang(paintings);
  const auto store = open_sqlite_store(directory / "db", false);
  EXPECT_EQ(store->paintings(), paintings);
  EXPECT_TRUE(store->healthy());
}

TEST(StoreTest, HangsAllOrNothing) {
  const TemporaryDirectory directory;
  const auto store = open_sqlite_store(directory / "db", true);
  const auto paintings = some_paintings();
  store->hang(paintings);
  const std::vector<Painting> collisions = {
      {paintings[0].id, "mood", 5, "same id", 20},     {random_id(), "city", 1, "same place", 21},
      {random_id(), "mood", 6, "same candidate", 12},  {random_id(), "mood", 7, "", 22},
      {random_id(), "mood", -1, "negative place", 23},
  };
  for (const Painting& collision : collisions) {
    const std::string message = message_of([&] {
      store->hang({{random_id(), "mood", 9, "innocent", 30}, collision});
    });
    EXPECT_NE(message.find(collision.id), std::string::npos) << message;
    EXPECT_EQ(store->paintings(), paintings) << collision.title;
  }
}

TEST(StoreTest, IsOpenOnceAtATime) {
  const TemporaryDirectory directory;
  const auto store = open_sqlite_store(directory / "db", true);
  EXPECT_NE(message_of([&] { open_sqlite_store(directory / "db", false); }).find("locked"),
            std::string::npos);
}

TEST(StoreTest, IsNeitherCreatedByMistakeNorOverwritten) {
  const TemporaryDirectory directory;
  EXPECT_THROW(open_sqlite_store(directory / "db", false), Error);
  EXPECT_FALSE(std::filesystem::exists(directory / "db"));
  open_sqlite_store(directory / "db", true);
  EXPECT_THROW(open_sqlite_store(directory / "db", true), Error);
}

void execute(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(StoreTest, DatabaseOfANewerProgramIsRefusedAndLeftAlone) {
  const TemporaryDirectory directory;
  open_sqlite_store(directory / "db", true);
  execute(directory / "db", "PRAGMA user_version = 999");
  EXPECT_NE(message_of([&] { open_sqlite_store(directory / "db", false); }).find("schema 999"),
            std::string::npos);
}

TEST(StoreTest, EmptyDatabaseIsMigrated) {
  const TemporaryDirectory directory;
  execute(directory / "db", "PRAGMA user_version = 0; VACUUM");
  const auto store = open_sqlite_store(directory / "db", false);
  store->hang(some_paintings());
  EXPECT_EQ(store->paintings().size(), 3u);
}

TEST(StoreTest, DamagedDatabaseIsRefusedByName) {
  const TemporaryDirectory directory;
  const auto path = directory / "db";
  {
    const auto store = open_sqlite_store(path, true);
    std::vector<Painting> many;
    for (int i = 0; i < 500; ++i)
      many.push_back({random_id(), "city", i, "Work", static_cast<uint64_t>(i)});
    store->hang(many);
  }
  std::string bytes = file_bytes(path);
  ASSERT_GT(bytes.size(), 5u * 4096);
  for (size_t i = 2 * 4096; i < 4 * 4096; ++i) bytes[i] = static_cast<char>(i * 7);
  write_text(path, bytes);
  const std::string message = message_of([&] { open_sqlite_store(path, false); });
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  write_text(path, "This is no database at all, but a text that is long enough to be looked at.");
  EXPECT_NE(message_of([&] { open_sqlite_store(path, false); }).find(path.string()),
            std::string::npos);
}

TEST(StoreTest, AFileThatWasCutToNothingIsNoFreshDatabase) {
  const TemporaryDirectory directory;
  const auto path = directory / "db";
  open_sqlite_store(path, true)->hang(some_paintings());
  const auto said = [&](const std::string& bytes, const auto& open) {
    write_text(path, bytes);
    return message_of([&] { open(); });
  };
  const auto serve = [&] { open_sqlite_store(path, false); };
  const auto read = [&] { open_sqlite_reader(path); };
  const auto copy = [&] { backup_sqlite(path, directory / "copy"); };
  EXPECT_NE(said("", serve).find("empty (0 bytes)"), std::string::npos);
  EXPECT_NE(said("", read).find("empty (0 bytes)"), std::string::npos);
  EXPECT_NE(said("", copy).find("empty (0 bytes)"), std::string::npos);
  EXPECT_NE(said("<!DOCTYPE html>", read).find("no SQLite database"), std::string::npos);
  EXPECT_EQ(file_bytes(path), "<!DOCTYPE html>") << "nothing is written over it";
}

TEST(StoreTest, IsReadWhereNothingMayBeWritten) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "disk");
  const auto path = directory / "disk" / "db";
  open_sqlite_store(path, true)->hang(some_paintings());
  const std::string where = (directory / "disk").string();
  if (::mount(where.c_str(), where.c_str(), nullptr, MS_BIND, nullptr) != 0)
    GTEST_SKIP() << "the system lets nobody here mount";
  ASSERT_EQ(::mount(nullptr, where.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  EXPECT_NO_THROW({
    EXPECT_EQ(open_sqlite_reader(path)->paintings().size(), 3u);
    backup_sqlite(path, directory / "copy");
  });
  EXPECT_NE(message_of([&] { open_sqlite_store(path, false); }).find("Read-only file system"),
            std::string::npos);
  ASSERT_EQ(::umount2(where.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(open_sqlite_reader(directory / "copy")->paintings().size(), 3u);
}

TEST(StoreTest, FactsAreKept) {
  const TemporaryDirectory directory;
  const auto store = open_sqlite_store(directory / "db", true);
  EXPECT_FALSE(store->fact("key"));
  store->record_fact("key", "a");
  store->record_fact("key", "b");
  EXPECT_EQ(store->fact("key"), "b");
}

// ---- hanging

TEST_F(Hung, FourRoomsOfSixteenWithHonestTitles) {
  const Gallery gallery(path());
  EXPECT_FALSE(gallery.config().curated);
  EXPECT_TRUE(gallery.config().untrained);
  EXPECT_EQ(gallery.ladder(), std::vector<int>{192});
  std::set<std::string> ids, titles;
  std::set<uint64_t> candidates;
  for (const char* slug : {"people", "nature", "city", "mood"}) {
    ASSERT_NE(gallery.room(slug), nullptr);
    ASSERT_EQ(gallery.wall(slug).size(), 16u);
    for (size_t i = 0; i < 16; ++i) {
      const Painting& painting = *gallery.wall(slug)[i];
      EXPECT_EQ(painting.position, static_cast<int>(i));
      EXPECT_TRUE(is_id(painting.id));
      EXPECT_EQ(painting.title.find("Untitled No. "), 0u);
      EXPECT_EQ(gallery.painting(painting.id), &painting);
      ids.insert(painting.id);
      titles.insert(painting.title);
      candidates.insert(painting.candidate);
    }
  }
  EXPECT_EQ(ids.size(), 64u);
  EXPECT_EQ(titles.size(), 64u);
  EXPECT_EQ(candidates.size(), 64u);
  EXPECT_EQ(*candidates.rbegin(), 63u);
}

TEST_F(Hung, UnknownNamesFindNothing) {
  const Gallery gallery(path());
  EXPECT_EQ(gallery.room("attic"), nullptr);
  EXPECT_EQ(gallery.room(""), nullptr);
  EXPECT_TRUE(gallery.wall("attic").empty());
  EXPECT_EQ(gallery.painting("nothing"), nullptr);
}

TEST_F(Hung, NeighboursStandOnTheSameWall) {
  const Gallery gallery(path());
  const auto& wall = gallery.wall("city");
  EXPECT_EQ(gallery.neighbour(*wall[0], -1), nullptr);
  EXPECT_EQ(gallery.neighbour(*wall[0], 1), wall[1]);
  EXPECT_EQ(gallery.neighbour(*wall[15], -1), wall[14]);
  EXPECT_EQ(gallery.neighbour(*wall[15], 1), nullptr);
}

// Neither the place on the wall nor the number in the title says which candidate it is: a hanging
// in candidate order would leave one ascending run of 64; a shuffled one has 64/2 ± √(64/12)·10
// breaks.
TEST_F(Hung, PlacesDoNotFollowCandidates) {
  const Gallery gallery(path());
  int ascents = 0;
  const Painting* before = nullptr;
  for (const gallery::Room& room : gallery.config().rooms)
    for (const Painting* painting : gallery.wall(room.slug)) {
      if (before && painting->candidate == before->candidate + 1) ++ascents;
      before = painting;
    }
  EXPECT_LT(ascents, 12);
}

TEST_F(Hung, DatabaseAndDescriptionHoldNoSecret) {
  const Gallery gallery(path());
  const std::string key = file_bytes(path() / "gallery.key");
  ASSERT_EQ(key.size(), 32u);
  for (const char* name : {"gallery.db", "gallery.toml"}) {
    const std::string bytes = file_bytes(path() / name);
    EXPECT_EQ(bytes.find(key), std::string::npos) << name;
    EXPECT_EQ(bytes.find(key.substr(0, 8)), std::string::npos) << name;
    for (uint64_t candidate = 0; candidate < 64; ++candidate) {
      const auto z = gallery.key().latent(candidate, 16);
      const uint64_t seed = gallery.key().noise_seed(candidate);
      EXPECT_EQ(bytes.find(std::string(reinterpret_cast<const char*>(z.data()), 8)),
                std::string::npos);
      EXPECT_EQ(bytes.find(std::string(reinterpret_cast<const char*>(&seed), 8)),
                std::string::npos);
      EXPECT_EQ(bytes.find(std::to_string(seed)), std::string::npos);
    }
  }
}

TEST_F(Hung, NothingIsReplacedAndNothingIsLeftBehind) {
  const std::string before = file_bytes(path() / "gallery.key");
  EXPECT_THROW(hang_gallery({model(), path(), "Again", 16, 0.7f}), Error);
  EXPECT_EQ(file_bytes(path() / "gallery.key"), before);

  EXPECT_THROW(hang_gallery({beside() / "missing", beside() / "g1", "x", 16, 0.7f}), Error);
  EXPECT_THROW(hang_gallery({model(), beside() / "g1", "x", 0, 0.7f}), Error);
  EXPECT_THROW(hang_gallery({model(), beside() / "g1", "x", 10001, 0.7f}), Error);
  EXPECT_THROW(hang_gallery({model(), beside() / "g1", "x", 1, 1.5f}), Error);
  EXPECT_THROW(hang_gallery({model(), beside() / "g1", "", 1, 0.7f}), Error);
  EXPECT_THROW(hang_gallery({model(), model() / "g1", "x", 1, 0.7f}), Error) << "below a file";
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(beside())) {
    (void)entry;
    ++entries;
  }
  EXPECT_EQ(entries, 2) << "the model and the one gallery";
}

TEST_F(Hung, AnEmptyDirectoryMayBeFilled) {
  std::filesystem::create_directory(beside() / "empty");
  hang_gallery({model(), beside() / "empty/", "Second", 1, 1.0f});
  EXPECT_EQ(Gallery(beside() / "empty").config().name, "Second");
  EXPECT_NE(file_bytes(beside() / "empty" / "gallery.key"), file_bytes(path() / "gallery.key"));
  std::filesystem::remove_all(beside() / "empty");
}

TEST_F(Hung, ANetworkWithoutRoomForAPreviewIsRefused) {
  save_network(beside() / "small.safetensors", testing::tiny_network(16));
  EXPECT_NE(message_of([&] {
              hang_gallery({beside() / "small.safetensors", beside() / "g2", "x", 1, 1});
            }).find("at least 32"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(beside() / "g2"));
  std::filesystem::remove(beside() / "small.safetensors");
}

TEST(NewDirectory, MakesTheFoldersAboveItToo) {
  const testing::TemporaryDirectory directory;
  const auto out = directory.path() / "galleries" / "of" / "mine";
  {
    NewDirectory made(out);
    made.move_into_place();
  }
  EXPECT_TRUE(std::filesystem::is_directory(out));
  std::ofstream(directory.path() / "file") << "no folder";
  EXPECT_THROW(NewDirectory(directory.path() / "file" / "mine"), Error);
}

TEST(Ladder, NeverHoldsTheFullSize) {
  EXPECT_EQ(ladder_below(16), std::vector<int>{});
  EXPECT_EQ(ladder_below(32), (std::vector<int>{16, 24}));
  EXPECT_EQ(ladder_below(64), (std::vector<int>{32, 48}));
  EXPECT_EQ(ladder_below(192), (std::vector<int>{96, 144}));
  EXPECT_EQ(ladder_below(193), std::vector<int>{192});
  EXPECT_EQ(ladder_below(256), std::vector<int>{192});
  EXPECT_EQ(ladder_below(512), (std::vector<int>{192, 256, 384}));
  EXPECT_EQ(ladder_below(1024), (std::vector<int>{192, 256, 384, 512}));
}

}  // namespace
}  // namespace vernissage::gallery
