// Goal: what a network is trained on is what lies in the folder or the archive, each picture once a
// round whatever was interrupted, chosen by its labels; and nothing that cannot be read passes
// silently.
// Method: pictures that this test encodes itself, as files, in a tar of its own making and in a
// broken state.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <set>

#include "base/error.h"
#include "server/images/images.h"
#include "training/dataset/csv.h"
#include "training/dataset/painting_caption.h"
#include "training/dataset/picture_files.h"
#include "training/dataset/picture_set.h"

namespace vernissage::training {
namespace {

namespace fs = std::filesystem;
constexpr auto kTraining = PictureSet::Part::training;
constexpr auto kHeldOut = PictureSet::Part::held_out;

std::string picture_name(int i) {
  return std::string("p").append(std::to_string(i)).append(".png");
}

class Dataset : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_ / "pictures");
  }
  void TearDown() override { fs::remove_all(root_); }

  static Image plain(int width, int height, uint8_t grey) {
    return {width, height, 3, std::vector<uint8_t>(size_t(width) * size_t(height) * 3, grey)};
  }
  void put(const std::string& name, const std::vector<uint8_t>& bytes) const {
    fs::create_directories((root_ / "pictures" / name).parent_path());
    std::ofstream(root_ / "pictures" / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  }
  void put_many(int count) const {
    for (int i = 0; i < count; ++i) put(picture_name(i), encode_png(plain(16, 16, uint8_t(i))));
  }
  PictureSetOptions options() const {
    PictureSetOptions options;
    options.source = root_ / "pictures";
    options.cache = root_ / "cache";
    options.size = 16;
    options.hold_out = 0;
    options.threads = 2;
    return options;
  }
  static std::string reason(const PictureSetOptions& options) try {
    const PictureSet set(options);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
  static std::vector<uint8_t> first_bytes(const PictureSet& set) {
    std::vector<uint8_t> values;
    for (int64_t i = 0; i < set.count(kTraining); ++i)
      values.push_back(set.pixels(kTraining, i)[0]);
    return values;
  }

  const fs::path root_ =
      fs::temp_directory_path() / ("vernissage-dataset-" + std::to_string(::getpid()));
};

// A ustar archive by hand, so that the reader is not held against its own library.
std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [name, bytes] : files) {
    std::string header(512, '\0');
    name.copy(header.data(), name.size());
    const auto octal = [&](size_t at, size_t digits, size_t value) {
      for (size_t i = digits; i-- > 0; value /= 8) header[at + i] = char('0' + value % 8);
    };
    octal(100, 7, 0644);
    octal(124, 11, bytes.size());
    octal(136, 11, 0);
    header[156] = '0';
    std::memcpy(&header[257], "ustar\00000", 8);
    std::memset(&header[148], ' ', 8);
    size_t sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    octal(148, 6, sum);
    header[154] = '\0';
    tar += header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
  }
  return tar + std::string(1024, '\0');
}

TEST_F(Dataset, TakesTheMiddleSquareAveragedDownOfEveryFormat) {
  Image wide = plain(64, 32, 10);  // the middle square is columns 16 to 47
  for (int y = 0; y < 32; ++y)
    for (int x = 16; x < 48; ++x)
      for (int c = 0; c < 3; ++c)
        wide.pixels[size_t((y * 64 + x) * 3 + c)] = (x + y) % 2 == 0 ? 100 : 200;
  put("a.png", encode_png(wide));
  put("b/c.jpg", encode_jpeg(plain(32, 40, 90), 95));
  put("d.webp", encode_webp(plain(32, 32, 60), 95));
  Image grey{16, 16, 1, std::vector<uint8_t>(256, 77)};
  put("e.png", encode_png(grey));
  const PictureSet set(options());
  ASSERT_EQ(set.count(kTraining), 4);
  EXPECT_EQ(set.name(kTraining, 1), "b/c.jpg");
  for (const uint8_t value : set.pixels(kTraining, 0)) ASSERT_EQ(value, 150);
  for (const uint8_t value : set.pixels(kTraining, 1)) ASSERT_NEAR(value, 90, 2);
  for (const uint8_t value : set.pixels(kTraining, 2)) ASSERT_NEAR(value, 60, 3);
  for (const uint8_t value : set.pixels(kTraining, 3)) ASSERT_EQ(value, 77);
}

TEST_F(Dataset, AnArchiveGivesTheSamePicturesAsTheFolder) {
  put_many(5);
  const auto of_folder = first_bytes(PictureSet(options()));
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 5; ++i) {
    const auto png = encode_png(plain(16, 16, uint8_t(i)));
    files.push_back({picture_name(i), std::string(png.begin(), png.end())});
  }
  std::ofstream(root_ / "pictures.tar", std::ios::binary) << tar_of(files);
  PictureSetOptions of_tar = options();
  of_tar.source = root_ / "pictures.tar";
  EXPECT_EQ(first_bytes(PictureSet(of_tar)), of_folder);
}

TEST_F(Dataset, SkipsWhatCannotBeReadAndNamesIt) {
  put_many(6);
  auto cut = encode_png(plain(16, 16, 9));
  cut.resize(cut.size() / 2);
  put("cut.png", cut);
  put("notes.txt", {'h', 'i'});
  put("small.png", encode_png(plain(15, 40, 1)));
  fs::create_symlink("/etc/passwd", root_ / "pictures" / "link.png");
  ::testing::internal::CaptureStderr();
  const PictureSet set(options());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(set.count(kTraining), 6);
  for (const char* text :
       {"skipped cut.png: ", "skipped notes.txt: no PNG, JPEG or WebP picture",
        "skipped small.png: 15x40, smaller than 16x16", "skipped link.png: not a regular file"})
    EXPECT_NE(said.find(text), std::string::npos) << text << "\n" << said;
  EXPECT_NE(set.summary().find("(4 files skipped)"), std::string::npos) << set.summary();
}

TEST_F(Dataset, RefusesASourceThatIsMostlyNotPictures) {
  put("a.png", encode_png(plain(16, 16, 1)));
  put("b.txt", {'x'});
  put("c.txt", {'x'});
  EXPECT_NE(reason(options()).find("2 of its 3 files are not usable"), std::string::npos)
      << reason(options());
}

TEST_F(Dataset, RefusesADamagedArchiveByItsName) {
  auto tar = tar_of({{"a.png", std::string(3000, 'x')}});
  PictureSetOptions broken = options();
  broken.source = root_ / "broken.tar";
  std::ofstream(broken.source, std::ios::binary) << tar.substr(0, 1500);
  EXPECT_NE(reason(broken).find("broken.tar: "), std::string::npos) << reason(broken);
  std::ofstream(broken.source, std::ios::binary) << std::string(2000, 'j');
  EXPECT_NE(reason(broken).find("broken.tar: "), std::string::npos) << reason(broken);
}

TEST_F(Dataset, DecodesAgainOnlyWhenTheSourceHasChanged) {
  put_many(3);
  EXPECT_EQ(PictureSet(options()).count(kTraining), 3);
  const fs::path cache = root_ / "cache" / "pictures-16.safetensors";
  const auto made = fs::last_write_time(cache);
  EXPECT_EQ(PictureSet(options()).count(kTraining), 3);
  EXPECT_EQ(fs::last_write_time(cache), made);
  put_many(4);
  EXPECT_EQ(PictureSet(options()).count(kTraining), 4);
  std::ofstream(cache) << "not safetensors";
  EXPECT_EQ(PictureSet(options()).count(kTraining), 4);
}

TEST_F(Dataset, ShowsEveryPictureOnceARoundInAnOrderOfItsOwn) {
  put_many(37);
  const PictureSet set(options());
  std::vector<std::vector<int64_t>> rounds(3);
  std::set<std::pair<int64_t, bool>> sides;
  for (uint64_t position = 0; position < 3 * 37; ++position) {
    const auto place = set.place(position);
    rounds[position / 37].push_back(place.picture);
    sides.insert({place.picture, place.is_mirrored});
  }
  for (const auto& round : rounds) EXPECT_EQ(std::set(round.begin(), round.end()).size(), 37u);
  EXPECT_NE(rounds[0], rounds[1]);
  EXPECT_NE(rounds[1], rounds[2]);
  EXPECT_EQ(sides.size(), 2 * 37u) << "each is shown both ways within two rounds";
  EXPECT_EQ(PictureSet(options()).place(50).picture, set.place(50).picture);
}

TEST_F(Dataset, MirrorsLeftAndRight) {
  Image halves = plain(16, 16, 20);
  for (size_t i = 0; i < halves.pixels.size(); ++i)
    if (i / 3 % 16 >= 8) halves.pixels[i] = 220;
  put("a.png", encode_png(halves));
  const PictureSet set(options());
  std::vector<uint8_t> rgb(16 * 16 * 3);
  for (uint64_t position = 0; position < 4; ++position) {
    set.show(position, rgb);
    EXPECT_EQ(rgb[0], set.place(position).is_mirrored ? 220 : 20);
    EXPECT_EQ(rgb[45], set.place(position).is_mirrored ? 20 : 220);
  }
  PictureSetOptions fixed = options();
  fixed.mirror = false;
  for (uint64_t position = 0; position < 4; ++position)
    EXPECT_FALSE(PictureSet(fixed).place(position).is_mirrored);
}

TEST_F(Dataset, ChoosesByLabelsAndHoldsOutByName) {
  put_many(40);
  {
    std::ofstream csv(root_ / "labels.csv");
    csv << "file,genre,title\r\n";
    for (int i = 0; i < 39; ++i)
      csv << "p" << i << ".png," << (i % 2 == 0 ? "landscape" : "sketch") << ",\"Nr. \"\"" << i
          << "\"\", oil\"\r\n";
  }
  PictureSetOptions some = options();
  some.labels = root_ / "labels.csv";
  some.exclude = {"genre=sketch"};
  some.hold_out = 4;
  const PictureSet set(some);
  EXPECT_EQ(set.count(kTraining) + set.count(kHeldOut), 21) << "the unlabelled one stays";
  EXPECT_GT(set.count(kHeldOut), 0);
  std::set<std::string> names;
  for (const auto part : {kTraining, kHeldOut})
    for (int64_t i = 0; i < set.count(part); ++i) {
      names.insert(set.name(part, i));
      if (set.name(part, i) == "p4.png") {
        EXPECT_EQ(set.label(part, i, "title"), "Nr. \"4\", oil");
      }
    }
  EXPECT_EQ(names.size(), 21u);
  EXPECT_NE(set.summary().find("1 without labels, 19 left out by choice"), std::string::npos)
      << set.summary();
  some.exclude = {"genre=scetch"};
  EXPECT_NE(reason(some).find("no picture has \"scetch\""), std::string::npos) << reason(some);
  some.exclude = {"kind=sketch"};
  EXPECT_NE(reason(some).find("no column \"kind\"; there are: file, genre, title"),
            std::string::npos)
      << reason(some);
  some.exclude = {};
  some.only = {"genre=sketch"};
  const PictureSet sketches(some);
  EXPECT_EQ(sketches.count(kTraining) + sketches.count(kHeldOut), 19);
}

TEST(Csv, RefusesWhatIsNoTable) {
  const auto reason = [](std::string_view text) -> std::string {
    try {
      parse_csv(text);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(reason("a,b\n1,2\n"), "");
  EXPECT_EQ(reason("a,b\n1,2\n3\n"), "line 3: expected 2 fields, got 1");
  EXPECT_EQ(reason("a,b\n\"1\n2\",\"x\n"), "line 3: a quote is never closed");
  EXPECT_EQ(reason("a,b\n\"1\"x,2\n"),
            "line 2: expected a comma or the end of the line behind a closing quote");
  EXPECT_EQ(reason("a,a\n"), "line 1: column \"a\" stands there twice");
  EXPECT_EQ(reason(""), "expected a header line, got nothing");
}

TEST(PaintingCaption, SpeaksOfTitleGenreStyleAndColours) {
  EXPECT_EQ(plain_title("The Harbor at Rouen, 1896 (No. 2)"), "the harbour at rouen no");
  EXPECT_EQ(plain_title("Self-Portrait"), "self-portrait");
  const CatalogueEntry entry{"Harbor at Night", "cityscape", "impressionism"};
  Impression look;
  look.dark = true;
  std::set<std::string> captions;
  for (uint64_t chance = 0; chance < 2000; ++chance)
    captions.insert(painting_caption(entry, look, chance));
  for (const char* text : {"harbour at night", "a painting of harbour at night", "a cityscape",
                           "a city harbour at night", "dark", "an impressionism painting"})
    EXPECT_TRUE(captions.contains(text)) << text;
  for (uint64_t chance = 0; chance < 50; ++chance)
    EXPECT_EQ(painting_caption({}, {}, chance), "a painting");
}

}  // namespace
}  // namespace vernissage::training
