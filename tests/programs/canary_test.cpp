// Whoever can repeat a painting's latent can paint it, so nothing that leaves the gallery may say
// how a picture came about: no candidate, seed, latent or key, in any spelling. Goal: everything
// that the program gives away is free of them. Method: a gallery whose candidates are numbers that
// cannot occur by chance; two servers, with either format of the log and either way to know a
// visitor, asked for every address in the description of the interface by an owner and by a
// stranger; then all answers with their heads, streams, pictures, metrics, logs and files are
// searched for every secret.
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/gallery/hang.h"
#include "tests/support/child.h"
#include "tests/support/json.h"
#include "tests/support/secrets.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using gallery::Gallery;
using testing::Answer;
using testing::Child;
using testing::file_text;
using testing::TemporaryDirectory;
using testing::Wire;
using Clock = std::chrono::steady_clock;

constexpr int kPerRoom = 3;

void hang(const TemporaryDirectory& directory) {
  save_network(directory / "net.safetensors", testing::tiny_network(256));
  gallery::hang_gallery(
      {directory / "net.safetensors", directory / "gallery", "Canary", kPerRoom, 0.7f});
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((directory / "gallery" / "gallery.db").c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(
                database,
                "UPDATE painting SET candidate = 7340912855000000000 + 918273645546372 * candidate",
                nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

std::vector<std::string> ids_of(const TemporaryDirectory& directory) {
  std::vector<std::string> ids;
  const Gallery gallery(directory / "gallery");
  for (const gallery::Painting* painting : gallery.catalogue()) ids.push_back(painting->id);
  return ids;
}

// One server and all that it says, kept under what was asked.
class Heard {
 public:
  Heard(const TemporaryDirectory& directory, const std::vector<std::string>& more,
        std::map<std::string, std::string>& seen)
      : metrics_("unix:" + (directory / "metrics.sock").string()),
        child_(arguments(directory, metrics_, more), directory / "server"),
        endpoint_("127.0.0.1:" + child_.say("Serving .* at http://127.0.0.1:([0-9]+)")),
        seen_(seen) {}

  // `who` is the lines by which the server knows a visitor.
  Answer ask(const std::string& method, const std::string& path, const std::string& who,
             const std::string& body = "") {
    const Answer answer = testing::ask(endpoint_, method, path, who, body);
    keep(method + " " + path + " as " + who + body, answer.head + answer.body);
    asked_.insert(path);
    well_ += answer.status == 200;
    return answer;
  }
  Answer claim(const std::string& painting, const std::string& who) {
    return ask("POST", "/api/v1/claims", who + "Content-Type: application/json\r\n",
               "{\"painting\":\"" + painting + "\",\"plaque\":\"Ada\"}");
  }
  bool has_picture(const std::string& painting, const std::string& who) {
    for (const auto end = Clock::now() + testing::kPatience; Clock::now() < end; ::usleep(10000))
      if (ask("GET", "/paintings/" + painting + "/full.png", who).status == 200) return true;
    return false;
  }
  /// What a stream says until it, or the server, ends; read beside everything else.
  void listen(const std::string& path) {
    asked_.insert(path);
    streams_.emplace_back(path, "");
    std::string& text = streams_.back().second;
    Wire* wire = wires_.emplace_back(std::make_unique<Wire>(endpoint_)).get();
    wire->ask("GET", path, "Connection: close\r\n");
    text = wire->receive_head().head;
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200")) << path << text;
    listeners_.emplace_back([&text, wire] { text += wire->receive_all(); });
  }
  /// The last streams that were opened, and then the server, come to their end.
  void end() {
    keep("metrics", testing::ask(metrics_, "GET", "/metrics").body);
    child_.signal(SIGTERM);
    EXPECT_EQ(child_.wait(), 0) << child_.err();
    listeners_.clear();
    for (const auto& [path, text] : streams_) {
      EXPECT_GT(text.size(), 300u) << path << " said little: " << text;
      keep("GET " + path, text);
    }
    keep("stdout", child_.out());
    keep("the log", child_.err());
  }
  const std::set<std::string>& asked() const { return asked_; }
  int answered_well() const { return well_; }

 private:
  static std::vector<std::string> arguments(const TemporaryDirectory& directory,
                                            const std::string& metrics,
                                            const std::vector<std::string>& more) {
    std::vector<std::string> all = {
        VERNISSAGE_BINARY,  "serve", "--gallery",         directory / "gallery",
        "--port",           "0",     "--device",          "cpu",
        "--threads",        "1",     "--claims-per-hour", "0",
        "--metrics-listen", metrics};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void keep(const std::string& what, const std::string& text) {
    seen_[endpoint_ + ": " + what] += text;
  }

  const std::string metrics_;
  Child child_;
  const std::string endpoint_;
  std::map<std::string, std::string>& seen_;
  std::set<std::string> asked_;
  int well_ = 0;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::list<std::pair<std::string, std::string>> streams_;
  std::vector<std::jthread> listeners_;
};

// Every address that everybody may ask for, of these paintings.
std::vector<std::string> addresses(const std::vector<std::string>& ids, const std::string& page) {
  std::vector<std::string> all = {"/",
                                  "/rooms/none",
                                  "/mine",
                                  "/studio",
                                  "/drift",
                                  "/me",
                                  "/metrics",
                                  "/api/v1/gallery",
                                  "/api/v1/state",
                                  "/api/v1/me",
                                  "/api/v1/studio/3.jpg",
                                  "/api/v1/studio/3.png",
                                  "/healthz",
                                  "/readyz",
                                  "/openapi.json",
                                  "/favicon.svg",
                                  "/favicon.ico",
                                  "/paintings/x/full.png",
                                  "/api/v1/paintings/x",
                                  "/api/v1/flow?from=x&to=y",
                                  "/?lang=pt",
                                  "/drift?lang=ru"};
  for (const char* room : {"people", "nature", "city", "mood"})
    for (const char* before : {"/rooms/", "/api/v1/rooms/"})
      all.push_back(before + std::string(room));
  for (const std::string& id : ids) {
    for (const char* rest :
         {"", "?lang=pt", "/192.webp", "/192.jpg", "/full.png", "/claim", "/4096.jpg"})
      all.push_back("/paintings/" + id + rest);
    all.push_back("/certificates/" + id);
    all.push_back("/api/v1/paintings/" + id);
  }
  // What the page loads.
  for (size_t at = 0; (at = page.find("/assets/", at)) != std::string::npos; ++at)
    all.push_back(page.substr(at, page.find_first_of("\"') \n", at) - at));
  return all;
}

// True when `path` is an address of the description's `pattern`, such as "/rooms/{room}".
bool matches(const std::string& path, const std::string& pattern) {
  const std::string plain = path.substr(0, path.find('?'));
  size_t at = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      if (at == plain.size() || plain[at++] != pattern[i]) return false;
      continue;
    }
    i = pattern.find('}', i);
    at = std::min(plain.find('/', at), plain.size());
  }
  return at == plain.size();
}

TEST(Canary, NothingThatLeavesTheGalleryHoldsASecret) {
  const TemporaryDirectory directory;
  hang(directory);
  const std::vector<std::string> ids = ids_of(directory);
  std::map<std::string, std::string> seen;

  const std::string stranger = "X-User: stranger\r\n";
  {
    Heard server(directory, {"--identity", "header:X-User", "--trusted-proxy", "127.0.0.1"}, seen);
    server.listen("/api/v1/events");
    server.listen("/api/v1/flow?from=" + ids[0] + "&to=" + ids[1]);
    server.listen("/api/v1/rooms/people/stream");
    std::vector<std::string> users;
    for (size_t i = 0; i < 4; ++i) {
      users.push_back("X-User: user" + std::to_string(i) + "\r\n");
      EXPECT_EQ(server.claim(ids[kPerRoom * i], users[i]).status, 201);
      EXPECT_TRUE(server.has_picture(ids[kPerRoom * i], users[i]));
    }
    EXPECT_EQ(server.claim(ids[0], stranger).status, 409);
    EXPECT_EQ(server.claim("nothing", stranger).status, 404);
    EXPECT_EQ(server.ask("POST", "/claims", stranger, "painting=" + ids[0]).status / 100, 4);
    const std::string page = server.ask("GET", "/", stranger).body;
    for (const std::string& path : addresses(ids, page)) {
      server.ask("GET", path, users[0]);
      server.ask("GET", path, stranger + "Accept-Language: pt\r\n");
    }
    for (const char* accept : {"application/json", "text/html"})
      server.ask("GET", "/rooms/none", std::string("Accept: ") + accept + "\r\n");
    server.end();
    EXPECT_GE(server.answered_well(), 2 * static_cast<int>(5 * ids.size() + 20));
    const testing::Json description =
        testing::parse_json(file_text(VERNISSAGE_SOURCE_DIR "/server/web/files/openapi.json"));
    for (const auto& [pattern, operations] : description.at("paths").members) {
      bool was_asked = false;
      for (const std::string& path : server.asked()) was_asked |= matches(path, pattern);
      EXPECT_TRUE(was_asked) << pattern << " was not asked for";
    }
  }
  {
    Heard server(directory, {"--log-format", "json"}, seen);
    const Answer me = server.ask("GET", "/api/v1/me", "");
    const std::string set = me.field("Set-Cookie");
    ASSERT_NE(set, "");
    const std::string who = "Cookie: " + set.substr(0, set.find(';')) + "\r\n";
    EXPECT_EQ(server.claim(ids[1], who).status, 201);
    EXPECT_TRUE(server.has_picture(ids[1], who));
    for (const std::string& path : addresses({ids[1], ids[2]}, "")) server.ask("GET", path, who);
    server.end();
  }
  const std::pair<const char*, std::vector<std::string>> commands[] = {
      {"audit", {"audit", directory / "gallery"}},
      {"backup", {"backup", directory / "gallery", directory / "copy"}},
      {"rotate-keys", {"rotate-keys", directory / "gallery"}}};
  for (const auto& [name, arguments] : commands) {
    std::vector<std::string> all = {VERNISSAGE_BINARY};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Child child(all, directory / name);
    EXPECT_EQ(child.wait(), 0) << child.err();
    seen[name] = child.out() + child.err();
  }
  int files = 0;
  std::map<std::string, std::string> databases;
  for (const char* part : {"gallery", "copy"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / part)) {
      const std::string name = entry.path().filename();
      // The keys themselves, and the network, which is nobody's secret here.
      if (!entry.is_regular_file() || name.ends_with(".key") || name == "generator.safetensors")
        continue;
      (name.starts_with("gallery.db") ? databases : seen)[entry.path()] = file_text(entry.path());
      ++files;
    }
  EXPECT_GE(files, 13) << "two databases, two descriptions, ten owners' pictures, previews";

  const Gallery gallery(directory / "gallery");
  auto secrets = testing::secrets_of(gallery);
  EXPECT_EQ(testing::secrets_in(seen, secrets), "");
  // The search itself: it finds what is there.
  const std::string planted = "[" + gallery::hex(gallery.key().derived("certificates"));
  EXPECT_NE(testing::secrets_in({{"planted", planted}}, secrets), "");
  // The databases have to know which candidate a painting is, and nothing else.
  EXPECT_NE(testing::secrets_in(databases, secrets), "");
  std::erase_if(secrets,
                [](const auto& secret) { return secret.second.starts_with("the candidate"); });
  EXPECT_EQ(testing::secrets_in(databases, secrets), "");
}

}  // namespace
}  // namespace vernissage
