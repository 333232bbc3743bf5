// What is kept of the small pictures, and what the renderer makes of a spec. Goal: the limits
// hold one below, at and above; damage is noticed, never served; a full disk loses nothing that was
// painted; neither a walk nor a print gives an owner's pixels away. Method: files in a directory of
// the test's own, damaged by hand; a small real network.
#include "server/render/pictures.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "engine/formats/network.h"
#include "server/gallery/hang.h"
#include "server/http/caching.h"
#include "server/render/generator_renderer.h"
#include "server/web/pages.h"
#include "tests/support/tiny_network.h"

namespace vernissage::render {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

std::vector<uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) files.push_back(entry.path());
  return files;
}

TEST(PictureCache, GivesBackWhatItWasGivenAlsoAfterARestart) {
  TemporaryDirectory directory;
  const std::string content = "a picture";
  {
    PictureCache cache(directory.path(), {});
    EXPECT_FALSE(cache.contains("abc/256.webp"));
    EXPECT_FALSE(cache.find("abc/256.webp"));
    cache.put("abc/256.webp", bytes_of(content));
    cache.put("abc/256.webp", bytes_of(content));
    EXPECT_TRUE(cache.contains("abc/256.webp"));
    EXPECT_EQ(cache.disk_bytes(), content.size());
  }
  PictureCache cache(directory.path(), {});
  EXPECT_EQ(cache.memory_bytes(), 0u);
  const auto found = cache.find("abc/256.webp");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found->bytes, content);
  EXPECT_EQ(found->etag, http::etag_of(content)) << "the name holds the tag";
  EXPECT_EQ(cache.memory_bytes(), content.size());
}

TEST(PictureCache, NewContentReplacesTheOldAndItsFile) {
  TemporaryDirectory directory;
  PictureCache cache(directory.path(), {});
  cache.put("a/1.jpg", bytes_of("old"));
  cache.put("a/1.jpg", bytes_of("newer"));
  EXPECT_EQ(*cache.find("a/1.jpg")->bytes, "newer");
  EXPECT_EQ(cache.disk_bytes(), 5u);
  EXPECT_EQ(cache.memory_bytes(), 5u);
  EXPECT_EQ(files_in(directory.path()).size(), 1u);
}

TEST(PictureCache, DamagedFilesAreNeverServed) {
  for (const char* damage : {"", "a pic", "b picture", "a picture and more"}) {
    TemporaryDirectory directory;
    PictureCache(directory.path(), {}).put("a/1.jpg", bytes_of("a picture"));
    const auto files = files_in(directory.path());
    ASSERT_EQ(files.size(), 1u);
    std::ofstream(files[0], std::ios::binary | std::ios::trunc) << damage;
    PictureCache cache(directory.path(), {});
    EXPECT_FALSE(cache.find("a/1.jpg")) << damage;
    EXPECT_FALSE(cache.contains("a/1.jpg")) << "painted anew";
    EXPECT_FALSE(fs::exists(files[0]));
    EXPECT_EQ(cache.disk_bytes(), 0u);
    cache.put("a/1.jpg", bytes_of("a picture"));
    EXPECT_EQ(*cache.find("a/1.jpg")->bytes, "a picture");
  }
}

TEST(PictureCache, FilesThatAreNotItsOwnAreLeftAlone) {
  TemporaryDirectory directory;
  fs::create_directories(directory / "a");
  for (const char* name : {"a/note.txt", "a/256.webp", "a/256.short.webp", "loose.webp"})
    std::ofstream(directory / name) << "mine";
  PictureCache cache(directory.path(), {0, 0});
  EXPECT_FALSE(cache.contains("a/256.webp"));
  EXPECT_EQ(files_in(directory.path()).size(), 4u);
}

TEST(PictureCache, OfTwoFilesThatACrashLeftOneStays) {
  TemporaryDirectory directory;
  PictureCache(directory.path(), {}).put("a/1.jpg", bytes_of("older"));
  const fs::path older = files_in(directory.path())[0];
  fs::last_write_time(older, fs::file_time_type::clock::now() - std::chrono::hours(1));
  TemporaryDirectory elsewhere;
  PictureCache(elsewhere.path(), {}).put("a/1.jpg", bytes_of("younger"));
  const fs::path younger = files_in(elsewhere.path())[0];
  fs::copy(younger, directory / "a" / younger.filename());
  PictureCache cache(directory.path(), {});
  EXPECT_EQ(*cache.find("a/1.jpg")->bytes, "younger");
  EXPECT_EQ(cache.disk_bytes(), 7u);
  EXPECT_FALSE(fs::exists(older));
}

TEST(PictureCache, DiskLimitHoldsBelowAtAndAbove) {
  for (const uint64_t limit : {29u, 30u, 31u}) {
    TemporaryDirectory directory;
    PictureCache cache(directory.path(), {limit, 0});
    for (const char* key : {"a/1.jpg", "b/2.jpg", "c/3.jpg"}) {
      cache.put(key, bytes_of("ten bytes " + std::string()));
      EXPECT_LE(cache.disk_bytes(), limit);
    }
    EXPECT_EQ(cache.contains("a/1.jpg"), limit >= 30) << limit;
    EXPECT_TRUE(cache.contains("b/2.jpg"));
    EXPECT_TRUE(cache.contains("c/3.jpg"));
    EXPECT_EQ(files_in(directory.path()).size(), limit >= 30 ? 3u : 2u);
  }
}

TEST(PictureCache, WhatWasLookedAtLastGoesLast) {
  TemporaryDirectory directory;
  PictureCache cache(directory.path(), {20, 0});
  cache.put("a/1.jpg", bytes_of("ten bytes."));
  cache.put("b/2.jpg", bytes_of("ten bytes."));
  EXPECT_TRUE(cache.find("a/1.jpg"));
  cache.put("c/3.jpg", bytes_of("ten bytes."));
  EXPECT_TRUE(cache.contains("a/1.jpg"));
  EXPECT_FALSE(cache.contains("b/2.jpg"));
}

TEST(PictureCache, ALowerLimitAppliesToWhatIsThereAlready) {
  TemporaryDirectory directory;
  {
    PictureCache cache(directory.path(), {});
    for (int i = 0; i < 8; ++i)
      cache.put("a/" + std::to_string(i) + ".jpg", bytes_of("ten bytes."));
  }
  PictureCache cache(directory.path(), {40, 0});
  EXPECT_EQ(cache.disk_bytes(), 40u);
  EXPECT_EQ(files_in(directory.path()).size(), 4u);
}

TEST(PictureCache, MemoryLimitHoldsAndTheDiskHasTheRest) {
  TemporaryDirectory directory;
  PictureCache cache(directory.path(), {1000, 25});
  for (int i = 0; i < 5; ++i) cache.put("a/" + std::to_string(i) + ".jpg", bytes_of("ten bytes."));
  EXPECT_EQ(cache.memory_bytes(), 20u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(cache.find("a/" + std::to_string(i) + ".jpg")) << i;
    EXPECT_LE(cache.memory_bytes(), 25u);
  }
}

TEST(PictureCache, ADiskThatRefusesLosesNothingThatWasPainted) {
  TemporaryDirectory directory;
  std::ofstream(directory / "a") << "a file where a folder should be";
  PictureCache cache(directory.path(), {});
  EXPECT_THROW(cache.put("a/1.jpg", bytes_of("a picture")), Error);
  ASSERT_TRUE(cache.find("a/1.jpg"));
  EXPECT_EQ(*cache.find("a/1.jpg")->bytes, "a picture");
  EXPECT_EQ(cache.disk_bytes(), 0u);
  fs::remove(directory / "a");
  cache.put("a/1.jpg", bytes_of("a picture"));
  EXPECT_EQ(cache.disk_bytes(), 9u) << "and goes on when there is room again";
}

TEST(PictureCache, ManyThreadsSeeWholePicturesOnly) {
  TemporaryDirectory directory;
  PictureCache cache(directory.path(), {2000, 600});
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const int n = (i * 5 + t) % 30;
        const std::string key = "a/" + std::to_string(n) + ".jpg";
        const std::string content(100, static_cast<char>('a' + n % 26));
        if (i % 2 == 0) {
          cache.put(key, bytes_of(content));
        } else if (const auto found = cache.find(key)) {
          EXPECT_EQ(*found->bytes, content);
        }
      }
    });
  threads.clear();
  EXPECT_LE(cache.disk_bytes(), 2000u);
  EXPECT_LE(cache.memory_bytes(), 600u);
}

TEST(PrintNumbers, HaveOneSpellingAndABound) {
  EXPECT_EQ(read_print_number("0"), 0u);
  EXPECT_EQ(read_print_number("999999"), web::kPrintsMax - 1);
  for (const char* text : {"", "1000000", "-1", "+1", "01", "1 ", " 1", "1.0", "1e3", "0x1", "a",
                           "4294967296", "18446744073709551616"})
    EXPECT_FALSE(read_print_number(text)) << text;
}

class PaintedSubjects : public ::testing::Test {
 protected:
  PaintedSubjects() {
    const auto model = directory_ / "net.safetensors";
    save_network(model, testing::tiny_network(256));
    gallery::hang_gallery({model, directory_ / "gallery", "Test", 3, 0.7f});
    gallery_.emplace(directory_ / "gallery");
    renderer_ = make_generator_renderer(*gallery_, "cpu", Precision::f32, 1);
  }
  Image paint(const RenderSpec& spec) { return renderer_->paint({spec})[0]; }

  TemporaryDirectory directory_;
  std::optional<gallery::Gallery> gallery_;
  std::unique_ptr<Renderer> renderer_;
};

TEST_F(PaintedSubjects, AWalkNeverShowsAnOwnersPixels) {
  const Image here = paint(RenderSpec::painting(1)), there = paint(RenderSpec::painting(2));
  const Image first = paint(RenderSpec::interpolation(1, 2, 0)),
              last = paint(RenderSpec::interpolation(1, 2, 1));
  EXPECT_NE(first.pixels, here.pixels) << "the noise of a walk is not the painting's own";
  EXPECT_NE(last.pixels, there.pixels);
  EXPECT_EQ(first.pixels, paint(RenderSpec::interpolation(1, 0, 0)).pixels)
      << "a walk begins where it begins";
}

// a + t (b - a) and b + (1 - t)(a - b) differ by roundings of w, 2^-23 of its size; a picture would
// have to magnify them four orders of magnitude to move a pixel by more than one level.
TEST_F(PaintedSubjects, TheMiddleOfAWalkIsTheSameFromBothEnds) {
  const Image there = paint(RenderSpec::interpolation(1, 2, 0.5f));
  const Image back = paint(RenderSpec::interpolation(2, 1, 0.5f));
  int largest = 0;
  for (size_t i = 0; i < there.pixels.size(); ++i)
    largest = std::max(largest, std::abs(there.pixels[i] - back.pixels[i]));
  EXPECT_LE(largest, 1);
  EXPECT_NE(there.pixels, paint(RenderSpec::interpolation(1, 2, 0.25f)).pixels);
}

TEST_F(PaintedSubjects, PrintsAreNobodysPaintings) {
  std::set<std::string> seen;  // by their tags
  for (uint32_t n = 0; n < 12; ++n)
    for (const RenderSpec& spec : {RenderSpec::print(n), RenderSpec::painting(n)}) {
      const Image image = paint(spec);
      EXPECT_TRUE(
          seen.insert(http::etag_of(std::string(image.pixels.begin(), image.pixels.end()))).second)
          << n;
    }
}

TEST_F(PaintedSubjects, CompanyChangesNothing) {
  const std::vector<RenderSpec> mixed = {RenderSpec::interpolation(0, 1, 0.25f),
                                         RenderSpec::print(5)};
  ASSERT_GE(renderer_->batch_max(), 2);
  const auto together = renderer_->paint(mixed);
  EXPECT_EQ(together[0].pixels, paint(mixed[0]).pixels);
  EXPECT_EQ(together[1].pixels, paint(mixed[1]).pixels);
}

}  // namespace
}  // namespace vernissage::render
