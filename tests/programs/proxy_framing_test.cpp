// Requests whose length can be read in more than one way, sent through real proxies. Goal: the
// proxy and the gallery agree on how many requests there were, so that nothing is smuggled past the
// first or answered to the wrong visitor. Method: some hundred shapes, each with a request hidden
// where a body might end, on a connection of its own; every answer of the gallery carries the id
// under which it was logged, so the ids that visitors received and those in the log must be the
// same, visitor by visitor. RFC 9112, 6.3 and 11.2.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/child.h"
#include "tests/support/json.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using testing::Child;
using testing::TemporaryDirectory;
using testing::Wire;

constexpr char kHost[] = "Host: gallery.example\r\n";

std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\n" + kHost + fields + "\r\n";
}

// What visitor `n` sends: one request whose end is unclear, perhaps another, and a farewell.
std::vector<std::string> shapes() {
  const std::string codings[] = {
      "",
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding:chunked\r\n",
      "transfer-encoding: Chunked\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding:\tchunked\r\n",
      "Transfer-Encoding:\vchunked\r\n",
      " Transfer-Encoding: chunked\r\n",
      "X: y\nTransfer-Encoding: chunked\r\n",
      "X: y\r\n Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
  };
  std::vector<std::string> all;
  const auto id = [&all] { return std::to_string(all.size()); };
  for (const std::string version : {"HTTP/1.1", "HTTP/1.0"})
    for (const std::string& coding : codings)
      for (const std::string begin : {"", "0\r\n\r\n", "5\r\nabcde\r\n0\r\n\r\n"})
        for (const std::string& length :
             {std::string(), std::string("Content-Length: 0\r\n"),
              std::string("Content-Length: 5\r\n"), std::string("Content-Length: +5\r\n"),
              std::string("Content-Length : 5\r\n"), std::string("Content-Length: 5, 5\r\n"),
              std::string("Content-Length: 5\r\nContent-Length: 0\r\n"),
              "Content-Length: " + std::to_string(begin.size()) + "\r\n"}) {
          const std::string farewell = get("/farewell/" + id(), "Connection: close\r\n");
          all.push_back("POST /shape/" + id() + " " + version + "\r\n" + kHost +
                        "Connection: keep-alive\r\n" + coding + length + "\r\n" + begin +
                        get("/hidden/" + id()) + farewell + farewell);
        }
  return all;
}

struct Kind {
  const char* name;
  const char* program;
};

class Framed : public ::testing::TestWithParam<Kind> {
 protected:
  Framed() {
    testing::hang_tiny_gallery(VERNISSAGE_BINARY, here_.path(), {"--per-room", "1"});
    gallery_.reset(new Child(
        {VERNISSAGE_BINARY, "serve", "--gallery", (here_ / "gallery").string(), "--device", "cpu",
         "--threads", "1", "--listen", "unix:" + path("http.sock"), "--log-format", "json"},
        here_ / "serve"));
    EXPECT_NE(gallery_->say("(Serving)"), "") << gallery_->err();
    std::ofstream(here_ / "proxy.conf") << configuration();
    std::vector<std::string> arguments = {GetParam().program};
    if (GetParam().name == std::string("nginx"))
      arguments.insert(arguments.end(), {"-p", here_.path().string(), "-e", "stderr", "-c"});
    else
      arguments.insert(arguments.end(), {"-db", "-f"});
    arguments.push_back(path("proxy.conf"));
    proxy_.reset(new Child(arguments, here_ / "proxy"));
    const auto end = std::chrono::steady_clock::now() + testing::kPatience;
    while (!Wire(front()).is_connected() && !proxy_->has_ended() &&
           std::chrono::steady_clock::now() < end)
      ::usleep(10000);
    EXPECT_FALSE(proxy_->has_ended()) << proxy_->err();
  }

  std::string configuration() const {
    std::ostringstream text;
    if (GetParam().name == std::string("nginx")) {
      text << "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n"
           << "events { worker_connections 256; }\nhttp {\naccess_log off;\n";
      for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        text << kind << "_temp_path " << path(kind) << ";\n";
      text << "upstream gallery { server unix:" << path("http.sock") << "; keepalive 8; }\n"
           << "server { listen " << front() << "; client_body_timeout 5s;\n"
           << "proxy_http_version 1.1; proxy_set_header Connection \"\";\n"
           << "proxy_set_header Host $host;\nlocation / { proxy_pass http://gallery; } } }\n";
    } else {
      text << "global\n  maxconn 100\ndefaults\n  mode http\n  timeout connect 5s\n"
           << "  timeout client 5s\n  timeout server 60s\n  timeout http-request 5s\n"
           << "frontend front\n  bind unix@" << path("front.sock") << "\n"
           << "  default_backend gallery\nbackend gallery\n  http-reuse always\n"
           << "  server one unix@" << path("http.sock") << "\n";
    }
    return text.str();
  }

  std::string path(const std::string& name) const { return (here_ / name).string(); }
  std::string front() const { return "unix:" + path("front.sock"); }

  TemporaryDirectory here_;
  std::unique_ptr<Child> gallery_, proxy_;
};

TEST_P(Framed, TheProxyAndTheGalleryCountTheSameRequests) {
  const auto all = shapes();
  EXPECT_GE(std::set<std::string>(all.begin(), all.end()).size(), 300u);
  const std::regex answered("\r\nX-Request-Id: ([0-9a-f]{16})\r\n", std::regex::icase);
  std::map<std::string, size_t> received;  // request id → whose shape's connection
  for (size_t n = 0; n < all.size(); ++n) {
    Wire wire(front());
    wire.send(all[n]);
    const std::string heard = wire.receive_all();
    for (std::sregex_iterator at(heard.begin(), heard.end(), answered), end; at != end; ++at)
      EXPECT_TRUE(received.emplace((*at)[1].str(), n).second) << "two had the same answer";
  }
  gallery_->signal(SIGTERM);
  EXPECT_EQ(gallery_->wait(), 0);

  std::map<std::string, int> seen;  // "/shape", "/hidden", "/farewell"
  std::istringstream log(gallery_->err());
  size_t logged = 0;
  for (std::string line; std::getline(log, line);) {
    const testing::Json json = testing::parse_json(line);
    const testing::Json* id = json.find("request_id");
    if (!id) continue;
    ++logged;
    const std::string target = json.at("path").text;
    const auto found = received.find(id->text);
    if (found == received.end()) {
      ADD_FAILURE() << "nobody heard the answer to: " << line;
      continue;
    }
    const size_t slash = target.rfind('/');
    if (slash == std::string::npos) continue;  // refused before it had a path
    ++seen[target.substr(0, slash)];
    EXPECT_EQ(target.substr(slash + 1), std::to_string(found->second))
        << "the answer to one visitor went to another: " << all[found->second];
  }
  EXPECT_EQ(logged, received.size());
  // All of this happened.
  EXPECT_GE(seen["/shape"], 30);
  EXPECT_GE(seen["/hidden"], 10) << "where the proxy, too, saw a request of its own";
  EXPECT_GE(seen["/farewell"], 10);
  RecordProperty("shapes", static_cast<int>(all.size()));
  RecordProperty("requests", static_cast<int>(logged));
}

std::vector<Kind> proxies() {
  std::vector<Kind> found;
#ifdef VERNISSAGE_NGINX
  found.push_back({"nginx", VERNISSAGE_NGINX});
#endif
#ifdef VERNISSAGE_HAPROXY
  found.push_back({"haproxy", VERNISSAGE_HAPROXY});
#endif
  return found;
}
INSTANTIATE_TEST_SUITE_P(Behind, Framed, ::testing::ValuesIn(proxies()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace vernissage
