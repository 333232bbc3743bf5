// HTTP without a socket: the framing gate on raw bytes, conditional requests, JSON, and every route
// as a function call. Goal: each limit one below, at and above; nothing ambiguous passes; nothing
// secret is said; everything is escaped. Method: a real gallery, a renderer that paints plain
// colours.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cctype>
#include <future>
#include <regex>
#include <set>

#include "base/error.h"
#include "server/gallery/hang.h"
#include "server/http/caching.h"
#include "server/http/connection_count.h"
#include "server/http/framing.h"
#include "server/http/json.h"
#include "server/http/limits.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"
#include "server/web/pages.h"
#include "tests/support/tiny_network.h"

namespace vernissage::http {
namespace {

// ---- the gate

// 0: passed.
int status_of(const std::string& head) {
  Head passed;
  const auto refusal = check_head(head, &passed);
  return refusal ? refusal->status : 0;
}

std::string with_fields(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST(Framing, OrdinaryRequestsPass) {
  for (const char* head : {
           "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
           "HEAD /rooms/city?x=1&y=%20 HTTP/1.1\r\nhost:localhost:8080\r\n\r\n",
           "GET / HTTP/1.0\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a=b; c=d\r\nX-Empty:\r\nX: \t v \t\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
           "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
       })
    EXPECT_EQ(status_of(head), 0) << head;
  EXPECT_EQ(status_of(with_fields("X-\xc3\xa9: no\r\n")), 400) << "a name is ASCII";
  EXPECT_EQ(status_of(with_fields("X-Note: caf\xc3\xa9\r\n")), 0) << "values may hold any text";
}

TEST(Framing, AbsoluteTargetsAreOfTheHostThatHostNames) {
  EXPECT_EQ(status_of("GET http://a/studio?from=3 HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(status_of("GET HTTP://A:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), 0);
  EXPECT_EQ(status_of("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET http://a/ HTTP/1.0\r\n\r\n"), 400) << "no Host to compare with";
  EXPECT_EQ(status_of("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(path_of_target("http://a:80/studio?from=3"), "/studio?from=3");
  EXPECT_EQ(path_of_target("https://a"), "/");
  EXPECT_EQ(path_of_target("/rooms/http://a"), "/rooms/http://a");
}

TEST(Connections, ACustomersNetworkHasAShareOfItsOwn) {
  ConnectionCount count;
  const auto peer = [](uint16_t subnet) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    const uint8_t bytes[] = {0x20, 1, 0xd, 0xb8, 0, 1, uint8_t(subnet >> 8), uint8_t(subnet)};
    std::copy(std::begin(bytes), std::end(bytes), address.sin6_addr.s6_addr);
    return peer_of(reinterpret_cast<const sockaddr*>(&address));
  };
  constexpr size_t kShare = 3;
  size_t accepted = 0;
  std::vector<Peer> present;
  for (uint16_t subnet = 0; subnet < 100; ++subnet)
    for (int i = 0; i < 5; ++i)
      if (count.come(peer(subnet), kShare)) present.push_back(peer(subnet));
  accepted = present.size();
  EXPECT_EQ(accepted, kShare * kWideShare) << "of a /48, however many /64s it uses";
  for (const Peer& one : present) count.go(one, false);
  EXPECT_EQ(count.connections(), 0u);
  EXPECT_TRUE(count.come(peer(7), kShare));
}

TEST(Framing, WhatAProxyMightReadDifferentlyIsRefused) {
  const std::string shapes[] = {
      with_fields("Transfer-Encoding: chunked\r\n"),
      with_fields("transfer-encoding: gzip\r\nContent-Length: 3\r\n"),
      with_fields("Transfer-Encoding: chunked, gzip\r\n"),
      with_fields("Transfer-Encoding: identity\r\n"),
      with_fields("Transfer-Encoding:\r\n"),
      with_fields("Transfer-Encoding : chunked\r\n"),
      with_fields("Content-Length: 3\r\nContent-Length: 3\r\n"),
      with_fields("Content-Length: 3, 3\r\n"),
      with_fields("Content-Length: +3\r\n"),
      with_fields("Content-Length: -1\r\n"),
      with_fields("Content-Length: 0x3\r\n"),
      with_fields("Content-Length:\r\n"),
      with_fields("Host: b\r\n"),
      with_fields("host: a\r\n"),
      with_fields("X: a\r\n folded\r\n"),
      with_fields("X: a\r\n\tfolded\r\n"),
      with_fields(" X: a\r\n"),
      with_fields("X : a\r\n"),
      with_fields("X\r\n"),
      with_fields(": a\r\n"),
      with_fields("X: a\rb\r\n"),
      with_fields("X: a\nY: b\r\n"),
      with_fields("X: a\r\r\n"),
      with_fields(std::string("X: a\0b\r\n", 8)),
      with_fields("X: a\x7f\r\n"),
      "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET rooms HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
      "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
      " / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\n\r\n",
      "GET\r\n\r\n",
      "\r\n\r\n",
  };
  for (const std::string& shape : shapes) EXPECT_EQ(status_of(shape), 400) << shape;
}

// The same faults in every dress: names in any case, values in any form, at any place, and each
// byte that has no business where it stands.
std::vector<std::string> generated_shapes() {
  std::vector<std::string> shapes;
  const std::string line = "GET / HTTP/1.1\r\n", host = "Host: a\r\n";
  for (const std::string version : {"HTTP/1.1", "HTTP/1.0"})
    for (const std::string name :
         {"Transfer-Encoding", "transfer-encoding", "TRANSFER-ENCODING", "tRaNsFeR-eNcOdInG"})
      for (const std::string value :
           {"chunked", "Chunked", " chunked ", "\tchunked", "chunked, gzip", "gzip, chunked",
            "identity", "", "chunked;q=1", ",chunked", "chunked,", "\"chunked\"", "x", "deflate"})
        for (const std::string length : {"", "Content-Length: 0\r\n", "Content-Length: 5\r\n"}) {
          const std::string coding = name + ":" + value + "\r\n";
          shapes.push_back("POST / " + version + "\r\n" + host + coding + length + "\r\n");
          shapes.push_back("POST / " + version + "\r\n" + length + coding + host + "\r\n");
        }
  for (const std::string name : {"Content-Length", "content-length", "CONTENT-LENGTH"}) {
    for (const std::string value :
         {"",      "+3",    "-3",    "0x3",      "3,3", "3, 3", "3 3", "3;",  "3.0",   "3e0",
          "\"3\"", "three", "3\xa0", "\xd9\xa3", ",3",  "3,",   "0 ",  "00x", "1_000", "%33"}) {
      if (value == "0 ") continue;  // a blank behind a number is no part of it
      shapes.push_back(line + host + name + ": " + value + "\r\n\r\n");
    }
    for (const std::string first : {"0", "3", "03", "4"})
      for (const std::string second : {"0", "3", "4"}) {
        shapes.push_back(line + host + name + ": " + first + "\r\nContent-Length: " + second +
                         "\r\n\r\n");
        shapes.push_back(line + "Content-Length: " + first + "\r\n" + host + name + ": " + second +
                         "\r\n\r\n");
      }
  }
  // Every byte, wherever it does not belong.
  const auto one = [](int byte) { return std::string(1, static_cast<char>(byte)); };
  const std::string token = "!#$%&'*+-.^_`|~";
  for (int byte = 0; byte < 256; ++byte) {
    const bool in_token =
        std::isalnum(byte) || (byte && token.find(one(byte)) != std::string::npos);
    if (!in_token) shapes.push_back("G" + one(byte) + "T / HTTP/1.1\r\n" + host + "\r\n");
    if (!in_token && byte != ':') shapes.push_back(line + host + "X" + one(byte) + "Y: z\r\n\r\n");
    if (byte <= 0x20 || byte >= 0x7f || byte == '#' || byte == '\\')
      shapes.push_back("GET /a" + one(byte) + "b HTTP/1.1\r\n" + host + "\r\n");
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
      shapes.push_back(line + host + "X: a" + one(byte) + "b\r\n\r\n");
    if (!std::isalnum(byte) && std::string(".-_:[]").find(one(byte)) == std::string::npos)
      shapes.push_back(line + "Host: a" + one(byte) + "b\r\n\r\n");
  }
  // Hosts: none, several, in every order.
  for (const std::string name : {"Host", "host", "HOST", "hOsT"})
    for (const std::string value : {"a", "b", "", "a:80"}) {
      shapes.push_back(line + host + name + ": " + value + "\r\n\r\n");
      shapes.push_back(line + name + ": " + value + "\r\n" + "X: y\r\n" + host + "\r\n");
      shapes.push_back(line + name + " : " + value + "\r\n\r\n");
    }
  // Line ends: each of an ordinary head's spoilt in each way. The last one, of the empty line, is
  // what the reader cuts by.
  const std::string ordinary = line + host + "X: y\r\nCookie: a=b\r\n\r\n";
  for (size_t at = ordinary.find("\r\n"); at + 2 < ordinary.size();
       at = ordinary.find("\r\n", at + 2))
    for (const std::string end :
         {"\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", "\v", "\f", " \n"})
      shapes.push_back(ordinary.substr(0, at) + end + ordinary.substr(at + 2));
  return shapes;
}

TEST(Framing, NoneOfTheGeneratedShapesPasses) {
  const auto shapes = generated_shapes();
  EXPECT_GE(std::set<std::string>(shapes.begin(), shapes.end()).size(), 300u);
  for (const std::string& shape : shapes) EXPECT_NE(status_of(shape), 0) << shape;
}

TEST(Framing, OtherVersionsAreNamed) {
  for (const char* version : {"HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "http/1.1", "HTTP/1.1x", "ICY"})
    EXPECT_EQ(status_of("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n"), 505) << version;
}

TEST(Framing, ExpectationsAreNotMet) {
  EXPECT_EQ(status_of(with_fields("Expect: 100-continue\r\nContent-Length: 3\r\n")), 417);
}

TEST(Framing, TargetLimitHoldsBelowAtAndAbove) {
  for (const int beyond : {-1, 0, 1}) {
    std::string target(kTargetBytesMax + static_cast<size_t>(beyond), 'x');
    target[0] = '/';
    EXPECT_EQ(status_of("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"), beyond > 0 ? 414 : 0);
  }
}

TEST(Framing, HeaderLimitHoldsBelowAtAndAbove) {
  for (const int beyond : {-1, 0, 1}) {
    const size_t frame = with_fields("X: \r\n").size();
    const std::string head = with_fields(
        "X: " + std::string(kHeaderBytesMax - frame + static_cast<size_t>(beyond), 'x') + "\r\n");
    ASSERT_EQ(head.size(), kHeaderBytesMax + static_cast<size_t>(beyond));
    EXPECT_EQ(status_of(head), beyond > 0 ? 431 : 0) << beyond;
  }
}

TEST(Framing, FieldLimitHoldsBelowAtAndAbove) {
  for (const int beyond : {-1, 0, 1}) {
    std::string fields;
    for (size_t i = 1; i < kFieldCountMax + static_cast<size_t>(beyond); ++i) fields += "X: y\r\n";
    EXPECT_EQ(status_of(with_fields(fields)), beyond > 0 ? 431 : 0) << beyond;
  }
}

TEST(Framing, BodyLimitHoldsBelowAtAndAbove) {
  for (const int beyond : {-1, 0, 1}) {
    const size_t length = kBodyBytesMax + static_cast<size_t>(beyond);
    Head head;
    const auto refusal =
        check_head(with_fields("Content-Length: " + std::to_string(length) + "\r\n"), &head);
    EXPECT_EQ(refusal ? refusal->status : 0, beyond > 0 ? 413 : 0) << beyond;
    EXPECT_EQ(head.content_length, refusal ? 0 : length);
  }
  EXPECT_EQ(status_of(with_fields("Content-Length: 18446744073709551617\r\n")), 413)
      << "2^64 + 1 is not 1";
  EXPECT_EQ(status_of(with_fields("Content-Length: " + std::string(3000, '9') + "\r\n")), 413);
}

TEST(Framing, EndlessHeadsAreToldWhatIsTooLong) {
  EXPECT_EQ(refuse_endless_head("GET /" + std::string(9000, 'x')).status, 414);
  EXPECT_EQ(refuse_endless_head("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x')).status, 431);
  EXPECT_EQ(refuse_endless_head(std::string(9000, 'x')).status, 431);
}

// ---- conditional requests

Response whole(const std::string& body) {
  Response response;
  response.set("ETag", etag_of(body));
  response.set("Content-Type", "text/plain");
  response.body = body;
  return response;
}

Request asking(const std::string& path, std::vector<Field> fields = {},
               const std::string& method = "GET") {
  Request request;
  request.method = method;
  const size_t question = std::min(path.find('?'), path.size());
  request.path = path.substr(0, question);
  if (question < path.size()) request.query = path.substr(question + 1);
  request.fields = std::move(fields);
  request.id = "test";
  return request;
}

TEST(Caching, TagNamesTheBytes) {
  EXPECT_EQ(etag_of("a"), etag_of("a"));
  EXPECT_NE(etag_of("a"), etag_of("b"));
  EXPECT_EQ(etag_of(""), "\"e3b0c44298fc1c149afbf4c8996fb924\"") << "SHA-256 of nothing, 128 bits";
}

TEST(Caching, IfNoneMatchIsAnswered304) {
  const std::string tag = etag_of("body");
  for (const std::string& list : {tag, "W/" + tag, "\"x\", " + tag, "\"x\",W/" + tag + ",\"y\"",
                                  std::string("*"), std::string(" * ")}) {
    const Response response =
        conditional(asking("/", {{"if-none-match", list}}), whole("body"), true);
    EXPECT_EQ(response.status, 304) << list;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.field("ETag"), tag);
  }
  for (const char* list : {"", "\"x\"", "x", "\"", ",,,", "W/", "W/\"x\""})
    EXPECT_EQ(conditional(asking("/", {{"If-None-Match", list}}), whole("body"), true).status, 200)
        << list;
}

TEST(Caching, TagsMayStandOnSeveralLines) {
  const std::string tag = etag_of("body");
  const Request request = asking("/", {{"If-None-Match", "\"x\""}, {"if-none-match", tag}});
  EXPECT_EQ(conditional(request, whole("body"), true).status, 304);
}

TEST(Caching, SingleRangesAreCut) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"bytes=0-0", "0", "bytes 0-0/10"},
      {"bytes=0-", "0123456789", "bytes 0-9/10"},
      {"bytes=2-4", "234", "bytes 2-4/10"},
      {"bytes=9-9", "9", "bytes 9-9/10"},
      {"bytes=-1", "9", "bytes 9-9/10"},
      {"bytes=-99", "0123456789", "bytes 0-9/10"},
      {"bytes=8-99999999999999999999", "89", "bytes 8-9/10"},
  };
  for (const auto& [range, body, content_range] : cases) {
    const Response response =
        conditional(asking("/", {{"Range", range}}), whole("0123456789"), true);
    EXPECT_EQ(response.status, 206) << range;
    EXPECT_EQ(response.body, body) << range;
    EXPECT_EQ(response.field("Content-Range"), content_range);
  }
}

TEST(Caching, RangesBeyondTheEndAre416) {
  for (const char* range :
       {"bytes=10-", "bytes=10-11", "bytes=99999999999999999999-", "bytes=-0"}) {
    const Response response =
        conditional(asking("/", {{"Range", range}}), whole("0123456789"), true);
    EXPECT_EQ(response.status, 416) << range;
    EXPECT_EQ(response.field("Content-Range"), "bytes */10");
    EXPECT_EQ(response.body, "");
  }
}

TEST(Caching, RangesThatCannotBeReadAreIgnored) {
  for (const char* range : {"bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,4-5", "items=0-1",
                            "bytes=5-4", "bytes 0-1", "0-1", "bytes=0x1-2", "bytes=1-2-3"})
    EXPECT_EQ(conditional(asking("/", {{"Range", range}}), whole("0123456789"), true).status, 200)
        << range;
  EXPECT_EQ(
      conditional(asking("/", {{"Range", "bytes=0-0"}}, "HEAD"), whole("0123456789"), true).status,
      200);
  EXPECT_EQ(conditional(asking("/", {{"Range", "bytes=0-0"}}), whole("0123456789"), false).status,
            200);
}

TEST(Caching, AShortTagIsComparedWholeAfterOtherFieldsJoinIt) {
  // Found by fuzz_conditions: the tag was looked at where it had stood before a field was added.
  Response tagged;
  tagged.set("ETag", "\"t\"");
  tagged.body = "body";
  EXPECT_EQ(conditional(asking("/", {{"If-None-Match", "\"t\""}}), tagged, true).status, 304);
  EXPECT_EQ(conditional(asking("/", {{"If-None-Match", "\"u\""}}), tagged, true).status, 200);
}

TEST(Caching, IfRangeGuardsTheRange) {
  const std::string tag = etag_of("0123456789");
  const auto status = [&](const std::string& guard) {
    return conditional(asking("/", {{"Range", "bytes=0-0"}, {"If-Range", guard}}),
                       whole("0123456789"), true)
        .status;
  };
  EXPECT_EQ(status(tag), 206);
  EXPECT_EQ(status("W/" + tag), 200);
  EXPECT_EQ(status("\"other\""), 200);
}

TEST(JsonText, EscapesWhatWouldBreakOut) {
  EXPECT_EQ(json_string("a\"b\\c\n</script>\x01é"),
            "\"a\\\"b\\\\c\\u000a\\u003c/script\\u003e\\u0001é\"");
  Json json;
  json.begin('{').key("a").begin('[').value(1).value(true).begin('{').end('}').end(']');
  json.key("b").value("x").end('}');
  EXPECT_EQ(json.text(), "{\"a\":[1,true,{}],\"b\":\"x\"}");
}

// ---- the routes

// Paints each candidate in a colour of its own; waits before the first one while it is told to.
class ColourRenderer : public render::Renderer {
 public:
  explicit ColourRenderer(std::shared_future<void> may_paint) : may_paint_(std::move(may_paint)) {}
  std::string describe() const override { return "colours"; }
  int batch_max() const override { return 2; }
  std::vector<Image> paint(const std::vector<render::RenderSpec>& specs) override {
    may_paint_.wait();
    std::vector<Image> images;
    for (const render::RenderSpec& spec : specs)
      images.push_back({600, 600, 3,
                        std::vector<uint8_t>(size_t{600} * 600 * 3,
                                             static_cast<uint8_t>(40 + spec.first * 10))});
    return images;
  }

 private:
  std::shared_future<void> may_paint_;
};

constexpr char kOddName[] = "<script>alert('1')</script> & \"friends\"";

class Routes : public ::testing::Test {
 protected:
  Routes() {
    // Hung for a network of 1024 pixels by hand: what is not painted here needs no network.
    namespace g = gallery;
    const auto path = directory_.path();
    const auto key = g::GalleryKey::create(path / "gallery.key");
    g::GalleryConfig config;
    config.name = kOddName;
    config.generator = "generator.safetensors";
    config.resolution = 600;
    config.untrained = true;
    config.rooms = g::default_rooms();
    g::save_config(path / "gallery.toml", config);
    std::vector<g::Painting> paintings;
    for (const g::Room& room : config.rooms)
      for (int i = 0; i < 3; ++i)
        paintings.push_back({g::random_id(), room.slug, i,
                             "<i onmouseover=\"x\"> " + std::to_string(i), paintings.size()});
    g::open_sqlite_store(path / "gallery.db", true)->hang(paintings);
    gallery_.emplace(path);
    render::RenderQueue::Parts parts;
    parts.make_renderer = [this] {
      return std::make_unique<ColourRenderer>(may_paint_.get_future().share());
    };
    parts.on_finished = [this](render::RenderQueue::Seconds) { ++pictures_finished_; };
    render::RenderLimits limits;
    limits.in_flight_max = 2;
    std::promise<void> loaded;
    parts.on_ready = [&loaded](const render::Renderer&) { loaded.set_value(); };
    queue_.emplace(std::move(parts), limits);
    loaded.get_future().wait();
    pictures_.emplace(*gallery_, *queue_, render::Pictures::Limits{}, [](const std::string&) {});
    app_.reset(new App{*gallery_, site_, *queue_, *pictures_});
  }
  ~Routes() override { allow_painting(); }

  void allow_painting() {
    if (!allowed_) may_paint_.set_value();
    allowed_ = true;
  }

  std::future<Response> start(const Request& request) {
    auto promise = std::make_shared<std::promise<Response>>();
    answer(*app_, request,
           Reply([promise](Response response) { promise->set_value(std::move(response)); }));
    return promise->get_future();
  }
  Response get(const std::string& path, std::vector<Field> fields = {},
               const std::string& method = "GET") {
    return start(asking(path, std::move(fields), method)).get();
  }
  const gallery::Painting& work(size_t i) { return *gallery_->wall("city")[i]; }

  testing::TemporaryDirectory directory_;
  std::optional<gallery::Gallery> gallery_;
  web::Site site_;
  std::promise<void> may_paint_;
  bool allowed_ = false;
  std::atomic<int> pictures_finished_ = 0;
  std::optional<render::RenderQueue> queue_;
  std::optional<render::Pictures> pictures_;
  std::unique_ptr<App> app_;
};

TEST_F(Routes, PagesCarryTheirHeadersAndAreRevalidated) {
  for (const std::string& path :
       {std::string("/"), std::string("/rooms/people"), std::string("/rooms/nature"),
        std::string("/rooms/city"), std::string("/rooms/mood"), "/paintings/" + work(0).id}) {
    const Response page = get(path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(page.field("Cache-Control"),
              path.starts_with("/paintings/") ? "private, no-cache" : "no-cache");
    EXPECT_EQ(page.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(page.field("X-Request-Id"), "test");
    const std::string policy(page.field("Content-Security-Policy").value_or(""));
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_FALSE(page.field("Access-Control-Allow-Origin"));
    EXPECT_NE(page.body.find("Uncurated"), std::string::npos) << path;
    EXPECT_NE(page.body.find("untrained network"), std::string::npos) << path;
    EXPECT_EQ(get(path, {{"If-None-Match", std::string(*page.field("ETag"))}}).status, 304);
  }
}

TEST_F(Routes, NothingIsInlineForeignOrUnescaped) {
  for (const std::string& path : {std::string("/"), std::string("/rooms/city"),
                                  "/paintings/" + work(1).id, std::string("/nowhere")}) {
    const std::string body = get(path, {{"Accept", "text/html"}}).body;
    EXPECT_EQ(body.find("<script>"), std::string::npos) << path;
    EXPECT_EQ(body.find("<i "), std::string::npos) << path;
    EXPECT_EQ(body.find("<style"), std::string::npos) << path;
    EXPECT_EQ(body.find(" style="), std::string::npos) << path;
    // With every quoted value emptied, only real attributes are left.
    const std::string bare = std::regex_replace(body, std::regex("\"[^\"]*\""), "\"\"");
    EXPECT_FALSE(std::regex_search(bare, std::regex("<[^>]* on[a-z]+="))) << path;
    EXPECT_FALSE(std::regex_search(body, std::regex("(src|href|srcset)=\"[^/#]"))) << path;
    EXPECT_EQ(body.find("//"), body.find("//nothing")) << path << ": no foreign address";
    EXPECT_NE(body.find("&lt;script&gt;alert(&#39;1&#39;)"), std::string::npos) << path;
  }
}

TEST_F(Routes, PagesSpeakTheVisitorsLanguage) {
  const Response english = get("/rooms/city");
  EXPECT_NE(english.body.find("<html lang=\"en\">"), std::string::npos);
  EXPECT_EQ(english.field("Vary"), "Accept-Encoding, Accept-Language, Cookie");
  EXPECT_FALSE(english.field("Set-Cookie"));
  const Response russian = get("/rooms/city", {{"Accept-Language", "ru, en;q=0.5"}});
  EXPECT_NE(russian.body.find("<html lang=\"ru\">"), std::string::npos);
  EXPECT_NE(russian.body.find("Город"), std::string::npos);
  EXPECT_NE(russian.field("ETag"), english.field("ETag"));
  const Response chosen = get("/?lang=pt", {{"Accept-Language", "ru"}});
  EXPECT_NE(chosen.body.find("Cidade"), std::string::npos);
  EXPECT_EQ(chosen.field("Set-Cookie"), "lang=pt; Path=/; Max-Age=31536000; SameSite=Lax");
  EXPECT_NE(get("/studio", {{"Cookie", "lang=pt"}}).body.find("Estampas sem fim"),
            std::string::npos);
  EXPECT_FALSE(get("/?lang=xx").field("Set-Cookie"));
}

TEST_F(Routes, AnotherLanguageKeepsTheWholeAddress) {
  const std::string page = get("/rooms/city?q=a%26b&lang=pt&show=free").body;
  EXPECT_NE(page.find("href=\"/rooms/city?q=a%26b&amp;show=free&amp;lang=ru\""), std::string::npos);
  EXPECT_NE(get("/rooms/city").body.find("href=\"/rooms/city?lang=ru\""), std::string::npos);
}

TEST_F(Routes, ErrorPagesAreInOneLanguage) {
  for (const char* language : {"pt", "ru"})
    for (const auto& [path, status] :
         {std::pair("/nowhere", 404), {"/rooms/city?show=most", 400}}) {
      const Response page = get(path, {{"Accept", "text/html"}, {"Accept-Language", language}});
      EXPECT_EQ(page.status, status);
      for (const char* english : {"There is", "A wall", "Bad Request", "Not Found"})
        EXPECT_EQ(page.body.find(english), std::string::npos) << language << ' ' << path;
      EXPECT_EQ(page.body.find("<p></p>"), std::string::npos) << language << ' ' << path;
    }
}

TEST_F(Routes, WordsTravelCompressedAndSecretsDoNot) {
  for (const std::string path : {"/", "/rooms/city", "/api/v1/rooms/city", "/openapi.json"}) {
    const Response packed = get(path, {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(packed.field("Content-Encoding"), "gzip") << path;
    EXPECT_NE(std::string(packed.field("Vary").value_or("")).find("Accept-Encoding"),
              std::string::npos);
    EXPECT_LT(packed.body.size(), get(path).body.size() / 2) << path;
    EXPECT_EQ(get(path, {{"Accept-Encoding", "gzip"},
                         {"If-None-Match", std::string(*packed.field("ETag"))}})
                  .status,
              304);
  }
  // The form's token, the owner's page: their length must tell nothing.
  for (const std::string& path : {"/paintings/" + work(0).id + "/claim", std::string("/mine")})
    EXPECT_FALSE(get(path, {{"Accept-Encoding", "gzip"}}).field("Content-Encoding")) << path;
}

TEST_F(Routes, AWallIsFilteredByTitleAndState) {
  const auto hanging = [&](const std::string& query) {
    const std::string page = get("/rooms/city" + query).body;
    const std::string list = get("/api/v1/rooms/city" + query).body;
    size_t shown = 0;
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(page.find("id=\"" + work(i).id + "\"") != std::string::npos,
                list.find(work(i).id) != std::string::npos)
          << query << ": page and list agree";
      shown += list.find(work(i).id) != std::string::npos;
    }
    return shown;
  };
  EXPECT_EQ(hanging(""), 3u);
  EXPECT_EQ(hanging("?q=ONMOUSEOVER&show=free"), 3u) << "case does not matter";
  EXPECT_EQ(hanging("?q=zzz"), 0u);
  EXPECT_EQ(hanging("?show=taken"), 0u);
  EXPECT_EQ(get("/rooms/city?show=most").status, 400);
}

TEST_F(Routes, PicturesHaveSizeTextAndTheLadder) {
  const std::string body = get("/rooms/city").body;
  const std::regex picture("<img [^>]*width=\"512\" height=\"512\" alt=\"[^\"]+\"[^>]*>");
  EXPECT_EQ(std::distance(std::sregex_iterator(body.begin(), body.end(), picture), {}), 3);
  for (const char* width : {"192w", "256w", "384w", "512w"})
    EXPECT_NE(body.find(width), std::string::npos) << width;
}

TEST_F(Routes, EveryLinkAndAssetOnThePagesIsThere) {
  allow_painting();
  std::set<std::string> seen = {"/"};
  std::vector<std::string> open = {"/"};
  const std::regex address("(?:src|href)=\"(/[^\"#]*)");
  while (!open.empty()) {
    const std::string path = std::regex_replace(open.back(), std::regex("&amp;"), "&");
    open.pop_back();
    Response response = get(path);
    if (response.status == 503) {  // the queue is small on purpose; nothing else is in it now
      open.push_back(path);
      continue;
    }
    EXPECT_EQ(response.status, 200) << path;
    if (path.starts_with("/studio?")) continue;  // the studio goes on and on
    for (std::sregex_iterator at(response.body.begin(), response.body.end(), address), end;
         at != end; ++at)
      if (seen.insert((*at)[1]).second) open.push_back((*at)[1]);
  }
  EXPECT_GE(seen.size(), 1u + 4 + 12 + 12 + 3) << "entrance, rooms, paintings, pictures, assets";
}

TEST_F(Routes, PreviewIsPaintedOnceAndKept) {
  allow_painting();
  for (const int width : {192, 256, 384, 512}) {
    const std::string base = "/paintings/" + work(0).id + "/" + std::to_string(width);
    const Response webp = get(base + ".webp");
    ASSERT_EQ(webp.status, 200);
    EXPECT_EQ(webp.field("Content-Type"), "image/webp");
    EXPECT_EQ(webp.field("Cache-Control"), "public, max-age=31536000, immutable");
    const Response jpg = get(base + ".jpg");
    ASSERT_EQ(jpg.status, 200);
    EXPECT_EQ(jpg.field("Content-Type"), "image/jpeg");
    const auto bytes = [](const std::string& body) {
      return std::span(reinterpret_cast<const uint8_t*>(body.data()), body.size());
    };
    EXPECT_EQ(decode_webp(bytes(webp.body)).width, width);
    EXPECT_EQ(decode_jpeg(bytes(jpg.body)).height, width);
    EXPECT_EQ(get(base + ".webp").field("ETag"), webp.field("ETag"));
    EXPECT_EQ(get(base + ".webp", {{"If-None-Match", std::string(*webp.field("ETag"))}}).status,
              304);
    const Response part = get(base + ".webp", {{"Range", "bytes=4-7"}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, webp.body.substr(4, 4));
    EXPECT_EQ(get(base + ".webp", {{"Range", "bytes=99999999-"}}).status, 416);
  }
  EXPECT_EQ(pictures_finished_, 1);
}

TEST_F(Routes, OnlyTheLadderExists) {
  allow_painting();
  for (const char* name :
       {"600.webp", "1024.webp", "0.webp", "-1.webp", "0192.webp", "192.png", "192.WEBP", "192",
        "192.webp.bak", "full.png", "192.webp%00", ".webp", "..", "192.avif"})
    EXPECT_EQ(get("/paintings/" + work(0).id + "/" + name).status, 404) << name;
  EXPECT_EQ(pictures_finished_, 0);
}

TEST_F(Routes, OneSpellingOfEveryAddress) {
  const std::string id = work(0).id;
  std::string upper = id;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& path : {std::string("//"),
                                  std::string("/rooms"),
                                  std::string("/rooms/"),
                                  std::string("/rooms/attic"),
                                  std::string("/rooms/city/"),
                                  std::string("/rooms//city"),
                                  std::string("/Rooms/city"),
                                  std::string("/rooms/City"),
                                  std::string("/rooms/%63ity"),
                                  std::string("/%72ooms/city"),
                                  std::string("/rooms/city%2f"),
                                  std::string("/rooms/../gallery.key"),
                                  std::string("/rooms/%2e%2e/gallery.key"),
                                  std::string("/assets/../../gallery.key"),
                                  std::string("/assets/page.html"),
                                  std::string("/assets/base.css"),
                                  std::string("/assets/"),
                                  std::string("/gallery.key"),
                                  std::string("/gallery.db"),
                                  std::string("/paintings/"),
                                  "/paintings/" + upper,
                                  "/paintings/" + id + "/",
                                  "/paintings/" + id + "//192.webp",
                                  "/paintings/" + id + "/192.webp/",
                                  "/paintings/./" + id,
                                  "/paintings/" + id + ";x.css",
                                  "/paintings/" + id + "/../x/192.webp",
                                  std::string("/api/v1/"),
                                  std::string("/api/v2/gallery"),
                                  std::string("/metrics")})
    EXPECT_EQ(get(path).status, 404) << path;
}

TEST_F(Routes, FullQueueIsRefusedWithATimeToComeBack) {
  auto first = start(asking("/paintings/" + work(0).id + "/192.webp"));
  auto second = start(asking("/paintings/" + work(1).id + "/192.webp"));
  auto joined = start(asking("/paintings/" + work(0).id + "/512.jpg"));
  const Response refused = get("/paintings/" + work(2).id + "/192.webp");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.field("Retry-After"), "2") << "two pictures, and a second each by default";
  EXPECT_EQ(refused.field("Cache-Control"), "no-store");
  allow_painting();
  EXPECT_EQ(first.get().status, 200);
  EXPECT_EQ(second.get().status, 200);
  EXPECT_EQ(joined.get().status, 200);
  EXPECT_EQ(pictures_finished_, 2);
}

TEST_F(Routes, WhoWaitsWhileTheGalleryClosesIsToldToComeBack) {
  auto waiting = start(asking("/paintings/" + work(0).id + "/192.webp"));
  auto closing =
      std::async(std::launch::async, [&] { queue_->close(render::RenderQueue::Closing::cancel); });
  allow_painting();
  closing.get();
  const int status = waiting.get().status;  // painted already, or dropped: answered in any case
  EXPECT_TRUE(status == 200 || status == 503) << status;
  EXPECT_EQ(get("/paintings/" + work(2).id + "/192.webp").status, 503);
  EXPECT_EQ(get("/rooms/city").status, 200);
}

TEST_F(Routes, OtherMethodsAreRefusedWithAllow) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"}) {
    const Response response = get("/rooms/city", {}, method);
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.field("Allow"), "GET, HEAD");
    EXPECT_EQ(get("/nowhere", {}, method).status, 404) << method;
  }
  EXPECT_EQ(get("/rooms/city", {}, "HEAD").status, 200);
}

TEST_F(Routes, ErrorsComeInTheFormThatWasAskedFor) {
  const Response page = get("/nowhere", {{"Accept", "text/html,*/*"}});
  EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
  for (const auto& [path, accept] : {std::pair("/nowhere", "*/*"),
                                     {"/nowhere", "application/json"},
                                     {"/api/v1/rooms/attic", "text/html"}}) {
    const Response problem = get(path, {{"Accept", accept}});
    EXPECT_EQ(problem.status, 404);
    EXPECT_EQ(problem.field("Content-Type"), "application/problem+json");
    EXPECT_NE(problem.body.find("\"status\":404"), std::string::npos);
    EXPECT_NE(problem.body.find("\"request_id\":\"test\""), std::string::npos);
  }
}

TEST_F(Routes, ErrorsRepeatNothingOfTheRequest) {
  for (const char* accept : {"text/html", "*/*"}) {
    const Response response = get("/nowhere-canary", {{"Accept", accept}, {"X-Canary", "canary"}});
    EXPECT_EQ(response.body.find("canary"), std::string::npos);
  }
}

TEST_F(Routes, HealthTellsAliveFromReady) {
  EXPECT_EQ(get("/healthz").status, 200);
  Response ready = get("/readyz");
  EXPECT_EQ(ready.status, 200) << ready.body;
  EXPECT_EQ(ready.field("Cache-Control"), "no-store");
  app_->draining = true;
  Response draining = get("/readyz");
  EXPECT_EQ(draining.status, 503);
  EXPECT_NE(draining.body.find("\"listener\":\"draining\""), std::string::npos);
  EXPECT_EQ(get("/healthz").status, 200);
  allow_painting();
  queue_->close(render::RenderQueue::Closing::cancel);
  EXPECT_NE(get("/readyz").body.find("\"generator\":\"closed\""), std::string::npos);
}

TEST_F(Routes, ApiAndPagesSayNothingSecret) {
  allow_painting();
  std::string said = get("/").body + get("/api/v1/gallery").body + get("/readyz").body;
  for (const char* room : {"people", "nature", "city", "mood"})
    said +=
        get("/rooms/" + std::string(room)).body + get("/api/v1/rooms/" + std::string(room)).body;
  for (size_t i = 0; i < 3; ++i) {
    said += get("/paintings/" + work(i).id).body;
    const Response preview = get("/paintings/" + work(i).id + "/192.jpg");
    for (const auto& [name, value] : preview.fields) said += name + value;
    const uint64_t seed = gallery_->key().noise_seed(work(i).candidate);
    EXPECT_EQ(said.find(std::to_string(seed)), std::string::npos);
    EXPECT_EQ(preview.body.find(std::string(reinterpret_cast<const char*>(&seed), 8)),
              std::string::npos);
  }
  for (const char* word : {"candidate", "seed", "latent", "gallery.key"})
    EXPECT_EQ(said.find(word), std::string::npos) << word;
}

TEST_F(Routes, ApiListsARoom) {
  const Response room = get("/api/v1/rooms/city");
  EXPECT_EQ(room.field("Content-Type"), "application/json");
  EXPECT_NE(room.body.find("\"sizes\":[192,256,384,512]"), std::string::npos);
  for (size_t i = 0; i < 3; ++i) EXPECT_NE(room.body.find(work(i).id), std::string::npos);
  EXPECT_NE(get("/api/v1/gallery").body.find("\"paintings\":3"), std::string::npos);
}

TEST_F(Routes, TemplatesRefuseMistakes) {
  EXPECT_THROW(site_.fill("step.html", web::Values()), Error);
  EXPECT_THROW(site_.fill("error.html", web::Values()
                                            .text("title", "")
                                            .text("detail", "")
                                            .number("status", 1)
                                            .text("unknown", "")),
               Error);
  EXPECT_THROW(site_.fill("none.html", web::Values()), Error);
}

TEST(ReplyTest, DroppedUnansweredAnswers500) {
  int status = 0;
  {
    const Reply reply([&](Response response) { status = response.status; });
  }
  EXPECT_EQ(status, 500);
  status = 0;
  {
    const Reply reply([&](Response response) { status += response.status; });
    reply(Response{});
  }
  EXPECT_EQ(status, 200) << "answered once";
}

}  // namespace
}  // namespace vernissage::http
