// Curating without networks: rooms.toml, partial results, the choice itself, queries as points, the
// run that embeds. Goal: the choice is what selection.h says, whatever the shards and wherever a
// run was cut short; and nothing that is wrong in a file goes unnoticed. Method: embeddings from a
// seeded generator, a second, naive writing of the assignment over all pairs to compare with, files
// cut and changed by hand.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <sstream>

#include "base/error.h"
#include "server/curation/candidates/embedding_run.h"
#include "server/curation/candidates/partial.h"
#include "server/curation/prompts.h"
#include "server/curation/rooms.h"
#include "server/curation/selection.h"
#include "tests/support/tiny_network.h"

namespace vernissage::curation {
namespace {

using testing::TemporaryDirectory;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// (rows, width), of length 1.
std::vector<float> unit_vectors(size_t rows, size_t width, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * width);
  for (size_t row = 0; row < rows; ++row) {
    double square = 0;
    for (size_t i = 0; i < width; ++i) {
      values[row * width + i] = normal(random);
      square += std::pow(values[row * width + i], 2);
    }
    for (size_t i = 0; i < width; ++i)
      values[row * width + i] /= static_cast<float>(std::sqrt(square));
  }
  return values;
}

Pool pool_of(const std::vector<float>& values, int width) {
  const auto step = static_cast<size_t>(width);
  return {values.size() / step, width,
          [&values, step](uint64_t i) { return std::span(values).subspan(i * step, step); }};
}

// ---- rooms.toml

constexpr char kSmallRooms[] = R"(templates = ["a {}", "{} in oil"]
[gallery]
name = "Small"
languages = ["en", "pt"]
[[room]]
slug = "sea"
title = "Sea"
titles = { pt = "Mar" }
paintings = 10
query = [
  { text = "a storm", title = "Storm", titles = { pt = "Tempestade" } },
  { text = "calm", weight = 2 },
]
)";

TEST(Rooms, SayWhatTheFileSays) {
  const RoomsPlan plan = read_rooms(kSmallRooms, "rooms.toml");
  EXPECT_EQ(plan.name, "Small");
  EXPECT_EQ(plan.languages, (std::vector<std::string>{"en", "pt"}));
  ASSERT_EQ(plan.rooms.size(), 1u);
  const RoomPlan& room = plan.rooms[0];
  EXPECT_EQ(room.slug, "sea");
  EXPECT_EQ(room.titles.at("pt"), "Mar");
  EXPECT_EQ(room.paintings, 10);
  EXPECT_EQ(room.templates, (std::vector<std::string>{"a {}", "{} in oil"}));
  ASSERT_EQ(room.queries.size(), 2u);
  EXPECT_EQ(room.queries[0].title, "Storm");
  EXPECT_EQ(room.queries[0].titles.at("pt"), "Tempestade");
  EXPECT_EQ(room.queries[1].title, "calm");  // without a title the text is it
  EXPECT_EQ(room.queries[1].weight, 2);
}

TEST(Rooms, DefaultIsTheStorysFourRoomsInThreeLanguages) {
  const RoomsPlan plan = read_rooms(default_rooms_text(), "default");
  ASSERT_EQ(plan.rooms.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const RoomPlan& room = plan.rooms[i];
    EXPECT_EQ(room.slug, (std::vector<std::string>{"people", "nature", "city", "mood"})[i]);
    EXPECT_EQ(room.paintings, 1000);
    EXPECT_GE(room.queries.size(), 25u);
    EXPECT_LE(room.queries.size(), 40u);
    for (const RoomQuery& query : room.queries)
      EXPECT_EQ(query.titles.size(), 2u) << query.text;  // pt and ru
  }
  std::set<std::string> texts;
  for (const RoomPlan& room : plan.rooms)
    for (const RoomQuery& query : room.queries) texts.insert(query.text);
  EXPECT_EQ(texts.size(), plan.queries());
}

TEST(Rooms, WhatIsWrongIsNamedWithFileLineAndKey) {
  struct Case {
    const char *from, *to, *said;
  };
  const Case cases[] = {
      {"paintings = 10", "paintings = \"10\"", "line 9: paintings: expected a whole number"},
      {"paintings = 10", "paintings = 10.0", "line 9: paintings: expected a whole number"},
      {"paintings = 10", "paintings = 0", "line 9: paintings"},
      {"paintings = 10", "paintings = 1", "line 9: paintings: 1 for 2 queries"},
      {"paintings = 10", "painting = 10", "line 9: painting: no such key"},
      {"paintings = 10\n", "", "paintings: is missing"},
      {"slug = \"sea\"", "slug = \"Sea\"", "line 6: slug"},
      {"name = \"Small\"", "name = 3", "line 3: name: expected a text"},
      {"a {}\"", "a\"", "line 1: templates: expected one \"{}\""},
      {"a {}\"", "{} {}\"", "line 1: templates: expected one \"{}\""},
      {"\"a storm\"", "\"  \"", "line 11: text: is empty"},
      {"\"a storm\"", "\"a <|endoftext|>\"", "line 11: text: <|endoftext|> is reserved"},
      {"\"a storm\"", "\"calm\"", "line 12: text: two queries \"calm\""},
      {"weight = 2", "weight = -1", "line 12: weight"},
      {"weight = 2", "weight = nan", "line 12: weight"},
      {"weight = 2", "wait = 2", "line 12: wait: no such key"},
      {"{ pt = \"Mar\" }", "{ de = \"Meer\" }", "line 8: titles: \"de\" is not one of"},
      {"\"en\", \"pt\"", "\"en\", \"en\"", "line 4: languages: en twice"},
      {"[gallery]", "[galery]", "line 2: galery: no such key"},
      {"query = [", "query = 3 #", ""},
      {"slug = \"sea\"", "slug = \"sea\"\nslug = \"sea\"", "line 7"},
  };
  for (const Case& each : cases) {
    std::string text = kSmallRooms;
    const size_t place = text.find(each.from);
    ASSERT_NE(place, std::string::npos) << each.from;
    text.replace(place, std::string(each.from).size(), each.to);
    const std::string said = message_of([&] { read_rooms(text, "rooms.toml"); });
    EXPECT_TRUE(said.starts_with("rooms.toml: line ")) << each.to << ": " << said;
    EXPECT_NE(said.find(each.said), std::string::npos) << each.to << ": " << said;
  }
  const std::string twice =
      std::string(kSmallRooms) +
      std::string(kSmallRooms).substr(std::string(kSmallRooms).find("[[room]]"));
  EXPECT_NE(message_of([&] { read_rooms(twice, "r"); }).find("slug: two rooms named sea"),
            std::string::npos);
  EXPECT_NE(message_of([&] { load_rooms("/nowhere/rooms.toml"); }).find("/nowhere/rooms.toml"),
            std::string::npos);
}

// Found by the fuzzer: toml++ takes for granted that a key follows.
TEST(Rooms, WhatIsNoTomlAtAllIsRefused) {
  for (const char* text : {"", "[", "[>", "[>a]", "[[>\n", "\xac", "a = ", "= 1"})
    EXPECT_TRUE(message_of([&] { read_rooms(text, "rooms.toml"); }).starts_with("rooms.toml: "))
        << text;
}

TEST(Rooms, QuotasFillTheRoomInProportionAndLeaveNobodyOut) {
  RoomPlan room;
  for (const double weight : {1.0, 1.0, 1.0}) room.queries.push_back({"q", "q", {}, weight});
  room.paintings = 1000;
  EXPECT_EQ(quotas(room), (std::vector<int>{334, 333, 333}));
  room.queries[2].weight = 2;
  room.paintings = 403;
  EXPECT_EQ(quotas(room), (std::vector<int>{101, 101, 201}));
  room.queries[0].weight = 0.0001;
  room.paintings = 3;
  EXPECT_EQ(quotas(room), (std::vector<int>{1, 1, 1}));
  for (int paintings = 3; paintings < 200; ++paintings) {
    room.paintings = paintings;
    int sum = 0;
    for (const int quota : quotas(room)) {
      EXPECT_GE(quota, 1);
      sum += quota;
    }
    EXPECT_EQ(sum, paintings);
  }
}

TEST(Prompts, AreTheNormalisedMeanOverTheTemplates) {
  const RoomsPlan plan = read_rooms(kSmallRooms, "rooms.toml");
  std::vector<std::string> asked;
  const auto embed = [&](const std::vector<std::string>& texts) {
    asked.insert(asked.end(), texts.begin(), texts.end());
    return std::vector<float>{1, 0, 0, 1};  // two sentences, at right angles
  };
  const std::vector<float> points = embed_queries(plan, embed);
  EXPECT_EQ(asked,
            (std::vector<std::string>{"a a storm", "a storm in oil", "a calm", "calm in oil"}));
  ASSERT_EQ(points.size(), 4u);
  for (const float value : points) EXPECT_FLOAT_EQ(value, std::sqrt(0.5f));
  const auto cancelling = [](const std::vector<std::string>&) {
    return std::vector<float>{1, 0, -1, 0};
  };
  EXPECT_NE(message_of([&] { embed_queries(plan, cancelling); }).find("a storm"),
            std::string::npos);
}

// ---- the choice

// The definition of selection.h over all pairs at once, without heaps.
Selection naive_selection(const Pool& pool, std::span<const float> texts, std::vector<int> open,
                          float duplicate_cosine) {
  const auto width = static_cast<size_t>(pool.width);
  struct Pair {
    double z;
    size_t query;
    uint64_t candidate;
    float score;
    int64_t rank;
  };
  std::vector<Pair> pairs;
  Selection result =
      select(pool, texts, std::vector<int>(open.size(), 0), 2);  // for the statistics alone
  for (size_t query = 0; query < open.size(); ++query) {
    std::vector<std::pair<float, uint64_t>> scores;
    for (uint64_t c = 0; c < pool.candidates; ++c)
      scores.emplace_back(-dot(pool.embedding(c), texts.subspan(query * width, width)), c);
    std::sort(scores.begin(), scores.end());
    for (size_t place = 0; place < scores.size(); ++place) {
      const float score = -scores[place].first;
      const double z =
          (static_cast<double>(score) - result.scores[query].mean) / result.scores[query].deviation;
      pairs.push_back({z, query, scores[place].second, score, static_cast<int64_t>(place) + 1});
    }
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tuple(-a.z, a.query, a.candidate) < std::tuple(-b.z, b.query, b.candidate);
  });
  std::set<uint64_t> gone;
  for (const Pair& pair : pairs) {
    if (open[pair.query] == 0 || gone.contains(pair.candidate)) continue;
    gone.insert(pair.candidate);
    float nearest = -2;
    uint64_t like = 0;
    for (const Choice& choice : result.chosen) {
      const float cosine = dot(pool.embedding(pair.candidate), pool.embedding(choice.candidate));
      if (cosine > nearest) {
        nearest = cosine;
        like = choice.candidate;
      }
    }
    if (duplicate_cosine <= 1 && nearest >= duplicate_cosine) {
      result.refused.push_back({pair.candidate, like, pair.query, nearest});
      continue;
    }
    result.chosen.push_back({pair.candidate, pair.query, pair.score, pair.z, pair.rank});
    --open[pair.query];
  }
  result.missing = open;
  return result;
}

TEST(Selection, IsTheOneThatItsHeaderDefines) {
  constexpr int kWidth = 12;
  for (const unsigned seed : {1u, 2u, 3u}) {
    const std::vector<float> candidates = unit_vectors(400, kWidth, seed);
    const std::vector<float> texts = unit_vectors(7, kWidth, seed + 100);
    const std::vector<int> quotas{10, 3, 30, 1, 20, 8, 8};
    const Pool pool = pool_of(candidates, kWidth);
    for (const float duplicate : {2.0f, 0.9f, 0.75f}) {
      const Selection selection = select(pool, texts, quotas, duplicate);
      EXPECT_EQ(selection, naive_selection(pool, texts, quotas, duplicate))
          << seed << " " << duplicate;
      EXPECT_EQ(selection.chosen.size(), 80u);
      std::set<uint64_t> once;
      for (const Choice& choice : selection.chosen)
        EXPECT_TRUE(once.insert(choice.candidate).second);
      for (const Refused& refused : selection.refused)
        EXPECT_FALSE(once.contains(refused.candidate));
      EXPECT_EQ(selection.refused.empty(), duplicate != 0.75f);
    }
  }
}

TEST(Selection, TheBoundOfTheHeapsChangesNothing) {
  const std::vector<float> candidates = unit_vectors(300, 8, 4);
  // All queries want nearly the same: the later ones find the best of their heaps taken.
  std::vector<float> texts = unit_vectors(1, 8, 5);
  for (int i = 1; i < 6; ++i) texts.insert(texts.end(), texts.begin(), texts.begin() + 8);
  const std::vector<int> quotas(6, 20);
  const Pool pool = pool_of(candidates, 8);
  const Selection expected = select_bounded(pool, texts, quotas, 0.9f, 300);
  EXPECT_EQ(std::accumulate(expected.missing.begin(), expected.missing.end(), 0), 0);
  for (const size_t bound : {1u, 7u, 20u, 119u, 120u, 299u, 5000u})
    EXPECT_EQ(select_bounded(pool, texts, quotas, 0.9f, bound), expected) << bound;
}

TEST(Selection, ExactTiesGoToTheEarlierQueryAndTheEarlierCandidate) {
  // Candidates 0, 2, 4 … are the same point, and so are both queries.
  std::vector<float> candidates;
  for (int i = 0; i < 20; ++i)
    candidates.insert(candidates.end(), {i % 2 ? 0.0f : 1.0f, i % 2 ? 1.0f : 0.0f});
  const std::vector<float> texts{1, 0, 1, 0};
  const Selection selection = select(pool_of(candidates, 2), texts, std::vector<int>{2, 2}, 2);
  ASSERT_EQ(selection.chosen.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(selection.chosen[i].candidate, 2 * i);
    EXPECT_EQ(selection.chosen[i].query, i / 2);
    EXPECT_EQ(selection.chosen[i].rank, static_cast<int64_t>(i) + 1);
  }
}

TEST(Selection, CalibrationKeepsAQueryThatLikesEverythingFromTakingTheBest) {
  // Query 0 scores every candidate higher than query 1 does, but each knows what it likes best.
  const std::vector<float> candidates{0.9f, std::sqrt(1 - 0.81f), 0.8f, 0.6f,
                                      0.7f, std::sqrt(1 - 0.49f)};
  const std::vector<float> texts{1, 0, 0, 1};
  const Selection selection = select(pool_of(candidates, 2), texts, std::vector<int>{1, 1}, 2);
  ASSERT_EQ(selection.chosen.size(), 2u);
  for (const Choice& choice : selection.chosen) {
    EXPECT_EQ(choice.candidate, choice.query == 0 ? 0u : 2u);
    EXPECT_EQ(choice.rank, 1);
  }
}

TEST(Selection, WhatCannotBeFilledIsCounted) {
  // Twelve candidates, of which each three are the same picture: four can hang.
  const std::vector<float> four = unit_vectors(4, 6, 8);
  std::vector<float> candidates;
  for (int i = 0; i < 3; ++i) candidates.insert(candidates.end(), four.begin(), four.end());
  const Selection selection =
      select(pool_of(candidates, 6), unit_vectors(2, 6, 9), std::vector<int>{3, 4}, 0.999f);
  EXPECT_EQ(selection.chosen.size(), 4u);
  EXPECT_EQ(selection.refused.size(), 8u);
  EXPECT_EQ(selection.missing[0] + selection.missing[1], 3);
}

TEST(Selection, ANumberThatIsNotFiniteIsAnError) {
  std::vector<float> candidates = unit_vectors(5, 4, 1);
  candidates[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(select(pool_of(candidates, 4), unit_vectors(1, 4, 2), std::vector<int>{1}, 2),
               Error);
}

TEST(Selection, StatisticsAreThoseOfAllScores) {
  const std::vector<float> candidates = unit_vectors(1000, 16, 3);
  const std::vector<float> texts = unit_vectors(2, 16, 4);
  const Pool pool = pool_of(candidates, 16);
  const Selection selection = select(pool, texts, std::vector<int>{1, 1}, 2);
  for (size_t query = 0; query < 2; ++query) {
    long double sum = 0, squares = 0;
    std::vector<float> scores;
    for (uint64_t c = 0; c < 1000; ++c)
      scores.push_back(dot(pool.embedding(c), std::span(texts).subspan(query * 16, 16)));
    for (const float score : scores) sum += score;
    for (const float score : scores) squares += (score - sum / 1000) * (score - sum / 1000);
    // A thousand additions in double: far below what float scores can tell apart.
    EXPECT_NEAR(selection.scores[query].mean, static_cast<double>(sum / 1000), 1e-12);
    EXPECT_NEAR(selection.scores[query].deviation, static_cast<double>(std::sqrt(squares / 1000)),
                1e-12);
    uint64_t counted = 0;
    for (const uint32_t count : selection.scores[query].histogram) counted += count;
    EXPECT_EQ(counted, 1000u);
  }
}

// ---- shards and partial results

TEST(Shards, AreAllCandidatesAndNoneTwice) {
  for (const uint64_t candidates :
       {uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{1000003}, UINT64_MAX / 2})
    for (const int of : {1, 2, 7, 64}) {
      uint64_t next = 0;
      for (int number = 1; number <= of; ++number) {
        const Shard shard{number, of};
        EXPECT_EQ(shard.first(candidates), next);
        EXPECT_GE(shard.last(candidates), next);
        EXPECT_LE(shard.last(candidates) - next, candidates / static_cast<uint64_t>(of) + 1);
        next = shard.last(candidates);
      }
      EXPECT_EQ(next, candidates);
    }
  EXPECT_EQ(read_shard("3/64"), (Shard{3, 64}));
  for (const char* wrong : {"", "3", "/", "0/4", "5/4", "3/4x", "-1/4", "1/0", "1/100001", "3/ 4"})
    EXPECT_THROW(read_shard(wrong), Error) << wrong;
}

PartialHeader some_header(uint64_t candidates = 100, Shard shard = {}) {
  return {"k1", "g1", "c1", 0.7f, candidates, 6, shard};
}

class PartialFile : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return directory_ / "a.part"; }
  std::vector<float> values_ = unit_vectors(100, 6, 11);
  TemporaryDirectory directory_;
};

TEST_F(PartialFile, GivesBackWhatWasAppendedByRunAfterRun) {
  for (const auto& [from, to] : {std::pair<size_t, size_t>{0, 30}, {30, 31}, {31, 100}}) {
    PartialWriter writer(path(), some_header());
    EXPECT_EQ(writer.count(), from);
    writer.append(std::span(values_).subspan(from * 6, (to - from) * 6));
  }
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const Partial partial(path());
  EXPECT_TRUE(partial.is_complete());
  EXPECT_FALSE(difference(partial.header(), "a", some_header(), "b"));
  for (uint64_t i = 0; i < 100; ++i)
    EXPECT_TRUE(std::ranges::equal(partial.embedding(i), std::span(values_).subspan(i * 6, 6)));
}

TEST_F(PartialFile, CutOrChangedAnywhereKeepsTheWholeRecordsBefore) {
  PartialWriter(path(), some_header()).append(std::span(values_).first(20 * 6));
  const std::string whole = file_bytes(path());
  constexpr size_t kRecord = 6 * 4 + 8;
  for (size_t size = 0; size < whole.size(); size += size < 4000 ? 499 : 13) {
    write_bytes(path(), whole.substr(0, size));
    const size_t kept = size < 4096 ? 0 : (size - 4096) / kRecord;
    {
      PartialWriter writer(path(), some_header());
      ASSERT_EQ(writer.count(), kept) << size;
      writer.append(std::span(values_).subspan(kept * 6, (20 - kept) * 6));
    }
    ASSERT_EQ(file_bytes(path()), whole) << size;
  }
  for (size_t at = 4096; at < whole.size(); at += 11) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    write_bytes(path(), changed);
    EXPECT_EQ(Partial(path()).count(), (at - 4096) / kRecord) << at;
  }
  // A header that says something else than it did is not ours, byte by byte.
  for (size_t at = 0; at < 4096; at += 61) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    write_bytes(path(), changed);
    EXPECT_NE(message_of([&] { PartialWriter(path(), some_header()); }), "(no error)") << at;
    EXPECT_EQ(file_bytes(path()), changed) << at;
  }
}

TEST_F(PartialFile, OfOtherWorkIsRefusedByWhatDiffers) {
  { PartialWriter(path(), some_header()); }
  const auto refused = [&](const std::function<void(PartialHeader&)>& change) {
    PartialHeader header = some_header();
    change(header);
    return message_of([&] { PartialWriter(path(), header); });
  };
  EXPECT_NE(refused([](auto& h) { h.key = "k2"; }).find("gallery key: k1 in the file, k2"),
            std::string::npos);
  EXPECT_NE(refused([](auto& h) { h.generator = "g2"; }).find("generator"), std::string::npos);
  EXPECT_NE(refused([](auto& h) { h.curator = "c2"; }).find("curator"), std::string::npos);
  EXPECT_NE(refused([](auto& h) { h.truncation = 0.5f; }).find("truncation: 0.7 in"),
            std::string::npos);
  EXPECT_NE(refused([](auto& h) { h.candidates = 99; }).find("candidates: 100 in"),
            std::string::npos);
  EXPECT_NE(refused([](auto& h) { h.embedding = 7; }).find("width"), std::string::npos);
  EXPECT_NE(refused([](auto& h) { h.shard = {2, 3}; }).find("shard"), std::string::npos);
}

TEST_F(PartialFile, IsWrittenByOneProcessAtATime) {
  const PartialWriter first(path(), some_header());
  EXPECT_NE(message_of([&] { PartialWriter(path(), some_header()); }).find("another process"),
            std::string::npos);
}

TEST_F(PartialFile, OnAFullDiskNothingIsLostAndTheRunGoesOnLater) {
  PartialWriter writer(path(), some_header());
  writer.append(std::span(values_).first(10 * 6));
  // What a full disk does: the file may grow by half a record and no further.
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096 + 10 * 32 + 16, 4096 + 10 * 32 + 16};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(9);
    const std::string said = message_of([&] { writer.append(std::span(values_).subspan(60, 60)); });
    const bool right = said.find("a.part: cannot be written") != std::string::npos &&
                       said.find("first 10 candidates are kept") != std::string::npos;
    ::_exit(right && writer.count() == 10 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Partial(path()).count(), 10u);
  writer.append(std::span(values_).subspan(60, 90 * 6));
  EXPECT_TRUE(Partial(path()).is_complete());
}

// ---- the run

// Candidate c is the picture whose first byte is c, and its embedding says so.
Stages fake_stages(const std::vector<float>& values) {
  Stages stages;
  stages.batch = 8;
  stages.paint = [](uint64_t first, int n) {
    std::vector<uint8_t> pictures;
    for (int i = 0; i < n; ++i)
      pictures.push_back(static_cast<uint8_t>(first + static_cast<uint64_t>(i)));
    return pictures;
  };
  stages.embed = [&values](int n, std::span<const uint8_t> pictures) {
    EXPECT_EQ(pictures.size(), static_cast<size_t>(n));
    std::vector<float> out;
    for (const uint8_t picture : pictures)
      out.insert(out.end(), values.begin() + picture * 6, values.begin() + (picture + 1) * 6);
    return out;
  };
  return stages;
}

TEST_F(PartialFile, ARunThatEndsEarlyIsContinuedToTheSameBytes) {
  const auto nothing = [](std::span<const float>) {};
  {
    PartialWriter writer(directory_ / "whole.part", some_header());
    embed_candidates(fake_stages(values_), writer, some_header(), nothing);
  }
  const std::string whole = file_bytes(directory_ / "whole.part");
  EXPECT_EQ(Partial(directory_ / "whole.part").count(), 100u);
  for (int runs = 0; !std::filesystem::exists(path()) || !Partial(path()).is_complete(); ++runs) {
    ASSERT_LT(runs, 20);
    PartialWriter writer(path(), some_header());
    Stages stages = fake_stages(values_);
    stages.batch = 5 + runs;
    int asked = 0;
    embed_candidates(stages, writer, some_header(), nothing, [&] { return ++asked > 2; });
  }
  EXPECT_EQ(file_bytes(path()), whole);
}

TEST_F(PartialFile, BothWaysOfRunningEmbedTheSame) {
  std::vector<float> seen;
  Stages stages = fake_stages(values_);
  stages.paint_and_embed = [both = stages](uint64_t first, int n) {
    return both.embed(n, both.paint(first, n));
  };
  PartialWriter writer(path(), some_header());
  embed_candidates(stages, writer, some_header(), [&](std::span<const float> batch) {
    seen.insert(seen.end(), batch.begin(), batch.end());
  });
  EXPECT_EQ(seen, values_);
  EXPECT_TRUE(Partial(path()).is_complete());
}

TEST_F(PartialFile, AStageThatFailsEndsTheRunAndKeepsWhatWasMade) {
  const auto nothing = [](std::span<const float>) {};
  for (const bool painter : {true, false}) {
    std::filesystem::remove(path());
    Stages stages = fake_stages(values_);
    if (painter)
      stages.paint = [paint = stages.paint](uint64_t first, int n) {
        if (first >= 40) throw Error("out of paint");
        return paint(first, n);
      };
    else
      stages.embed = [embed = stages.embed](int n, std::span<const uint8_t> pictures) {
        if (pictures[0] >= 40) throw Error("out of paint");
        return embed(n, pictures);
      };
    PartialWriter writer(path(), some_header());
    EXPECT_EQ(message_of([&] { embed_candidates(stages, writer, some_header(), nothing); }),
              "out of paint");
    EXPECT_EQ(writer.count(), 40u);
  }
}

}  // namespace
}  // namespace vernissage::curation
