// What the bench calls the least a network can take, and the prediction that stands beside it.
// Goal: the floor counts the arithmetic the network has, no layer is promised below its floor, and
// the committed prediction is that of the kernels as they are. Method: against layer_costs(), which
// counts from the parameters' shapes, and against the committed files;
// VERNISSAGE_UPDATE_GOLDEN=1 writes them anew.
#include "bench/model/prediction.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "bench/model/work.h"
#include "kernels/costs.h"

namespace vernissage::bench {
namespace {

constexpr Ceilings kCeilings = {kH200.flop_per_s, kH200.bytes_per_s};
const std::string kResults = VERNISSAGE_SOURCE_DIR "/bench/results";

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "b64.torgb" and "b64.conv1" of layer_costs() are one operation of the forward pass.
std::string operation_of(const std::string& layer) {
  const size_t dot = layer.find('.');
  if (layer.starts_with("mapping")) return "mapping";
  return layer.substr(0, dot) + (layer.substr(dot) == ".torgb" ? ".conv1" : layer.substr(dot));
}

TEST(Floor, CountsTheMultiplyAddsOfTheNetwork) {
  for (const int size : {256, 1024}) {
    const NetworkConfig config = config_f(size);
    std::map<std::string, double> flop;
    for (const LayerCost& layer : layer_costs(config))
      flop[operation_of(layer.name)] += 2 * layer.macs;
    for (const LayerWork& layer : layer_work(config, 3, 2))
      EXPECT_DOUBLE_EQ(layer.flop, 3 * flop.at(layer.name)) << layer.name;
  }
}

// Config-f 1024 at batch 1, added up by hand: 442 MB for inputs, outputs and weights of all
// convolutions and the picture as bytes instead of the last output, without the running images.
TEST(Floor, CountsTheBytesOfTheNetwork) {
  double bytes = 0, images = 0;
  for (const LayerWork& layer : layer_work(config_f(1024), 1, 2)) bytes += layer.bytes;
  for (double side = 4; side < 1024; side *= 2) images += 2 * 4 * 3 * side * side;  // out, in
  EXPECT_NEAR((bytes - images) * 1e-6, 442, 0.5);
}

TEST(Floor, GrowsWithTheBatchButNotItsWeights) {
  const NetworkConfig config = config_f(256);
  const auto one = layer_work(config, 1, 2), eight = layer_work(config, 8, 2);
  for (size_t i = 0; i < one.size(); ++i) {
    const double weights = 2.0 * 9 * one[i].in * one[i].out;
    EXPECT_DOUBLE_EQ(eight[i].flop, 8 * one[i].flop) << one[i].name;
    EXPECT_DOUBLE_EQ(eight[i].bytes - weights, 8 * (one[i].bytes - weights)) << one[i].name;
  }
}

TEST(Prediction, HasEveryOperationAndNoOther) {
  for (const int size : {256, 1024}) {
    const auto predicted = predicted_us(config_f(size), 1);
    const auto names = operation_names(config_f(size));
    for (const std::string& name : names) EXPECT_TRUE(predicted.contains(name)) << name;
    EXPECT_EQ(predicted.size(), names.size());
  }
}

TEST(Prediction, PromisesNoLayerBelowItsFloor) {
  for (const int size : {256, 1024}) {
    for (const int batch : {1, 8, 32}) {
      const auto predicted = predicted_us(config_f(size), batch);
      for (const LayerWork& layer : layer_work(config_f(size), batch, 2))
        EXPECT_GE(predicted.at(layer.name), floor_s(layer.flop, layer.bytes, kCeilings) * 1e6)
            << size << " " << layer.name << " batch " << batch;
    }
  }
}

TEST(Prediction, CommittedIsThatOfTheKernelsAsTheyAre) {
  if (std::getenv("VERNISSAGE_UPDATE_GOLDEN") != nullptr) write_prediction(kResults);
  EXPECT_EQ(content(kResults + "/prediction.md"), prediction_markdown())
      << "cmake --build BUILD --target prediction writes it and its drawings anew";
  EXPECT_EQ(content(kResults + "/prediction.json"), prediction_json());
}

}  // namespace
}  // namespace vernissage::bench
