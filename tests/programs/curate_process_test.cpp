// Curating from beginning to end with real networks, a 32-pixel generator and the golden CLIP of
// 32-wide embeddings: in this process, and as a program that is killed, stopped by a full disk, and
// run in shards. Goal: however the work was divided and wherever it was cut off, the same key gives
// the same manifest and the same walls, what hangs is what the server would paint, and what does
// not fit together is named. Method: one uninterrupted run as the yardstick; the other ways
// compared with its files byte by byte.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "engine/clip/clip_network.h"
#include "server/curation/curate.h"
#include "server/curation/selection.h"
#include "server/gallery/claims.h"
#include "server/gallery/gallery.h"
#include "server/render/generator_renderer.h"
#include "server/render/picture_cache.h"
#include "server/render/previews.h"
#include "tests/support/child.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"
#include "tests/support/secrets.h"
#include "tests/support/tiny_network.h"
#include "weights_tools/clip_checkpoint.h"

namespace vernissage::curation {
namespace {

namespace fs = std::filesystem;
using testing::Child;
using testing::file_text;
using testing::TemporaryDirectory;

constexpr uint64_t kCandidates = 200;
constexpr char kRooms[] = R"(
templates = ["a painting of {}", "{}"]
[gallery]
name = "Small"
languages = ["en", "pt"]
[[room]]
slug = "people"
title = "People"
titles = { pt = "Pessoas" }
paintings = 9
query = [ { text = "beauty", title = "Beauty", titles = { pt = "Beleza" } }, { text = "a date", title = "Date" } ]
[[room]]
slug = "mood"
title = "Mood"
paintings = 8
query = [ { text = "joy" }, { text = "silence" }, { text = "a storm" } ]
)";

// The files that every test works with, and the yardstick: made once.
class Curating : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    save_network(generator(), testing::tiny_network(32));
    ClipOptions with_words;
    with_words.tokenizer = testing::golden("clip/merges.txt");
    save_clip(curator(),
              read_clip_checkpoint(testing::golden("clip/tiny-vit"), with_words).network);
    std::ofstream(rooms()) << kRooms;
    gallery::GalleryKey::create(key());
    const auto secret = gallery::GalleryKey::load(key());
    networks_ = load_curation_networks(network_options(), secret).release();
    CurateSummary summary;
    curate(options(), yardstick(), summary);
    EXPECT_EQ(summary.paintings, 17);
    EXPECT_EQ(summary.embedded, kCandidates);
  }
  static void TearDownTestSuite() {
    delete networks_;
    delete directory_;
  }

  static fs::path generator() { return *directory_ / "generator.safetensors"; }
  static fs::path curator() { return *directory_ / "curator.safetensors"; }
  static fs::path rooms() { return *directory_ / "rooms.toml"; }
  static fs::path key() { return *directory_ / "key"; }
  static fs::path yardstick() { return *directory_ / "yardstick"; }
  fs::path here(const std::string& name) const { return mine_ / name; }

  static CurationNetworkOptions network_options() {
    CurationNetworkOptions options;
    options.generator = generator();
    options.curator = curator();
    options.device = "cpu";
    options.threads = 2;
    return options;
  }
  /// With networks that were loaded once.
  static CurateOptions options() {
    CurateOptions options;
    options.networks = network_options();
    options.key = key();
    options.rooms = load_rooms(rooms());
    options.candidates = kCandidates;
    options.duplicate_cosine = 0.9999f;
    options.open = [](const CurationNetworkOptions&, const gallery::GalleryKey&) {
      return std::make_unique<CurationNetworks>(*networks_);
    };
    options.progress.write = [](const std::string&) {};
    return options;
  }
  static std::vector<std::string> command(const std::vector<std::string>& more) {
    std::vector<std::string> all{VERNISSAGE_BINARY,
                                 "curate",
                                 "--generator",
                                 generator(),
                                 "--curator",
                                 curator(),
                                 "--rooms",
                                 rooms(),
                                 "--candidates",
                                 std::to_string(kCandidates),
                                 "--key",
                                 key(),
                                 "--device",
                                 "cpu",
                                 "--threads",
                                 "2",
                                 "--batch",
                                 "4",
                                 "--duplicate-cosine",
                                 "0.9999"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::vector<fs::path> shards(int of) const {
    std::vector<fs::path> paths;
    for (int number = 1; number <= of; ++number) {
      paths.push_back(here(std::to_string(number) + "-of-" + std::to_string(of)));
      CurateSummary summary;
      embed_shard(options(), {number, of}, paths.back(), summary);
    }
    return paths;
  }
  static std::string message_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "(no error)";
  }
  std::string merge_message(const std::vector<fs::path>& partials,
                            const CurateOptions& with = options()) const {
    const std::string said = message_of([&] {
      CurateSummary summary;
      hang_curated(with, partials, here("never"), summary);
    });
    EXPECT_FALSE(fs::exists(here("never")));
    return said;
  }
  // Manifest and walls are the yardstick's.
  static void expect_same(const fs::path& out) {
    EXPECT_EQ(file_text(out / "curation.json"), file_text(yardstick() / "curation.json"));
    EXPECT_EQ(gallery::Gallery(out).store().paintings(),
              gallery::Gallery(yardstick()).store().paintings());
  }

 private:
  static inline TemporaryDirectory* directory_ = nullptr;
  static inline CurationNetworks* networks_ = nullptr;
  TemporaryDirectory mine_;
};

TEST_F(Curating, ManifestIsTheSameForAnyNumberOfShards) {
  for (const int of : {1, 2, 7, 64}) {
    std::vector<fs::path> partials = shards(of);
    std::shuffle(partials.begin(), partials.end(), std::mt19937(5));  // in whatever order they come
    CurateSummary summary;
    const fs::path out = here("gallery" + std::to_string(of));
    hang_curated(options(), partials, out, summary);
    expect_same(out);
  }
}

TEST_F(Curating, InOneRunTheQueriesAreEmbeddedOnce) {
  size_t calls = 0;
  CurateOptions counted = options();
  counted.open = [&calls, open = counted.open](const CurationNetworkOptions& networks,
                                               const gallery::GalleryKey& secret) {
    auto opened = open(networks, secret);
    opened->embed_texts = [&calls,
                           embed = opened->embed_texts](const std::vector<std::string>& texts) {
      ++calls;
      return embed(texts);
    };
    return opened;
  };
  CurateSummary summary;
  curate(counted, here("gallery"), summary);
  EXPECT_EQ(calls, counted.rooms.queries());
  expect_same(here("gallery"));
}

TEST_F(Curating, KilledAnywhereTheProgramGoesOnToTheSameGallery) {
  const fs::path out = here("gallery"), part = here("gallery.curating") / "candidates.part";
  const auto size_of = [&] {
    std::error_code missing;
    const auto size = fs::file_size(part, missing);
    return missing ? 0 : size;
  };
  const auto is_hanging = [&] {
    for (const auto& entry : fs::directory_iterator(out.parent_path()))
      if (entry.path().filename().string().starts_with(".gallery.new-")) return true;
    return false;
  };
  // Killed when the file has grown a little, again and again, and once while the gallery is being
  // written. A run that got through before it was caught is begun anew.
  int kills = 0, status = 0;
  for (bool killed_hanging = false; kills == 0 || !fs::exists(out);) {
    ASSERT_LT(kills, 100);
    fs::remove_all(out);
    for (const auto& entry : fs::directory_iterator(out.parent_path()))
      if (entry.path().filename().string().starts_with(".gallery.new-"))
        fs::remove_all(entry.path());
    Child child(command({"--out", out}), here("log" + std::to_string(kills)));
    const auto enough = size_of() + 40 * (32 * 4 + 8);
    while (!child.has_ended()) {
      const bool hanging = is_hanging();
      if ((hanging && !killed_hanging && size_of() > 4096) || (!hanging && size_of() >= enough)) {
        killed_hanging |= hanging;
        child.signal(SIGKILL);
        ++kills;
        break;
      }
      ::usleep(1000);
    }
    status = child.wait();
    ASSERT_TRUE(status == 0 || status == 1000 + SIGKILL) << child.err();
  }
  RecordProperty("kills", kills);
  expect_same(out);
  // A kill between the gallery's move into place and the tidying leaves the work beside it.
  if (status == 0) {
    EXPECT_FALSE(fs::exists(here("gallery.curating")));
  }
}

TEST_F(Curating, OnAFullDiskItSaysSoAndGoesOnWhenThereIsRoom) {
  const TemporaryDirectory disk;
  if (::mount("tmpfs", disk.path().c_str(), "tmpfs", 0, "size=1m,mode=700") != 0)
    GTEST_SKIP() << "no right to mount a small disk";
  {
    std::ofstream filler(disk / "filler", std::ios::binary);
    const std::string piece(4096, 'x');
    while (filler.write(piece.data(), 4096).flush()) {
    }
  }
  // Room for the header and for some of the candidates, not for all.
  fs::resize_file(disk / "filler", fs::file_size(disk / "filler") - 5 * 4096);
  const fs::path out = disk / "gallery";
  Child full(command({"--out", out}), here("full"));
  EXPECT_EQ(full.wait(), 1);
  EXPECT_NE(full.err().find("candidates.part: cannot be written: No space left on device"),
            std::string::npos)
      << full.err();
  EXPECT_NE(full.err().find("candidates are kept"), std::string::npos) << full.err();
  fs::remove(disk / "filler");
  EXPECT_EQ(::mount("tmpfs", disk.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m,mode=700"), 0);
  Child again(command({"--out", out}), here("again"));
  EXPECT_EQ(again.wait(), 0) << again.err();
  EXPECT_NE(again.err().find("going on after"), std::string::npos) << again.err();
  expect_same(out);
  ::umount2(disk.path().c_str(), MNT_DETACH);
}

TEST_F(Curating, TheProgramInShardsMakesTheSameGallery) {
  for (const char* shard : {"1/2", "2/2"}) {
    Child child(command({"--shard", shard, "--out", here(shard[0] == '1' ? "a" : "b")}),
                here("log"));
    ASSERT_EQ(child.wait(), 0) << child.err();
  }
  Child merge(
      command({"--merge", here("a"), here("b"), "--out", here("gallery"), "--json", here("json")}),
      here("log"));
  ASSERT_EQ(merge.wait(), 0) << merge.err();
  EXPECT_NE(merge.out().find("17 paintings"), std::string::npos) << merge.out();
  EXPECT_NE(file_text(here("json")).find("\"paintings\": 17"), std::string::npos);
  expect_same(here("gallery"));
}

TEST_F(Curating, WhatHangsIsWhatTheServerPaints) {
  gallery::Gallery opened(yardstick());
  EXPECT_TRUE(opened.config().curated);
  EXPECT_TRUE(opened.claims().has_points());
  const auto renderer = render::make_generator_renderer(opened, "cpu", Precision::f32, 1);
  render::PictureCache cache(opened.previews_path(), {});
  ASSERT_EQ(opened.catalogue().size(), 17u);
  for (const gallery::Painting* painting : opened.catalogue()) {
    const Image picture =
        renderer->paint({render::RenderSpec::painting(painting->candidate)}).front();
    for (const int width : opened.ladder())
      for (const auto format : {render::PreviewFormat::webp, render::PreviewFormat::jpg}) {
        const auto kept = cache.find(painting->id + "/" + render::file_name({width, format}));
        ASSERT_TRUE(kept) << painting->id << " " << width;
        const std::vector<uint8_t> expected = render::encode_preview(picture, {width, format});
        EXPECT_EQ(*kept->bytes, std::string(expected.begin(), expected.end()));
      }
    EXPECT_GE(painting->placeholder.size(), 24u);
  }
}

TEST_F(Curating, EveryPaintingSaysWhyAndInItsLanguages) {
  const gallery::Gallery opened(yardstick());
  std::map<std::string, int> by_query;
  for (const gallery::Painting* painting : opened.catalogue()) {
    ASSERT_TRUE(painting->why);
    EXPECT_EQ(painting->why->of, static_cast<int64_t>(kCandidates));
    EXPECT_GE(painting->why->rank, 1);
    EXPECT_LE(painting->why->rank, painting->why->of);
    ++by_query[painting->why->query];
    if (painting->why->query == "beauty") {
      EXPECT_EQ(opened.title(*painting, "pt"), "Beleza");
      EXPECT_EQ(opened.title(*painting, "ru"), "Beauty");
    }
  }
  EXPECT_EQ(by_query,
            (std::map<std::string, int>{
                {"beauty", 5}, {"a date", 4}, {"joy", 3}, {"silence", 3}, {"a storm", 2}}));
  EXPECT_EQ(opened.title(*opened.room("people"), "pt"), "Pessoas");
}

TEST_F(Curating, TheApiTellsWhyAndNothingMore) {
  std::string id;
  {
    const gallery::Gallery opened(yardstick());
    id = opened.catalogue().front()->id;
  }
  Child server({VERNISSAGE_BINARY, "serve", "--gallery", yardstick(), "--port", "0", "--device",
                "cpu", "--threads", "1"},
               here("server"));
  const std::string endpoint = "127.0.0.1:" + server.say("Serving .* at http://127.0.0.1:([0-9]+)");
  const testing::Answer answer = testing::ask(endpoint, "GET", "/api/v1/paintings/" + id);
  ASSERT_EQ(answer.status, 200) << server.err();
  const testing::Json painting = testing::parse_json(answer.body).at("painting");
  const testing::Json& why = painting.at("why");
  EXPECT_EQ(why.members.size(), 4u);
  EXPECT_EQ(why.at("of").integer(), static_cast<int>(kCandidates));
  EXPECT_GE(why.at("rank").integer(), 1);
  EXPECT_LE(std::abs(why.at("score").number), 1.001);
  EXPECT_FALSE(why.at("query").text.empty());
  EXPECT_FALSE(painting.at("placeholder").text.empty());
  EXPECT_EQ(answer.body.find("candidate"), std::string::npos);
  const testing::Answer room = testing::ask(endpoint, "GET", "/api/v1/rooms/people");
  const testing::Json paintings = testing::parse_json(room.body).at("paintings");
  ASSERT_EQ(paintings.items.size(), 9u);
  for (const testing::Json& each : paintings.items) EXPECT_TRUE(each.find("placeholder"));
}

TEST_F(Curating, SimilarMeansNearInTheCuratorsSpace) {
  const gallery::Gallery opened(yardstick());
  std::map<std::string, std::vector<float>> points;
  for (const gallery::Embedding& embedding : opened.store().embeddings())
    points[embedding.painting] = embedding.vector;
  ASSERT_EQ(points.size(), 17u);
  const auto cosine = [&](const std::string& a, const std::string& b) {
    return dot(points[a], points[b]);
  };
  for (const gallery::Painting* painting : opened.catalogue()) {
    const auto similar = opened.claims().similar_free(*painting);
    ASSERT_EQ(similar.size(), gallery::kSimilarMax);
    int nearer = 0;
    for (const gallery::Painting* other : opened.catalogue())
      if (other != painting)
        nearer += cosine(painting->id, other->id) > cosine(painting->id, similar.back()->id);
    EXPECT_LE(nearer, 5);
  }
}

TEST_F(Curating, WhatIsLeftBehindIsForTheOwnerAndNamesNoCandidate) {
  for (const char* name : {"curation.json", "curation.html", "gallery.key"}) {
    struct stat status {};
    ASSERT_EQ(::stat((yardstick() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
  // Ids are the key's, and the same each time; the manifest's order is that of the walls, not of
  // the candidates.
  const auto secret = gallery::GalleryKey::load(key());
  const std::string manifest = file_text(yardstick() / "curation.json");
  const gallery::Gallery opened(yardstick());
  for (const gallery::Painting* painting : opened.catalogue()) {
    EXPECT_EQ(painting->id, secret.painting_id(painting->candidate));
    EXPECT_TRUE(gallery::is_id(painting->id));
    EXPECT_NE(manifest.find(painting->id), std::string::npos);
  }
  EXPECT_EQ(manifest.find("\"candidate\""), std::string::npos);
  EXPECT_EQ(file_text(yardstick() / "curation.html").find("<script"), std::string::npos);
}

// As canary_test.cpp, for what curating adds.
TEST_F(Curating, WhatIsLeftBehindHoldsNoSecret) {
  std::map<std::string, std::string> seen;
  for (const auto& entry : fs::recursive_directory_iterator(yardstick())) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || name.ends_with(".key") || name.ends_with(".safetensors"))
      continue;
    seen[name] = file_text(entry.path());
  }
  EXPECT_TRUE(seen.contains("curation.json") && seen.contains("curation.html"));
  EXPECT_EQ(testing::secrets_in(seen, testing::secrets_of(gallery::Gallery(yardstick()))), "");
}

TEST_F(Curating, PartsThatDoNotBelongTogetherAreNamed) {
  const std::vector<fs::path> three = shards(3), two = shards(2);
  EXPECT_NE(merge_message({three[0], three[2]}).find("of 3 shards these are missing: 2"),
            std::string::npos);
  EXPECT_NE(
      merge_message({three[0], three[1], three[1], three[2]}).find("shard 2/3 is there twice"),
      std::string::npos);
  EXPECT_NE(merge_message({two[0], three[1]}).find("one of 2 in"), std::string::npos);
  CurateOptions other = options();
  gallery::GalleryKey::create(here("other.key"));
  other.key = here("other.key");
  EXPECT_NE(merge_message(three, other).find("gallery key: "), std::string::npos);
  other = options();
  other.candidates = 201;
  EXPECT_NE(merge_message(three, other).find("candidates: 200 in"), std::string::npos);
  other = options();
  other.networks.truncation = 0.5f;
  EXPECT_NE(merge_message(three, other).find("truncation: 0.7 in"), std::string::npos);
  std::ofstream(here("changed"), std::ios::binary) << file_text(curator()) << " ";
  other = options();
  other.networks.curator = here("changed");
  EXPECT_NE(merge_message(three, other).find("curator's SHA-256"), std::string::npos);
  other = options();
  other.networks.generator = here("changed");
  EXPECT_NE(merge_message(three, other).find("generator's SHA-256"), std::string::npos);
  fs::resize_file(three[1], 4096 + 10 * (32 * 4 + 8));
  EXPECT_NE(merge_message(three).find("has 10 of 67 candidates; run its shard again"),
            std::string::npos)
      << merge_message(three);
}

TEST_F(Curating, HalfPrecisionIsRefusedOnTheCpu) {
  CurateOptions half = options();
  half.networks.precision = "f16";
  EXPECT_EQ(
      message_of([&] { load_curation_networks(half.networks, gallery::GalleryKey::load(key())); }),
      "device cpu: half precision exists on CUDA only; the CPU paints in f32");
}

TEST_F(Curating, RoomsThatCannotBeFilledAreAnErrorOrFewer) {
  CurateOptions few = options();
  few.candidates = 16;
  EXPECT_EQ(message_of([&] {
              CurateSummary summary;
              curate(few, here("few"), summary);
            }),
            "the rooms take 17 paintings, and there are 16 candidates to choose from");
  EXPECT_FALSE(fs::exists(here("few.curating")));

  // Whatever is not the opposite counts as a duplicate: one painting hangs.
  CurateOptions strict = options();
  strict.duplicate_cosine = 0;
  const std::vector<fs::path> partials = shards(1);
  const std::string said = merge_message(partials, strict);
  EXPECT_NE(said.find("paintings missing (people: "), std::string::npos) << said;
  EXPECT_NE(said.find("--allow-fewer"), std::string::npos);
  strict.allow_fewer = true;
  CurateSummary summary;
  hang_curated(strict, partials, here("fewer"), summary);
  EXPECT_GE(summary.paintings, 1);
  EXPECT_LT(summary.paintings, 17);
  EXPECT_FALSE(summary.missing.empty());
  EXPECT_EQ(gallery::Gallery(here("fewer")).catalogue().size(),
            static_cast<size_t>(summary.paintings));
}

TEST_F(Curating, OtherRoomsAreHungFromTheSamePartialResults) {
  CurateOptions other = options();
  std::string text = kRooms;
  text.replace(text.find("a storm"), 7, "a sunny day");
  other.rooms = read_rooms(text, "other");
  CurateSummary summary;
  hang_curated(other, shards(2), here("gallery"), summary);
  EXPECT_EQ(summary.embedded, 0u);
  EXPECT_NE(file_text(here("gallery") / "curation.json").find("a sunny day"), std::string::npos);
}

TEST_F(Curating, CommandLineSaysWhatItNeeds) {
  const auto said = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> all{VERNISSAGE_BINARY, "curate"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Child child(all, here("log"));
    EXPECT_NE(child.wait(), 0);
    return child.err();
  };
  EXPECT_NE(said({}).find("--generator is needed"), std::string::npos);
  EXPECT_NE(said({"--generator", generator(), "--curator", curator(), "--candidates", "50", "--out",
                  here("x"), "--shard", "1/2"})
                .find("--key is needed"),
            std::string::npos);
  EXPECT_NE(said({"--generator", curator(), "--curator", curator(), "--rooms", rooms(),
                  "--candidates", "50", "--out", here("x")})
                .find("curator.safetensors"),
            std::string::npos);
  EXPECT_NE(said({"--generator", generator(), "--curator", generator(), "--rooms", rooms(),
                  "--candidates", "50", "--out", here("y")})
                .find("generator.safetensors"),
            std::string::npos);
  Child rooms({VERNISSAGE_BINARY, "curate", "--write-rooms", here("rooms.toml")}, here("log"));
  EXPECT_EQ(rooms.wait(), 0);
  EXPECT_EQ(file_text(here("rooms.toml")), default_rooms_text());
}

}  // namespace
}  // namespace vernissage::curation
