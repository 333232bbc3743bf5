// The gallery behind the real nginx, configured by the example that we ship. Goal: the example
// works as it is; previews are cached and nothing else is; claiming and the full picture hold
// through a proxy; a restart behind it fails nobody's reading. Method: server/deploy/nginx.conf
// with its paths and its TLS lines replaced, nginx as a child on Unix sockets.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <regex>
#include <thread>

#include "tests/support/child.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using testing::Answer;
using testing::ask;
using testing::Child;
using testing::TemporaryDirectory;

void replace_all(std::string* text, const std::string& from, const std::string& to) {
  ASSERT_NE(text->find(from), std::string::npos) << "the example has no longer: " << from;
  for (size_t at = 0; (at = text->find(from, at)) != std::string::npos; at += to.size())
    text->replace(at, from.size(), to);
}

void remove_lines(std::string* text, const std::string& with) {
  const std::string before = *text;
  *text = std::regex_replace(before, std::regex("[^\n]*" + with + "[^\n]*\n"), "");
  ASSERT_NE(*text, before) << "the example has no longer: " << with;
}

class Nginx : public ::testing::Test {
 protected:
  Nginx() {
    testing::hang_tiny_gallery(VERNISSAGE_BINARY, here_.path(), {"--per-room", "2"});
    start_gallery();
    start_nginx();
  }

  // At behind(), or at `handed_over`.
  void start_gallery(const std::vector<int>& handed_over = {}) {
    gallery_.reset(
        new Child({VERNISSAGE_BINARY, "serve", "--gallery", (here_ / "gallery").string(),
                   "--device", "cpu", "--threads", "1", "--listen",
                   handed_over.empty() ? behind() : "systemd", "--trusted-proxy", "unix"},
                  here_ / "serve", {}, handed_over));
    EXPECT_NE(gallery_->say("(Serving)"), "") << gallery_->err();
  }

  void start_nginx() {
    std::string site = testing::file_text(VERNISSAGE_SOURCE_DIR "/server/deploy/nginx.conf");
    replace_all(&site, "/run/vernissage/http.sock", (here_ / "http.sock").string());
    replace_all(&site, "/var/cache/nginx/vernissage", (here_ / "cache").string());
    remove_lines(&site, "ssl_certificate");
    remove_lines(&site, "listen \\[::\\]");
    replace_all(&site, "listen 80;", "listen unix:" + (here_ / "plain.sock").string() + ";");
    replace_all(&site, "listen 443 ssl http2;", "listen " + front() + ";");
    // Where nginx is asked over a Unix socket it has no address of the client to tell.
    replace_all(&site, "$proxy_add_x_forwarded_for", "192.0.2.7");
    std::ofstream(here_ / "site.conf") << site;
    std::string main = "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n";
    main += "events { worker_connections 256; }\nhttp {\naccess_log off;\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      main += std::string(kind) + "_temp_path " + (here_ / kind).string() + ";\n";
    std::ofstream(here_ / "nginx.conf") << main << "include site.conf;\n}\n";
    nginx_.reset(new Child({VERNISSAGE_NGINX, "-p", here_.path().string(), "-e", "stderr", "-c",
                            (here_ / "nginx.conf").string()},
                           here_ / "nginx"));
    const auto end = std::chrono::steady_clock::now() + testing::kPatience;
    while (ask(front(), "GET", "/rooms/city").status != 200 && !nginx_->has_ended() &&
           std::chrono::steady_clock::now() < end)
      ::usleep(10000);
    EXPECT_FALSE(nginx_->has_ended()) << nginx_->err();
  }

  std::string front() const { return "unix:" + (here_ / "front.sock").string(); }
  std::string behind() const { return "unix:" + (here_ / "http.sock").string(); }

  std::string some_id() {
    std::smatch match;
    const std::string text = ask(front(), "GET", "/api/v1/rooms/city").body;
    return std::regex_search(text, match, std::regex("\"id\":\"([a-z2-7]{26})\"")) ? match[1].str()
                                                                                   : "";
  }

  TemporaryDirectory here_;
  std::unique_ptr<Child> gallery_, nginx_;
};

TEST_F(Nginx, CachesPreviewsAndNothingElse) {
  const std::string id = some_id();
  const std::string path = "/paintings/" + id + "/192.webp";
  const Answer first = ask(front(), "GET", path);
  ASSERT_EQ(first.status, 200) << gallery_->err() << nginx_->err();
  EXPECT_EQ(first.field("X-Cache"), "MISS");
  const Answer second = ask(front(), "GET", path);
  EXPECT_EQ(second.field("X-Cache"), "HIT");
  EXPECT_TRUE(second.body == first.body);
  EXPECT_EQ(second.field("ETag"), first.field("ETag"));
  EXPECT_EQ(ask(front(), "GET", path, "If-None-Match: " + first.field("ETag") + "\r\n").status,
            304);
  // What every answer of ours carries is still there.
  for (const char* name : {"Content-Security-Policy", "X-Content-Type-Options", "X-Request-Id",
                           "Strict-Transport-Security"})
    EXPECT_NE(second.field(name), "") << name;
  for (const std::string& page : {std::string("/"), "/paintings/" + id, std::string("/api/v1/me")})
    EXPECT_EQ(ask(front(), "GET", page).field("X-Cache"), "") << page;
  // No such preview is never kept: it may be one of a painting that comes.
  const std::string nothing = "/paintings/" + std::string(26, 'a') + "/192.webp";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(front(), "GET", nothing).field("X-Cache"), "MISS");
}

TEST_F(Nginx, GivesTheFullPictureToItsOwnerAndToNobodyElse) {
  const std::string id = some_id();
  const Answer me = ask(front(), "GET", "/api/v1/me");
  const std::string cookie = me.field("Set-Cookie").substr(0, me.field("Set-Cookie").find(';'));
  ASSERT_NE(cookie, "");
  const std::string fields = "Cookie: " + cookie + "\r\nContent-Type: application/json\r\n";
  const Answer won =
      ask(front(), "POST", "/api/v1/claims", fields, "{\"painting\":\"" + id + "\"}");
  ASSERT_EQ(won.status, 201) << won.body;
  const std::string full = "/paintings/" + id + "/full.png";
  Answer picture;
  const auto end = std::chrono::steady_clock::now() + testing::kPatience;
  while ((picture = ask(front(), "GET", full, fields)).status == 503 &&
         std::chrono::steady_clock::now() < end)
    ::usleep(20000);
  ASSERT_EQ(picture.status, 200) << picture.body;
  EXPECT_TRUE(picture.body.starts_with("\x89PNG"));
  EXPECT_EQ(picture.field("Cache-Control"), "private, no-store");
  // After the owner came through the very same proxy.
  for (const std::string& path : {full, full + "?x=1", "/paintings/" + id + "/./full.png",
                                  "/paintings//" + id + "/full.png", full + "/"}) {
    const Answer other = ask(front(), "GET", path);
    EXPECT_EQ(other.status, 404) << path;
    EXPECT_EQ(other.body.find("PNG"), std::string::npos) << path;
  }
}

TEST_F(Nginx, ClosesWhatIsForTheMachineItself) {
  // Whoever comes over nginx's Unix socket is no address of this machine.
  for (const char* path : {"/healthz", "/readyz"})
    EXPECT_EQ(ask(front(), "GET", path).status, 403) << path;
  EXPECT_EQ(ask(front(), "GET", "/metrics").status, 404);
  EXPECT_EQ(ask("unix:" + (here_ / "plain.sock").string(), "GET", "/").status, 301);
}

// Between two questions of one reader: fewer than the 50 a second that nginx.conf lets an address.
constexpr useconds_t kPauseUs = 25'000;

TEST_F(Nginx, ARestartBehindItLosesNoPreviewThatWasSeen) {
  const std::string path = "/paintings/" + some_id() + "/192.jpg";
  ASSERT_EQ(ask(front(), "GET", path).status, 200);
  std::atomic<bool> done = false;
  std::atomic<int> right = 0, wrong = 0;
  std::thread reader([&] {
    while (!done) {
      ++(ask(front(), "GET", path).status == 200 ? right : wrong);
      ::usleep(kPauseUs);
    }
  });
  for (int i = 0; i < 3; ++i) {
    gallery_->signal(SIGTERM);
    EXPECT_EQ(gallery_->wait(), 0) << gallery_->err();
    EXPECT_EQ(ask(front(), "GET", "/").status, 502) << "a page, just then";
    start_gallery();
    EXPECT_EQ(ask(front(), "GET", "/").status, 200);
  }
  done = true;
  reader.join();
  EXPECT_GT(right.load(), 0);
  EXPECT_EQ(wrong.load(), 0);
}

// As server/deploy/vernissage.socket has it.
TEST_F(Nginx, ARestartAtASocketThatIsHandedOverLosesNoPageEither) {
  gallery_->signal(SIGTERM);
  EXPECT_EQ(gallery_->wait(), 0) << gallery_->err();
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (here_ / "http.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket, SOMAXCONN), 0);
  start_gallery({socket});
  std::atomic<bool> done = false;
  std::atomic<int> right = 0, wrong = 0;
  std::vector<std::thread> readers;
  for (const char* path : {"/", "/rooms/city", "/api/v1/state"})
    readers.emplace_back([&, path] {
      while (!done) {
        ++(ask(front(), "GET", path).status == 200 ? right : wrong);
        ::usleep(3 * kPauseUs);  // there are three of them
      }
    });
  for (int i = 0; i < 5; ++i) {
    const int before = right;
    while (right < before + 20 && wrong == 0) ::usleep(1000);
    gallery_->signal(SIGTERM);
    EXPECT_EQ(gallery_->wait(), 0) << gallery_->err();
    start_gallery({socket});
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
  ::close(socket);
}

}  // namespace
}  // namespace vernissage
