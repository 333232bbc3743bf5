// The program vernissage as a user runs it. Goal: files, formats, noise, walks and devices are what
// the options say, and what goes wrong is one line and the promised exit status. Golden pictures:
// cli_golden_test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "server/images/images.h"
#include "tests/support/golden_data.h"
#include "tests/support/workshop.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;
using testing::Arguments;
using testing::picture_name;
using testing::read_bytes;
using testing::read_npy;
using testing::Result;
using testing::Workshop;
using testing::operator+;

// ---- generate

// One conversion for all the tests below.
class Cli : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    workshop_ = new Workshop;
    model_ = new std::string(workshop_->converted("ada32", "network.pkl"));
  }
  static void TearDownTestSuite() {
    delete model_;
    delete workshop_;
  }

  static const Workshop& workshop() { return *workshop_; }
  static const std::string& model() { return *model_; }

  /// generate with seeds 0 and 1 into a folder of this name.
  static fs::path paint(const std::string& folder, const Arguments& more) {
    const Arguments arguments = {"generate", model(), "--seeds", "0,1", "--outdir"};
    const Result result =
        workshop().vernissage(arguments + Arguments{(workshop() / folder).string()} + more);
    EXPECT_EQ(result.status, 0) << result.err;
    return workshop() / folder;
  }

 private:
  static inline const Workshop* workshop_ = nullptr;
  static inline const std::string* model_ = nullptr;
};

// trunc(clamp(127.5 x + 128, 0, 255)) in float32, the product rounded before the sum.
uint8_t quantised(float x) {
  const volatile float product = x * 127.5f;
  return static_cast<uint8_t>(std::clamp(product + 128.0f, 0.0f, 255.0f));
}

TEST_F(Cli, PngIsTheQuantisedArray) {
  const fs::path arrays = paint("arrays", {"--format", "npy"});
  const fs::path pictures = paint("pictures", {});
  for (const int seed : {0, 1}) {
    const std::vector<float> values = read_npy(arrays / picture_name(seed, "npy"), {3, 32, 32});
    const Image image = decode_png(read_bytes(pictures / picture_name(seed, "png")));
    ASSERT_EQ(image.width, 32);
    ASSERT_EQ(image.height, 32);
    ASSERT_EQ(image.channels, 3);
    for (size_t c = 0; c < 3; ++c)
      for (size_t p = 0; p < 32 * 32; ++p)
        ASSERT_EQ(image.pixels[p * 3 + c], quantised(values[c * 32 * 32 + p]))
            << "seed " << seed << ", " << p;
  }
}

TEST_F(Cli, EveryFormatShowsTheSamePicture) {
  const Image png = decode_png(read_bytes(paint("as_png", {"--format", "png"}) / "seed0001.png"));
  const Image jpeg = decode_jpeg(read_bytes(paint("as_jpg", {"--format", "jpg"}) / "seed0001.jpg"));
  const Image webp =
      decode_webp(read_bytes(paint("as_webp", {"--format", "webp"}) / "seed0001.webp"));
  // How well a codec keeps a picture is images_test's concern; here a mean that is off by a tenth
  // of the range would mean another picture, other channels or other rows.
  for (const Image* lossy : {&jpeg, &webp}) {
    ASSERT_EQ(lossy->pixels.size(), png.pixels.size());
    double sum = 0;
    for (size_t i = 0; i < png.pixels.size(); ++i)
      sum += std::abs(double(png.pixels[i]) - lossy->pixels[i]);
    EXPECT_LT(sum / double(png.pixels.size()), 25.5);
  }
}

TEST_F(Cli, BytesDoNotDependOnTheBatch) {
  const fs::path alone = paint("alone", {"--format", "npy", "--batch", "1"});
  const fs::path both = paint("both", {"--format", "npy", "--batch", "2"});
  for (const char* name : {"seed0000.npy", "seed0001.npy"})
    EXPECT_EQ(read_bytes(alone / name), read_bytes(both / name));
  EXPECT_NE(read_bytes(alone / "seed0000.npy"), read_bytes(alone / "seed0001.npy"));
}

TEST_F(Cli, RandomNoiseIsNamedByItsSeed) {
  const auto bytes = [&](const std::string& folder, const Arguments& more) {
    return read_bytes(paint(folder, more) / "seed0001.png");
  };
  const auto own = bytes("noise_own", {"--noise", "random"});
  EXPECT_EQ(own, bytes("noise_again", {"--noise", "random"}));
  EXPECT_EQ(own, bytes("noise_1", {"--noise", "random", "--noise-seed", "1"}));
  EXPECT_NE(own, bytes("noise_2", {"--noise", "random", "--noise-seed", "2"}));
  EXPECT_NE(own, bytes("noise_const", {"--noise", "const"}));
}

TEST_F(Cli, SeedsAreFilesAndRepetitionsOne) {
  const Result result = workshop().vernissage({"generate", model(), "--seeds", "2-3,85,2,123456",
                                               "--outdir", (workshop() / "new/folder").string()});
  ASSERT_EQ(result.status, 0) << result.err;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(workshop() / "new/folder"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"seed0002.png", "seed0003.png", "seed0085.png",
                                             "seed123456.png"}));
  EXPECT_EQ(result.err.find('\r'), std::string::npos) << "a bar outside a terminal";
  EXPECT_NE(result.err.find("4 of 4 pictures"), std::string::npos) << result.err;
  EXPECT_FALSE(result.out.empty()) << "the backend is named";
}

// ---- walk, devices, version

double distance(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(double(a.pixels[i]) - b.pixels[i]);
  return sum / double(a.pixels.size());
}

TEST_F(Cli, WalkIsAClosedLoopOfTheFramesAskedFor) {
  const fs::path path = workshop() / "walk.webp";
  const Result result =
      workshop().vernissage({"walk", model(), "--seeds", "0,1,2", "--frames", "24", "--out",
                             path.string(), "--fps", "24", "--quality", "95"});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::vector<uint8_t> bytes = read_bytes(path);
  const std::vector<AnimationFrame> frames = decode_animated_webp(bytes);
  ASSERT_EQ(frames.size(), 24u);
  EXPECT_EQ(frames.back().end_ms, 1000);
  EXPECT_EQ(frames[0].image.width, 32);
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_EQ(text.substr(text.find("ANIM") + 12, 2), std::string(2, '\0')) << "loops for ever";

  double step_max = 0;
  for (size_t i = 0; i + 1 < frames.size(); ++i)
    step_max = std::max(step_max, distance(frames[i].image, frames[i + 1].image));
  EXPECT_LE(distance(frames.back().image, frames.front().image), step_max)
      << "the loop closes as smoothly";
  for (const size_t stop : {8u, 16u})
    EXPECT_GT(distance(frames[0].image, frames[stop].image), step_max) << "the stops are apart";
}

TEST_F(Cli, WalkCanBeSmaller) {
  const fs::path path = workshop() / "small.webp";
  const Result result = workshop().vernissage(
      {"walk", model(), "--seeds", "3,4", "--frames", "4", "--out", path.string(), "--size", "20"});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::vector<AnimationFrame> frames = decode_animated_webp(read_bytes(path));
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].image.width, 20);
  EXPECT_EQ(frames[0].image.height, 20);
}

TEST_F(Cli, DevicesAndVersionAreTold) {
  const Result devices = workshop().vernissage({"devices"});
  EXPECT_EQ(devices.status, 0) << devices.err;
  EXPECT_NE(devices.out.find("cpu"), std::string::npos) << devices.out;
  EXPECT_NE(devices.out.find("--device auto: "), std::string::npos) << devices.out;
  const Result version = workshop().vernissage({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out.rfind("vernissage ", 0), 0u) << version.out;
}

// ---- what goes wrong

void expect_refusal(const Result& result, int status, const std::string& part) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_EQ(result.err.rfind("vernissage: ", 0), 0u) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_NE(result.err.find(part), std::string::npos)
      << "'" << part << "' is not in: " << result.err;
}

TEST_F(Cli, WrongUsageIsOneLineAndStatusTwo) {
  const std::string out = (workshop() / "unused").string();
  const auto generate = [&](const Arguments& more) {
    return workshop().vernissage(Arguments{"generate", model(), "--outdir", out} + more);
  };
  const auto walk = [&](const Arguments& more) {
    return workshop().vernissage(Arguments{"walk", model()} + more);
  };
  expect_refusal(workshop().vernissage({}), 2, "a command is missing");
  expect_refusal(workshop().vernissage({"gnerate"}), 2, "gnerate");
  expect_refusal(generate({}), 2, "--seeds");
  expect_refusal(generate({"--seeds", "1", "--colour", "red"}), 2, "--colour");
  expect_refusal(generate({"--seeds", "1,x"}), 2, "'x'");
  expect_refusal(generate({"--seeds", "3-1"}), 2, "'3-1'");
  expect_refusal(generate({"--seeds", "1,,2"}), 2, "--seeds");
  expect_refusal(generate({"--seeds", "4294967296"}), 2, "4294967295");
  expect_refusal(generate({"--seeds", "0-4294967295"}), 2, "1000000");
  expect_refusal(generate({"--seeds", "1", "--device", "tpu"}), 2, "--device");
  expect_refusal(generate({"--seeds", "1", "--format", "gif"}), 2, "--format");
  expect_refusal(generate({"--seeds", "1", "--noise", "loud"}), 2, "--noise");
  expect_refusal(generate({"--seeds", "1", "--batch", "0"}), 2, "--batch");
  expect_refusal(generate({"--seeds", "1", "--trunc", "x"}), 2, "--trunc");
  expect_refusal(generate({"--seeds", "1", "--noise-seed", "3"}), 2, "--noise random");
  expect_refusal(generate({"--seeds", "1", "--styles", "0-3"}), 2, "--styles-from");
  expect_refusal(generate({"--seeds", "1", "--styles-from", "3"}), 2, "--styles");
  expect_refusal(generate({"--seeds", "1", "--styles-from", "3", "--styles", "b"}), 2, "'b'");
  expect_refusal(walk({"--seeds", "1", "--frames", "4", "--out", "a.webp"}), 2, "two seeds");
  expect_refusal(walk({"--seeds", "1-5", "--frames", "4", "--out", "a.webp"}), 2, "--frames");
  expect_refusal(walk({"--seeds", "1,2", "--frames", "4", "--out", "a.gif"}), 2, ".webp");
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(Cli, WhatCannotBeDoneIsOneLineAndStatusOne) {
  const std::string out = (workshop() / "nothing").string();
  const auto generate = [&](const std::string& network, const Arguments& more) {
    return workshop().vernissage(Arguments{"generate", network, "--seeds", "0", "--outdir", out} +
                                 more);
  };
  const std::string pickle = testing::golden("stylegan2/models/ada32/network.pkl").string();
  const std::string archive = testing::golden("stylegan2/models/ros32/network.pt").string();
  const std::string garbage = (workshop() / "garbage.safetensors").string();
  std::ofstream(garbage) << "not a network at all";
  const std::string foreign = testing::golden("stylegan2/ops.safetensors").string();

  expect_refusal(generate("missing.safetensors", {}), 1, "missing.safetensors");
  expect_refusal(generate(pickle, {}), 1, "vernissage-weights convert");
  expect_refusal(generate(archive, {}), 1, "vernissage-weights convert");
  expect_refusal(generate(garbage, {}), 1, "garbage.safetensors");
  expect_refusal(generate(foreign, {}), 1, "ops.safetensors");
  expect_refusal(generate(model(), {"--class", "1"}), 1, "no classes");
  expect_refusal(generate(model(), {"--styles-from", "1", "--styles", "5-8"}), 1, "layers 0 to 7");
  expect_refusal(generate(model(), {"--device", "cpu", "--precision", "f16"}), 1, "device cpu");
  EXPECT_FALSE(fs::exists(out));

  const std::string in_the_way = (workshop() / "in_the_way").string();
  std::ofstream(in_the_way) << "a file";
  expect_refusal(
      workshop().vernissage({"generate", model(), "--seeds", "0", "--outdir", in_the_way}), 1,
      in_the_way);
  expect_refusal(workshop().vernissage({"walk", model(), "--seeds", "0,1", "--frames", "2", "--out",
                                        (workshop() / "no/such/walk.webp").string()}),
                 1, "no such folder");
  expect_refusal(
      workshop().vernissage({"walk", model(), "--seeds", "0,1", "--frames", "2", "--size", "33",
                             "--out", (workshop() / "large.webp").string()}),
      1, "32 pixels");
  EXPECT_FALSE(fs::exists(workshop() / "large.webp"));
}

TEST_F(Cli, ClassesAreNamedWithTheirRange) {
  const std::string network = workshop().converted("tf_ada32cond", "network.pkl");  // four classes
  const std::string out = (workshop() / "classes").string();
  const auto generate = [&](const Arguments& more) {
    return workshop().vernissage(Arguments{"generate", network, "--seeds", "0", "--outdir", out} +
                                 more);
  };
  expect_refusal(generate({}), 1, "--class 0 to 3");
  expect_refusal(generate({"--class", "4"}), 1, "classes 0 to 3");
  expect_refusal(generate({"--class", "-1"}), 2, "--class");
  EXPECT_EQ(generate({"--class", "3"}).status, 0);
}

}  // namespace
}  // namespace vernissage
