// Who somebody is and how much they may ask for: addresses, token buckets, name tags, origins, and
// what a claim looks like. Goal: nothing that was not signed here is believed, nothing another
// site's page sends counts as ours, limits hold exactly and in fixed memory. Method: known answers,
// every single-bit change of valid tags, random tags from a fixed seed, and lists of shapes.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "base/base64.h"
#include "base/digest.h"
#include "base/error.h"
#include "server/visitors/address.h"
#include "server/visitors/claim_request.h"
#include "server/visitors/cookie.h"
#include "server/visitors/origin.h"
#include "server/visitors/rate_limiter.h"
#include "server/visitors/visitors.h"
#include "tests/support/tiny_network.h"

namespace vernissage::visitors {
namespace {

using gallery::base64url;
using gallery::from_base64url;
using std::chrono::milliseconds;

// ---- addresses

Address address(std::string_view text) {
  const auto read = read_address(text);
  EXPECT_TRUE(read) << text;
  return read.value_or(Address{});
}

TEST(Addresses, BothSpellingsOfAnIpv4AddressAreOne) {
  EXPECT_EQ(address("192.0.2.7"), address("::ffff:192.0.2.7"));
  EXPECT_EQ(address_text(address("::ffff:192.0.2.7")), "192.0.2.7");
  EXPECT_EQ(address_text(address("2001:DB8:0:0::1")), "2001:db8::1");
  for (const char* text :
       {"", "localhost", "192.0.2", "192.0.2.256", "192.0.2.7:80", "[::1]", "::1%eth0",
        " 192.0.2.7", "192.0.2.7 ", "0x7f.1", "1:2:3:4:5:6:7:8:9", "unknown"})
    EXPECT_FALSE(read_address(text)) << text;
  EXPECT_FALSE(read_address(std::string_view("1.2.3.4\0", 8)));
}

TEST(Addresses, NetworksHoldWhatTheirPrefixSays) {
  EXPECT_TRUE(read_address_range("10.0.0.0/8").contains(address("10.255.255.255")));
  EXPECT_FALSE(read_address_range("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(read_address_range("10.1.2.3").contains(address("10.1.2.3")));
  EXPECT_FALSE(read_address_range("10.1.2.3").contains(address("10.1.2.2")));
  EXPECT_TRUE(read_address_range("0.0.0.0/0").contains(address("203.0.113.1")));
  EXPECT_FALSE(read_address_range("0.0.0.0/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(read_address_range("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(read_address_range("2001:db8::/33").contains(address("2001:db8:8000::1")));
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.1/8",
                           "10.0.0.0/-1", "10.0.0.0/99999999999", "::/129", "a/8", "10.0.0.0/ 8"})
    EXPECT_THROW(read_address_range(text), Error) << text;
}

TEST(Addresses, ForwardedAddressesAreBelievedOnlyFromTrustedProxies) {
  const TrustedProxies trusted = read_trusted_proxies("10.0.0.0/8, unix");
  const auto client = [&](std::string_view peer, std::vector<std::string_view> fields) {
    const auto found = client_address(peer, {std::move(fields), {}}, trusted);
    return found ? address_text(*found) : "";
  };
  EXPECT_EQ(client("203.0.113.9", {"198.51.100.1"}), "203.0.113.9") << "no proxy of ours";
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(client("10.0.0.1", {"1.1.1.1, 198.51.100.1"}), "198.51.100.1")
      << "what stands further left the client wrote";
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.1, 10.0.0.2"}), "198.51.100.1") << "through two";
  EXPECT_EQ(client("10.0.0.1", {"1.1.1.1", "198.51.100.1"}), "198.51.100.1") << "two fields";
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {""}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.1, unknown"}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.1, unknown, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client("", {"198.51.100.1"}), "198.51.100.1") << "the Unix socket is trusted here";
  EXPECT_EQ(client("", {}), "");
  EXPECT_FALSE(client_address("", {{"198.51.100.1"}, {}}, TrustedProxies{}));
}

TEST(Addresses, ProxiesMayWriteAPortBehindThem) {
  for (const char* text : {"192.0.2.7", "192.0.2.7:5678", "192.0.2.7:1"})
    EXPECT_EQ(read_node(text), address("192.0.2.7")) << text;
  for (const char* text : {"2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:65535"})
    EXPECT_EQ(read_node(text), address("2001:db8::1")) << text;
  for (const char* text :
       {"", "unknown", "_hidden", "192.0.2.7:", "192.0.2.7:x", "192.0.2.7:123456", "[192.0.2.7]",
        "[::1", "[::1]x", "[::1]:", "host:80", ":80", "[]", "[]:1"})
    EXPECT_FALSE(read_node(text)) << text;
}

TEST(Addresses, TheStandardFieldSaysWhoItIsToo) {
  const TrustedProxies trusted = read_trusted_proxies("10.0.0.0/8");
  const auto client = [&](ForwardedFields fields) {
    return address_text(*client_address("10.0.0.1", fields, trusted));
  };
  using Fields = std::vector<std::string_view>;
  const std::pair<Fields, const char*> cases[] = {
      {{"for=198.51.100.1"}, "198.51.100.1"},
      {{"For=\"198.51.100.1:4711\""}, "198.51.100.1"},
      {{"for=\"[2001:db8:cafe::17]:4711\""}, "2001:db8:cafe::17"},
      {{"for=1.1.1.1, for=198.51.100.1;proto=https;by=203.0.113.43"}, "198.51.100.1"},
      {{"for=198.51.100.1, for=10.0.0.2"}, "198.51.100.1"},
      {{"for=1.1.1.1", "proto=https; for=198.51.100.1"}, "198.51.100.1"},
      {{"by=\"a,for=1.1.1.1\";for=198.51.100.1"}, "198.51.100.1"},
      {{"for=198.51.100.1, for=unknown"}, "10.0.0.1"},
      {{"for=198.51.100.1, proto=https"}, "10.0.0.1"},
      {{"by=\"x\\\""}, "10.0.0.1"},
      {{""}, "10.0.0.1"},
  };
  for (const auto& [forwarded, expected] : cases)
    EXPECT_EQ(client({{}, forwarded}), expected) << forwarded[0];
  // The proxy sets one of them; the other one is the client's own invention.
  EXPECT_EQ(client({{"198.51.100.1"}, {"for=198.51.100.1"}}), "198.51.100.1");
  EXPECT_EQ(client({{"198.51.100.1"}, {"for=1.1.1.1"}}), "10.0.0.1");
}

TEST(Addresses, ACustomersNetworkIsOneSubnet) {
  EXPECT_EQ(address_text(subnet_of(address("2001:db8:1:ffff::1"))), "2001:db8:1::");
  EXPECT_EQ(address_text(machine_of(address("2001:db8:1:ffff::1"))), "2001:db8:1:ffff::");
  EXPECT_EQ(address_text(subnet_of(address("192.0.2.7"))), "192.0.2.0");
}

// ---- token buckets

TEST(RateLimits, ABucketGivesItsBurstAndThenItsRate) {
  RateLimiter limiter({3, 0.5});
  const auto who = address("192.0.2.7");
  RateLimiter::Clock::time_point now{};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.take(who, now)) << i;
  EXPECT_EQ(limiter.take(who, now), milliseconds(2000));
  EXPECT_EQ(limiter.take(who, now + milliseconds(500)), milliseconds(1500));
  EXPECT_EQ(limiter.take(who, now + milliseconds(1999)), milliseconds(1));
  EXPECT_FALSE(limiter.take(who, now + milliseconds(2000))) << "the wait it was told is enough";
  EXPECT_TRUE(limiter.take(who, now + milliseconds(2000)));
  EXPECT_FALSE(limiter.take(address("192.0.2.8"), now)) << "a bucket each";
  limiter.give_back(who, now + milliseconds(2000));
  EXPECT_FALSE(limiter.take(who, now + milliseconds(2000)));
  // A long rest fills it to the brim and no further.
  now += std::chrono::hours(1000);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.take(who, now)) << i;
  EXPECT_TRUE(limiter.take(who, now));
}

TEST(RateLimits, MemoryIsFixedHoweverManyAddressesCome) {
  RateLimiter limiter({1, 1e-6}, 1 << 12);
  const size_t before = limiter.bytes();
  EXPECT_LE(RateLimiter({1, 1}).bytes(), size_t{4} << 20);
  RateLimiter::Clock::time_point now{};
  Address who{};
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    std::memcpy(who.bytes.data(), &i, sizeof i);
    limiter.take(who, now);
  }
  EXPECT_EQ(limiter.bytes(), before);
}

TEST(RateLimits, ACrowdThatFitsIsRememberedInFull) {
  // As many as a quarter of the places: of 1,000 addresses, nearly all of them have a place of
  // their own and a second token is refused. Sets of four overflow for a Poisson tail
  // P(X > 4 | 1) < 0.4 %; ten times that is allowed.
  RateLimiter limiter({1, 1e-6}, 1 << 12);
  RateLimiter::Clock::time_point now{};
  int refused = 0;
  for (int round = 0; round < 2; ++round)
    for (uint32_t i = 0; i < 1000; ++i) {
      Address who{};
      std::memcpy(who.bytes.data() + 12, &i, sizeof i);
      refused += limiter.take(who, now).has_value();
    }
  EXPECT_GE(refused, 960);
  EXPECT_LE(refused, 1000);
}

// ---- name tags

CookieKeys keys_with(std::initializer_list<uint8_t> numbers) {
  std::vector<CookieKeys::Key> keys;
  for (const uint8_t number : numbers)
    keys.push_back({number, gallery::sha256("key " + std::to_string(number))});
  return CookieKeys(keys);
}

constexpr int64_t kNow = 1'800'000'000;

TEST(NameTags, AreBelievedAsTheyWereSigned) {
  const CookieKeys keys = keys_with({1});
  const VisitorId id = fresh_visitor_id();
  const std::string value = keys.sign(kCookieName, id, kNow);
  EXPECT_EQ(value.size(), kCookieCharacters);
  const auto verified = keys.verify(kCookieName, value, kNow);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->id, id);
  EXPECT_FALSE(verified->renew);
  EXPECT_NE(fresh_visitor_id(), id);
  EXPECT_FALSE(keys.verify(kLoopbackCookieName, value, kNow)) << "another cookie's";
  EXPECT_FALSE(keys_with({2}).verify(kCookieName, value, kNow)) << "an unknown key's";
  const CookieKeys other({{1, gallery::sha256("another")}});
  EXPECT_FALSE(other.verify(kCookieName, value, kNow)) << "another gallery's";
}

TEST(NameTags, ExpireAndAreRenewedInTime) {
  const CookieKeys keys = keys_with({1});
  const std::string value = keys.sign(kCookieName, fresh_visitor_id(), kNow);
  EXPECT_FALSE(keys.verify(kCookieName, value, kNow + kCookieRenewSeconds)->renew);
  EXPECT_TRUE(keys.verify(kCookieName, value, kNow + kCookieRenewSeconds + 1)->renew);
  EXPECT_TRUE(keys.verify(kCookieName, value, kNow + kCookieSeconds - 1));
  EXPECT_FALSE(keys.verify(kCookieName, value, kNow + kCookieSeconds));
}

TEST(NameTags, NoBitOfOneMayChange) {
  const CookieKeys keys = keys_with({1, 2, 3});
  int tried = 0;
  for (int n = 0; n < 100; ++n) {
    const std::string value = keys.sign(kCookieName, fresh_visitor_id(), kNow);
    for (size_t i = 0; i < value.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        std::string forged = value;
        forged[i] = static_cast<char>(forged[i] ^ (1 << bit));
        ASSERT_FALSE(keys.verify(kCookieName, forged, kNow)) << forged;
        ++tried;
      }
    for (size_t length = 0; length < value.size(); ++length)
      ASSERT_FALSE(keys.verify(kCookieName, value.substr(0, length), kNow));
    ASSERT_FALSE(keys.verify(kCookieName, value + "A", kNow));
    ASSERT_FALSE(keys.verify(kCookieName, value + "=", kNow));
  }
  EXPECT_EQ(tried, 100 * 76 * 8);
}

TEST(NameTags, NobodyGuessesOne) {
  // 10^6 forgeries: a known id and expiry with any signature, and plain noise.
  const CookieKeys keys = keys_with({1});
  const char* raised = std::getenv("VERNISSAGE_COOKIE_FORGERIES");
  const int count = raised ? std::atoi(raised) : 200'000;
  std::mt19937_64 random(20261123);
  const std::string bytes = *from_base64url(keys.sign(kCookieName, fresh_visitor_id(), kNow));
  for (int i = 0; i < count; ++i) {
    std::string forged = bytes;
    for (size_t at = i % 2 == 0 ? 25 : 0; at < forged.size(); ++at)
      forged[at] = static_cast<char>(random());
    ASSERT_FALSE(keys.verify(kCookieName, base64url(forged), kNow));
  }
}

TEST(NameTags, OutliveTheirKeysPlaceInTheList) {
  testing::TemporaryDirectory directory;
  const auto path = directory / "visitors.key";
  std::vector<std::string> tags;
  std::vector<VisitorId> ids;
  for (size_t round = 0; round < CookieKeys::kKeysMax + 2; ++round) {
    const CookieKeys keys = CookieKeys::open(path);
    ids.push_back(fresh_visitor_id());
    tags.push_back(keys.sign(kCookieName, ids.back(), kNow));
    for (size_t i = 0; i < tags.size(); ++i) {
      const auto verified = keys.verify(kCookieName, tags[i], kNow);
      const bool kept = i + CookieKeys::kKeysMax > round;
      ASSERT_EQ(verified.has_value(), kept) << i << " of " << round;
      if (!kept) continue;
      EXPECT_EQ(verified->id, ids[i]);
      EXPECT_EQ(verified->renew, i != round) << "signed anew with the newest key";
    }
    CookieKeys::rotate(path);
  }
}

TEST(NameTags, KeysAreNobodysBusiness) {
  testing::TemporaryDirectory directory;
  const auto path = directory / "visitors.key";
  CookieKeys::open(path);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  CookieKeys::rotate(path);
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ::chmod(path.c_str(), 0640);
  EXPECT_THROW(CookieKeys::open(path), Error);
  const std::string key(64, 'a');
  for (const std::string& text :
       {std::string(), std::string("\n"), "1 " + key.substr(1), "1 " + key + "a", "256 " + key,
        "-1 " + key, key, "1 " + key + " x", "1 " + key + "\n1 " + key,
        "1 " + std::string(64, 'g')}) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0600);
    EXPECT_THROW(CookieKeys::open(path), Error) << text;
  }
  std::ofstream(path) << "1 " << key << "\n";
  EXPECT_NO_THROW(CookieKeys::open(path));
}

TEST(NameTags, TwoAreNone) {
  const auto find = [](std::vector<std::string_view> fields) {
    return find_cookie(fields, "visitor").value_or("none");
  };
  EXPECT_EQ(find({"visitor=a"}), "a");
  EXPECT_EQ(find({"x=1; visitor=a; y=2"}), "a");
  EXPECT_EQ(find({"x=1;visitor=a"}), "a");
  EXPECT_EQ(find({"visitor=a=b"}), "a=b");
  EXPECT_EQ(find({"visitor="}), "");
  for (const auto& fields : std::vector<std::vector<std::string_view>>{
           {},
           {""},
           {"x=1"},
           {"Visitor=a"},
           {"xvisitor=a"},
           {"visitor =a"},
           {"visitor=a; visitor=a"},
           {"visitor=a; visitor=b"},
           {"visitor=a", "visitor=b"},
           {"visitor=a; visitor"},
           {"visitor=a;;; visitor="},
       })
    EXPECT_EQ(find(fields), "none");
}

TEST(NameTags, Base64HasOneSpelling) {
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(base64url("fo"), "Zm8");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy") << "RFC 4648, section 10";
  EXPECT_EQ(base64url("\xff\xff\xfe"), "___-");
  EXPECT_EQ(from_base64url("Zm9vYmFy"), "foobar");
  for (const char* text : {"Z", "Zh", "Zm9", "Zg==", "Zm8=", "Zg ", "Z+", "Z/", "Zm9v\n"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

// ---- forms and origins

TEST(FormTokens, BelongToOneVisitorAndPainting) {
  testing::TemporaryDirectory directory;
  Visitors gallery(directory.path(), {});
  const Visitor one{"cookie:1", ""}, two{"cookie:2", ""};
  const std::string token = gallery.form_token(one, "a");
  EXPECT_TRUE(gallery.is_form_token(one, "a", token));
  EXPECT_FALSE(gallery.is_form_token(one, "b", token));
  EXPECT_FALSE(gallery.is_form_token(two, "a", token));
  EXPECT_FALSE(gallery.is_form_token(one, "a", ""));
  EXPECT_FALSE(gallery.is_form_token(one, "a", token.substr(1)));
  CookieKeys::rotate(directory / "visitors.key");
  EXPECT_TRUE(Visitors(directory.path(), {}).is_form_token(one, "a", token)) << "an older key";
  testing::TemporaryDirectory elsewhere;
  EXPECT_FALSE(Visitors(elsewhere.path(), {}).is_form_token(one, "a", token));
}

http::Request from(std::vector<http::Field> fields) {
  http::Request request;
  request.fields = std::move(fields);
  return request;
}

TEST(Origins, OurOwnPagesAndPlainToolsPass) {
  const http::Field host{"Host", "gallery.example:8080"};
  for (const auto& request :
       {from({host}), from({host, {"Origin", "http://gallery.example:8080"}}),
        from({host, {"Origin", "https://gallery.example:8080"}, {"Sec-Fetch-Site", "same-origin"}}),
        from({host, {"sec-fetch-site", "same-origin"}})})
    EXPECT_TRUE(is_same_origin(request, ""));
  EXPECT_TRUE(is_same_origin(from({{"Host", "inside:80"}, {"Origin", "https://gallery.example"}}),
                             "https://gallery.example"));
}

TEST(Origins, NoOtherSitePasses) {
  std::vector<std::vector<http::Field>> shapes;
  for (const char* site : {"cross-site", "same-site", "none", "", "Same-Origin",
                           "same-origin, none", " same-origin", "same-origin;", "x"}) {
    shapes.push_back({{"Sec-Fetch-Site", site}});
    shapes.push_back({{"Sec-Fetch-Site", site}, {"Origin", "https://gallery.example"}});
  }
  for (const char* origin : {"null",
                             "",
                             "https://evil.example",
                             "http://evil.example",
                             "https://gallery.example.evil.example",
                             "https://evil.example/gallery.example",
                             "https://gallery.example@evil.example",
                             "https://gallery.example:444",
                             "https://gallery.example:",
                             "https://gallery.example/",
                             "gallery.example",
                             "//gallery.example",
                             "ftp://gallery.example",
                             "https://Gallery.example",
                             "HTTPS://gallery.example",
                             "https://gallery.example https://evil.example",
                             "*",
                             "file://",
                             "https://sub.gallery.example",
                             "https://xgallery.example",
                             "chrome-extension://abc",
                             "https://gallery.example."}) {
    shapes.push_back({{"Origin", origin}});
    shapes.push_back({{"Origin", origin}, {"Sec-Fetch-Site", "same-origin"}});
  }
  shapes.push_back({{"Origin", "https://gallery.example"}, {"Origin", "https://evil.example"}});
  shapes.push_back({{"Origin", "https://gallery.example"}, {"Origin", "https://gallery.example"}});
  shapes.push_back({{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "cross-site"}});
  EXPECT_GE(shapes.size(), 40u);
  for (auto shape : shapes) {
    std::string said;
    for (const auto& [name, value] : shape) said += name + ": " + value + "; ";
    shape.push_back({"Host", "gallery.example"});
    EXPECT_FALSE(is_same_origin(from(shape), "")) << said;
    EXPECT_FALSE(is_same_origin(from(shape), "https://gallery.example")) << said;
  }
  EXPECT_FALSE(is_same_origin(from({{"Origin", "https://gallery.example"}}), ""))
      << "without a Host";
  EXPECT_FALSE(is_same_origin(from({{"Host", "inside"}, {"Origin", "https://inside"}}),
                              "https://gallery.example"));
}

TEST(Origins, LoopbackIsThisMachineOnly) {
  for (const char* host :
       {"localhost", "localhost:8080", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:80"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host :
       {"", "gallery.example", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost",
        "128.0.0.1", "0.0.0.0", "[::2]", "[::1", "[::1]x", "10.0.0.1"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

// ---- identities

TEST(Identities, CookiesAreStrictBehindANameAndPlainOnThisMachine) {
  testing::TemporaryDirectory directory;
  const Visitors gallery(directory.path(), {});
  http::Request there = from({{"Host", "gallery.example"}});
  EXPECT_FALSE(gallery.identify(there));
  const auto outside = gallery.welcome(there);
  ASSERT_TRUE(outside);
  EXPECT_TRUE(outside->set_cookie.starts_with("__Host-visitor="));
  for (const char* attribute : {"; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Lax"})
    EXPECT_NE((outside->set_cookie + ";").find(attribute), std::string::npos) << attribute;
  EXPECT_EQ(outside->set_cookie.find("Domain"), std::string::npos);
  const auto here = gallery.welcome(from({{"Host", "localhost:8080"}}));
  EXPECT_TRUE(here->set_cookie.starts_with("visitor="));
  EXPECT_EQ(here->set_cookie.find("Secure"), std::string::npos);
  EXPECT_NE(here->set_cookie.find("HttpOnly"), std::string::npos);

  // Each is believed in its own place and nowhere else, whatever it is renamed to.
  const auto value = [](const std::string& field) {
    return field.substr(field.find('=') + 1, kCookieCharacters);
  };
  const auto known = [&](const char* host, const std::string& cookie) {
    const auto visitor = gallery.identify(from({{"Host", host}, {"Cookie", cookie}}));
    return visitor ? visitor->name : "";
  };
  EXPECT_EQ(known("gallery.example", "__Host-visitor=" + value(outside->set_cookie)),
            outside->name);
  EXPECT_EQ(known("localhost", "visitor=" + value(here->set_cookie)), here->name);
  EXPECT_EQ(known("gallery.example", "visitor=" + value(here->set_cookie)), "");
  EXPECT_EQ(known("gallery.example", "__Host-visitor=" + value(here->set_cookie)), "");
  EXPECT_EQ(known("localhost", "visitor=" + value(outside->set_cookie)), "");
}

TEST(Identities, AProxysWordCountsOnlyFromTheProxy) {
  testing::TemporaryDirectory directory;
  VisitorSettings settings;
  settings.identity_field = read_identity("header:X-Remote-User");
  settings.trusted = read_trusted_proxies("10.0.0.1");
  const Visitors gallery(directory.path(), settings);
  http::Request request = from({{"Host", "gallery.example"}, {"x-remote-user", "ada"}});
  request.peer = "10.0.0.1";
  ASSERT_TRUE(gallery.identify(request));
  EXPECT_EQ(gallery.identify(request)->name, "header:ada");
  EXPECT_EQ(gallery.identify(request)->set_cookie, "");
  request.peer = "10.0.0.2";
  EXPECT_FALSE(gallery.identify(request));
  EXPECT_FALSE(gallery.welcome(request)) << "and no tag of ours instead";
  request.peer = "";
  EXPECT_FALSE(gallery.identify(request)) << "a Unix socket is not trusted unless it is said";
  request.peer = "10.0.0.1";
  request.fields.push_back({"X-Remote-User", "eve"});
  EXPECT_FALSE(gallery.identify(request)) << "two names are none";
  request.fields = {{"X-Remote-User", ""}};
  EXPECT_FALSE(gallery.identify(request));
  request.fields = {{"X-Remote-User", std::string(600, 'x')}};
  EXPECT_FALSE(gallery.identify(request));
  // A tag that was signed here is nothing to a gallery that believes its proxy.
  const auto tag = Visitors(directory.path(), {}).welcome(from({{"Host", "gallery.example"}}));
  request.fields = {{"Host", "gallery.example"},
                    {"Cookie", tag->set_cookie.substr(0, tag->set_cookie.find(';'))}};
  EXPECT_FALSE(gallery.identify(request));
}

TEST(Identities, SettingsSayWhatTheyExpect) {
  EXPECT_EQ(read_identity("cookie"), "");
  for (const char* text : {"", "header:", "header", "header:X Y", "header:X:Y", "Cookie", "oidc"})
    EXPECT_THROW(read_identity(text), Error) << text;
  for (const char* text :
       {"", "https://gallery.example", "http://localhost:8080", "http://[::1]:80"})
    EXPECT_NO_THROW(check_public_origin(text)) << text;
  for (const char* text : {"gallery.example", "https://", "https://gallery.example/",
                           "https://G.example", "https://a b", "ftp://a"})
    EXPECT_THROW(check_public_origin(text), Error) << text;
  EXPECT_THROW(read_trusted_proxies("10.0.0.0/8,"), Error);
  EXPECT_THROW(read_trusted_proxies("nginx"), Error);
}

TEST(Identities, ThePublicOriginDecidesWhatTheCookieIs) {
  testing::TemporaryDirectory directory;
  const auto cookie = [&](const std::string& origin, bool insecure, const char* host) {
    VisitorSettings settings;
    settings.public_origin = origin;
    settings.insecure_cookies = insecure;
    return Visitors(directory.path(), settings).welcome(from({{"Host", host}}))->set_cookie;
  };
  EXPECT_TRUE(cookie("https://gallery.example", false, "127.0.0.1:8080").starts_with("__Host-"))
      << "a proxy that asks us by our own address changes nothing";
  EXPECT_TRUE(cookie("https://gallery.example", true, "gallery.example").starts_with("__Host-"));
  EXPECT_TRUE(cookie("http://localhost:8080", false, "gallery").starts_with("visitor="));
  EXPECT_TRUE(cookie("", false, "192.168.1.7:8080").starts_with("__Host-"));
  EXPECT_TRUE(cookie("", true, "192.168.1.7:8080").starts_with("visitor="));
}

TEST(Identities, ABrowserThatWouldForgetItsTagIsKnownAsOne) {
  testing::TemporaryDirectory directory;
  VisitorSettings settings;
  settings.trusted = read_trusted_proxies("10.0.0.1");
  const Visitors gallery(directory.path(), settings);
  const auto forgets = [&](const std::string& peer, std::vector<http::Field> fields) {
    http::Request request = from(std::move(fields));
    request.peer = peer;
    return gallery.forgets(request);
  };
  EXPECT_TRUE(forgets("192.168.1.9", {{"Host", "192.168.1.7:8080"}}));
  EXPECT_FALSE(forgets("127.0.0.1", {{"Host", "localhost:8080"}}));
  EXPECT_FALSE(forgets("10.0.0.1", {{"Host", "gallery.example"}}));
  EXPECT_FALSE(forgets("192.168.1.9", {{"Host", "g"}, {"X-Forwarded-Proto", "https"}}));
  EXPECT_FALSE(forgets("192.168.1.9", {{"Host", "g"}, {"Sec-Fetch-Site", "none"}}));
  settings.insecure_cookies = true;
  http::Request request = from({{"Host", "192.168.1.7:8080"}});
  EXPECT_FALSE(Visitors(directory.path(), settings).forgets(request));
}

TEST(Identities, NobodyButAProxyMayNameOthers) {
  testing::TemporaryDirectory directory;
  VisitorSettings settings;
  settings.identity_field = read_identity("header:X-Remote-User");
  for (const char* range : {"0.0.0.0/0", "::/0", "0.0.0.0/1", "8.0.0.0/7", "2000::/3"}) {
    settings.trusted = read_trusted_proxies(std::string("10.0.0.1,") + range);
    EXPECT_THROW(Visitors(directory.path(), settings), Error) << range;
  }
  for (const char* range : {"10.0.0.0/8", "fc00::/7", "192.0.2.7", "unix"}) {
    settings.trusted = read_trusted_proxies(range);
    EXPECT_NO_THROW(Visitors(directory.path(), settings)) << range;
  }
  settings.identity_field.clear();
  settings.trusted = read_trusted_proxies("0.0.0.0/0");
  EXPECT_NO_THROW(Visitors(directory.path(), settings)) << "cookies need no proxy's word";
}

TEST(Identities, KeysThatAreLostAreNotMadeAnewWhereThereAreOwners) {
  testing::TemporaryDirectory directory;
  VisitorSettings settings;
  settings.has_owners = true;
  EXPECT_THROW(Visitors(directory.path(), settings), Error);
  EXPECT_FALSE(std::filesystem::exists(directory / "visitors.key"));
  settings.has_owners = false;
  Visitors gallery(directory.path(), settings);
  const auto visitor = gallery.welcome(from({{"Host", "localhost"}}));
  std::filesystem::remove(directory / "visitors.key");
  EXPECT_THROW(gallery.reload_keys(), Error);
  EXPECT_FALSE(std::filesystem::exists(directory / "visitors.key"));
  const std::string cookie = visitor->set_cookie.substr(0, visitor->set_cookie.find(';'));
  EXPECT_TRUE(gallery.identify(from({{"Host", "localhost"}, {"Cookie", cookie}})));
}

TEST(NameTags, NoRotationIsLostAmongOthers) {
  testing::TemporaryDirectory directory;
  const auto path = directory / "visitors.key";
  CookieKeys::open(path);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) threads.emplace_back([&] { CookieKeys::rotate(path); });
  threads.clear();
  EXPECT_EQ(CookieKeys::load(path).count(), 7u);
}

// ---- what a claim looks like

TEST(Wishes, JsonIsReadStrictly) {
  const gallery::ClaimRequest request =
      read_json_claim(" {\"plaque\":\"A \\u00e9\",\"painting\":\"x\"} ");
  EXPECT_EQ(request.painting, "x");
  EXPECT_EQ(request.plaque, "A \xc3\xa9");
  EXPECT_EQ(read_json_claim("{\"painting\":\"x\"}").plaque, "");
  for (const char* body : {"",
                           "{",
                           "{}",
                           "[]",
                           "\"x\"",
                           "null",
                           "{\"painting\":1}",
                           "{\"painting\":null}",
                           "{\"painting\":\"x\"}x",
                           "{\"painting\":\"x\"}{}",
                           "{\"painting\":\"x\",}",
                           "{\"painting\":\"x\",\"painting\":\"y\"}",
                           "{\"painting\":\"x\",\"owner\":\"me\"}",
                           "{\"plaque\":\"x\"}",
                           "{'painting':'x'}",
                           "{\"painting\":\"x\"",
                           "{\"painting\":[\"x\"]}",
                           "{\"painting\":\"\xff\"}",
                           "{\"painting\":\"a\nb\"}",
                           "{\"Painting\":\"x\"}",
                           "{\"pain\\u0074ing\":\"x\",\"painting\":\"y\"}"})
    EXPECT_THROW(read_json_claim(body), ParseError) << body;
}

TEST(Wishes, FormsAreReadStrictly) {
  std::string token;
  const gallery::ClaimRequest request =
      read_form_claim("painting=x&plaque=A+%C3%A9%26&request=r&token=t%2b", token);
  EXPECT_EQ(request.painting, "x");
  EXPECT_EQ(request.plaque, "A \xc3\xa9&");
  EXPECT_EQ(request.idempotency_key, "r");
  EXPECT_EQ(token, "t+");
  EXPECT_EQ(read_form_claim("&painting=x&&", token).painting, "x");
  EXPECT_EQ(read_form_claim("painting", token).painting, "");
  for (const char* body :
       {"", "plaque=x", "painting=x&painting=x", "painting=x&owner=me", "painting=%", "painting=%4",
        "painting=%4g", "painting=x&%", "painting=x&p%61inting=y"})
    EXPECT_THROW(read_form_claim(body, token), ParseError) << body;
  std::string many = "painting=x";
  for (int i = 0; i < 8; ++i) many += "&a" + std::to_string(i) + "=";
  EXPECT_THROW(read_form_claim(many, token), ParseError);
}

TEST(Wishes, IdempotencyKeysAreVisibleText) {
  EXPECT_TRUE(is_idempotency_key("a"));
  EXPECT_TRUE(is_idempotency_key("\"8e03978e-40d5-43dd-bc93-6894a57f9324\""));
  EXPECT_TRUE(is_idempotency_key(std::string(128, 'a')));
  EXPECT_FALSE(is_idempotency_key(std::string(129, 'a')));
  for (const char* key : {"", "a b", "a\tb", "\xc3\xa9", "a\x7f"})
    EXPECT_FALSE(is_idempotency_key(key)) << key;
}

}  // namespace
}  // namespace vernissage::visitors
