// The program from outside: hang, serve, and a browser's bytes on a real socket. Goal: what a
// visitor sees is right, what an attacker sends is refused, and the process ends as it promises.
// Method: the binary as a child on a free port, raw sockets, a network small enough to paint at
// once.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>

#include "server/http/limits.h"
#include "server/images/images.h"
#include "tests/support/child.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using testing::TemporaryDirectory;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};  // of the test itself: far beyond any deadline

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A child process with its output in two files.
class Child {
 public:
  Child(const std::vector<std::string>& arguments, const std::filesystem::path& log,
        rlim_t descriptors_max = 0)
      : out_(log.string() + ".out"), err_(log.string() + ".err") {
    // What an earlier child said there must not be taken for this one's words.
    std::filesystem::remove(out_);
    std::filesystem::remove(err_);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto redirect = [](const std::string& path, int to) {
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, to);
        ::close(file);
      };
      redirect(out_, STDOUT_FILENO);
      redirect(err_, STDERR_FILENO);
      if (descriptors_max > 0) {
        const rlimit limit{descriptors_max, descriptors_max};
        ::setrlimit(RLIMIT_NOFILE, &limit);
      }
      std::vector<char*> argv;
      for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Child() {
    if (status_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::string out() const { return file_text(out_); }
  std::string err() const { return file_text(err_); }
  void signal(int number) const { ::kill(pid_, number); }

  bool has_ended() {
    int raw = 0;
    if (!status_ && ::waitpid(pid_, &raw, WNOHANG) == pid_)
      status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 1000 + WTERMSIG(raw);
    return status_.has_value();
  }
  /// Exit status; 1000 + n after signal n; -1 when it does not end.
  int wait() {
    const auto end = Clock::now() + kPatience;
    while (!has_ended() && Clock::now() < end) ::usleep(5000);
    return status_.value_or(-1);
  }

 private:
  std::string out_, err_;
  pid_t pid_;
  std::optional<int> status_;
};

struct Answer {
  int status = 0;
  std::string head;  // status line and fields
  std::string body;

  std::string field(const std::string& name) const {
    std::smatch match;
    const std::regex line("\r\n" + name + ": ([^\r]*)\r\n", std::regex::icase);
    return std::regex_search(head, match, line) ? match[1].str() : "";
  }
};

// One connection to the server.
class Wire {
 public:
  explicit Wire(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Wire() { ::close(socket_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool is_connected() const { return connected_; }
  void send(const std::string& bytes) { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void get(const std::string& path, const std::string& fields = "",
           const std::string& method = "GET") {
    send(method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n");
  }

  /// The next answer; status 0 when the connection ended first.
  Answer receive(bool body_follows = true) {
    Answer answer;
    while (buffer_.find("\r\n\r\n") == std::string::npos)
      if (!read_more()) return {};
    const size_t end = buffer_.find("\r\n\r\n") + 4;
    answer.head = buffer_.substr(0, end);
    buffer_.erase(0, end);
    answer.status = std::stoi(answer.head.substr(9, 3));
    const std::string length = answer.field("Content-Length");
    if (body_follows && answer.status != 304 && !length.empty()) {
      const size_t bytes = std::stoul(length);
      while (buffer_.size() < bytes)
        if (!read_more()) return {};
      answer.body = buffer_.substr(0, bytes);
      buffer_.erase(0, bytes);
    }
    return answer;
  }
  /// True when the server has ended the connection by now and said nothing.
  bool has_ended() const {
    char byte;
    const ssize_t count = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }
  /// True when the server ends the connection and says nothing more.
  bool is_closed_by_server() { return buffer_.empty() && !read_more(); }

 private:
  bool read_more() {
    char bytes[4096];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string buffer_;
};

int port_of(Child& child) {
  std::smatch match;
  const std::regex line("Serving .* at http://127\\.0\\.0\\.1:([0-9]+)\n");
  const auto end = Clock::now() + kPatience;
  while (Clock::now() < end && !child.has_ended()) {
    const std::string out = child.out();
    if (std::regex_search(out, match, line)) return std::stoi(match[1]);
    ::usleep(5000);
  }
  ADD_FAILURE() << "the server did not start: " << child.err();
  return 0;
}

std::vector<std::string> serve_arguments(const std::filesystem::path& gallery) {
  return {VERNISSAGE_BINARY, "serve", "--gallery", gallery.string(),
          "--port",          "0",     "--device",  "cpu",
          "--threads",       "1"};
}

// One gallery and one server for the tests that leave it running.
class Server : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    testing::hang_tiny_gallery(VERNISSAGE_BINARY, directory_->path(),
                               {"--name", "Tiny", "--per-room", "3"});
    child_ = new Child(serve_arguments(gallery()), *directory_ / "serve");
    port_ = port_of(*child_);
  }
  static void TearDownTestSuite() {
    child_->signal(SIGTERM);
    EXPECT_EQ(child_->wait(), 0) << child_->err();
    delete child_;
    delete directory_;
  }

  static std::filesystem::path gallery() { return *directory_ / "gallery"; }
  static const TemporaryDirectory& directory() { return *directory_; }
  static Child& child() { return *child_; }
  static int port() { return port_; }

  static Answer get(const std::string& path, const std::string& fields = "",
                    const std::string& method = "GET") {
    Wire wire(port_);
    wire.get(path, fields, method);
    return wire.receive(method != "HEAD");
  }
  static std::string some_id(const std::string& room = "city") {
    const std::string text = get("/api/v1/rooms/" + room).body;
    std::smatch match;
    return std::regex_search(text, match, std::regex("\"id\":\"([a-z2-7]{26})\"")) ? match[1].str()
                                                                                   : "";
  }

 private:
  static inline TemporaryDirectory* directory_ = nullptr;
  static inline Child* child_ = nullptr;
  static inline int port_ = 0;
};

TEST_F(Server, SaysWhatItPaintsWithAndWhere) {
  const std::string out = child().out();
  EXPECT_NE(out.find("Painting on the CPU backend (cpu"), std::string::npos) << out;
  EXPECT_NE(out.find("Serving Tiny at http://127.0.0.1:"), std::string::npos) << out;
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Server, ShowsEveryRoomAndItsPaintings) {
  EXPECT_NE(get("/").body.find("href=\"/rooms/mood\""), std::string::npos);
  for (const char* room : {"people", "nature", "city", "mood"}) {
    const Answer page = get("/rooms/" + std::string(room));
    EXPECT_EQ(page.status, 200);
    const std::string id = some_id(room);
    ASSERT_EQ(id.size(), 26u);
    EXPECT_NE(page.body.find(id), std::string::npos);
    EXPECT_EQ(get("/paintings/" + id).status, 200);
  }
}

TEST_F(Server, PreviewsAreRealPicturesOfTheirWidth) {
  const std::string base = "/paintings/" + some_id() + "/192.";
  const auto bytes = [](const Answer& answer) {
    return std::span(reinterpret_cast<const uint8_t*>(answer.body.data()), answer.body.size());
  };
  const Answer webp = get(base + "webp");
  const Answer jpg = get(base + "jpg");
  ASSERT_EQ(webp.status, 200);
  ASSERT_EQ(jpg.status, 200);
  const Image first = decode_webp(bytes(webp));
  const Image second = decode_jpeg(bytes(jpg));
  EXPECT_EQ(first.width, 192);
  EXPECT_EQ(first.height, 192);
  EXPECT_EQ(second.width, 192);
  EXPECT_EQ(second.height, 192);
  // A painting, not a plain wall: its pixels differ.
  const auto [low, high] = std::minmax_element(second.pixels.begin(), second.pixels.end());
  EXPECT_GT(*high - *low, 20);
  EXPECT_NE(get("/paintings/" + some_id("mood") + "/192.webp").body, webp.body);
  // Neither the full size nor more.
  for (const char* name : {"256.webp", "384.webp", "512.webp", "512.jpg", "full.png"})
    EXPECT_EQ(get("/paintings/" + some_id() + "/" + name).status, 404) << name;
}

TEST_F(Server, PreviewsAreCachedAndCut) {
  const std::string path = "/paintings/" + some_id("nature") + "/192.jpg";
  const Answer whole = get(path);
  ASSERT_EQ(whole.status, 200);
  EXPECT_EQ(whole.field("Cache-Control"), "public, max-age=31536000, immutable");
  const std::string tag = whole.field("ETag");
  Wire wire(port());
  wire.get(path, "If-None-Match: " + tag + "\r\n");
  const Answer unchanged = wire.receive();
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.field("Content-Length"), "");
  wire.get(path, "Range: bytes=0-1\r\n");  // the same connection: the 304 had no body
  const Answer part = wire.receive();
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "\xff\xd8");
  wire.get(path, "Range: bytes=99999999-\r\n");
  EXPECT_EQ(wire.receive().status, 416);
}

TEST_F(Server, HeadHasTheLengthAndNoBody) {
  const std::string path = "/rooms/city";
  const Answer whole = get(path);
  Wire wire(port());
  wire.get(path, "", "HEAD");
  const Answer head = wire.receive(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), std::to_string(whole.body.size()));
  EXPECT_EQ(head.field("ETag"), whole.field("ETag"));
  wire.get("/healthz");
  EXPECT_EQ(wire.receive().status, 200) << "the next answer begins right behind the head";
}

TEST_F(Server, WrongPathsAndMethodsGetCleanErrors) {
  EXPECT_EQ(get("/nowhere").status, 404);
  EXPECT_EQ(get("/rooms/%63ity").status, 404);
  EXPECT_EQ(get("/../gallery.key").status, 404);
  const Answer refused = get("/rooms/city", "Content-Length: 0\r\n", "POST");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.field("Allow"), "GET, HEAD");
  EXPECT_EQ(refused.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(get("/nowhere", "Accept: text/html\r\n").field("Content-Type"),
            "text/html; charset=utf-8");
}

TEST_F(Server, RequestsFollowOneAnotherAlsoInOnePacket) {
  Wire wire(port());
  const std::string one = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
  const std::string with_body =
      "GET /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nabcde";
  wire.send(one + with_body + one);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wire.receive().status, 200) << i;
  wire.send("GET /healthz HTTP/1.1\r\nHost: te");
  ::usleep(20000);
  wire.send("st\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(wire.receive().status, 200);
  EXPECT_TRUE(wire.is_closed_by_server());
  Wire old(port());
  old.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.receive().status, 200);
  EXPECT_TRUE(old.is_closed_by_server());
}

TEST_F(Server, RefusedBytesGetOneAnswerAndTheConnectionEnds) {
  const std::string host = "Host: test\r\n";
  const std::pair<std::string, int> cases[] = {
      {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
      {"GET /" + std::string(3000, 'x') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(20000, 'x') + "\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5000\r\n\r\n" + std::string(5000, 'x'), 413},
      {"\x16\x03\x01\x02\x01 not http\r\n\r\n", 400},
      {"GET http://other/ HTTP/1.1\r\n" + host + "\r\n", 400},
  };
  for (const auto& [bytes, status] : cases) {
    Wire wire(port());
    // Another request behind it must not be taken for one.
    wire.send(bytes + "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    const Answer answer = wire.receive();
    EXPECT_EQ(answer.status, status) << bytes.substr(0, 60);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
    EXPECT_TRUE(wire.is_closed_by_server()) << bytes.substr(0, 60);
  }
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Server, HeaderLimitHoldsBelowAtAndAboveOnTheWire) {
  for (const int beyond : {-1, 0, 1}) {
    const std::string frame = "GET /healthz HTTP/1.1\r\nHost: test\r\nX: \r\n\r\n";
    Wire wire(port());
    wire.get(
        "/healthz",
        "X: " +
            std::string(http::kHeaderBytesMax - frame.size() + static_cast<size_t>(beyond), 'x') +
            "\r\n");
    EXPECT_EQ(wire.receive().status, beyond > 0 ? 431 : 200) << beyond;
  }
}

TEST_F(Server, SlowRequestsEndAtTheDeadlineHoweverTheyDrip) {
  Wire head(port()), body(port());
  const auto start = Clock::now();
  head.send("GET /healthz HTTP/1.1\r\nHost: test\r\n");
  body.get("/healthz", "Content-Length: 1000\r\n");
  // A byte now and then would push back a deadline that is counted from the last byte, for as long
  // as we have patience.
  while (!(head.has_ended() && body.has_ended()) && Clock::now() - start < kPatience) {
    ::usleep(250000);
    head.send("X");
    body.send("X");
  }
  EXPECT_TRUE(head.has_ended());
  EXPECT_TRUE(body.has_ended());
  EXPECT_GE(Clock::now() - start, std::min(http::kHeaderMs, http::kBodyMs));
}

TEST_F(Server, LogsNameRequestsAndNothingOfTheirFields) {
  get("/rooms/mood?token=canary-query", "X-Canary: canary-field\r\n");
  // The line is written when the answer has been sent, which its reader may notice first.
  std::string log;
  for (const auto end = Clock::now() + kPatience; Clock::now() < end; ::usleep(5000))
    if ((log = child().err()).find("GET /rooms/mood 200") != std::string::npos) break;
  EXPECT_NE(log.find("GET /rooms/mood 200"), std::string::npos);
  EXPECT_EQ(log.find("canary"), std::string::npos);
}

TEST_F(Server, ASecondServerOnTheSameGalleryOrPortFailsInOneLine) {
  Child second(serve_arguments(gallery()), directory() / "second");
  EXPECT_EQ(second.wait(), 1);
  EXPECT_NE(second.err().find("gallery.db"), std::string::npos) << second.err();
  TemporaryDirectory other;
  Child hang({VERNISSAGE_BINARY, "hang", (directory() / "net.safetensors").string(), "--out",
              (other / "g").string(), "--per-room", "1"},
             other / "hang");
  ASSERT_EQ(hang.wait(), 0);
  auto arguments = serve_arguments(other / "g");
  arguments[5] = std::to_string(port());
  Child third(arguments, other / "third");
  EXPECT_EQ(third.wait(), 1);
  EXPECT_NE(third.err().find("port " + std::to_string(port())), std::string::npos) << third.err();
}

// ---- a server of one's own

class OwnServer : public Server {
 protected:
  OwnServer() {
    Child hang({VERNISSAGE_BINARY, "hang", (Server::directory() / "net.safetensors").string(),
                "--out", (own_ / "gallery").string(), "--per-room", "2"},
               own_ / "hang");
    EXPECT_EQ(hang.wait(), 0) << hang.err();
  }

  TemporaryDirectory own_;
};

TEST_F(OwnServer, SigtermFinishesWhatIsUnderWayAndExitsZero) {
  for (const int signal : {SIGTERM, SIGINT}) {
    auto arguments = serve_arguments(own_ / "gallery");
    // Long enough to be seen waiting, and the way to see it.
    for (const char* more : {"--render-delay-us", "300000", "--metrics-listen"})
      arguments.push_back(more);
    const std::string metrics = "unix:" + (own_ / "metrics.sock").string();
    arguments.push_back(metrics);
    Child server(arguments, own_ / "serve");
    const int port = port_of(server);
    Wire idle(port), listing(port), painting(port);
    listing.get("/api/v1/rooms/" + std::string(signal == SIGTERM ? "city" : "mood"));
    std::smatch match;
    const std::string text = listing.receive().body;
    ASSERT_TRUE(std::regex_search(text, match, std::regex("\"id\":\"([a-z2-7]{26})\"")));
    painting.get("/paintings/" + match[1].str() + "/192.webp");
    // Until the request has arrived; sooner, it is not under way.
    const std::regex taken("vernissage_render_queue_(depth|seconds_count) 1\n");
    bool arrived = false;
    for (const auto end = Clock::now() + kPatience; !arrived && Clock::now() < end; ::usleep(5000))
      arrived = std::regex_search(testing::ask(metrics, "GET", "/metrics").body, taken);
    ASSERT_TRUE(arrived);
    const auto start = Clock::now();
    server.signal(signal);
    EXPECT_EQ(painting.receive().status, 200);
    EXPECT_TRUE(idle.is_closed_by_server());
    EXPECT_EQ(server.wait(), 0) << server.err();
    EXPECT_LT(Clock::now() - start, http::kDrainMs + std::chrono::seconds(10));
    EXPECT_FALSE(Wire(port).is_connected());
  }
}

TEST_F(OwnServer, PreviewsSurviveARestartByteForByte) {
  std::string path, before;
  for (int round = 0; round < 3; ++round) {
    Child server(serve_arguments(own_ / "gallery"), own_ / "serve");
    const int port = port_of(server);
    Wire wire(port);
    if (round == 0) {
      wire.get("/api/v1/rooms/city");
      std::smatch match;
      const std::string text = wire.receive().body;
      ASSERT_TRUE(std::regex_search(text, match, std::regex("\"id\":\"([a-z2-7]{26})\"")));
      path = "/paintings/" + match[1].str() + "/192.webp";
    }
    wire.get(path);
    const Answer answer = wire.receive();
    EXPECT_EQ(answer.status, 200);
    if (round > 0) {
      EXPECT_TRUE(answer.body == before) << "round " << round;
    }
    before = answer.body;
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    // The third time the files are gone: painted anew, the same picture.
    if (round == 1) std::filesystem::remove_all(own_ / "gallery" / "previews");
  }
}

TEST_F(OwnServer, SurvivesRunningOutOfDescriptors) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UndefinedBehaviorSanitizer asks a pipe whether an object's memory can be read, "
                  "and takes every object for broken where there is no descriptor left";
#endif
  constexpr rlim_t kDescriptors = 40;
  Child server(serve_arguments(own_ / "gallery"), own_ / "serve", kDescriptors);
  const int port = port_of(server);
  {
    std::vector<std::unique_ptr<Wire>> crowd;
    for (rlim_t i = 0; i < kDescriptors + 10; ++i) crowd.push_back(std::make_unique<Wire>(port));
    const auto end = Clock::now() + kPatience;
    while (server.err().find("accept: ") == std::string::npos && Clock::now() < end) ::usleep(5000);
    EXPECT_NE(server.err().find("accept: "), std::string::npos);
  }
  Wire wire(port);
  wire.get("/healthz");
  EXPECT_EQ(wire.receive().status, 200);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0) << server.err();
}

TEST_F(OwnServer, AGalleryThatIsNotOneFailsInOneLine) {
  const auto line = [&](const std::vector<std::string>& arguments) {
    Child child(arguments, own_ / "fails");
    EXPECT_EQ(child.wait(), 1);
    const std::string err = child.err();
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
    return err;
  };
  EXPECT_NE(line(serve_arguments(own_ / "nothing")).find("gallery.toml"), std::string::npos);
  EXPECT_NE(line({VERNISSAGE_BINARY, "serve", "--gallery", (own_ / "gallery").string(), "--host",
                  "no.such.address"})
                .find("no.such.address"),
            std::string::npos);
}

TEST_F(OwnServer, ANetworkThatIsGoneEndsTheServerWithItsName) {
  std::filesystem::remove(own_ / "gallery" / "generator.safetensors");
  Child child(serve_arguments(own_ / "gallery"), own_ / "fails");
  EXPECT_EQ(child.wait(), 1);
  EXPECT_NE(child.err().find("generator.safetensors"), std::string::npos) << child.err();
}

}  // namespace
}  // namespace vernissage
