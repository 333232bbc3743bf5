// The full size is its owner's alone. Goal: to everybody else an owned painting's full.png is byte
// for byte what a name that was never given has there, whatever they send: method, Range,
// conditions, encodings, spellings, another's or a forged cookie. Method: every shape is asked
// twice, for an owned painting and for an unknown id, and the two answers are compared field by
// field; and no answer holds sixteen bytes in a row of the file.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "server/gallery/secret.h"
#include "server/http/caching.h"
#include "tests/support/small_gallery.h"

namespace vernissage::http {
namespace {

using testing::Browser;
using testing::request_for;
using testing::SmallGallery;

class Exclusivity : public ::testing::Test {
 protected:
  Exclusivity() {
    visitors::VisitorSettings settings;
    settings.claims_per_hour = 0;
    gallery_.set_rules(settings);
    EXPECT_EQ(owner_.claim(gallery_.work(0).id).status, 201);
    EXPECT_EQ(other_.claim(gallery_.work(1).id).status, 201);
    gallery_.store_picture(gallery_.work(0));
    file_ = owner_.get(full(gallery_.work(0).id)).body;
    tag_ = etag_of(file_);
  }

  static std::string full(const std::string& id) { return "/paintings/" + id + "/full.png"; }

  // Everything of an answer that its reader sees, but for the clock.
  static std::string seen(const Response& response) {
    std::string text = std::to_string(response.status) + "\n";
    for (const auto& [name, value] : response.fields)
      if (name != "Date") text += name + ": " + value + "\n";
    return text + "\n" + response.body;
  }

  void expect_nothing(Request request, const std::string& id) {
    const std::string unknown = gallery::random_id();
    Request other = request;
    for (size_t at; (at = request.path.find("{}")) != std::string::npos;)
      request.path.replace(at, 2, id);
    for (size_t at; (at = other.path.find("{}")) != std::string::npos;)
      other.path.replace(at, 2, unknown);
    const Response answer = gallery_.ask(request);
    EXPECT_EQ(seen(answer), seen(gallery_.ask(other))) << request.method << " " << request.path;
    EXPECT_TRUE(answer.status == 404 || answer.status == 405) << answer.status;
    for (const char* name : {"ETag", "Accept-Ranges", "Content-Range", "Last-Modified", "Location"})
      EXPECT_FALSE(answer.field(name)) << name;
    for (size_t at = 64; at + 16 <= file_.size(); at += 997)
      ASSERT_EQ(answer.body.find(file_.substr(at, 16)), std::string::npos);
    ++asked_;
  }

  SmallGallery gallery_;
  Browser owner_{gallery_}, other_{gallery_};
  std::string file_, tag_;
  int asked_ = 0;
};

TEST_F(Exclusivity, TheOwnerHasItWholeAndInParts) {
  const std::string path = full(gallery_.work(0).id);
  const Response whole = owner_.get(path);
  ASSERT_EQ(whole.status, 200);
  EXPECT_EQ(whole.field("Content-Type"), "image/png");
  EXPECT_EQ(whole.field("Cache-Control"), "private, no-store") << "no cache keeps it for others";
  EXPECT_EQ(whole.field("Vary"), "Cookie");
  EXPECT_TRUE(whole.body.starts_with("\x89PNG"));
  const auto bytes =
      std::span(reinterpret_cast<const uint8_t*>(whole.body.data()), whole.body.size());
  EXPECT_EQ(decode_png(bytes).width, testing::kSmallGallerySide);
  EXPECT_EQ(owner_.get(path, {{"If-None-Match", tag_}}).status, 304);
  const Response part = owner_.get(path, {{"Range", "bytes=10-19"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, whole.body.substr(10, 10));
  EXPECT_EQ(owner_.get(path, {}, "HEAD").status, 200);
  EXPECT_EQ(other_.get(full(gallery_.work(1).id)).status, 503) << "won, and still to be painted";
}

TEST_F(Exclusivity, NobodyElseCanTellItFromNothing) {
  const std::string id = gallery_.work(0).id;
  const std::string forged =
      owner_.cookie.substr(0, owner_.cookie.size() - 1) + (owner_.cookie.back() == 'A' ? "B" : "A");
  const std::vector<std::vector<Field>> identities = {
      {},
      {{"Cookie", other_.cookie}},
      {{"Cookie", forged}},
      {{"Cookie", owner_.cookie + "; " + owner_.cookie}},
      {{"Cookie", owner_.cookie}, {"Cookie", other_.cookie}},
      {{"Cookie", "visitor" + owner_.cookie.substr(owner_.cookie.find('='))}},
      {{"Cookie", owner_.cookie.substr(owner_.cookie.find('=') + 1)}},
      {{"Authorization", "Bearer " + owner_.cookie}},
      {{"X-Remote-User", "ada"}, {"X-Forwarded-For", "127.0.0.1"}},
  };
  const std::vector<std::vector<Field>> conditions = {
      {},
      {{"Range", "bytes=0-"}},
      {{"Range", "bytes=0-0"}},
      {{"Range", "bytes=-16"}},
      {{"Range", "bytes=0-1,4-5"}},
      {{"Range", "bytes=999999999-"}},
      {{"Range", "bytes=0-"}, {"If-Range", tag_}},
      {{"If-None-Match", tag_}},
      {{"If-None-Match", "*"}},
      {{"If-Match", tag_}},
      {{"If-Match", "*"}},
      {{"If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"}},
      {{"If-Unmodified-Since", "Thu, 01 Jan 2037 00:00:00 GMT"}},
      {{"Accept-Encoding", "gzip, br"}},
      {{"Accept", "image/png"}},
      {{"Accept", "text/html"}},
      {{"X-HTTP-Method-Override", "GET"}},
      {{"X-Original-URL", full(id)}, {"X-Rewrite-URL", full(id)}},
  };
  for (const auto& identity : identities)
    for (const auto& condition : conditions)
      for (const char* method :
           {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"}) {
        auto fields = condition;
        fields.insert(fields.end(), identity.begin(), identity.end());
        expect_nothing(request_for(method, full("{}"), std::move(fields)), id);
      }
  EXPECT_EQ(asked_, 9 * 18 * 8);
}

TEST_F(Exclusivity, NoOtherSpellingLeadsThere) {
  const std::string id = gallery_.work(0).id;
  // For its owner too: one address, one spelling.
  for (const std::string& cookie : {std::string(), other_.cookie, owner_.cookie})
    for (const char* path : {"/paintings/{}/full.png/",
                             "/paintings/{}//full.png",
                             "//paintings/{}/full.png",
                             "/paintings/{}/./full.png",
                             "/paintings/x/../{}/full.png",
                             "/paintings/{}/%66ull.png",
                             "/paintings/{}/full%2epng",
                             "/paintings/{}%2ffull.png",
                             "/paintings%2f{}/full.png",
                             "/paintings/{}/full.png;x.css",
                             "/paintings/{};x/full.png",
                             "/paintings/{}/full.png%00",
                             "/paintings/{}/FULL.PNG",
                             "/paintings/{}/full.PNG",
                             "/Paintings/{}/full.png",
                             "/paintings/{}/full",
                             "/paintings/{}/full.webp",
                             "/paintings/{}/full.jpg",
                             "/paintings/{}/300.png",
                             "/paintings/{}/300.webp",
                             "/paintings/{}/1024.webp",
                             "/paintings/{}/full.png.bak",
                             "/paintings/{}/full.png ",
                             "/paintings/ {}/full.png",
                             "/paintings/{}/..%2ffull.png",
                             "/owned/{}.png",
                             "/owned/{}",
                             "/paintings/{}/owned.png",
                             "/assets/{}.png",
                             "/assets/../owned/{}.png",
                             "/api/v1/paintings/{}/full.png",
                             "/certificates/{}/full.png",
                             "/mine/full.png?{}",
                             "/paintings/{}/full.png%3f"}) {
      std::vector<Field> fields;
      if (!cookie.empty()) fields.emplace_back("Cookie", cookie);
      expect_nothing(request_for("GET", path, std::move(fields)), id);
    }
}

TEST_F(Exclusivity, FreePaintingsAndUnknownOnesAreOneToo) {
  for (const std::string& cookie : {std::string(), owner_.cookie}) {
    std::vector<Field> fields;
    if (!cookie.empty()) fields.emplace_back("Cookie", cookie);
    for (size_t i = 1; i < testing::kSmallGalleryPerRoom; ++i)
      expect_nothing(request_for("GET", full("{}"), fields), gallery_.work(i).id);
  }
}

TEST_F(Exclusivity, AQueryChangesNothing) {
  const std::string path = full(gallery_.work(0).id) + "?owner=1&visitor=x";
  EXPECT_EQ(owner_.get(path).body, file_);
  EXPECT_EQ(other_.get(path).status, 404);
}

TEST_F(Exclusivity, TheOwnersTagIsThatOfTheBytes) {
  const Response whole = owner_.get(full(gallery_.work(0).id));
  EXPECT_EQ(whole.field("ETag"), etag_of(whole.body));
  EXPECT_EQ(owner_.get(full(gallery_.work(0).id), {{"If-None-Match", tag_}}).status, 304);
}

TEST_F(Exclusivity, ByAProxysWordTheSameHolds) {
  visitors::VisitorSettings settings;
  settings.identity_field = "X-Remote-User";
  settings.trusted = visitors::read_trusted_proxies("203.0.113.7");
  settings.claims_per_hour = 0;
  gallery_.set_rules(settings);
  const std::string id = gallery_.work(2).id;
  const Field ada{"X-Remote-User", "ada"};
  const Response won = gallery_.ask(request_for("POST", "/api/v1/claims",
                                                {ada, {"Content-Type", "application/json"}},
                                                "{\"painting\":\"" + id + "\"}"));
  ASSERT_EQ(won.status, 201) << won.body;
  EXPECT_FALSE(won.field("Set-Cookie"));
  gallery_.store_picture(gallery_.work(2));
  EXPECT_EQ(gallery_.ask(request_for("GET", full(id), {ada})).status, 200);
  expect_nothing(request_for("GET", full("{}"), {{"X-Remote-User", "eve"}}), id);
  expect_nothing(request_for("GET", full("{}"), {}), id);
  expect_nothing(request_for("GET", full("{}"), {ada, {"X-Remote-User", "eve"}}), id);
  Request from_elsewhere = request_for("GET", full("{}"), {ada});
  from_elsewhere.peer = "203.0.113.8";
  expect_nothing(from_elsewhere, id);
  // Nor do the cookies of before open anything now.
  expect_nothing(request_for("GET", full("{}"), {{"Cookie", owner_.cookie}}), gallery_.work(0).id);
}

TEST_F(Exclusivity, TheCertificateIsForAllAndTellsNoSecret) {
  const std::string id = gallery_.work(0).id;
  const Response text = gallery_.ask(request_for("GET", "/certificates/" + id));
  ASSERT_EQ(text.status, 200);
  EXPECT_EQ(text.field("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_NE(text.body.find(gallery_.work(0).title), std::string::npos);
  const uint64_t seed = gallery_.gallery().key().noise_seed(gallery_.work(0).candidate);
  for (const std::string& secret :
       {std::to_string(seed), owner_.cookie, owner_.cookie.substr(owner_.cookie.find('=') + 1)}) {
    EXPECT_EQ(text.body.find(secret), std::string::npos);
    EXPECT_EQ(file_.find(secret), std::string::npos);
  }
  for (const char* word : {"seed", "latent", "candidate"}) {
    EXPECT_EQ(text.body.find(word), std::string::npos) << word;
    EXPECT_EQ(file_.find(word), std::string::npos) << word;
  }
  const Response soon = gallery_.ask(request_for("GET", "/certificates/" + gallery_.work(1).id));
  EXPECT_EQ(soon.status, 503) << "won, and still to be painted";
  EXPECT_TRUE(soon.field("Retry-After"));
  EXPECT_EQ(gallery_.ask(request_for("GET", "/certificates/" + gallery_.work(3).id)).status, 404)
      << "nobody's";
  EXPECT_EQ(gallery_.ask(request_for("GET", "/certificates/" + gallery::random_id())).status, 404);
}

// ---- time

// What the calling thread has worked: other work on the machine does not count.
double worked_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

// Kolmogorov and Smirnov: the probability of two samples as unlike as these, or more, from one
// distribution (Press et al., Numerical Recipes, 14.3.9).
double likeness(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  double farthest = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double at = std::min(a[i], b[j]);
    while (i < a.size() && a[i] <= at) ++i;
    while (j < b.size() && b[j] <= at) ++j;
    farthest =
        std::max(farthest, std::abs(static_cast<double>(i) / n - static_cast<double>(j) / m));
  }
  const double size = std::sqrt(n * m / (n + m));
  const double lambda = (size + 0.12 + 0.11 / size) * farthest;
  if (lambda < 0.3) return 1;  // where the series below needs many terms, it is 1 to five places
  double sum = 0, sign = 2;
  for (int k = 1; k <= 100; ++k, sign = -sign) sum += sign * std::exp(-2 * lambda * lambda * k * k);
  return std::clamp(sum, 0.0, 1.0);
}

TEST(Likeness, TellsSamplesApart) {
  std::vector<double> even, odd, later;
  for (int i = 0; i < 1000; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
    later.push_back(2 * i + 200);
  }
  EXPECT_GT(likeness(even, odd), 0.99);
  EXPECT_LT(likeness(even, later), 0.01) << "a tenth of the range later";
}

// A refusal takes no longer, and no less, than an unknown name: looking for the file first, or
// opening it, would show here. By hand with VERNISSAGE_TIMING_SAMPLES=10000 on a quiet machine the
// whole distributions are compared; a suite, which may run anywhere, compares the medians.
TEST_F(Exclusivity, ARefusalTakesTheTimeOfAnUnknownName) {
  const char* set = std::getenv("VERNISSAGE_TIMING_SAMPLES");
  const int samples = set ? std::max(100, std::atoi(set)) : 1000;
  Browser stranger(gallery_);
  stranger.get("/api/v1/me");
  const std::string ids[] = {gallery_.work(0).id, gallery_.work(1).id, gallery_.work(2).id};
  const char* const kinds[] = {"owned", "owned, not painted yet", "free"};
  for (const std::string& cookie : {std::string(), stranger.cookie}) {
    std::vector<double> times[3], unknown[3];
    for (int n = 0; n < samples; ++n)
      for (size_t kind = 0; kind < 3; ++kind) {
        // One pair after the other, so that whatever else changes changes both.
        const std::string there = full(ids[kind]), nowhere = full(gallery::random_id());
        for (const bool known : {n % 2 == 0, n % 2 != 0}) {
          Request request = request_for("GET", known ? there : nowhere);
          if (!cookie.empty()) request.fields.emplace_back("Cookie", cookie);
          const double start = worked_us();
          const Response response = gallery_.ask(request);
          (known ? times : unknown)[kind].push_back(worked_us() - start);
          ASSERT_EQ(response.status, 404);
        }
      }
    for (size_t kind = 0; kind < 3; ++kind) {
      const auto median = [](std::vector<double> values) {
        std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
        return values[values.size() / 2];
      };
      const double here = median(times[kind]), elsewhere = median(unknown[kind]);
      EXPECT_LT(here, 1.5 * elsewhere) << kinds[kind];
      EXPECT_LT(elsewhere, 1.5 * here) << kinds[kind];
      if (!set) continue;
      const double p = likeness(times[kind], unknown[kind]);
      std::printf("%s: %.2f us, unknown %.2f us (medians), p = %.3f\n", kinds[kind], here,
                  elsewhere, p);
      EXPECT_GT(p, 0.01) << kinds[kind];
    }
  }
}

}  // namespace
}  // namespace vernissage::http
