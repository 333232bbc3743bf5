// Goal: a network is the same network however people saved it, and what lies beside it in the file
// neither stops it nor runs. Method: the files of golden/stylegan2/brought, each made of a golden
// network by its make.py, against that network as its own golden file gives it; what a file lacks
// or does not say against what its note, its metadata and its error promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "engine/formats/foreign_file.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "weights_tools/checkpoint.h"

namespace vernissage {
namespace fs = std::filesystem;
using testing::golden;

namespace {

fs::path brought(const std::string& name) {
  return golden("stylegan2/brought/" + name);
}

const GeneratorOptions kTold = {
    .conv_clamp = -1, .mapping_lr_multiplier = 0.01f, .activation = Activation::lrelu};

void expect_same(const Network& actual, const Network& expected, const std::string& but = "") {
  EXPECT_EQ(actual.config.resolution, expected.config.resolution);
  EXPECT_EQ(actual.config.architecture, expected.config.architecture);
  EXPECT_EQ(actual.config.c_dim, expected.config.c_dim);
  EXPECT_EQ(actual.config.conv_clamp, expected.config.conv_clamp);
  EXPECT_EQ(actual.config.use_noise, expected.config.use_noise);
  EXPECT_EQ(actual.config.mapping_lr_multiplier, expected.config.mapping_lr_multiplier);
  ASSERT_EQ(actual.parameters.size(), expected.parameters.size());
  for (const auto& [name, tensor] : expected.parameters) {
    if (!but.empty() && name.ends_with(but)) continue;
    EXPECT_EQ(actual.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(actual.at(name).values, tensor.values) << name;
  }
}

Network original(const std::string& name) {
  return read_checkpoint(golden("stylegan2/hostile/" + name)).network;
}

std::string refusal(const fs::path& path, const std::string& network = "",
                    const GeneratorOptions& options = {}) {
  try {
    read_checkpoint(path, network, options);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

::testing::AssertionResult says(const std::string& message, const std::string& word) {
  if (message.find(word) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the message is: " << message;
}

struct Sample {
  const char* file;
  const char* original;
  bool told = false;  // what no tensor says is given
};
constexpr Sample kSamples[] = {
    {"ada8_protocol0.pkl", "ok_ada8.pkl"},
    {"ada8_protocol1.pkl", "ok_ada8.pkl"},
    {"ada8_protocol2.pkl", "ok_ada8.pkl"},
    {"ada8_protocol3.pkl", "ok_ada8.pkl"},
    {"ada8_protocol5.pkl", "ok_ada8.pkl"},
    {"tf8_protocol0.pkl", "ok_tf8.pkl"},
    {"tf8_protocol1.pkl", "ok_tf8.pkl"},
    {"tf8_protocol2.pkl", "ok_tf8.pkl"},
    {"tf8_protocol3.pkl", "ok_tf8.pkl"},
    {"tf8_protocol5.pkl", "ok_tf8.pkl"},
    {"ada8_newline.pkl", "ok_ada8.pkl"},
    {"ada8_module.pkl", "ok_ada8.pkl"},
    {"ada8_module.pt", "ok_ada8.pkl"},
    {"ada8_snapshot.pt", "ok_ada8.pkl"},
    {"ada8_data_parallel.pt", "ok_ada8.pkl"},
    {"ada8_foreign_protocol4.pkl", "ok_ada8.pkl"},
    {"ada8_foreign_protocol2.pkl", "ok_ada8.pkl"},
    {"ada8_foreign_protocol0.pkl", "ok_ada8.pkl"},
    {"ada8_foreign_d.pkl", "ok_ada8.pkl"},
    {"ada8_numpy_scalars.pkl", "ok_ada8.pkl"},
    {"ada8_state_dict.pkl", "ok_ada8.pkl", true},
    {"ada8_state_dict.pt", "ok_ada8.pkl", true},
    {"ada8_wrapped.pt", "ok_ada8.pkl", true},
    {"ada8_state_dict.safetensors", "ok_ada8.pkl", true},
    {"ros8_version1.pt", "ok_ros8.pt"},
    {"ros8_version10.pt", "ok_ros8.pt"},
    {"ros8_encoder.pt", "ok_ros8.pt"},
};

class Brought : public ::testing::TestWithParam<Sample> {};

std::string sample_name(const ::testing::TestParamInfo<Sample>& info) {
  std::string name = info.param.file;
  std::ranges::replace(name, '.', '_');
  return name;
}

}  // namespace

TEST_P(Brought, IsTheNetworkThatItWasMadeOf) {
  const auto& [file, made_of, told] = GetParam();
  const Checkpoint checkpoint =
      read_checkpoint(brought(file), "", told ? kTold : GeneratorOptions{});
  expect_same(checkpoint.network, original(made_of));
  EXPECT_TRUE(checkpoint.metadata.empty());
}

INSTANTIATE_TEST_SUITE_P(Files, Brought, ::testing::ValuesIn(kSamples), sample_name);

TEST(BroughtStateDict, AsksForWhatNoTensorTells) {
  const std::string message = refusal(brought("ada8_state_dict.pt"));
  for (const char* flag : {"--conv-clamp", "--mapping-lr-multiplier", "--activation"})
    EXPECT_TRUE(says(message, flag));
  const std::string one =
      refusal(brought("ada8_state_dict.safetensors"), "",
              {.conv_clamp = 256, .mapping_lr_multiplier = {}, .activation = Activation::lrelu});
  EXPECT_TRUE(says(one, "give --mapping-lr-multiplier"));
  EXPECT_EQ(one.find("--conv-clamp"), std::string::npos) << one;

  const Checkpoint clamped = read_checkpoint(
      brought("ada8_state_dict.pt"), "",
      {.conv_clamp = 256, .mapping_lr_multiplier = 0.5f, .activation = Activation::relu});
  EXPECT_EQ(clamped.network.config.conv_clamp, 256);
  EXPECT_EQ(clamped.network.config.mapping_lr_multiplier, 0.5f);
  EXPECT_EQ(clamped.network.config.mapping_activation, Activation::relu);
  // What says it itself needs no telling.
  EXPECT_TRUE(says(refusal(brought("ada8_module.pkl"), "", kTold), "says itself"));
}

TEST(BroughtStateDict, OfOneNetworkHasNoOtherToChoose) {
  EXPECT_TRUE(says(refusal(brought("ada8_state_dict.pt"), "G", kTold), "no g to choose"));
  EXPECT_TRUE(says(refusal(brought("ada8_module.pt"), "G"), "no G to choose"));
}

TEST(BroughtNoise, IsMadeFromSeedsAndSaidWhereTheFileHasNone) {
  const Checkpoint checkpoint = read_checkpoint(brought("ros8_no_noises.pt"));
  expect_same(checkpoint.network, original("ok_ros8.pt"), ".noise_const");
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_TRUE(says(checkpoint.notes[0], "no noise maps"));
  EXPECT_TRUE(checkpoint.metadata.contains("noise_const"));
  double sum = 0, squares = 0;
  size_t count = 0;
  for (const auto& [name, tensor] : checkpoint.network.parameters) {
    if (!name.ends_with(".noise_const")) continue;
    for (const float value : tensor.values) {
      sum += value;
      squares += double{value} * value;
      ++count;
    }
  }
  // 16 + 64 + 64 values of N(0, 1): four standard errors, of the mean 1/√n, of the variance √(2/n).
  ASSERT_EQ(count, 144u);
  EXPECT_NEAR(sum / 144, 0, 4.0 / 12);
  EXPECT_NEAR(squares / 144, 1, 4 * std::sqrt(2.0 / 144));
  EXPECT_EQ(checkpoint.network.at("synthesis.b8.conv0.noise_const").values,
            read_checkpoint(brought("ros8_no_noises.pt"))
                .network.at("synthesis.b8.conv0.noise_const")
                .values);
  EXPECT_NE(checkpoint.network.at("synthesis.b8.conv0.noise_const").values,
            checkpoint.network.at("synthesis.b8.conv1.noise_const").values);
}

TEST(BroughtCentre, IsEstimatedAndSaidWhereTheFileHasNone) {
  const Checkpoint checkpoint = read_checkpoint(brought("ada8_no_w_avg.pkl"));
  expect_same(checkpoint.network, original("ok_ada8.pkl"), "mapping.w_avg");
  ASSERT_FALSE(checkpoint.notes.empty());
  EXPECT_TRUE(says(checkpoint.notes[0], "the mean of 4096 mapped latents"));
  EXPECT_TRUE(checkpoint.metadata.contains("w_avg"));
}

TEST(BroughtCentre, OfRowsThatDifferIsRefused) {
  EXPECT_TRUE(says(refusal(brought("ros8_uneven_centre.pt")), "its rows differ"));
}

TEST(BroughtModule, OfUnknownClassesIsReadByItsTensorsNames) {
  const Checkpoint checkpoint = read_checkpoint(brought("ros8_module.pt"));
  expect_same(checkpoint.network, original("ok_ros8.pt"), "mapping.w_avg");
  EXPECT_TRUE(says(checkpoint.notes.back(), "model.Generator"));
}

TEST(BroughtObjects, AreNamedAndNotRead) {
  const Checkpoint checkpoint = read_checkpoint(brought("ada8_foreign_d.pkl"));
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_TRUE(says(checkpoint.notes[0], "pg_modules.discriminator.ProjectedDiscriminator"));
}

TEST(ForeignFile, SaysWhatADownloadBecame) {
  using std::string_literals::operator""s;
  const auto said = [](const std::string& bytes) {
    return foreign_file(std::as_bytes(std::span(bytes))).value_or("");
  };
  const std::string page =
      "<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title>";
  for (const std::string& before : {""s, "\n\n\n"s, "\xef\xbb\xbf"s, " \r\n\t"s}) {
    EXPECT_TRUE(says(said(before + page), "a web page, not a checkpoint: download it again"));
    EXPECT_TRUE(says(said(before + page), "Quota exceeded"));
  }
  EXPECT_TRUE(says(said("<?xml version=\"1.0\"?><Error>"), "a web page"));
  EXPECT_TRUE(
      says(said("version https://git-lfs.github.com/spec/v1\noid sha256:a\n"), "git lfs pull"));
  EXPECT_TRUE(says(said("\x1f\x8b\x08"s), "gzip: unpack it first"));
  EXPECT_TRUE(says(said("\xfd"
                        "7zXZ\0"s),
                   "xz: unpack it first"));
  EXPECT_TRUE(says(said("\x28\xb5\x2f\xfd"s), "zstd: unpack it first"));
  EXPECT_TRUE(says(said("BZh9"), "bzip2: unpack it first"));
  EXPECT_TRUE(says(said("7z\xbc\xaf\x27\x1c"s), "7z archive: unpack it first"));
  EXPECT_EQ(said("\x80\x04}."s), "");
  EXPECT_EQ(said("PK\x03\x04"s), "");
  EXPECT_EQ(said("{\"a\": 1}"), "");
}

TEST(ForeignFile, IsSaidByEveryReaderOfGenerators) {
  const fs::path path = fs::temp_directory_path() / ("brought-" + std::to_string(::getpid()));
  std::ofstream(path)
      << "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 605157884\n";
  EXPECT_TRUE(says(refusal(path), "a Git LFS pointer"));
  try {
    load_network(path);
    ADD_FAILURE() << "a pointer is no network";
  } catch (const Error& error) {
    EXPECT_TRUE(says(error.what(), "a Git LFS pointer"));
  }
  std::ofstream(path) << "PK\x03\x04 with network.pkl inside";
  EXPECT_TRUE(says(refusal(path), "unpack it first"));
  fs::remove(path);
}

}  // namespace vernissage
