// Goal: each kind of checkpoint gives exactly the network that its makers' own code would load.
// Method: the golden checkpoints of every format against the golden parameters, bit by bit, and the
// golden configuration; what else a reader promises (choice of network, notes, round trip) on the
// same files.
#include "weights_tools/checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/golden_network.h"
#include "weights_tools/readers/generators/mean_w.h"

namespace vernissage {
namespace fs = std::filesystem;
using testing::find_golden;
using testing::golden;
using testing::golden_network;

namespace {

struct Sample {
  std::string model;
  std::string file;
};

std::vector<Sample> samples() {
  std::vector<Sample> all;
  for (const std::string& model : testing::golden_models()) {
    for (const char* file :
         {"network.pkl", "network.pt", "network_legacy.pt", "network_train.pt"}) {
      if (find_golden("stylegan2/models/" + model + "/" + file)) all.push_back({model, file});
    }
  }
  return all;
}

fs::path path_of(const Sample& sample) {
  return *find_golden("stylegan2/models/" + sample.model + "/" + sample.file);
}

void expect_same_values(const Network& actual, const Network& expected,
                        const std::string& except = "") {
  ASSERT_EQ(actual.parameters.size(), expected.parameters.size());
  for (const auto& [name, tensor] : expected.parameters) {
    if (name == except) continue;
    const Tensor& found = actual.at(name);
    ASSERT_EQ(found.shape, tensor.shape) << name;
    EXPECT_EQ(std::memcmp(found.values.data(), tensor.values.data(),
                          tensor.values.size() * sizeof(float)),
              0)
        << name;
  }
}

std::string sample_name(const ::testing::TestParamInfo<Sample>& sample) {
  std::string name = sample.param.model + "_" + sample.param.file;
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

class GoldenCheckpoint : public ::testing::TestWithParam<Sample> {};

}  // namespace

TEST_P(GoldenCheckpoint, GivesTheGoldenParametersBitForBit) {
  const Checkpoint checkpoint = read_checkpoint(path_of(GetParam()));
  // Training checkpoints have no latent_avg: theirs is estimated, and the note says so.
  const bool estimated = !checkpoint.notes.empty();
  EXPECT_EQ(estimated, GetParam().file == "network_train.pt");
  expect_same_values(checkpoint.network, golden_network(GetParam().model),
                     estimated ? "mapping.w_avg" : "");
  EXPECT_NO_THROW(check(checkpoint.network));
}

TEST_P(GoldenCheckpoint, GivesTheGoldenConfiguration) {
  const NetworkConfig actual = read_checkpoint(path_of(GetParam())).network.config;
  const NetworkConfig expected = golden_network(GetParam().model).config;
  EXPECT_EQ(actual.architecture, expected.architecture);
  EXPECT_EQ(actual.resolution, expected.resolution);
  EXPECT_EQ(actual.image_channels, expected.image_channels);
  EXPECT_EQ(actual.z_dim, expected.z_dim);
  EXPECT_EQ(actual.c_dim, expected.c_dim);
  EXPECT_EQ(actual.w_dim, expected.w_dim);
  EXPECT_EQ(actual.embed_features, expected.embed_features);
  EXPECT_EQ(actual.mapping_widths, expected.mapping_widths);
  EXPECT_EQ(actual.mapping_lr_multiplier, expected.mapping_lr_multiplier);
  EXPECT_EQ(actual.mapping_activation, expected.mapping_activation);
  EXPECT_EQ(actual.widths, expected.widths);
  EXPECT_EQ(actual.activation, expected.activation);
  EXPECT_EQ(actual.use_noise, expected.use_noise);
  EXPECT_EQ(actual.conv_clamp, expected.conv_clamp);
  EXPECT_EQ(actual.half_resolutions, expected.half_resolutions);
  EXPECT_FALSE(actual.untrained);
}

TEST_P(GoldenCheckpoint, HoldsTheTrainedNetworkToo) {
  const fs::path path = path_of(GetParam());
  const Checkpoint average = read_checkpoint(path), trained = read_checkpoint(path, "G");
  EXPECT_EQ(average.network.config.widths, trained.network.config.widths);
  EXPECT_NE(average.chosen, trained.chosen);
  EXPECT_NE(average.network.at("synthesis.b4.const").values,
            trained.network.at("synthesis.b4.const").values);
  EXPECT_NE(average.network.at("mapping.fc0.weight").values,
            trained.network.at("mapping.fc0.weight").values);
  for (const char* name : {"G_ema", "Gs", "g_ema"}) {
    expect_same_values(read_checkpoint(path, name).network, average.network);
  }
}

TEST_P(GoldenCheckpoint, SaysHowTheTensorsAreStored) {
  const Checkpoint checkpoint = read_checkpoint(path_of(GetParam()));
  EXPECT_FALSE(checkpoint.format.empty());
  EXPECT_FALSE(checkpoint.network.config.source.empty());
  for (const auto& [name, tensor] : checkpoint.network.parameters) {
    if (name == "mapping.w_avg" && !checkpoint.notes.empty()) continue;
    ASSERT_TRUE(checkpoint.stored.contains(name)) << name;
    EXPECT_EQ(checkpoint.stored.at(name), DType::f32) << name;
  }
}

TEST_P(GoldenCheckpoint, ComesBackFromItsSafetensors) {
  const Checkpoint checkpoint = read_checkpoint(path_of(GetParam()));
  char folder[] = "/tmp/vernissage-checkpoint-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const fs::path path = fs::path(folder) / "network";  // the kind is found by content, not by name
  save_network(path, checkpoint.network);
  const Checkpoint back = read_checkpoint(path);
  expect_same_values(back.network, checkpoint.network);
  EXPECT_EQ(back.network.config.source, checkpoint.network.config.source);
  EXPECT_THROW(read_checkpoint(path, "G"), Error) << "one network only";
  fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(EveryFormat, GoldenCheckpoint, ::testing::ValuesIn(samples()),
                         sample_name);

TEST(Checkpoint, EveryFormatIsAmongTheSamples) {
  std::map<std::string, int> sources;
  for (const Sample& sample : samples())
    ++sources[read_checkpoint(path_of(sample)).network.config.source];
  EXPECT_GE(sources["stylegan2-ada-pytorch"], 3);
  EXPECT_GE(sources["stylegan2-ada"], 1);
  EXPECT_GE(sources["rosinality"], 3);
}

TEST(Checkpoint, Ada8MatchesItsGolden) {
  const Network network = read_checkpoint(golden("stylegan2/hostile/ok_ada8.pkl")).network;
  const MappedFile file(golden("stylegan2/hostile/ok_ada8/params.safetensors"));
  const Safetensors expected(file.bytes());
  for (const auto& [name, tensor] : network.parameters) {
    ASSERT_TRUE(expected.tensors().contains(name)) << name;
    EXPECT_EQ(tensor.values, expected.tensors().at(name).to_f32()) << name;
  }
}

TEST(Checkpoint, SnapshotsWithOneSharedNetworkGiveItUnderBothNames) {
  const fs::path path = golden("stylegan2/hostile/ok_ada8.pkl");
  expect_same_values(read_checkpoint(path, "G").network, read_checkpoint(path, "G_ema").network);
}

TEST(Checkpoint, NetworksAreChosenByTheNamesOfTheReleases) {
  EXPECT_EQ(network_choice_from_name(""), NetworkChoice::average);
  EXPECT_EQ(network_choice_from_name("g"), NetworkChoice::trained);
  EXPECT_THROW(network_choice_from_name("D"), Error);
  EXPECT_THROW(network_choice_from_name("G_EMA"), Error);
}

TEST(Checkpoint, AMissingFileIsNamed) {
  try {
    read_checkpoint("/nonexistent/network.pkl");
    FAIL() << "no such file";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/network.pkl"), std::string::npos);
  }
}

// Estimated centre of truncation: the mean over 4096 latents of one stream. Against the mean over
// 4096 others it may differ by the standard error of both: σ √(2/4096) = 0.022 σ, where σ is the
// spread of one coordinate of w. Bound: six standard errors, 0.133 σ; w of norm about √W is
// σ-sized, so a wrong mapping (no gain, no normalisation, a transposed weight) misses by a
// multiple.
TEST(MeanW, OfATrainingCheckpointIsTheMeanOfMappedLatents) {
  const Checkpoint checkpoint = read_checkpoint(golden("stylegan2/models/ros32/network_train.pt"));
  const Network& network = checkpoint.network;
  const auto width = static_cast<size_t>(network.config.w_dim);
  std::vector<double> sum(width), squares(width);
  std::mt19937 engine(12345);
  std::normal_distribution<double> normal;
  for (int n = 0; n < kMeanLatents; ++n) {
    std::vector<double> x(static_cast<size_t>(network.config.z_dim));
    double norm = 0;
    for (double& value : x) {
      value = normal(engine);
      norm += value * value;
    }
    for (double& value : x) value /= std::sqrt(norm / static_cast<double>(x.size()) + 1e-8);
    for (size_t layer = 0; layer < network.config.mapping_widths.size(); ++layer) {
      const std::string name = std::string("mapping.fc").append(std::to_string(layer));
      const Tensor& weight = network.at(name + ".weight");
      const Tensor& bias = network.at(name + ".bias");
      std::vector<double> y(bias.values.size());
      for (size_t o = 0; o < y.size(); ++o) {
        for (size_t i = 0; i < x.size(); ++i)
          y[o] += double{weight.values[o * x.size() + i]} * x[i];
        y[o] = y[o] * 0.01 / std::sqrt(static_cast<double>(x.size())) + bias.values[o] * 0.01;
        y[o] *= std::sqrt(2.0) * (y[o] > 0 ? 1 : 0.2);
      }
      x = y;
    }
    for (size_t i = 0; i < width; ++i) {
      sum[i] += x[i];
      squares[i] += x[i] * x[i];
    }
  }
  const auto& centre = network.at("mapping.w_avg").values;
  for (size_t i = 0; i < width; ++i) {
    const double mean = sum[i] / kMeanLatents;
    const double deviation = std::sqrt(squares[i] / kMeanLatents - mean * mean);
    EXPECT_GT(deviation, 0) << i;
    EXPECT_NEAR(centre[i], mean, 6 * std::sqrt(2.0 / kMeanLatents) * deviation) << i;
  }
  EXPECT_EQ(centre, read_checkpoint(golden("stylegan2/models/ros32/network_train.pt"))
                        .network.at("mapping.w_avg")
                        .values)
      << "the same file gives the same network";
}

}  // namespace vernissage
