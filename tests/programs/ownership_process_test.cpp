// Ownership from outside: the program as a process that is killed, runs out of disk, and is asked
// about certificates. Goal: what a visitor was told stays true. Method: the binary as a child, real
// sockets, a network small enough to paint at once; visitors are named by a trusted proxy, which
// the test plays.
//
// 20 kills; VERNISSAGE_KILLS sets another number. (A kill is a crash of the process, not of the
// machine: power_cut_test cuts the power.)
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "server/gallery/audit.h"
#include "server/gallery/claim_log.h"
#include "server/gallery/gallery.h"
#include "server/gallery/hang.h"
#include "tests/support/child.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using gallery::Gallery;
using testing::Answer;
using testing::Child;
using testing::file_text;
using testing::TemporaryDirectory;
using testing::Wire;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The promise is for a machine that has nothing else to do, where the kills are counted by hand; a
// suite may run anywhere.
constexpr auto kReadyAgain = 2s;
constexpr auto kReadyAgainAnywhere = 40s;

void hang(const std::filesystem::path& directory, int per_room) {
  save_network(directory / "net.safetensors", testing::tiny_network(256));
  gallery::hang_gallery(
      {directory / "net.safetensors", directory / "gallery", "Owned", per_room, 0.7f});
}

class Server {
 public:
  explicit Server(const std::filesystem::path& directory)
      : child_({VERNISSAGE_BINARY, "serve", "--gallery", directory / "gallery", "--port", "0",
                "--device", "cpu", "--threads", "1", "--identity", "header:X-User",
                "--trusted-proxy", "127.0.0.1", "--claims-per-hour", "0"},
               directory / "server"),
        endpoint_("127.0.0.1:" + child_.say("Serving .* at http://127.0.0.1:([0-9]+)")) {}

  const std::string& endpoint() const { return endpoint_; }
  Child& child() { return child_; }

  Answer claim(const std::string& painting, const std::string& user) const {
    Wire wire(endpoint_);
    return claim(wire, painting, user);
  }
  static Answer claim(Wire& wire, const std::string& painting, const std::string& user) {
    const std::string body = "{\"painting\":\"" + painting + "\",\"plaque\":\"" + user + "\"}";
    wire.ask("POST", "/api/v1/claims", "X-User: " + user + "\r\nContent-Type: application/json\r\n",
             body);
    return wire.receive();
  }
  Answer get(const std::string& path, const std::string& user) const {
    return testing::ask(endpoint_, "GET", path, "X-User: " + user + "\r\n");
  }
  bool has_picture(const std::string& painting, const std::string& user) const {
    for (const auto end = Clock::now() + testing::kPatience; Clock::now() < end; ::usleep(10000))
      if (get("/paintings/" + painting + "/full.png", user).status == 200) return true;
    return false;
  }

 private:
  Child child_;
  std::string endpoint_;
};

std::vector<std::string> ids_of(const std::filesystem::path& directory) {
  std::vector<std::string> ids;
  const Gallery gallery(directory / "gallery");
  for (const gallery::Painting* painting : gallery.catalogue()) ids.push_back(painting->id);
  return ids;
}

// ---- crashes

TEST(Crash, NoAcknowledgedClaimIsLostWhenTheProcessIsKilled) {
  const char* set = std::getenv("VERNISSAGE_KILLS");
  const int kills = set ? std::max(1, std::atoi(set)) : 20;
  constexpr int kClients = 4;
  constexpr size_t kWantedARound = 20;
  constexpr unsigned kSeed = 9;
  const TemporaryDirectory directory;
  hang(directory.path(), static_cast<int>(kWantedARound) * kills / 4 + 1);
  const std::vector<std::string> ids = ids_of(directory.path());
  std::mt19937 random(kSeed);

  std::mutex mutex;
  std::map<std::string, std::string> acknowledged;  // painting → user
  Clock::duration slowest{};
  for (int round = 0; round < kills; ++round) {
    const auto start = Clock::now();
    Server server(directory.path());
    ASSERT_NE(server.endpoint(), "127.0.0.1:") << server.child().err();
    slowest = std::max(slowest, Clock::now() - start);
    std::atomic<int> won = 0;
    {
      std::vector<std::jthread> clients;
      for (int client = 0; client < kClients; ++client)
        clients.emplace_back([&, client] {
          Wire wire(server.endpoint());
          for (int n = 0;; ++n) {
            const size_t wanted =
                static_cast<size_t>(round) * kWantedARound + static_cast<size_t>(n) % kWantedARound;
            const std::string user =
                std::to_string(round) + "-" + std::to_string(client) + "-" + std::to_string(n);
            const Answer answer = Server::claim(wire, ids[wanted], user);
            if (answer.status == 0) return;  // killed
            EXPECT_TRUE(answer.status == 201 || answer.status == 409) << answer.body;
            if (answer.status != 201) continue;
            ++won;
            const std::lock_guard lock(mutex);
            EXPECT_TRUE(acknowledged.emplace(ids[wanted], user).second) << "a second owner";
          }
        });
      // In the middle of the claims, anywhere among them.
      const int wins = std::uniform_int_distribution<int>(1, kWantedARound - 4)(random);
      const auto end = Clock::now() + testing::kPatience;
      while (won < wins && Clock::now() < end) ::usleep(500);
      ::usleep(std::uniform_int_distribution<useconds_t>(0, 5000)(random));
      server.child().signal(SIGKILL);
    }
    server.child().wait();
    const Gallery gallery(directory / "gallery");
    const auto log = gallery.store().claims_since(0);
    EXPECT_EQ(gallery::check_log(log).fault, std::nullopt);
    std::map<std::string, std::string> owners;
    for (const gallery::Claim& claim : log) owners[claim.painting] = claim.plaque;
    for (const auto& [painting, user] : acknowledged) EXPECT_EQ(owners[painting], user) << round;
  }
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kills)) << "there was no load to speak of";
  EXPECT_LT(slowest, set ? kReadyAgain : kReadyAgainAnywhere);

  // What the kills left unpainted is painted without anybody asking.
  Server server(directory.path());
  for (const auto& [painting, user] : acknowledged)
    ASSERT_TRUE(server.has_picture(painting, user)) << painting;
  server.child().signal(SIGTERM);
  EXPECT_EQ(server.child().wait(), 0);
  const gallery::Audit audit = gallery::audit_gallery(directory / "gallery", std::nullopt);
  EXPECT_GE(audit.claims, static_cast<int64_t>(acknowledged.size()));
  std::printf("%d kills, %zu claims acknowledged, ready again after %.2f s at most\n", kills,
              acknowledged.size(), std::chrono::duration<double>(slowest).count());
}

// ---- a full disk

// A disk of a few megabytes, where the system lets us make one.
class SmallDisk {
 public:
  SmallDisk() {
    mounted_ = ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=6m,mode=700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return directory_.path(); }

  void fill() const {
    std::ofstream file(path() / "filler", std::ios::binary);
    const std::string piece(4096, 'x');
    while (file.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(path() / "filler"); }

 private:
  TemporaryDirectory directory_;
  bool mounted_ = false;
};

class FullDisk : public ::testing::TestWithParam<const char*> {};

TEST_P(FullDisk, ClaimsAreToldToComeBackReadersAreServedAndSpaceHeals) {
  const SmallDisk disk;
  ASSERT_TRUE(disk.is_mounted());
  hang(disk.path(), 4);
  const std::vector<std::string> ids = ids_of(disk.path());
  Server server(disk.path());
  ASSERT_EQ(server.claim(ids[0], "anna").status, 201);
  ASSERT_TRUE(server.has_picture(ids[0], "anna"));
  disk.fill();
  for (int attempt = 0; attempt < 5; ++attempt) {
    const Answer refused = server.claim(ids[1], "boris");
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_NE(refused.field("Retry-After"), "");
    EXPECT_EQ(server.get("/", "boris").status, 200);
    EXPECT_EQ(server.get("/rooms/city", "boris").status, 200);
    EXPECT_EQ(server.get("/api/v1/state", "boris").status, 200);
    EXPECT_EQ(server.get("/paintings/" + ids[0] + "/full.png", "anna").status, 200);
    EXPECT_EQ(server.claim(ids[0], "anna").status, 200) << "owned already: needs no room";
    EXPECT_EQ(server.claim(ids[0], "boris").status, 409);
  }
  disk.make_room();
  EXPECT_EQ(server.claim(ids[1], "boris").status, 201);
  EXPECT_TRUE(server.has_picture(ids[1], "boris"));
  server.child().signal(SIGTERM);
  EXPECT_EQ(server.child().wait(), 0);
}

std::vector<const char*> disks() {
  return SmallDisk().is_mounted() ? std::vector<const char*>{"tmpfs"} : std::vector<const char*>{};
}
INSTANTIATE_TEST_SUITE_P(WhereOneCanBeMade, FullDisk, ::testing::ValuesIn(disks()),
                         [](const auto& kind) { return std::string(kind.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FullDisk);

// ---- the commands

void execute(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(Commands, AuditVerifyAndBackupSayWhatTheyFoundAndExitByIt) {
  const TemporaryDirectory directory;
  hang(directory.path(), 2);
  const std::vector<std::string> ids = ids_of(directory.path());
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), VERNISSAGE_BINARY);
    Child child(arguments, directory / "command");
    const int status = child.wait();
    return std::pair(status, child.out() + child.err());
  };
  const std::string gallery = directory / "gallery";
  std::string key;
  {
    Server server(directory.path());
    ASSERT_EQ(server.claim(ids[0], "anna").status, 201);
    ASSERT_TRUE(server.has_picture(ids[0], "anna"));
    std::ofstream(directory / "mine.png", std::ios::binary)
        << server.get("/paintings/" + ids[0] + "/full.png", "anna").body;
    const auto [status, text] = run({"audit", gallery});  // beside the server
    EXPECT_EQ(status, 0) << text;
    EXPECT_NE(text.find("1 of 8 paintings are owned"), std::string::npos) << text;
    key = text.substr(text.find("certificates: ") + 14, 64);
    EXPECT_EQ(run({"backup", gallery, directory / "copy"}).first, 0);
    EXPECT_EQ(run({"backup", gallery, directory / "copy"}).first, 1) << "is there already";
  }
  EXPECT_EQ(run({"audit", directory / "copy"}).first, 0);
  const std::string mine = directory / "mine.png";
  for (const std::vector<std::string>& how : {std::vector<std::string>{},
                                              {"--key", key},
                                              {"--gallery", gallery},
                                              {"--gallery", directory / "copy"}}) {
    std::vector<std::string> arguments = {"verify", mine};
    arguments.insert(arguments.end(), how.begin(), how.end());
    const auto [status, text] = run(arguments);
    EXPECT_EQ(status, 0) << text;
    EXPECT_NE(text.find("owner:   anna"), std::string::npos) << text;
  }
  EXPECT_EQ(run({"verify", mine, "--key", std::string(64, '0')}).first, 1);
  EXPECT_EQ(run({"verify", directory / "net.safetensors"}).first, 1);
  EXPECT_EQ(run({"verify", directory / "nothing.png"}).first, 1);
  execute(directory / "gallery" / "gallery.db",
          "DROP TRIGGER claim_is_final; UPDATE claim SET plaque = 'Mallory'");
  const auto [status, text] = run({"audit", gallery});
  EXPECT_EQ(status, 1);
  EXPECT_NE(text.find("entry 1 was changed"), std::string::npos) << text;

  // The copy is a gallery like any other, and knows its owners. A picture that is gone is painted
  // again, to the last byte.
  std::filesystem::remove_all(directory / "gallery");
  std::filesystem::rename(directory / "copy", directory / "gallery");
  EXPECT_EQ(std::filesystem::remove_all(directory / "gallery" / "owned"), 2u);
  Server server(directory.path());
  ASSERT_TRUE(server.has_picture(ids[0], "anna"));
  EXPECT_EQ(server.get("/paintings/" + ids[0] + "/full.png", "anna").body, file_text(mine));
  EXPECT_EQ(server.claim(ids[0], "boris").status, 409);
}

}  // namespace
}  // namespace vernissage
