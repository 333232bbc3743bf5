// The server on real sockets, with handlers of the test's own. Goal: streams flow no faster than
// they are read, end when either side ends, and leave nothing behind; connections are counted by
// address; a Unix socket is as good as a port; who does not read is cut off; answers that come too
// late harm nothing. Method: HttpServer in this process, raw sockets, bodies that count what is
// asked of them.
#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/error.h"
#include "server/http/limits.h"
#include "tests/support/tiny_network.h"

namespace vernissage::http {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{60};

// A client's end. Reads only when it is told to.
class Line {
 public:
  /// From 127.0.0.`from`.
  Line(uint16_t port, int from = 1) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x7f000000u + static_cast<uint32_t>(from));
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    be_patient();
    ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  explicit Line(const std::filesystem::path& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    be_patient();
    ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  ~Line() { ::close(socket_); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void get(const std::string& path, const std::string& version = "HTTP/1.1",
           const std::string& method = "GET") {
    const std::string bytes = method + " " + path + " " + version + "\r\nHost: test\r\n\r\n";
    ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// Reads until `text` has come, or the end. True when it came.
  bool read_to(const std::string& text) {
    while (read.find(text) == std::string::npos)
      if (!more()) return false;
    return true;
  }
  /// Reads to the end of the connection.
  const std::string& read_all() {
    while (more()) {
    }
    return read;
  }
  /// Reads once, `count` bytes at most. True when something came.
  bool read_some(size_t count) {
    std::string bytes(count, '\0');
    return ::recv(socket_, bytes.data(), bytes.size(), 0) > 0;
  }
  std::string read;

 private:
  void be_patient() {
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  bool more() {
    char bytes[65536];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    read.append(bytes, static_cast<size_t>(count));
    return true;
  }
  int socket_;
};

// A body whose next piece comes when the test says so, or at once.
class CountedStream : public BodyStream {
 public:
  explicit CountedStream(std::string piece = "", int pieces = 0)
      : piece_(std::move(piece)), left_(pieces) {}

  void next(Deliver deliver) override {
    const std::lock_guard lock(mutex_);
    ++asked;
    if (left_ > 0) {
      --left_;
      deliver(piece_);
    } else if (!piece_.empty()) {
      deliver(std::nullopt);
    } else {
      waiting_ = std::move(deliver);
    }
    changed_.notify_all();
  }
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    ++cancelled;
    changed_.notify_all();
  }

  void give(std::optional<std::string> piece) {
    Deliver deliver;
    {
      std::unique_lock lock(mutex_);
      EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return waiting_ != nullptr; }));
      deliver = std::exchange(waiting_, nullptr);
    }
    if (deliver) deliver(std::move(piece));
  }
  void drop() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return waiting_ != nullptr; }));
    waiting_ = nullptr;
  }
  bool is_waited_for_soon() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return waiting_ != nullptr; });
  }
  bool is_asked_soon() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return asked > 0; });
  }
  bool is_cancelled_soon() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return cancelled > 0; });
  }
  std::atomic<int> asked = 0;
  std::atomic<int> cancelled = 0;

 private:
  std::string piece_;
  int left_;
  std::mutex mutex_;  // guards waiting_ and left_
  std::condition_variable changed_;
  Deliver waiting_;
};

class OnSockets : public ::testing::Test {
 protected:
  HttpServer::Parts parts(Handler handle) {
    return {std::move(handle),
            [](const Refusal& refusal, const std::string&) {
              Response response;
              response.status = refusal.status;
              return response;
            },
            [this](const Request& request, int status, size_t bytes, double) {
              const std::lock_guard lock(mutex_);
              answered_.push_back(request.path + " " + std::to_string(status) + " " +
                                  std::to_string(bytes));
            },
            [](const std::string&) {}};
  }
  void serve(Handler handle) {
    server_.emplace("127.0.0.1", uint16_t{0}, parts(std::move(handle)));
    server_->start(2);
  }
  void serve_stream(std::shared_ptr<BodyStream> stream) {
    serve([stream](const Request&, Reply reply) {
      Response response;
      response.stream = stream;
      reply(std::move(response));
    });
  }
  static void say_hello(const Request& request, Reply reply) {
    Response response;
    response.body = "hello " + request.peer;
    reply(std::move(response));
  }
  std::string log() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const std::string& line : answered_) text += line + "\n";
    return text;
  }

  std::mutex mutex_;  // guards answered_
  std::vector<std::string> answered_;
  std::optional<HttpServer> server_;
};

TEST_F(OnSockets, StreamsArriveInPiecesAndEnd) {
  const auto stream = std::make_shared<CountedStream>();
  serve_stream(stream);
  Line line(server_->port());
  line.get("/");
  stream->give("one\n");
  EXPECT_TRUE(line.read_to("4\r\none\n\r\n")) << "sent before the next is there: " << line.read;
  stream->give("");
  stream->give("two");
  stream->give(std::nullopt);
  line.read_all();
  EXPECT_NE(line.read.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << line.read;
  EXPECT_NE(line.read.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(line.read.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(line.read.ends_with("\r\n\r\n4\r\none\n\r\n3\r\ntwo\r\n0\r\n\r\n")) << line.read;
  EXPECT_EQ(stream->asked, 4);
  EXPECT_EQ(stream->cancelled, 0);
  server_->drain();
  EXPECT_EQ(log(), "/ 200 7\n");
}

TEST_F(OnSockets, OldReadersGetAStreamWithoutChunks) {
  serve_stream(std::make_shared<CountedStream>("piece ", 3));
  Line line(server_->port());
  line.get("/", "HTTP/1.0");
  line.read_all();
  EXPECT_EQ(line.read.find("chunked"), std::string::npos);
  EXPECT_TRUE(line.read.ends_with("\r\n\r\npiece piece piece ")) << line.read;
}

TEST_F(OnSockets, HeadOfAStreamIsItsHead) {
  const auto stream = std::make_shared<CountedStream>("piece", 3);
  serve_stream(stream);
  Line line(server_->port());
  line.get("/", "HTTP/1.1", "HEAD");
  line.read_all();
  EXPECT_TRUE(line.read.ends_with("\r\n\r\n")) << line.read;
  EXPECT_EQ(stream->asked, 0);
  EXPECT_TRUE(stream->is_cancelled_soon());
}

TEST_F(OnSockets, NobodyIsAskedForMoreThanIsRead) {
  // 64 MB in pieces of 256 KB to a reader that does not read: the kernel's buffers take a few
  // megabytes (net.ipv4.tcp_wmem and tcp_rmem hold at most 4 and 6), the rest is never asked for.
  constexpr size_t kPiece = 256 << 10;
  constexpr int kPieces = 256;
  const auto stream = std::make_shared<CountedStream>(std::string(kPiece, 'x'), kPieces);
  serve_stream(stream);
  Line line(server_->port());
  line.get("/");
  ASSERT_TRUE(stream->is_asked_soon());
  int before = -1;
  while (before != stream->asked) {
    before = stream->asked;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  EXPECT_GE(before, 1);
  EXPECT_LE(before, kPieces / 2) << "it ran ahead of its reader";
  const std::string& all = line.read_all();
  EXPECT_EQ(static_cast<size_t>(std::count(all.begin(), all.end(), 'x')), kPiece * kPieces);
  EXPECT_TRUE(all.ends_with("0\r\n\r\n"));
  EXPECT_EQ(stream->asked, kPieces + 1);
}

TEST_F(OnSockets, WorkEndsWhenItsReaderLeaves) {
  const auto stream = std::make_shared<CountedStream>();
  serve_stream(stream);
  {
    Line line(server_->port());
    line.get("/");
    stream->give("first");
    EXPECT_TRUE(line.read_to("first"));
    ASSERT_TRUE(stream->is_waited_for_soon()) << "while the first is being written it is not";
  }
  EXPECT_TRUE(stream->is_cancelled_soon()) << "while the stream had nothing to send";
  stream->give("too late");
  EXPECT_TRUE(server_->drain());
  EXPECT_EQ(stream->cancelled, 1);
  EXPECT_EQ(log(), "/ 200 5\n");
}

TEST_F(OnSockets, AStreamThatIsGivenUpIsCutOffVisibly) {
  const auto stream = std::make_shared<CountedStream>();
  serve_stream(stream);
  Line line(server_->port());
  line.get("/");
  stream->give("half");
  stream->drop();
  EXPECT_TRUE(line.read_all().ends_with("4\r\nhalf\r\n")) << "no last chunk: " << line.read;
}

TEST_F(OnSockets, DrainEndsStreamsProperly) {
  const auto stream = std::make_shared<CountedStream>();
  serve_stream(stream);
  Line line(server_->port());
  line.get("/");
  stream->give("last words");
  EXPECT_TRUE(line.read_to("last words"));
  EXPECT_TRUE(server_->drain()) << "it waits for no more pieces";
  EXPECT_TRUE(line.read_all().ends_with("\r\n0\r\n\r\n")) << line.read;
  EXPECT_EQ(stream->cancelled, 1);
}

TEST_F(OnSockets, WhatComesAfterTheServersEndIsLostAndHarmsNothing) {
  const auto stream = std::make_shared<CountedStream>();
  std::mutex mutex;
  std::optional<Reply> kept;
  std::promise<void> asked;
  serve([&](const Request& request, Reply reply) {
    if (request.path == "/later") {
      const std::lock_guard lock(mutex);
      kept.emplace(std::move(reply));
      asked.set_value();
      return;
    }
    Response response;
    response.stream = stream;
    reply(std::move(response));
  });
  Line streaming(server_->port()), waiting(server_->port());
  streaming.get("/stream");
  stream->give("first");
  EXPECT_TRUE(streaming.read_to("first"));
  ASSERT_TRUE(stream->is_waited_for_soon())
      << "the server asks again only once the first is written";
  waiting.get("/later");
  asked.get_future().wait();
  server_->stop();
  server_.reset();
  EXPECT_EQ(stream->cancelled, 1);
  stream->give("second");
  (*kept)(Response{});
  kept.reset();
  EXPECT_EQ(waiting.read_all(), "");
}

TEST_F(OnSockets, WhoLeavesBeforeTheAnswerIsNoted) {
  std::mutex mutex;
  std::map<std::string, std::pair<std::stop_token, Reply>> asked;
  std::condition_variable changed;
  serve([&](const Request& request, Reply reply) {
    const std::lock_guard lock(mutex);
    asked.emplace(request.path, std::pair(request.left, std::move(reply)));
    changed.notify_all();
  });
  const auto left = [&](const std::string& path) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return asked.contains(path); }));
    return asked.at(path).first;
  };
  std::promise<void> gone;
  Line stays(server_->port());
  stays.get("/stays");
  stays.get("/next");  // already sent: neither lost nor taken for a farewell
  {
    Line leaves(server_->port());
    leaves.get("/leaves");
    EXPECT_FALSE(left("/leaves").stop_requested());
  }
  const std::stop_callback heard(left("/leaves"), [&] { gone.set_value(); });
  ASSERT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(left("/stays").stop_requested());
  const auto reply = [&](const std::string& path) {
    Response response;
    response.body = "to " + path;
    left(path);
    const std::lock_guard lock(mutex);
    asked.at(path).second(std::move(response));
  };
  reply("/leaves");
  reply("/stays");
  EXPECT_TRUE(stays.read_to("to /stays"));
  reply("/next");
  EXPECT_TRUE(stays.read_to("to /next"));
}

TEST_F(OnSockets, AnOldClientThatWantsToStayIsToldThatItMay) {
  server_.emplace("127.0.0.1", uint16_t{0}, parts(say_hello));
  server_->start(1);
  Line line(server_->port());
  for (int i = 0; i < 2; ++i) {
    line.read.clear();
    line.get("/", "HTTP/1.0\r\nConnection: keep-alive");
    ASSERT_TRUE(line.read_to("hello")) << i;
    EXPECT_NE(line.read.find("Connection: keep-alive\r\n"), std::string::npos) << line.read;
  }
  line.read.clear();
  line.get("/", "HTTP/1.0");
  ASSERT_TRUE(line.read_to("hello"));
  EXPECT_EQ(line.read.find("keep-alive"), std::string::npos) << line.read;
}

TEST_F(OnSockets, LocalhostIsThisMachine) {
  server_.emplace("localhost", uint16_t{0}, parts(say_hello));
  server_->start(1);
  Line line(server_->port());
  line.get("/");
  EXPECT_TRUE(line.read_to("hello"));
}

TEST_F(OnSockets, ConnectionsAreCountedByAddress) {
  auto limited = parts(say_hello);
  limited.connections_per_address_max = 3;
  limited.is_unlimited_peer = [](const std::string& peer) { return peer == "127.0.0.9"; };
  server_.emplace("127.0.0.1", uint16_t{0}, std::move(limited));
  server_->start(1);
  const auto is_answered = [&](Line& line) {
    line.read.clear();
    line.get("/");
    return line.read_to("hello 127.0.0.");
  };
  {
    Line a(server_->port()), b(server_->port()), c(server_->port());
    EXPECT_TRUE(is_answered(a) && is_answered(b) && is_answered(c));
    Line d(server_->port());
    EXPECT_FALSE(is_answered(d)) << "one above";
    Line other(server_->port(), 2);
    EXPECT_TRUE(is_answered(other));
    std::vector<std::unique_ptr<Line>> proxy;
    for (int i = 0; i < 10; ++i) {
      proxy.push_back(std::make_unique<Line>(server_->port(), 9));
      EXPECT_TRUE(is_answered(*proxy.back()));
    }
    EXPECT_TRUE(is_answered(a)) << "those who are there stay";
  }
  // Those who left are counted no more, as soon as the server has heard of it.
  bool again = false;
  for (const auto end = Clock::now() + kPatience; !again && Clock::now() < end;) {
    Line line(server_->port());
    again = is_answered(line);
  }
  EXPECT_TRUE(again);
}

TEST_F(OnSockets, AUnixSocketIsAsGoodAsAPort) {
  testing::TemporaryDirectory directory;
  const auto path = directory / "http.sock";
  {
    HttpServer server(path, parts(say_hello));
    server.start(1);
    EXPECT_EQ(server.url(), "unix:" + path.string());
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0660u);
    Line line(path);
    line.get("/");
    EXPECT_TRUE(line.read_to("hello ")) << line.read;
    EXPECT_TRUE(line.read.ends_with("hello ")) << "no address: " << line.read;
    EXPECT_THROW(HttpServer(path, parts(say_hello)), Error) << "two servers";
    Line still(path);
    still.get("/");
    EXPECT_TRUE(still.read_to("hello ")) << "and the first one is still there";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    // As a server leaves it that was killed.
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(socket);
  }
  HttpServer server(path, parts(say_hello));
  server.start(1);
  Line line(path);
  line.get("/");
  EXPECT_TRUE(line.read_to("hello "));
  EXPECT_THROW(HttpServer(std::filesystem::path(directory.path()), parts(say_hello)), Error);
  EXPECT_THROW(HttpServer(directory / std::string(200, 'x'), parts(say_hello)), Error);
}

TEST_F(OnSockets, WhoDoesNotReadIsCutOff) {
  // A body that no socket buffer takes; its reader asks for it and reads nothing.
  constexpr std::chrono::milliseconds kStall{500};
  std::promise<int> status;
  auto watched = parts([](const Request&, Reply reply) {
    Response response;
    response.body = std::string(64 << 20, 'x');
    reply(std::move(response));
  });
  watched.on_answered = [&](const Request&, int sent, size_t, double) { status.set_value(sent); };
  watched.write_stall = kStall;
  server_.emplace("127.0.0.1", uint16_t{0}, std::move(watched));
  server_->start(1);
  const auto start = Clock::now();
  Line line(server_->port());
  line.get("/");
  EXPECT_EQ(status.get_future().get(), 0) << "not answered";
  EXPECT_GE(Clock::now() - start, kStall);
  EXPECT_LT(line.read_all().size(), size_t{64} << 20);
}

TEST_F(OnSockets, WhoReadsInDripsIsCutOffToo) {
  // Reads on and on, never pausing for as long as a stall, and would need far longer than the time
  // for the whole answer: 64 MB at 64 MB/s and a stall make 3 s, the reader takes 5 MB/s.
  constexpr std::chrono::milliseconds kStall{2000};
  std::promise<int> status;
  auto watched = parts([](const Request&, Reply reply) {
    Response response;
    response.body = std::string(64 << 20, 'x');
    reply(std::move(response));
  });
  watched.on_answered = [&](const Request&, int sent, size_t, double) { status.set_value(sent); };
  watched.write_stall = kStall;
  watched.write_bytes_per_second_min = 64 << 20;
  server_.emplace("127.0.0.1", uint16_t{0}, std::move(watched));
  server_->start(1);
  Line line(server_->port());
  line.get("/");
  auto answered = status.get_future();
  while (answered.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready)
    ASSERT_TRUE(line.read_some(256 << 10)) << "cut off, and nobody was told";
  EXPECT_EQ(answered.get(), 0) << "not answered";
}

}  // namespace
}  // namespace vernissage::http
