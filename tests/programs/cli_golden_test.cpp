// Golden checkpoints through the programs. Goal: a checkpoint of every format, converted by
// vernissage-weights and painted by vernissage, gives the golden pictures. Tolerances:
// golden/stylegan2/README.md, fp32, whole network.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/formats/safetensors.h"
#include "tests/support/compare.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"
#include "tests/support/workshop.h"

namespace vernissage {
namespace {

namespace fs = std::filesystem;
using testing::Arguments;
using testing::Json;
using testing::picture_name;
using testing::read_npy;
using testing::Result;
using testing::Workshop;
using testing::operator+;

constexpr double kMaxTolerance = 2e-5;  // of the largest |value|
constexpr double kRmsTolerance = 1e-5;  // of the RMS value

struct Checkpoint {
  std::string model;
  std::string file;
};

void PrintTo(const Checkpoint& checkpoint, std::ostream* out) {
  *out << checkpoint.model << "/" << checkpoint.file;
}

bool is_checkpoint(const fs::path& path) {
  return path.extension() == ".pkl" || path.extension() == ".pt";
}

std::vector<Checkpoint> checkpoints() {
  std::vector<Checkpoint> all;
  for (const std::string& model : testing::golden_entries("stylegan2/models"))
    for (const std::string& file : testing::golden_entries("stylegan2/models/" + model))
      if (is_checkpoint(file)) all.push_back({model, file});
  return all;
}

// What golden.json and golden.safetensors say about one model.
class Golden {
 public:
  explicit Golden(const std::string& model)
      : folder_("stylegan2/models/" + model + "/"),
        json_(testing::read_json(testing::golden(folder_ + "golden.json"))),
        file_(testing::golden(folder_ + "golden.safetensors")),
        tensors_(file_.bytes()) {}

  const std::vector<Json>& cases() const { return json_.at("cases").items; }
  const TensorView& image(const Json& which) const {
    return tensors_.tensors().at(which.at("name").text + "/image");
  }

  /// The class of a latent, as an argument; none for networks without labels.
  Arguments label(size_t latent) const {
    const auto c = tensors_.tensors().find("c");
    if (c == tensors_.tensors().end() || c->second.shape[1] == 0) return {};
    const std::vector<float> rows = c->second.to_f32();
    const auto row = rows.begin() + static_cast<std::ptrdiff_t>(latent) * c->second.shape[1];
    return {"--class", std::to_string(std::find(row, row + c->second.shape[1], 1.0f) - row)};
  }

 private:
  std::string folder_;
  Json json_;
  MappedFile file_;
  Safetensors tensors_;
};

void expect_close(std::span<const float> actual, std::span<const float> golden,
                  const std::string& what) {
  ASSERT_EQ(actual.size(), golden.size()) << what;
  EXPECT_LE(testing::relative_to_absmax(actual, golden), kMaxTolerance) << what;
  double square = 0, square_error = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    const double error = double(actual[i]) - double(golden[i]);
    square += double(golden[i]) * golden[i];
    square_error += error * error;
  }
  EXPECT_LE(std::sqrt(square_error), kRmsTolerance * std::sqrt(square)) << what;
}

class GoldenCheckpoint : public ::testing::TestWithParam<Checkpoint> {};

// Every golden case that the command line can say: all but interpolation, and style mixing only
// where both latents have the same class.
TEST_P(GoldenCheckpoint, ConvertedAndPaintedGivesTheGoldenPictures) {
  const Workshop workshop;
  const auto& [model, file] = GetParam();
  const Golden golden(model);
  const std::string network = workshop.converted(model, file);
  // A rosinality training checkpoint has no average w: there is nothing to compare truncation with.
  const bool has_average = file != "network_train.pt";

  int compared = 0;
  for (const Json& which : golden.cases()) {
    const std::string& name = which.at("name").text;
    const double psi = which.at("truncation_psi").number;
    if (which.find("lerp") || (psi != 1 && !has_average)) continue;
    std::vector<int> seeds;
    for (const Json& seed : which.at("seeds").items) seeds.push_back(seed.integer());

    Arguments common = {"generate", network,
                        "--format", "npy",
                        "--outdir", (workshop / name).string(),
                        "--trunc",  std::to_string(psi),
                        "--noise",  which.at("noise_mode").text};
    if (const Json* cutoff = which.find("truncation_cutoff"); cutoff && !cutoff->is_null())
      common = common + Arguments{"--cutoff", std::to_string(cutoff->integer())};
    std::vector<size_t> painted;  // which of the seeds have a golden image, in its order
    if (const Json* crossover = which.find("crossover")) {
      if (golden.label(0) != golden.label(1)) continue;
      common = common + Arguments{"--styles-from", std::to_string(seeds[0]), "--styles",
                                  "0-" + std::to_string(crossover->integer() - 1)};
      painted = {1};
    } else {
      for (size_t i = 0; i < seeds.size(); ++i) painted.push_back(i);
    }

    const TensorView& images = golden.image(which);
    const std::vector<float> expected = images.to_f32();
    const size_t each = expected.size() / painted.size();
    ASSERT_EQ(static_cast<size_t>(images.shape[0]), painted.size()) << name;
    for (size_t i = 0; i < painted.size(); ++i) {
      const int seed = seeds[painted[i]];
      const Result result = workshop.vernissage(
          common + Arguments{"--seeds", std::to_string(seed)} + golden.label(painted[i]));
      ASSERT_EQ(result.status, 0) << name << ": " << result.err;
      const fs::path path = workshop / name / picture_name(seed, "npy");
      expect_close(read_npy(path, {images.shape[1], images.shape[2], images.shape[3]}),
                   std::span(expected).subspan(i * each, each),
                   name + ", seed " + std::to_string(seed));
      ++compared;
    }
  }
  EXPECT_GE(compared, 4);
}

INSTANTIATE_TEST_SUITE_P(EveryFormat, GoldenCheckpoint, ::testing::ValuesIn(checkpoints()),
                         [](const auto& test) {
                           std::string name = test.param.model + "_" + test.param.file;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace vernissage
