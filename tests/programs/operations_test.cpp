// The server as its operator meets it: settings, logs, metrics, sockets, the proxy in front, and
// the end. Goal: what operators are promised holds for the program itself. Method: the binary as a
// child, a network small enough to paint at once, real sockets, and, where it is installed, the
// real nginx with the example that we ship.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "tests/support/child.h"
#include "tests/support/json.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using testing::Answer;
using testing::ask;
using testing::Child;
using testing::Json;
using testing::parse_json;
using testing::TemporaryDirectory;
using testing::Wire;
using Clock = std::chrono::steady_clock;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The value of a metric, written with its labels; NaN when it is not there.
double metric(const std::string& text, const std::string& series) {
  for (const std::string& line : lines_of(text))
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  return std::nan("");
}

class Operations : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    testing::hang_tiny_gallery(VERNISSAGE_BINARY, directory_->path(),
                               {"--name", "Tiny", "--per-room", "3"});
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string gallery() { return (*directory_ / "gallery").string(); }
  static std::filesystem::path here(const std::string& name) { return *directory_ / name; }

  static std::vector<std::string> serve(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {VERNISSAGE_BINARY, "serve", "--gallery", gallery(),
                                          "--port",          "0",     "--device",  "cpu",
                                          "--threads",       "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // "127.0.0.1:PORT", once the server is ready.
  static std::string endpoint_of(Child& child) {
    const std::string endpoint = child.say("Serving .* at (?:http://)?(\\S+)\n");
    EXPECT_NE(endpoint, "") << child.err();
    return endpoint;
  }
  static std::string some_id(const std::string& endpoint, const std::string& room = "city") {
    std::smatch match;
    const std::string text = ask(endpoint, "GET", "/api/v1/rooms/" + room).body;
    return std::regex_search(text, match, std::regex("\"id\":\"([a-z2-7]{26})\"")) ? match[1].str()
                                                                                   : "";
  }

 private:
  static inline TemporaryDirectory* directory_;
};

// ---- settings

TEST_F(Operations, ConfigPrintsWhatIsInForceAndFromWhere) {
  std::ofstream(here("some.toml")) << "host = \"127.0.0.2\"\nthreads = 7\nport = 1\n";
  Child config({VERNISSAGE_BINARY, "config", "--config", here("some.toml").string(), "--port", "5"},
               here("config"), {"VERNISSAGE_THREADS=6"});
  EXPECT_EQ(config.wait(), 0) << config.err();
  const std::string out = config.out();
  EXPECT_NE(out.find("port = 5  # --port\n"), std::string::npos) << out;
  EXPECT_NE(out.find("threads = 6  # VERNISSAGE_THREADS\n"), std::string::npos) << out;
  EXPECT_NE(out.find("host = '127.0.0.2'  # " + here("some.toml").string()), std::string::npos)
      << out;
  EXPECT_NE(out.find("  # default\n"), std::string::npos) << out;

  Child again({VERNISSAGE_BINARY, "config"}, here("config"),
              {"VERNISSAGE_CONFIG=" + here("some.toml").string()});
  EXPECT_EQ(again.wait(), 0);
  EXPECT_NE(again.out().find("port = 1  # "), std::string::npos) << again.out();
}

TEST_F(Operations, WrongSettingsAreOneLineEach) {
  std::ofstream(here("wrong.toml")) << "prot = 1\n";
  const std::tuple<std::vector<std::string>, int, const char*> cases[] = {
      {{"serve"}, 2, "--gallery"},
      {{"serve", "--port", "65536"}, 2, "65535"},
      {{"serve", "--no-such"}, 2, "--no-such"},
      {{"config", "--config", here("wrong.toml").string()}, 1, "prot: no such setting"},
      {{"config", "--config", here("nothing.toml").string()}, 1, "nothing.toml"},
  };
  for (const auto& [arguments, status, said] : cases) {
    std::vector<std::string> all = {VERNISSAGE_BINARY};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Child child(all, here("wrong"));
    EXPECT_EQ(child.wait(), status) << said;
    EXPECT_EQ(lines_of(child.err()).size(), 1u) << child.err();
    EXPECT_NE(child.err().find(said), std::string::npos) << child.err();
  }
}

TEST_F(Operations, TheExampleSettingsAreGood) {
  Child config({VERNISSAGE_BINARY, "config", "--config",
                VERNISSAGE_SOURCE_DIR "/server/deploy/vernissage.toml"},
               here("config"));
  EXPECT_EQ(config.wait(), 0) << config.err();
}

// ---- logs

TEST_F(Operations, JsonLogsAreOneObjectALineWithTheRequestsId) {
  Child server(serve({"--log-format", "json"}), here("serve"));
  const std::string endpoint = endpoint_of(server);
  const Answer answer = ask(endpoint, "GET", "/rooms/mood?token=canary-query",
                            "X-Canary: canary-field\r\nCookie: visitor=canary-cookie\r\n");
  ask(endpoint, "GET", "/no\"where\\");
  Wire(endpoint).send("\x16\x03\x01 nothing\r\n\r\n");
  server.signal(SIGINT);
  EXPECT_EQ(server.wait(), 0);
  const std::string log = server.err();
  EXPECT_EQ(log.find("canary"), std::string::npos);
  bool seen = false;
  for (const std::string& line : lines_of(log)) {
    const Json json = parse_json(line);  // throws for a line that is none
    EXPECT_TRUE(std::regex_match(json.at("time").text,
                                 std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z")))
        << line;
    EXPECT_FALSE(json.at("level").text.empty());
    EXPECT_FALSE(json.at("message").text.empty());
    const Json* id = json.find("request_id");
    if (!id || id->text != answer.field("X-Request-Id")) continue;
    seen = true;
    EXPECT_EQ(json.at("method").text, "GET");
    EXPECT_EQ(json.at("path").text, "/rooms/mood");
    EXPECT_EQ(json.at("status").integer(), 200);
    EXPECT_EQ(json.at("bytes").integer(), static_cast<int>(answer.body.size()));
    EXPECT_GE(json.at("ms").number, 0);
  }
  EXPECT_TRUE(seen) << log;
}

TEST_F(Operations, ALogThatNobodyReadsHoldsNobodyUp) {
  // The log as a pipe of one page, which a few answers fill.
  const std::string pipe = here("unread").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  ASSERT_GT(::fcntl(reader, F_SETPIPE_SZ, 4096), 0);
  std::vector<std::string> into_the_pipe = {"/bin/sh", "-c", "exec \"$@\" 2>" + pipe, "sh"};
  for (const std::string& argument : serve()) into_the_pipe.push_back(argument);
  Child server(into_the_pipe, here("serve"));
  const std::string endpoint = server.say("Serving .* at (?:http://)?(\\S+)\n");
  ASSERT_NE(endpoint, "");
  for (int i = 0; i < 200; ++i) ASSERT_EQ(ask(endpoint, "GET", "/healthz").status, 200) << i;

  std::string log;
  const auto read_all = [&] {
    char some[4096];
    for (ssize_t got; (got = ::read(reader, some, sizeof some)) > 0;)
      log.append(some, static_cast<size_t>(got));
  };
  read_all();
  ask(endpoint, "GET", "/healthz");
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  read_all();
  ::close(reader);
  EXPECT_TRUE(std::regex_search(log, std::regex("\\d+ lines lost: nobody was reading\n"))) << log;
}

// ---- metrics

TEST_F(Operations, MetricsAreTrueAndOnTheirOwnListenerOnly) {
  const std::string socket = "unix:" + here("metrics.sock").string();
  Child server(serve({"--metrics-listen", socket}), here("serve"));
  const std::string endpoint = endpoint_of(server);
  EXPECT_EQ(ask(endpoint, "GET", "/metrics").status, 404);
  for (const char* path : {"/", "/healthz", "/api/v1/gallery", "/metrics/"})
    EXPECT_EQ(ask(socket, "GET", path).status, 404) << path;
  EXPECT_EQ(ask(socket, "POST", "/metrics").status, 405);

  const std::string id = some_id(endpoint);
  ASSERT_EQ(ask(endpoint, "GET", "/paintings/" + id + "/192.jpg").status, 200);
  for (int i = 0; i < 3; ++i) ask(endpoint, "GET", "/rooms/city");
  ask(endpoint, "GET", "/rooms/nowhere");
  Wire refused(endpoint);
  refused.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  EXPECT_EQ(refused.receive().status, 400);

  // An answer is counted when it has been sent, which its reader may notice first.
  std::string text;
  const std::string rooms = "vernissage_http_requests_total{route=\"/rooms/{}\",method=\"GET\",";
  for (const auto end = Clock::now() + testing::kPatience; Clock::now() < end; ::usleep(5000)) {
    const Answer answer = ask(socket, "GET", "/metrics");
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    text = answer.body;
    if (metric(text, "vernissage_http_request_seconds_count{route=\"/rooms/{}\"}") == 4 &&
        metric(text, "vernissage_rejected_total{reason=\"framing\"}") == 1 &&
        metric(text, "vernissage_http_inflight") == 0)
      break;
  }
  EXPECT_EQ(metric(text, rooms + "code=\"200\"}"), 3) << text;
  EXPECT_EQ(metric(text, rooms + "code=\"404\"}"), 1);
  EXPECT_EQ(metric(text, "vernissage_http_request_seconds_count{route=\"/rooms/{}\"}"), 4);
  EXPECT_EQ(metric(text, "vernissage_rejected_total{reason=\"framing\"}"), 1);
  EXPECT_EQ(metric(text, "vernissage_render_batch_size_sum"), 1) << "one picture was painted";
  EXPECT_EQ(metric(text, "vernissage_render_queue_seconds_count"), 1);
  EXPECT_EQ(metric(text, "vernissage_finish_seconds_count"), 1);
  for (const char* format : {"jpg", "webp"})
    EXPECT_EQ(
        metric(text, std::string("vernissage_encode_seconds_count{format=\"") + format + "\"}"), 1)
        << format << ", at the one width below this network's size";
  EXPECT_EQ(metric(text, "vernissage_http_inflight"), 0);
  EXPECT_EQ(metric(text, "vernissage_db_busy_total"), 0);
  EXPECT_EQ(metric(text, "vernissage_sse_clients"), 0);
  EXPECT_EQ(metric(text, "vernissage_flow_viewers"), 0);
  EXPECT_EQ(metric(text, "vernissage_render_queue_depth"), 0);
  EXPECT_GT(metric(text, "vernissage_render_seconds_sum"), 0);
  EXPECT_GT(metric(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(metric(text, "process_open_fds"), 3);
  // Each series is announced, and nothing is said twice: Prometheus refuses the whole page then.
  std::set<std::string> series, names;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("# TYPE ")) {
      names.insert(line.substr(7, line.find(' ', 7) - 7));
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
      std::string name = line.substr(0, line.find_first_of("{ "));
      name = std::regex_replace(name, std::regex("_(bucket|sum|count)$"), "");
      EXPECT_TRUE(names.contains(name)) << line;
    }
  }
  EXPECT_EQ(text.find(id), std::string::npos) << "metrics name no painting";
  // The documented list is the whole list, with the kinds there are.
  std::set<std::string> announced, documented;
  for (const std::string& line : lines_of(text))
    if (line.starts_with("# TYPE ")) announced.insert(line.substr(7));
  const std::string list = testing::file_text(VERNISSAGE_SOURCE_DIR "/server/metrics/metrics.md");
  const std::regex row("\\| `([a-z_]+)(?:\\{[a-z,]+\\})?` \\| ([a-z]+) \\|");
  for (std::sregex_iterator at(list.begin(), list.end(), row), end; at != end; ++at)
    documented.insert((*at)[1].str() + " " + (*at)[2].str());
  EXPECT_EQ(announced, documented);
}

// ---- sockets and the end

TEST_F(Operations, AUnixSocketServesAndIsGoneAtTheEnd) {
  const std::filesystem::path path = here("http.sock");
  for (int round = 0; round < 2; ++round) {
    Child server(serve({"--listen", "unix:" + path.string()}), here("serve"));
    const std::string endpoint = endpoint_of(server);
    EXPECT_EQ(endpoint, "unix:" + path.string());
    EXPECT_EQ(ask(endpoint, "GET", "/healthz").status, 200);
    struct stat there {};
    ASSERT_EQ(::stat(path.c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777, 0660u);
    // The first round ends as by a power cut: the file stays, and the second takes its place.
    server.signal(round == 0 ? SIGKILL : SIGTERM);
    EXPECT_EQ(server.wait(), round == 0 ? 1000 + SIGKILL : 0);
    EXPECT_EQ(std::filesystem::exists(path), round == 0);
  }
}

TEST_F(Operations, ATermPausesNotReadyThenDrainsAndExitsZero) {
  Child server(serve({"--drain-pause-ms", "600000"}), here("serve"));
  const std::string endpoint = endpoint_of(server);
  EXPECT_EQ(ask(endpoint, "GET", "/readyz").status, 200);
  server.signal(SIGTERM);
  // Still open, alive, and serving, yet not ready: a balancer sends nobody new and nothing fails.
  Answer ready;
  for (const auto end = Clock::now() + testing::kPatience;
       ready.status != 503 && Clock::now() < end; ::usleep(5000))
    ready = ask(endpoint, "GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("draining"), std::string::npos);
  EXPECT_EQ(ask(endpoint, "GET", "/healthz").status, 200);
  const Answer page = ask(endpoint, "GET", "/rooms/city");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.field("Connection"), "close") << "nobody keeps a connection that is to be cut";
  server.signal(SIGTERM);  // the second one is the end of the pause
  EXPECT_EQ(server.wait(), 0) << server.err();
  EXPECT_FALSE(Wire(endpoint).is_connected());
}

TEST_F(Operations, ThePauseIsAsLongAsItWasSet) {
  constexpr std::chrono::milliseconds kPause{300};
  Child server(serve({"--drain-pause-ms", std::to_string(kPause.count())}), here("serve"));
  endpoint_of(server);
  const auto start = Clock::now();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0) << server.err();
  EXPECT_GE(Clock::now() - start, kPause);
}

TEST_F(Operations, HalfPrecisionReachesThePainterAndTheCpuRefusesIt) {
  Child server(serve({"--precision", "f16"}), here("serve"));
  EXPECT_EQ(server.wait(), 1);
  EXPECT_NE(server.err().find("device cpu: half precision exists on CUDA only"), std::string::npos)
      << server.err();
}

TEST_F(Operations, KeysAreRotatedBesideTheServerAndNobodyIsForgotten) {
  const auto rotate = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {VERNISSAGE_BINARY, "rotate-keys", gallery()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Child child(arguments, here("rotate"));
    const int status = child.wait();
    return std::pair(status, child.out() + child.err());
  };
  Child server(serve(), here("serve"));
  const std::string endpoint = endpoint_of(server);
  const auto cookie_of = [&](const std::string& fields) {
    const std::string cookie = ask(endpoint, "GET", "/api/v1/me", fields).field("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  };
  const std::string first = "Cookie: " + cookie_of("") + "\r\n";
  ASSERT_NE(first, "Cookie: \r\n");
  EXPECT_EQ(cookie_of(first), "") << "known, and signed by the newest key";
  const auto [status, said] = rotate();
  EXPECT_EQ(status, 0) << said;
  EXPECT_NE(said.find("400 days"), std::string::npos) << said;
  server.signal(SIGHUP);
  server.say("(took up)", /*in_err=*/true);
  const std::string renewed = cookie_of(first);
  EXPECT_NE(renewed, "") << "known, and given a tag by the new key";
  EXPECT_EQ(cookie_of("Cookie: " + renewed + "\r\n"), "");

  // A file that cannot be read changes nothing.
  const std::filesystem::path keys = std::filesystem::path(gallery()) / "visitors.key";
  std::filesystem::permissions(keys, std::filesystem::perms(0644));
  server.signal(SIGHUP);
  server.say("(expected mode 0600)", /*in_err=*/true);
  EXPECT_EQ(cookie_of("Cookie: " + renewed + "\r\n"), "");
  std::filesystem::permissions(keys, std::filesystem::perms(0600));

  // As many as are kept; then only with a word.
  int rotations = 0;
  while (rotations < 20 && rotate().first == 0) ++rotations;
  EXPECT_EQ(rotations, 6) << "eight keys in all";
  EXPECT_NE(rotate().second.find("--drop-oldest"), std::string::npos);
  EXPECT_EQ(rotate({"--drop-oldest"}).first, 0);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  Child nowhere({VERNISSAGE_BINARY, "rotate-keys", here("nowhere").string()}, here("rotate"));
  EXPECT_EQ(nowhere.wait(), 1);
}

TEST_F(Operations, WhoIsInAHurryWaitsForNoPause) {
  for (const bool twice : {false, true}) {
    Child server(serve({"--drain-pause-ms", "600000"}), here("serve"));
    endpoint_of(server);
    server.signal(twice ? SIGTERM : SIGINT);
    if (twice) {
      server.say("(closing)", /*in_err=*/true);
      server.signal(SIGTERM);
    }
    EXPECT_EQ(server.wait(), 0) << server.err();
  }
}

TEST_F(Operations, AnOpenStreamDoesNotHoldUpTheEnd) {
  Child server(serve(), here("serve"));
  const std::string endpoint = endpoint_of(server);
  Wire events(endpoint);
  events.ask("GET", "/api/v1/events");
  EXPECT_EQ(events.receive_head().status, 200);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0) << server.err();
  EXPECT_EQ(server.err().find("not painted in time"), std::string::npos)
      << "it waited for the stream until its patience was at an end";
}

TEST_F(Operations, TheSupervisorIsToldReadyAndStopping) {
  const std::string path = here("notify.sock").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{testing::kPatience.count(), 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto told = [&] {
    char bytes[64];
    const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
    return count < 0 ? std::string() : std::string(bytes, static_cast<size_t>(count));
  };
  Child server(serve(), here("serve"), {"NOTIFY_SOCKET=" + path});
  EXPECT_EQ(told(), "READY=1");
  server.signal(SIGTERM);
  EXPECT_EQ(told(), "STOPPING=1");
  EXPECT_EQ(server.wait(), 0);
  ::close(socket);
}

}  // namespace
}  // namespace vernissage
