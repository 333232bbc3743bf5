// Claiming over HTTP, as a function call: the JSON address and the plain form. Goal: both do the
// same, every answer of the contract is given when it should be, no other site's page can claim for
// a visitor, and limits cut off those who take too much while others notice nothing. Method: a
// small gallery without sockets, and browsers that keep their cookies.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "server/gallery/claims.h"
#include "server/http/json.h"
#include "tests/support/small_gallery.h"

namespace vernissage::http {
namespace {

using testing::Browser;
using testing::form_text;
using testing::hidden_field;
using testing::request_for;
using testing::SmallGallery;

visitors::VisitorSettings without_limits() {
  visitors::VisitorSettings settings;
  settings.claims_per_hour = 0;
  return settings;
}

class Claiming : public ::testing::Test {
 protected:
  std::string id(size_t i) { return gallery_.work(i).id; }
  bool is_taken(size_t i) { return gallery_.gallery().claims().of_painting(id(i)).has_value(); }
  bool has(const Response& response, const std::string& text) {
    return response.body.find(text) != std::string::npos;
  }

  SmallGallery gallery_{without_limits()};
};

TEST_F(Claiming, TheFirstWinsAndOthersAreShownWhatIsFree) {
  Browser ada(gallery_), ben(gallery_);
  const Response won = ada.claim(id(0), "Ada");
  EXPECT_EQ(won.status, 201) << won.body;
  EXPECT_EQ(won.field("Cache-Control"), "private, no-store");
  EXPECT_EQ(won.field("Location"), "/api/v1/me");
  EXPECT_TRUE(has(won, "\"result\":\"won\"")) << won.body;
  EXPECT_TRUE(has(won, "\"plaque\":\"Ada\""));
  EXPECT_TRUE(has(won, "\"picture_ready\":false"));

  const Response taken = ben.claim(id(0));
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.field("Content-Type"), "application/problem+json");
  EXPECT_TRUE(has(taken, "\"type\":\"urn:vernissage:taken\"")) << taken.body;
  EXPECT_TRUE(has(taken, "\"request_id\":\"test\""));
  size_t similar = 0;
  for (const gallery::Painting* work : gallery_.gallery().catalogue())
    similar += has(taken, "\"id\":\"" + work->id + "\"");
  EXPECT_EQ(similar, gallery::kSimilarMax);
  EXPECT_FALSE(has(taken, "full.png")) << "where the owner's things are is not for others";

  EXPECT_EQ(ben.claim(id(1)).status, 201) << "a choice that came too late is not spent";
  const Response second = ben.claim(id(2));
  EXPECT_EQ(second.status, 409);
  EXPECT_TRUE(has(second, "\"type\":\"urn:vernissage:already-own\""));
  EXPECT_TRUE(has(second, id(1))) << "it says which";
  EXPECT_FALSE(is_taken(2));
}

TEST_F(Claiming, TheSameClaimAgainIsTheSameAnswer) {
  Browser ada(gallery_);
  EXPECT_EQ(ada.claim(id(0), "", {{"Idempotency-Key", "one"}}).status, 201);
  for (const char* key : {"one", "two"}) {
    const Response again = ada.claim(id(0), "", {{"Idempotency-Key", key}});
    EXPECT_EQ(again.status, 200) << key;
    EXPECT_TRUE(has(again, "\"result\":\"same\""));
  }
  EXPECT_EQ(ada.claim(id(0)).status, 200);
  EXPECT_EQ(ada.claim_by_form(id(0)).status, 403) << "its page sent her on: there is no form";
}

TEST_F(Claiming, TheFormDoesTheSameWithoutScripts) {
  Browser ada(gallery_), ben(gallery_);
  const Response page = ada.get("/paintings/" + id(0) + "/claim");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(has(page, "only one")) << "it says what is at stake";
  EXPECT_TRUE(has(page, "method=\"post\" action=\"/claims\""));
  EXPECT_EQ(page.field("Cache-Control"), "private, no-store");
  EXPECT_EQ(page.field("Vary"), "Cookie");
  EXPECT_FALSE(is_taken(0)) << "looking at the question is no answer";

  const std::string bens = ben.get("/paintings/" + id(0) + "/claim").body;
  const Response won = ada.claim_by_form(id(0), "Ada & Söhne");
  EXPECT_EQ(won.status, 303) << won.body;
  EXPECT_EQ(won.field("Location"), "/mine");
  EXPECT_EQ(gallery_.gallery().claims().of_painting(id(0))->plaque, "Ada & Söhne");

  // Ben's form lay open all the while.
  const auto send = [&](Browser& browser, const std::string& form) {
    return browser.send(request_for("POST", "/claims",
                                    {{"Content-Type", "application/x-www-form-urlencoded"}}, form));
  };
  const Response lost = send(ben, form_text({{"painting", id(0)},
                                             {"token", hidden_field(bens, "token")},
                                             {"request", hidden_field(bens, "request")}}));
  EXPECT_EQ(lost.status, 409);
  EXPECT_EQ(lost.field("Content-Type"), "text/html; charset=utf-8");
  size_t shown = 0;
  for (const gallery::Painting* work : gallery_.gallery().catalogue())
    shown += has(lost, "href=\"/paintings/" + work->id + "\"");
  EXPECT_GE(shown, gallery::kSimilarMax);

  // What she sent twice she won once; another one she cannot have.
  EXPECT_EQ(ada.get("/paintings/" + id(1) + "/claim").field("Location"), "/mine");
  EXPECT_EQ(ben.get("/paintings/" + id(0) + "/claim").field("Location"), "/paintings/" + id(0));
  EXPECT_TRUE(has(ada.get("/mine"), gallery_.work(0).title));
  EXPECT_EQ(ben.get("/mine").status, 200);
}

TEST_F(Claiming, AFormThatWasOpenWhenItsVisitorChoseElsewhereSaysSo) {
  Browser ada(gallery_);
  const std::string page = ada.get("/paintings/" + id(1) + "/claim").body;
  ASSERT_EQ(ada.claim(id(0)).status, 201);
  const Response refused = ada.send(
      request_for("POST", "/claims", {{"Content-Type", "application/x-www-form-urlencoded"}},
                  form_text({{"painting", id(1)}, {"token", hidden_field(page, "token")}})));
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(has(refused, gallery_.work(0).title));
  EXPECT_FALSE(is_taken(1));
}

TEST_F(Claiming, PlaquesAreOneLineOfTextAndNothingElse) {
  Browser ada(gallery_);
  for (const std::string& plaque :
       {std::string("a\\nb"), std::string("\\u0000"), std::string("\\u202eabc"),
        std::string("\\u2028"), std::string(81, 'a')}) {
    EXPECT_EQ(ada.claim(id(0), plaque).status, 422) << plaque;
    EXPECT_FALSE(is_taken(0));
  }
  const Response form = ada.claim_by_form(id(0), "two\nlines");
  EXPECT_EQ(form.status, 422);
  EXPECT_TRUE(has(form, "action=\"/claims\"")) << "the form again, to be mended";
  const std::string odd = "<script>alert(1)</script>\" onload=\"x";
  EXPECT_EQ(ada.claim_by_form(id(0), "  " + odd + " ").status, 303);
  EXPECT_EQ(gallery_.gallery().claims().of_painting(id(0))->plaque, odd);
  Browser ben(gallery_);
  for (const char* path : {"/paintings/", "/rooms/city", "/mine"}) {
    const std::string address = path == std::string("/paintings/") ? path + id(0) : path;
    for (Browser* browser : {&ada, &ben}) {
      const Response page = browser->get(address);
      EXPECT_EQ(page.status, 200);
      EXPECT_FALSE(has(page, "<script>alert")) << address;
      EXPECT_FALSE(has(page, "\" onload=\"")) << address;
    }
  }
  EXPECT_FALSE(has(ada.get("/api/v1/me"), "<script>"));
}

TEST_F(Claiming, WhatCannotBeAClaimIsNamed) {
  Browser ada(gallery_);
  ada.get("/api/v1/me");
  const auto status = [&](const std::string& type, const std::string& body,
                          std::vector<Field> fields = {}) {
    fields.emplace_back("Content-Type", type);
    return ada.send(request_for("POST", "/api/v1/claims", std::move(fields), body)).status;
  };
  const std::string good = "{\"painting\":\"" + id(0) + "\"}";
  EXPECT_EQ(status("text/plain", good), 415) << "what a foreign form could send";
  EXPECT_EQ(status("application/x-www-form-urlencoded", good), 415);
  EXPECT_EQ(status("multipart/form-data", good), 415);
  EXPECT_EQ(status("", good), 415);
  EXPECT_EQ(status("application/json", "{"), 400);
  EXPECT_EQ(status("application/json", ""), 400);
  EXPECT_EQ(status("application/json", "{\"painting\":\"" + id(0) + "\",\"visitor\":\"x\"}"), 400);
  EXPECT_EQ(status("application/json", "{\"painting\":\"nothing\"}"), 404);
  EXPECT_EQ(status("application/json", good, {{"Idempotency-Key", ""}}), 201)
      << "an empty key is none";
  EXPECT_EQ(status("application/json", good, {{"Idempotency-Key", "a b"}}), 400);
  EXPECT_EQ(status("application/json", good, {{"Idempotency-Key", std::string(129, 'a')}}), 400);
  EXPECT_EQ(status("Application/JSON; charset=utf-8", good), 200);
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "post"}) {
    const Response refused = ada.send(request_for(method, "/api/v1/claims"));
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_EQ(refused.field("Allow"), "POST");
  }
}

TEST_F(Claiming, StrangersAreToldHowToBecomeVisitors) {
  const Response refused =
      gallery_.ask(request_for("POST", "/api/v1/claims", {{"Content-Type", "application/json"}},
                               "{\"painting\":\"" + id(0) + "\"}"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_TRUE(has(refused, "/api/v1/me"));
  EXPECT_FALSE(refused.field("Set-Cookie"))
      << "were the answer lost, the painting would be nobody's";
  EXPECT_FALSE(is_taken(0));
  Browser ada(gallery_);
  const Response me = ada.get("/api/v1/me");
  EXPECT_EQ(me.body, "{\"claim\":null}");
  EXPECT_TRUE(me.field("Set-Cookie"));
  const std::string tag = ada.cookie;
  EXPECT_FALSE(ada.get("/api/v1/me").field("Set-Cookie")) << "once";
  EXPECT_EQ(ada.cookie, tag);
  EXPECT_EQ(ada.claim(id(0)).status, 201);
  EXPECT_TRUE(has(ada.get("/api/v1/me"), "\"painting\":\"" + id(0) + "\""));
}

TEST_F(Claiming, NoOtherSitesPageCanClaimForAVisitor) {
  Browser ada(gallery_);
  const std::string page = ada.get("/paintings/" + id(0) + "/claim").body;
  Browser mallory(gallery_);
  const std::string hers = mallory.get("/paintings/" + id(0) + "/claim").body;
  const std::string form = form_text(
      {{"painting", hidden_field(page, "painting")}, {"token", hidden_field(page, "token")}});
  const std::string json = "{\"painting\":\"" + id(0) + "\"}";
  const Field type_form{"Content-Type", "application/x-www-form-urlencoded"};
  const Field type_json{"Content-Type", "application/json"};
  const std::vector<std::vector<Field>> marks = {
      {{"Origin", "https://evil.example"}},
      {{"Origin", "null"}},
      {{"Origin", "https://gallery.example.evil.example"}},
      {{"Origin", "https://gallery.example:8443"}},
      {{"Sec-Fetch-Site", "cross-site"}},
      {{"Sec-Fetch-Site", "same-site"}},
      {{"Sec-Fetch-Site", "none"}},
      {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://gallery.example"}},
      {{"Origin", "https://gallery.example"}, {"Origin", "https://evil.example"}},
  };
  int shapes = 0;
  const auto refused = [&](const std::string& path, std::vector<Field> fields,
                           const std::string& body) {
    const Response response = ada.send(request_for("POST", path, std::move(fields), body));
    EXPECT_TRUE(response.status == 403 || response.status == 415 || response.status == 400 ||
                response.status == 405)
        << response.status << " " << path << " " << body;
    ++shapes;
  };
  // Even the right form and the right token, when the browser says who sends it.
  for (const auto& mark : marks) {
    auto fields = mark;
    fields.push_back(type_form);
    refused("/claims", fields, form);
    fields.back() = type_json;
    refused("/api/v1/claims", fields, json);
  }
  // What a foreign form can send where the browser says nothing at all.
  for (const char* type : {"application/x-www-form-urlencoded", "text/plain", "multipart/form-data",
                           "text/plain; application/json", ""}) {
    refused("/api/v1/claims", {{"Content-Type", type}}, json);
    if (std::string(type) != "application/x-www-form-urlencoded")
      refused("/claims", {{"Content-Type", type}}, form);
  }
  const std::string token = hidden_field(page, "token");
  for (const std::string& guess :
       {std::string(), std::string("x"), hidden_field(hers, "token"), token.substr(1), token + "A",
        std::string(43, 'A'), hidden_field(page, "request"), ada.cookie,
        hidden_field(ada.get("/paintings/" + id(1) + "/claim").body, "token")})
    refused("/claims", {type_form}, form_text({{"painting", id(0)}, {"token", guess}}));
  refused("/claims", {type_form}, form_text({{"painting", id(0)}}));
  refused("/claims", {type_form}, form + "&token=x");
  refused("/claims?" + form, {type_form}, "");
  EXPECT_GE(shapes, 38);
  for (const char* method : {"GET", "HEAD"}) {
    EXPECT_EQ(ada.get("/claims?" + form, {}, method).status, 405);
    EXPECT_EQ(ada.get("/paintings/" + id(0) + "/claim?" + form, {}, method).status, 200);
    shapes += 2;
  }
  EXPECT_GE(shapes, 40);
  EXPECT_FALSE(is_taken(0));
  EXPECT_EQ(ada.send(request_for("POST", "/claims",
                                 {type_form, {"Origin", "https://gallery.example"}}, form))
                .status,
            303)
      << "and the real one still works";
}

TEST_F(Claiming, OneNetworkGetsItsShareAndOthersNoticeNothing) {
  visitors::VisitorSettings settings;
  settings.claims_per_hour = 1;  // and four a subnet
  gallery_.set_rules(settings);
  std::vector<const gallery::Painting*> free = gallery_.gallery().catalogue();
  const auto take = [&](const std::string& peer) {
    Browser fresh(gallery_, peer);
    const int status = fresh.claim(free.back()->id).status;
    if (status == 201) free.pop_back();
    return status;
  };
  EXPECT_EQ(take("203.0.113.1"), 201);
  Browser again(gallery_, "203.0.113.1");
  const Response limited = again.claim(free.back()->id);
  EXPECT_EQ(limited.status, 429);
  const int wait = std::stoi(std::string(limited.field("Retry-After").value_or("0")));
  EXPECT_GT(wait, 3500);
  EXPECT_LE(wait, 3600);
  int won = 1;
  for (int i = 2; i < 200; ++i) won += take("203.0.113." + std::to_string(i)) == 201;
  EXPECT_EQ(won, 4) << "a /24, whatever its addresses";
  EXPECT_EQ(take("203.0.114.1"), 201) << "the next network";
  EXPECT_EQ(take("2001:db8::1"), 201);
  EXPECT_EQ(take("2001:db8::ffff:1"), 429) << "one /64 is one machine";
  EXPECT_EQ(take("2001:db8:0:1::1"), 201);
}

TEST_F(Claiming, RetriesAndLostRacesTakeNothingFromTheShare) {
  visitors::VisitorSettings settings;
  settings.claims_per_hour = 1;
  gallery_.set_rules(settings);
  Browser ada(gallery_, "203.0.113.1"), ben(gallery_, "198.51.100.1");
  ASSERT_EQ(ada.claim(id(0)).status, 201);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ada.claim(id(0)).status, 200);
  EXPECT_EQ(ada.claim(id(1)).status, 409);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ben.claim(id(0)).status, 409);
  EXPECT_EQ(ben.claim(id(1)).status, 201);
}

TEST_F(Claiming, AttemptsAreCountedBeforeAnythingIsRead) {
  visitors::VisitorSettings settings;
  settings.claims_per_hour = 1000;
  gallery_.set_rules(settings);
  Browser noisy(gallery_, "203.0.113.1");
  int answered = 0;
  for (int i = 0; i < 100; ++i)
    answered += noisy
                    .send(request_for("POST", "/api/v1/claims",
                                      {{"Content-Type", "application/json"}}, "{"))
                    .status == 400;
  EXPECT_GE(answered, static_cast<int>(visitors::kAttempts.burst));
  EXPECT_LT(answered, 100);
}

TEST_F(Claiming, WhoHasNoIdentityIsToldWhatIsMissingAndFromWhom) {
  visitors::VisitorSettings settings;
  settings.identity_field = "X-Remote-User";
  settings.trusted = visitors::read_trusted_proxies("10.0.0.1");
  gallery_.set_rules(settings);
  Browser proxy(gallery_, "10.0.0.1"), stranger(gallery_, "203.0.113.1");
  const auto detail = [](const Response& response) {
    EXPECT_EQ(response.status, 403);
    const size_t begin = response.body.find("\"detail\":\"") + 10;
    return response.body.substr(begin, response.body.find('"', begin) - begin);
  };
  EXPECT_EQ(detail(proxy.get("/api/v1/me")),
            "no identity: header X-Remote-User is missing from trusted proxy 10.0.0.1");
  EXPECT_EQ(detail(proxy.get("/api/v1/me", {{"X-Remote-User", ""}})),
            "no identity: header X-Remote-User from trusted proxy 10.0.0.1: expected once, with 1 "
            "to 505 bytes");
  EXPECT_EQ(detail(stranger.get("/api/v1/me", {{"X-Remote-User", "ada"}})),
            "no identity: the request came from 203.0.113.1, which is not a trusted proxy");
  EXPECT_EQ(proxy.get("/api/v1/me", {{"X-Remote-User", "ada"}}).status, 200);
}

TEST_F(Claiming, OfManyAtOnceExactlyOneWins) {
  // Over handlers, cookies and the queue; the store's own races are store_conformance_test's.
  constexpr int kVisitors = 16;
  for (size_t round = 0; round < 4; ++round) {
    std::vector<std::unique_ptr<Browser>> crowd;
    for (int i = 0; i < kVisitors; ++i) {
      crowd.push_back(std::make_unique<Browser>(gallery_));
      crowd.back()->get("/api/v1/me");
    }
    std::vector<int> statuses(kVisitors);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kVisitors; ++i)
        threads.emplace_back([&, i] { statuses[i] = crowd[i]->claim(id(round)).status; });
    }
    EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 201), 1);
    EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 409), kVisitors - 1);
    // One visitor, every painting that is left.
    Browser greedy(gallery_);
    greedy.get("/api/v1/me");
    const auto& mood = gallery_.gallery().wall("mood");
    std::vector<int> wins(mood.size());
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < mood.size(); ++i)
        threads.emplace_back([&, i] {
          Browser same = greedy;
          wins[i] = same.claim(mood[i]->id).status;
        });
    }
    EXPECT_LE(std::count(wins.begin(), wins.end(), 201), 1);
    EXPECT_EQ(greedy.get("/api/v1/me").body == "{\"claim\":null}",
              std::count(wins.begin(), wins.end(), 201) == 0);
  }
}

}  // namespace
}  // namespace vernissage::http
