// One process ends and the next one begins, while visitors come. Goal: whoever was promised an
// answer gets one, and a socket that is handed over bridges the gap between two processes. Method:
// HttpServer in this process for each kind of connection at its end; the program as a child, with a
// socket that the test opens and hands to one process after the other.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <mutex>
#include <regex>
#include <thread>

#include "server/http/http_server.h"
#include "tests/support/child.h"
#include "tests/support/gate.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using testing::Answer;
using testing::ask;
using testing::Child;
using testing::TemporaryDirectory;
using testing::Wire;

// ---- connections at the end of their server

class Ending : public ::testing::Test {
 protected:
  Ending() {
    http::HttpServer::Parts parts;
    parts.handle = [this](const http::Request& request, http::Reply reply) {
      if (request.path == "/wait") gate_.pass();
      http::Response response;
      response.body = "hello";
      reply(std::move(response));
    };
    parts.refuse = [](const http::Refusal&, const std::string&) { return http::Response{}; };
    parts.on_answered = [](const http::Request&, int, size_t, double) {};
    parts.on_trouble = [](const std::string&) {};
    parts.first_byte = testing::kPatience;
    server_.emplace("127.0.0.1", uint16_t{0}, std::move(parts));
    // One thread: while it waits at the gate, what others send stays unread.
    server_->start(1);
  }
  ~Ending() override { gate_.open(); }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  static Answer get(Wire& wire, const std::string& path = "/") {
    wire.ask("GET", path);
    return wire.receive();
  }
  void await_connections(size_t count) {
    while (server_->connections() < count) ::usleep(1000);
  }

  testing::Gate gate_;
  std::optional<http::HttpServer> server_;
};

TEST_F(Ending, AnswersSayGoodbyeFromTheFirstWordOfIt) {
  Wire wire(endpoint());
  EXPECT_EQ(get(wire).field("Connection"), "") << "kept";
  server_->wind_down();
  const Answer last = get(wire);
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.field("Connection"), "close");
  EXPECT_TRUE(wire.is_closed_by_server());
  Wire newcomer(endpoint());
  EXPECT_EQ(get(newcomer).status, 200) << "the door is still open";
}

TEST_F(Ending, WhoHasComeAndNotYetSpokenIsAnswered) {
  Wire idle(endpoint()), silent(endpoint());
  get(idle);
  await_connections(2);
  auto drained = std::async(std::launch::async, [&] { return server_->drain(); });
  EXPECT_TRUE(idle.is_closed_by_server()) << "it was answered, and said nothing more";
  const Answer answer = get(silent);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(drained.get());
}

TEST_F(Ending, ARequestThatHasArrivedUnreadIsAnswered) {
  Wire kept(endpoint()), busy(endpoint());
  get(kept);
  busy.ask("GET", "/wait");
  gate_.await_arrivals(1);
  kept.ask("GET", "/");  // nobody can read it now
  auto drained = std::async(std::launch::async, [&] { return server_->drain(); });
  ::usleep(20000);  // mostly it has begun by now; either order must do
  gate_.open();
  EXPECT_EQ(busy.receive().status, 200);
  EXPECT_EQ(kept.receive().status, 200);
  EXPECT_TRUE(kept.is_closed_by_server());
  EXPECT_TRUE(drained.get());
}

TEST_F(Ending, WhoNeverSpeaksDoesNotHoldItUp) {
  server_.reset();
  http::HttpServer::Parts parts;
  parts.handle = [](const http::Request&, http::Reply) {};
  parts.on_trouble = [](const std::string&) {};
  parts.first_byte = std::chrono::milliseconds(1);
  http::HttpServer server("127.0.0.1", 0, std::move(parts));
  server.start(1);
  Wire silent("127.0.0.1:" + std::to_string(server.port()));
  while (server.connections() < 1) ::usleep(1000);
  EXPECT_TRUE(server.drain());
  EXPECT_TRUE(silent.is_closed_by_server());
}

// ---- a socket that outlives its servers

class Restarts : public ::testing::Test {
 protected:
  Restarts() { testing::hang_tiny_gallery(VERNISSAGE_BINARY, here_.path(), {"--per-room", "2"}); }
  ~Restarts() override {
    for (const int descriptor : opened_) ::close(descriptor);
  }

  std::string endpoint() const { return "unix:" + (here_ / "http.sock").string(); }

  // Listens at endpoint(), as a supervisor does.
  int open_unix() {
    const int socket = keep(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (here_ / "http.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket, SOMAXCONN), 0);
    return socket;
  }
  int open_tcp(bool listens = true) {
    const int socket = keep(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (listens) {
      EXPECT_EQ(::listen(socket, SOMAXCONN), 0);
    }
    return socket;
  }
  int keep(int descriptor) {
    EXPECT_GE(descriptor, 0);
    opened_.push_back(descriptor);
    return descriptor;
  }

  std::unique_ptr<Child> serve(const std::vector<int>& handed_over,
                               const std::string& listen = "systemd",
                               const std::vector<std::string>& environment = {}) {
    return std::make_unique<Child>(
        std::vector<std::string>{VERNISSAGE_BINARY, "serve", "--gallery",
                                 (here_ / "gallery").string(), "--device", "cpu", "--threads", "1",
                                 "--listen", listen, "--trusted-proxy", "unix"},
        here_ / "serve", environment, handed_over);
  }

  TemporaryDirectory here_;
  std::vector<int> opened_;
};

TEST_F(Restarts, WhoComesBetweenTwoProcessesIsAnsweredByTheNext) {
  const int socket = open_unix();
  auto first = serve({socket});
  EXPECT_EQ(first->say("Serving .* at (\\S+)\n"), endpoint()) << first->err();
  EXPECT_EQ(ask(endpoint(), "GET", "/rooms/city").status, 200);
  first->signal(SIGTERM);
  EXPECT_EQ(first->wait(), 0) << first->err();
  Wire between(endpoint());
  ASSERT_TRUE(between.is_connected());
  between.ask("GET", "/rooms/city");
  auto second = serve({socket});
  EXPECT_EQ(between.receive().status, 200) << second->err();
  second->signal(SIGTERM);
  EXPECT_EQ(second->wait(), 0);
  EXPECT_TRUE(std::filesystem::exists(here_ / "http.sock")) << "it is not ours to remove";
}

TEST_F(Restarts, NobodyIsFailedByARestartUnderLoad) {
  const int socket = open_unix();
  auto server = serve({socket});
  ASSERT_NE(server->say("(Serving)"), "") << server->err();
  std::atomic<bool> done = false;
  std::atomic<int> answered = 0, failed = 0;
  const char* const pages[] = {"/", "/rooms/city", "/api/v1/state", "/api/v1/gallery"};
  std::vector<std::thread> visitors;
  for (int i = 0; i < 3; ++i)  // on a connection each time
    visitors.emplace_back([&, i] {
      for (int n = i; !done; ++n)
        ++(ask(endpoint(), "GET", pages[n % 4]).status == 200 ? answered : failed);
    });
  // As a proxy does: it keeps its connection while it may, and asks anew, on a new one, when a kept
  // one is closed before a byte of the answer has come.
  visitors.emplace_back([&] {
    std::optional<Wire> kept;
    while (!done) {
      const bool fresh = !kept;
      if (fresh) kept.emplace(endpoint());
      kept->ask("GET", "/rooms/city");
      const Answer answer = kept->receive();
      if (answer.status == 200) ++answered;
      if (answer.status != 200 && fresh) ++failed;
      if (answer.status != 200 || answer.field("Connection") == "close") kept.reset();
    }
  });
  for (int i = 0; i < 5; ++i) {
    const int before = answered;
    while (answered < before + 20 && !server->has_ended()) ::usleep(1000);
    server->signal(SIGTERM);
    EXPECT_EQ(server->wait(), 0) << server->err();
    server = serve({socket});
  }
  EXPECT_NE(server->say("(Serving)"), "") << server->err();
  done = true;
  for (std::thread& visitor : visitors) visitor.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GE(answered, 100);
}

TEST_F(Restarts, APortIsAsGoodAsAUnixSocket) {
  auto server = serve({open_tcp()});
  const std::string endpoint = server->say("at http://(127.0.0.1:[0-9]+)\n");
  ASSERT_NE(endpoint, "") << server->err();
  EXPECT_EQ(ask(endpoint, "GET", "/healthz").status, 200);
}

TEST_F(Restarts, WhatIsHandedOverIsLookedAt) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  keep(pair[0]), keep(pair[1]);
  const std::tuple<std::vector<int>, const char*> cases[] = {
      {{open_tcp(/*listens=*/false)}, "descriptor 3 does not listen"},
      {{pair[0]}, "descriptor 3 does not listen"},
      {{keep(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))}, "descriptor 3 is no stream socket"},
      {{keep(::open("/dev/null", O_RDONLY | O_CLOEXEC))}, "descriptor 3 is no stream socket"},
      {{open_tcp(), open_tcp()}, "LISTEN_FDS is '2', expected 1"},
  };
  for (const auto& [descriptors, said] : cases) {
    auto server = serve(descriptors);
    EXPECT_EQ(server->wait(), 1) << said;
    EXPECT_NE(server->err().find(said), std::string::npos) << server->err();
  }
  auto others = serve({}, "systemd", {"LISTEN_PID=1", "LISTEN_FDS=1"});
  EXPECT_EQ(others->wait(), 1);
  EXPECT_NE(others->err().find("LISTEN_PID is '1'"), std::string::npos) << others->err();
  auto none = serve({});
  EXPECT_EQ(none->wait(), 1);
  EXPECT_NE(none->err().find("LISTEN_PID is not set"), std::string::npos) << none->err();
}

TEST_F(Restarts, ASocketThatNobodyWouldAcceptAtIsRefused) {
  auto server = serve({open_tcp()}, endpoint());
  EXPECT_EQ(server->wait(), 1);
  EXPECT_NE(server->err().find("'listen' is not systemd"), std::string::npos) << server->err();
  auto not_for_us = serve({}, endpoint(), {"LISTEN_PID=1", "LISTEN_FDS=1"});
  EXPECT_EQ(not_for_us->say("Serving .* at (\\S+)\n"), endpoint()) << not_for_us->err();
}

}  // namespace
}  // namespace vernissage
