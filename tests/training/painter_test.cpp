// Goal: a painting is a function of its seed and size alone, on every machine; its composition does
// not depend on the size; its caption says nothing that its facts deny, and has the words that
// visitors ask for. Method: every subject in every medium at small sizes; sums of the bytes against
// ones written down here; captions of some thousands of pictures read word by word; the queries of
// the rooms looked up in them.
#include "training/dataset/painter/painter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include "base/error.h"
#include "training/dataset/painter/caption.h"

namespace vernissage::training {
namespace {

/// FNV-1a, 64 bits.
uint64_t sum_of(std::span<const uint8_t> bytes) {
  uint64_t sum = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes) sum = (sum ^ byte) * 0x100000001b3;
  return sum;
}

Facts facts_for(Subject subject, Medium medium, uint64_t seed) {
  Facts facts = facts_of(seed);
  facts.subject = subject;
  facts.medium = medium;
  if (subject == Subject::round_dance) facts.count = 6;
  return facts;
}

/// Every caption and phrase of pictures 0 … pictures - 1.
template <class Visit>
void for_captions(uint64_t pictures, Visit visit) {
  for (uint64_t seed = 0; seed < pictures; ++seed) {
    const Facts facts = facts_of(seed);
    Impression look;
    look.hue = static_cast<Impression::Hue>(seed % 8);
    look.dark = seed % 3 == 0;
    look.light = seed % 3 == 1;
    look.vivid = seed % 5 == 0;
    look.muted = seed % 5 == 1;
    visit(facts, look);
  }
}

/// Lower-case letters (also beyond ASCII), single spaces and hyphens between them, neither first
/// nor last.
bool is_plain(const std::string& text) {
  bool letter_before = false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 128;
    if (!letter && (!letter_before || (c != ' ' && c != '-'))) return false;
    letter_before = letter;
  }
  return letter_before;
}

/// What stands in quotes behind `text =` in a TOML file.
std::vector<std::string> texts_of(const std::string& toml) {
  const std::string key = "text = \"";
  std::vector<std::string> texts;
  for (size_t at = toml.find(key); at != std::string::npos; at = toml.find(key, at)) {
    at += key.size();
    texts.push_back(toml.substr(at, toml.find('"', at) - at));
  }
  return texts;
}

TEST(Painter, ASeedIsTheSameBytesOnEveryMachine) {
  // One picture in each medium; the sums were written down when the shipped networks were trained.
  constexpr std::array<uint64_t, kMedia> kSums{
      0xd976a84e68ec0cb8u, 0x114e01bf29df7139u, 0x0831a8fba2e94c2du, 0x784494348f1741b7u,
      0xe79b6bcd0af45ecau, 0xe1fcf9dce4569266u, 0xf72f81a6d50f2977u, 0x8750d70680dc2382u,
      0x5a9020400ec0b58eu, 0x26868820485dab5eu, 0x87e25ec21852669cu, 0xc43717a717953c45u};
  std::vector<uint8_t> rgb(48 * 48 * 3);
  for (int medium = 0; medium < kMedia; ++medium) {
    const auto subject = static_cast<Subject>(medium * 5);
    paint_facts(facts_for(subject, static_cast<Medium>(medium), 7), 48, rgb);
    EXPECT_EQ(sum_of(rgb), kSums[static_cast<size_t>(medium)]) << name(static_cast<Medium>(medium));
  }
}

TEST(Painter, ThreadsPaintWhatOneThreadPaints) {
  constexpr int kPictures = 24;
  std::vector<uint64_t> alone(kPictures), together(kPictures);
  for (uint64_t i = 0; i < kPictures; ++i) alone[i] = sum_of(paint(i, 32).rgb);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t)
    threads.emplace_back([&together, t] {
      for (uint64_t i = t; i < kPictures; i += 3) together[i] = sum_of(paint(i, 32).rgb);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(alone, together);
}

TEST(Painter, EverySubjectIsPaintedInEveryMedium) {
  constexpr int kSize = 20;
  std::vector<uint8_t> rgb(kSize * kSize * 3);
  std::set<uint64_t> sums;
  for (int subject = 0; subject < kSubjects; ++subject)
    for (int medium = 0; medium < kMedia; ++medium) {
      const auto seed = static_cast<uint64_t>(subject * kMedia + medium);
      paint_facts(facts_for(static_cast<Subject>(subject), static_cast<Medium>(medium), seed),
                  kSize, rgb);
      EXPECT_TRUE(sums.insert(sum_of(rgb)).second)
          << name(static_cast<Subject>(subject)) << " again";
    }
}

// Halved, a picture is nearer to itself painted at half the size than to any other picture.
TEST(Painter, TheCompositionDoesNotDependOnTheSize) {
  constexpr int kPictures = 30, kSmall = 32, kLarge = 64;
  std::vector<std::vector<double>> small, halved;
  for (uint64_t seed = 0; seed < kPictures; ++seed) {
    Facts facts = facts_of(seed);
    facts.medium = Medium::poster;  // the medium itself may depend on the size
    facts.framed = false;
    std::vector<uint8_t> a(kSmall * kSmall * 3), b(kLarge * kLarge * 3);
    paint_facts(facts, kSmall, a);
    paint_facts(facts, kLarge, b);
    small.emplace_back(a.begin(), a.end());
    auto& half = halved.emplace_back(a.size());
    for (int y = 0; y < kSmall; ++y)
      for (int x = 0; x < kSmall; ++x)
        for (int c = 0; c < 3; ++c) {
          const auto at = [&](int row, int column) {
            return b[static_cast<size_t>((row * kLarge + column) * 3 + c)];
          };
          half[static_cast<size_t>((y * kSmall + x) * 3 + c)] =
              (at(2 * y, 2 * x) + at(2 * y, 2 * x + 1) + at(2 * y + 1, 2 * x) +
               at(2 * y + 1, 2 * x + 1)) /
              4.0;
        }
  }
  for (size_t i = 0; i < small.size(); ++i) {
    size_t nearest = 0;
    double least = 1e300;
    for (size_t j = 0; j < halved.size(); ++j) {
      double distance = 0;
      for (size_t k = 0; k < small[i].size(); ++k)
        distance += std::pow(small[i][k] - halved[j][k], 2);
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    EXPECT_EQ(nearest, i) << "seed " << i;
  }
}

TEST(Painter, FactsAreKnownBeforeThePictureIsPainted) {
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(paint(seed, 16).facts, facts_of(seed));
}

// 4,000 seeds, a quarter each: binomial, σ = √(4000 · 1/4 · 3/4) = 27.4; within 5 σ.
TEST(Painter, EveryRoomHasAsManyPicturesAsAnyOther) {
  std::map<Room, int> rooms;
  for (uint64_t seed = 0; seed < 4000; ++seed) ++rooms[room_of(facts_of(seed).subject)];
  ASSERT_EQ(rooms.size(), 4u);
  for (const auto& [room, count] : rooms) EXPECT_NEAR(count, 1000, 137) << name(room);
}

TEST(Painter, RefusesSizesAndBuffersByName) {
  const auto message = [](auto act) -> std::string {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  EXPECT_EQ(message([] { paint(1, kPaintingSizeMin - 1); }),
            "painting: size 15, expected 16 to 1024");
  EXPECT_EQ(message([] { paint(1, kPaintingSizeMax + 1); }),
            "painting: size 1025, expected 16 to 1024");
  std::vector<uint8_t> rgb(100);
  EXPECT_EQ(message([&] { paint_into(1, 16, rgb); }),
            "painting: a buffer of 100 bytes, expected 768");
}

TEST(Caption, SaysNothingThatTheFactsDeny) {
  const auto says = [](const std::string& text, const char* phrase) {
    return text.find(phrase) != std::string::npos;
  };
  for_captions(3000, [&](const Facts& facts, const Impression& look) {
    for (uint64_t wording = 0; wording < 3; ++wording) {
      const std::string text = caption(facts, look, wording);
      SCOPED_TRACE(text + " (" + name(facts.subject) + ")");
      if (says(text, "under the moon") || says(text, "with a moon")) {
        EXPECT_TRUE(facts.moon);
      }
      if (says(text, "with the sun")) {
        EXPECT_TRUE(facts.sun);
      }
      if (says(text, "with a hat")) {
        EXPECT_TRUE(facts.hat);
      }
      if (says(text, "in winter")) {
        EXPECT_EQ(facts.light, Light::winter);
      }
      if (says(text, "round dance")) {
        EXPECT_EQ(facts.subject, Subject::round_dance);
      }
      if (says(text, "woodcut")) {
        EXPECT_EQ(facts.medium, Medium::woodcut);
      }
      if (says(text, "mostly red")) {
        EXPECT_EQ(look.hue, Impression::Hue::red);
      }
      if (says(text, "darkness")) {
        EXPECT_TRUE(look.dark);
      }
    }
  });
}

TEST(Caption, IsPlainTextThatEveryWordingPutsDifferently) {
  std::set<std::string> wordings;
  for_captions(500, [&](const Facts& facts, const Impression& look) {
    const std::string text = caption(facts, look, 5);
    EXPECT_EQ(text, caption(facts, look, 5));
    EXPECT_TRUE(is_plain(text)) << text;
  });
  const Facts facts = facts_of(3);
  for (uint64_t wording = 0; wording < 40; ++wording) wordings.insert(caption(facts, {}, wording));
  EXPECT_GT(wordings.size(), 20u);
}

// A query whose words no caption has would be ranked by chance.
TEST(Caption, HasTheWordsOfTheRoomsQueries) {
  std::set<std::string> words;
  for_captions(20000, [&](const Facts& facts, const Impression& look) {
    const Phrases all = phrases(facts, look);
    for (const auto* list :
         {&all.things, &all.details, &all.lights, &all.media, &all.moods, &all.colours})
      for (const std::string& phrase : *list)
        for (size_t begin = 0; begin < phrase.size();) {
          const size_t end = std::min(phrase.find(' ', begin), phrase.size());
          words.insert(phrase.substr(begin, end - begin));
          begin = end + 1;
        }
  });
  std::ifstream file(VERNISSAGE_SOURCE_DIR "/server/curation/rooms.toml");
  const std::string rooms((std::istreambuf_iterator<char>(file)), {});
  const std::vector<std::string> queries = texts_of(rooms);
  for (const std::string& text : queries)
    for (size_t begin = 0; begin < text.size();) {
      const size_t stop = std::min(text.find(' ', begin), text.size());
      const std::string word = text.substr(begin, stop - begin);
      EXPECT_TRUE(words.contains(word)) << "\"" << word << "\" of \"" << text << "\"";
      begin = stop + 1;
    }
  EXPECT_GE(queries.size(), 100u);
}

TEST(Impression, NamesWhatMostOfTheColourIs) {
  const auto look_of = [](uint8_t r, uint8_t g, uint8_t b) {
    std::vector<uint8_t> rgb;
    for (int i = 0; i < 64; ++i) rgb.insert(rgb.end(), {r, g, b});
    return look_at(rgb);
  };
  using Hue = Impression::Hue;
  EXPECT_EQ(look_of(200, 20, 20).hue, Hue::red);
  EXPECT_EQ(look_of(240, 140, 20).hue, Hue::orange);
  EXPECT_EQ(look_of(240, 220, 20).hue, Hue::yellow);
  EXPECT_EQ(look_of(20, 160, 40).hue, Hue::green);
  EXPECT_EQ(look_of(20, 40, 200).hue, Hue::blue);
  EXPECT_EQ(look_of(120, 20, 200).hue, Hue::violet);
  EXPECT_EQ(look_of(240, 150, 190).hue, Hue::pink);
  EXPECT_EQ(look_of(128, 128, 128).hue, Hue::none);
  EXPECT_TRUE(look_of(10, 10, 10).dark);
  EXPECT_TRUE(look_of(250, 250, 250).light);
  EXPECT_TRUE(look_of(10, 10, 10).muted);
  EXPECT_TRUE(look_of(250, 10, 10).vivid);
}

}  // namespace
}  // namespace vernissage::training
