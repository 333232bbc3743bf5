// The programs' embed and rank as a user runs them. Goal: the arrays and tables are what the
// network says of the words and pictures given, in their order, and nothing is left out without a
// word. Method: a golden network with its tokenizer, converted once; embeddings of the golden texts
// against the stored ones (tolerance: golden/clip/README's), the rest against the encoder itself,
// which has the same bytes.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "engine/clip/preprocess.h"
#include "engine/cpu/clip/clip.h"
#include "server/images/images.h"
#include "tests/support/golden_clip.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"
#include "tests/support/workshop.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;
using testing::Arguments;
using testing::read_npy;
using testing::Result;
using testing::Workshop;
using testing::operator+;

constexpr double kUnitTolerance = 4e-6;

class ClipCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    workshop_ = new Workshop;
    const Result converted =
        workshop_->run(VERNISSAGE_WEIGHTS_BINARY,
                       {"convert", testing::golden("clip/tiny-vit"), "curator.safetensors",
                        "--tokenizer", testing::golden("clip/merges.txt")});
    ASSERT_EQ(converted.status, 0) << converted.err;
    model_ = new testing::ClipGolden(testing::clip_golden("tiny-vit"));
  }
  static void TearDownTestSuite() {
    delete model_;
    delete workshop_;
  }

  static Result command(const std::string& name, const Arguments& arguments) {
    return workshop_->vernissage(
        Arguments{name, "--curator", "curator.safetensors", "--device", "cpu"} + arguments);
  }
  static int width() { return model_->network.config.embedding; }
  static fs::path path(const std::string& name) { return *workshop_ / name; }
  static void write(const std::string& name, const std::vector<uint8_t>& bytes) {
    write_file_atomically(path(name), bytes);
  }
  static void write(const std::string& name, const std::string& text) {
    write(name, std::vector<uint8_t>(text.begin(), text.end()));
  }
  /// What the encoder says of a picture (RGB).
  static std::vector<float> embedding_of(const Image& image) {
    const auto encoder = make_cpu_clip_encoder(model_->network, 1, 1);
    return encoder->embed_images(1, image.height, image.width, image.pixels);
  }

  static Workshop* workshop_;
  static testing::ClipGolden* model_;
};
Workshop* ClipCommands::workshop_ = nullptr;
testing::ClipGolden* ClipCommands::model_ = nullptr;

/// Coloured gradients: every `tint` another picture.
Image gradient(int width, int height, int channels, int tint) {
  Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        image.pixels.push_back(
            c == 3 ? 7 : static_cast<uint8_t>((x * (c + 1) + y * tint * 5 + tint * 40) % 256));
  return image;
}

Image rgb_of(const Image& image) {
  Image rgb{image.width, image.height, 3, {}};
  for (size_t i = 0; i < image.pixels.size(); i += size_t(image.channels))
    for (size_t c = 0; c < 3; ++c)
      rgb.pixels.push_back(image.pixels[i + (image.channels == 1 ? 0 : c)]);
  return rgb;
}

/// The golden texts that a user may give, with their rows in the goldens: not the one without
/// words, nor the one with a token's literal inside.
std::vector<std::pair<size_t, std::string>> golden_texts() {
  std::vector<std::pair<size_t, std::string>> texts;
  const testing::Json json = testing::read_json(testing::golden("clip/tiny-vit/texts.json"));
  for (const testing::Json& item : json.at("texts").items) {
    const size_t row = static_cast<size_t>(&item - json.at("texts").items.data());
    if (!item.text.empty() && item.text.find("<|") == std::string::npos)
      texts.emplace_back(row, item.text);
  }
  return texts;
}

TEST_F(ClipCommands, EmbedGivesTheGoldenTextsTheirEmbeddings) {
  const auto texts = golden_texts();
  ASSERT_GE(texts.size(), 4u);
  const std::vector<float>& golden = model_->tensors.at("text_embeds_norm").values;
  std::vector<float> expected;
  Arguments arguments{"--out", "texts.npy"};
  std::string lines;
  for (const auto& [row, text] : texts) {
    arguments = arguments + Arguments{"--text", text};
    lines += text + "\n";
    const auto first = golden.begin() + static_cast<std::ptrdiff_t>(row) * width();
    expected.insert(expected.end(), first, first + width());
  }
  const Result done = command("embed", arguments);
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.out.find("texts.npy: float32 (" + std::to_string(texts.size()) + ", 32)"),
            std::string::npos)
      << done.out;
  const std::vector<float> actual = read_npy(path("texts.npy"), {int64_t(texts.size()), width()});
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected[i], kUnitTolerance) << i;

  write("lines.txt", lines);
  ASSERT_EQ(
      command("embed", {"--text-file", "lines.txt", "--batch", "2", "--out", "lines.npy"}).status,
      0);
  EXPECT_EQ(read_npy(path("lines.npy"), {int64_t(texts.size()), width()}), actual);
}

TEST_F(ClipCommands, EmbedReadsEveryKindOfPictureInTheOrderGiven) {
  const Image grey = gradient(50, 70, 1, 1), colour = gradient(64, 64, 3, 2),
              alpha = gradient(90, 33, 4, 3);
  write("grey.png", encode_png(grey));
  write("colour.PNG", encode_png(colour));
  write("alpha.png", encode_png(alpha));
  write("photo.jpg", encode_jpeg(colour, 95));
  write("photo.webp", encode_webp(colour, 90));
  write("disguised.png", testing::read_bytes(path("photo.jpg")));  // its bytes decide
  const Image jpeg = decode_jpeg(testing::read_bytes(path("photo.jpg")));
  const Image webp = decode_webp(testing::read_bytes(path("photo.webp")));
  const Result done =
      command("embed", {"--image", "alpha.png", "grey.png", "photo.webp", "colour.PNG",
                        "disguised.png", "--batch", "2", "--out", "pictures.npy"});
  ASSERT_EQ(done.status, 0) << done.err;
  std::vector<float> expected;
  for (const Image& image : {rgb_of(alpha), rgb_of(grey), webp, colour, jpeg}) {
    const std::vector<float> one = embedding_of(image);
    expected.insert(expected.end(), one.begin(), one.end());
  }
  EXPECT_EQ(read_npy(path("pictures.npy"), {5, width()}), expected);
}

TEST_F(ClipCommands, RankOrdersAFolderByCosine) {
  constexpr int kCount = 7;
  fs::create_directory(path("folder"));
  fs::create_directory(path("folder/deeper"));
  std::vector<std::pair<double, std::string>> expected;
  ASSERT_EQ(command("embed", {"--text", "a painting of the sea", "--out", "query.npy"}).status, 0);
  const std::vector<float> query = read_npy(path("query.npy"), {1, width()});
  for (int i = 0; i < kCount; ++i) {
    const Image image = gradient(64, 48 + i, 3, 3 * i);
    const std::string name = std::to_string(i) + ".png";
    write("folder/" + name, encode_png(image));
    const std::vector<float> one = embedding_of(image);
    expected.emplace_back(std::inner_product(query.begin(), query.end(), one.begin(), 0.0), name);
  }
  // The same picture again: as good, and later by its name.
  write("folder/q.png", encode_png(gradient(64, 48, 3, 0)));
  expected.emplace_back(expected[0].first, "q.png");
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });

  const Result done = command("rank", {"--text", "a painting of the sea", "folder", "--json",
                                       "--batch", "3", "--top", "100"});
  ASSERT_EQ(done.status, 0) << done.err;
  const testing::Json json = testing::parse_json(done.out);
  EXPECT_EQ(json.at("text").text, "a painting of the sea");
  EXPECT_EQ(json.at("pictures").integer(), kCount + 1);
  EXPECT_TRUE(json.at("unreadable").items.empty());
  const auto& matches = json.at("matches").items;
  ASSERT_EQ(matches.size(), expected.size());
  for (size_t i = 0; i < matches.size(); ++i) {
    EXPECT_EQ(matches[i].at("rank").integer(), int(i) + 1);
    EXPECT_EQ(matches[i].at("file").text, expected[i].second);
    EXPECT_NEAR(matches[i].at("cosine").number, expected[i].first, 1e-6);
  }

  const Result table = command("rank", {"--text", "a painting of the sea", "folder", "--top", "3"});
  ASSERT_EQ(table.status, 0) << table.err;
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), 4) << table.out;
  EXPECT_LT(table.out.find(expected[0].second), table.out.find(expected[1].second));
  EXPECT_EQ(table.out.find(expected[3].second), std::string::npos);
}

TEST_F(ClipCommands, RankNamesAndCountsWhatItCannotRead) {
  fs::create_directory(path("mixed"));
  const std::vector<uint8_t> whole = encode_png(gradient(64, 64, 3, 1));
  write("mixed/good.png", whole);
  write("mixed/cut.png",
        std::vector<uint8_t>(whole.begin(), whole.begin() + std::ptrdiff_t(whole.size() / 2)));
  write("mixed/words.jpg", "no picture");
  write("mixed/empty.webp", "");
  fs::create_directory(path("mixed/folder.png"));
  write("mixed/notes.txt", "beside");
  write("mixed/esc\x1b[31m.jpeg", "no picture");
  const Result done = command("rank", {"--text", "sea", "mixed", "--json"});
  ASSERT_EQ(done.status, 0) << done.err;
  for (const char* line :
       {"mixed/cut.png: PNG: chunk IDAT at byte 33: ",
        "mixed/words.jpg: no PNG, JPEG or WebP picture\n",
        "mixed/empty.webp: no PNG, JPEG or WebP picture\n", "mixed/folder.png: not a file\n",
        "5 pictures could not be read\n", "1 file in mixed by their names no pictures\n"})
    EXPECT_NE(done.err.find(line), std::string::npos) << line << done.err;
  EXPECT_EQ((done.out + done.err).find('\x1b'), std::string::npos)
      << "nothing a terminal would obey";
  const testing::Json json = testing::parse_json(done.out);
  EXPECT_EQ(json.at("pictures").integer(), 1);
  EXPECT_EQ(json.at("unreadable").items.size(), 5u);

  fs::remove(path("mixed/good.png"));
  const Result none = command("rank", {"--text", "sea", "mixed"});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("vernissage: mixed: none of its pictures could be read\n"),
            std::string::npos);
}

TEST_F(ClipCommands, WhatCannotBeDoneIsOneLineAndWritesNothing) {
  struct Case {
    const char* name;
    Arguments arguments;
    int status;
    const char* message;
  };
  write("blank.txt", "the sea\n\n");
  write("nothing.txt", "");
  const Case cases[] = {
      {"embed",
       {"--text", "sea <|endoftext|> tree", "--out", "no.npy"},
       1,
       "--text: <|startoftext|> and"},
      {"embed", {"--text", "sea", "--text", " \t", "--out", "no.npy"}, 1, "--text 2: no words"},
      {"embed", {"--text-file", "blank.txt", "--out", "no.npy"}, 1, "blank.txt, line 2: no words"},
      {"embed", {"--text-file", "nothing.txt", "--out", "no.npy"}, 1, "nothing.txt: no lines"},
      {"embed",
       {"--text-file", "missing.txt", "--out", "no.npy"},
       1,
       "missing.txt: cannot be opened"},
      {"embed",
       {"--image", "blank.txt", "--out", "no.npy"},
       1,
       "blank.txt: no PNG, JPEG or WebP picture"},
      {"embed", {"--image", "missing.png", "--out", "no.npy"}, 1, "missing.png: no such file"},
      {"embed", {"--out", "no.npy"}, 2, "--image"},
      {"embed", {"--text", "a", "--image", "b", "--out", "no.npy"}, 2, "2 were given"},
      {"embed", {"--text", "a", "--out", "no.txt"}, 2, "no.txt: embeddings are written as .npy"},
      {"embed", {"--text", "a", "--precision", "f16", "--out", "no.npy"}, 1, "half precision"},
      {"rank", {"--text", "<|startoftext|>", "."}, 1, "tokens of the network"},
      {"rank", {"--text", "sea", "missing"}, 1, "missing: not a folder"},
  };
  write("one.png", encode_png(gradient(8, 8, 3, 1)));
  for (const Case& one : cases) {
    const Result done = command(one.name, one.arguments);
    EXPECT_EQ(done.status, one.status) << one.message << ": " << done.err;
    const size_t at = done.err.rfind("vernissage: ");
    ASSERT_NE(at, std::string::npos) << one.message;
    const std::string line = done.err.substr(at);
    EXPECT_NE(line.find(one.message), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_FALSE(fs::exists(path("no.npy")) || fs::exists(path("no.txt"))) << one.message;
  }
  // Networks that are not the curator's kind.
  const Result folder = workshop_->vernissage(
      {"embed", "--curator", testing::golden("clip/tiny-vit"), "--text", "a", "--out", "no.npy"});
  EXPECT_EQ(folder.status, 1);
  EXPECT_NE(folder.err.find("convert it first"), std::string::npos) << folder.err;
  ASSERT_EQ(
      workshop_
          ->run(VERNISSAGE_WEIGHTS_BINARY,
                {"convert", testing::golden("clip/tiny-h64/openai_jit.pt"), "mute.safetensors"})
          .status,
      0);
  const Result mute = workshop_->vernissage(
      {"embed", "--curator", "mute.safetensors", "--text", "a", "--out", "no.npy"});
  EXPECT_EQ(mute.status, 1);
  EXPECT_NE(mute.err.find("mute.safetensors: came without a tokenizer"), std::string::npos)
      << mute.err;
}

TEST_F(ClipCommands, ALongTextIsCutAloud) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "sea ";
  const Result done = command("embed", {"--text", text, "--out", "long.npy"});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.err.find("--text: 102 tokens, of which the network reads the first 77\n"),
            std::string::npos)
      << done.err;
}

}  // namespace
}  // namespace vernissage
