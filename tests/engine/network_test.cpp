// Goal: a network's parameter table, costs and file are what the published networks have.
// Method: tables against the golden parameter files, costs against the totals known for the
// standard networks, files written and read back, and every kind of wrong network refused by name.
#include "engine/formats/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <utility>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"

namespace vernissage {
namespace fs = std::filesystem;
using testing::find_golden;
using testing::golden;

namespace {

/// The generators of the golden set, as golden.json describes them.
struct Model {
  const char* name;
  NetworkConfig config;
};
NetworkConfig described(int resolution, int z_dim, std::vector<int> mapping_widths,
                        std::vector<int> widths) {
  NetworkConfig config;
  config.resolution = resolution;
  config.z_dim = z_dim;
  config.w_dim = mapping_widths.back();
  config.mapping_widths = std::move(mapping_widths);
  config.widths = std::move(widths);
  return config;
}
std::vector<Model> models() {
  const std::vector<int> eight(8, 64);
  NetworkConfig orig = described(16, 16, {24, 24, 24}, {12, 12, 12});
  orig.architecture = Architecture::orig;
  NetworkConfig resnet = orig;
  resnet.architecture = Architecture::resnet;
  NetworkConfig labels = described(32, 40, {40, 48}, {28, 28, 24, 12});
  labels.c_dim = 4;
  labels.embed_features = 24;
  labels.mapping_lr_multiplier = 0.02f;
  std::vector<Model> all = {{"ada32", described(32, 64, eight, {32, 32, 32, 16})},
                            {"extra_ada16_orig", orig},
                            {"extra_ada16_resnet", resnet},
                            {"tf_ada32cond", labels},
                            {"ros32", described(32, 64, eight, {24, 24, 20, 13})}};
  if (find_golden("stylegan2/models/ada64cond")) {
    NetworkConfig large = described(64, 48, {64, 64}, {36, 36, 36, 26, 13});
    large.c_dim = 3;
    large.embed_features = 64;
    large.conv_clamp = 256;
    all.push_back({"ada64cond", large});
  }
  return all;
}

/// Buffers that the published code registers and nothing reads: b4 upsamples nothing, conv1
/// resamples nothing, a resnet's skip layer has its block's filter, and without a running image bR
/// has no use for one.
bool is_unused_filter(const NetworkConfig& config, const std::string& name) {
  if (!name.ends_with(".resample_filter")) return false;
  const bool of_block = std::count(name.begin(), name.end(), '.') == 2;
  return name == "synthesis.b4.resample_filter" || name.ends_with(".conv1.resample_filter") ||
         name.ends_with(".skip.resample_filter") ||
         (of_block && config.architecture == Architecture::orig);
}

/// Latents of 512, 8 mapping layers, widths min(base / R, 512).
NetworkConfig standard(int resolution, int base) {
  std::vector<int> widths;
  for (int r = 4; r <= resolution; r *= 2) widths.push_back(std::min(base / r, 512));
  return described(resolution, 512, std::vector<int>(8, 512), widths);
}

/// A complete network of small random numbers.
Network example(const NetworkConfig& config) {
  Network network{config, {}};
  std::mt19937 random(1);
  for (const ParameterSpec& spec : parameters(config)) {
    Tensor tensor{spec.shape, std::vector<float>(static_cast<size_t>(element_count(spec.shape)))};
    for (float& value : tensor.values)
      value = spec.name.ends_with("filter") ? 0.0625f : static_cast<float>(random()) * 0x1p-32f;
    network.parameters[spec.name] = std::move(tensor);
  }
  return network;
}

std::string refusal(const Network& network) {
  try {
    check(network);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

class NetworkFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vernissage-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "network.safetensors";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string load_error() const {
    try {
      load_network(path_);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  /// Saves an example, then changes its metadata or tensors and writes it again.
  template <class Change>
  std::string load_error_after(const Change& change) const {
    const Network network = example(models()[0].config);
    save_network(path_, network);
    const MappedFile mapped(path_);
    const Safetensors file(mapped.bytes());
    auto metadata = file.metadata();
    auto tensors = file.tensors();
    change(metadata, tensors);
    std::vector<NamedTensor> list;
    for (const auto& [name, view] : tensors) list.push_back({name, view});
    write_safetensors(path_, metadata, list);
    return load_error();
  }

  fs::path folder_, path_;
};

using Metadata = std::map<std::string, std::string>;
using Tensors = std::map<std::string, TensorView>;

}  // namespace

TEST(Parameters, AreThoseOfTheGoldenFilesLessTheUnusedFilters) {
  for (const Model& model : models()) {
    const MappedFile mapped(
        golden(std::string("stylegan2/models/") + model.name + "/params.safetensors"));
    const Safetensors file(mapped.bytes());
    std::map<std::string, std::vector<int64_t>> expected, actual;
    for (const auto& [name, view] : file.tensors())
      if (!is_unused_filter(model.config, name)) expected[name] = view.shape;
    for (const ParameterSpec& spec : parameters(model.config)) actual[spec.name] = spec.shape;
    for (const auto& [name, shape] : expected)
      EXPECT_EQ(shape_text(actual[name]), shape_text(shape)) << model.name << ": " << name;
    for (const auto& [name, shape] : actual)
      // The rosinality parameter file leaves filters out: that format keeps them in another form.
      if (!(model.name == std::string("ros32") && name.ends_with("resample_filter"))) {
        EXPECT_TRUE(expected.contains(name)) << model.name << " has no " << name;
      }
  }
}

TEST(Parameters, AreListedOnceInCanonicalOrder) {
  for (const Model& model : models()) {
    const auto all = parameters(model.config);
    std::set<std::string> names;
    for (const ParameterSpec& spec : all) EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_TRUE(all.front().name.starts_with("mapping."));
    EXPECT_TRUE(
        all.back().name.starts_with("synthesis.b" + std::to_string(model.config.resolution)));
  }
}

TEST(Parameters, WithoutNoiseThereAreNoNoiseMaps) {
  NetworkConfig config = models()[0].config;
  config.use_noise = false;
  for (const ParameterSpec& spec : parameters(config))
    EXPECT_EQ(spec.name.find("noise"), std::string::npos) << spec.name;
}

TEST(Parameters, CountOfTheStandardNetworks) {
  // 31.06, 28.11 and 22.84 million below `synthesis`, noise maps included; the filters are not
  // counted there.
  const struct {
    int resolution, base;
    double millions;
  } cases[] = {{1024, 32768, 31.06}, {256, 32768, 28.11}, {256, 16384, 22.84}};
  for (const auto& c : cases) {
    double count = 0;
    for (const ParameterSpec& spec : parameters(standard(c.resolution, c.base)))
      if (spec.name.starts_with("synthesis.") && !spec.name.ends_with("filter"))
        count += static_cast<double>(element_count(spec.shape));
    EXPECT_NEAR(count / 1e6, c.millions, 0.005) << c.resolution << " " << c.base;
  }
}

TEST(LayerCosts, TotalsOfTheStandardNetworks) {
  // Half a unit of the last digit published; the mapping's 0.002 are within it.
  const struct {
    int resolution, base;
    double giga;
  } cases[] = {{1024, 32768, 74.26}, {256, 32768, 45.12}, {256, 16384, 14.90}};
  for (const auto& c : cases) {
    double macs = 0;
    for (const LayerCost& cost : layer_costs(standard(c.resolution, c.base))) macs += cost.macs;
    EXPECT_NEAR(macs / 1e9, c.giga, 0.005) << c.resolution << " " << c.base;
  }
}

TEST(LayerCosts, OnlyUpsamplingLayersDependOnTheConvention) {
  NetworkConfig config = standard(64, 4096);
  config.architecture = Architecture::resnet;
  int up = 0;
  for (const LayerCost& cost : layer_costs(config)) {
    const bool resamples = cost.name.ends_with(".conv0") || cost.name.ends_with(".skip");
    EXPECT_EQ(cost.macs_composite, resamples ? 4 * cost.macs : cost.macs) << cost.name;
    EXPECT_GT(cost.macs, 0) << cost.name;
    up += resamples;
  }
  EXPECT_EQ(up, 8);  // conv0 and skip of 8, 16, 32, 64
}

TEST(NetworkConfig, CountsBlocksAndStyles) {
  EXPECT_EQ(standard(1024, 32768).num_ws(), 18);
  EXPECT_EQ(standard(256, 32768).num_ws(), 14);
  EXPECT_EQ(standard(32, 32768).num_ws(), 8);
  EXPECT_EQ(standard(4, 32768).num_ws(), 2);
  EXPECT_EQ(standard(1024, 32768).block_count(), 9);
}

TEST(NetworkConfig, NamesReadBack) {
  for (const auto a : {Architecture::skip, Architecture::orig, Architecture::resnet})
    EXPECT_EQ(architecture_from_name(architecture_name(a)), a);
  for (int i = 0; i <= static_cast<int>(Activation::swish); ++i) {
    const auto a = static_cast<Activation>(i);
    EXPECT_EQ(activation_from_name(activation_name(a)), a);
  }
  EXPECT_STREQ(activation_name(Activation::lrelu), "lrelu");
  EXPECT_STREQ(activation_name(Activation::swish), "swish");
  EXPECT_FLOAT_EQ(activation_gain(Activation::lrelu), std::sqrt(2.0f));
  EXPECT_EQ(activation_gain(Activation::tanh), 1.0f);
  try {
    activation_from_name("relu6");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("unknown activation \"relu6\""), 0u) << error.what();
  }
}

TEST(NetworkConfig, OutOfRangeFieldsAreNamed) {
  const NetworkConfig good = models()[3].config;
  const auto reason = [&](auto change) {
    NetworkConfig config = good;
    change(config);
    try {
      parameters(config);
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(reason([](auto&) {}), "");
  EXPECT_EQ(reason([](auto& c) { c.resolution = 12; }),
            "resolution: expected a power of two, got 12");
  EXPECT_EQ(reason([](auto& c) { c.resolution = 2; }), "resolution: expected 4 to 4096, got 2");
  EXPECT_EQ(reason([](auto& c) { c.resolution = 8192; }),
            "resolution: expected 4 to 4096, got 8192");
  EXPECT_EQ(reason([](auto& c) { c.resolution = 64; }),
            "widths: expected 5 for resolution 64, got 4");
  EXPECT_EQ(reason([](auto& c) { c.widths[1] = 0; }), "widths: expected 1 to 16384, got 0");
  EXPECT_EQ(reason([](auto& c) { c.image_channels = 5; }),
            "image_channels: expected 1 to 4, got 5");
  EXPECT_EQ(reason([](auto& c) { c.z_dim = 0; }), "z_dim: expected 1 to 16384, got 0");
  EXPECT_EQ(reason([](auto& c) { c.c_dim = 0; }),
            "embed_features (without labels): expected 0 to 0, got 24");
  EXPECT_EQ(reason([](auto& c) { c.embed_features = 0; }),
            "embed_features: expected 1 to 16384, got 0");
  EXPECT_EQ(reason([](auto& c) { c.mapping_widths.clear(); }),
            "number of mapping layers: expected 1 to 64, got 0");
  EXPECT_EQ(reason([](auto& c) { c.w_dim = 47; }),
            "mapping_widths: expected the last to be w_dim 47, got 48");
  EXPECT_EQ(reason([](auto& c) { c.half_resolutions = 5; }),
            "half_resolutions: expected 0 to 4, got 5");
  EXPECT_NE(reason([](auto& c) { c.conv_clamp = NAN; }).find("conv_clamp: "), std::string::npos);
  EXPECT_NE(reason([](auto& c) { c.mapping_lr_multiplier = 0; }).find("mapping_lr_m"),
            std::string::npos);
}

TEST(Check, NamesTheTensorWithExpectedAndActual) {
  const Network good = example(models()[0].config);
  EXPECT_EQ(refusal(good), "");
  {
    Network network = good;
    network.parameters.erase("synthesis.b16.conv1.weight");
    EXPECT_EQ(refusal(network), "synthesis.b16.conv1.weight: missing, expected f32 (32, 32, 3, 3)");
  }
  {
    Network network = good;
    network.parameters["synthesis.b32.conv0.weight"].shape = {16, 32, 1, 9};
    EXPECT_EQ(refusal(network),
              "synthesis.b32.conv0.weight: expected f32 (16, 32, 3, 3), got f32 (16, 32, 1, 9)");
  }
  {
    Network network = good;
    network.parameters["mapping.w_avg"].values.pop_back();
    EXPECT_EQ(refusal(network), "mapping.w_avg: expected 64 values for (64), got 63");
  }
  {
    Network network = good;
    network.parameters["synthesis.b64.conv0.weight"] = {{1}, {0}};
    EXPECT_EQ(refusal(network).find("synthesis.b64.conv0.weight: unexpected"), 0u)
        << refusal(network);
  }
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    Network network = good;
    network.parameters["mapping.fc3.bias"].values[5] = bad;
    EXPECT_EQ(refusal(network).find("mapping.fc3.bias: expected finite values, got "), 0u);
    EXPECT_NE(refusal(network).find("at element 5"), std::string::npos);
  }
  {
    Network network = good;
    network.parameters["synthesis.b8.resample_filter"] = {{4}, {1, 3, 3, 1}};
    EXPECT_EQ(refusal(network), "synthesis.b8.resample_filter: expected f32 (4, 4), got f32 (4)");
  }
  {
    Network network = good;
    network.parameters["synthesis.b16.resample_filter"].values[0] = 1;
    EXPECT_EQ(refusal(network).find("synthesis.b16.resample_filter: "), 0u);
  }
}

TEST_F(NetworkFile, ReadsBackEveryFieldAndEveryBit) {
  for (const Model& model : models()) {
    Network network = example(model.config);
    network.config.source = "rosinality";
    network.config.half_resolutions = 2;
    network.config.mapping_lr_multiplier = 0.1f + 0x1p-27f;  // needs all nine digits
    network.config.untrained = true;
    network.config.image_channels = 3;
    save_network(path_, network, {{"note", "a \"quoted\" one"}});
    const Network read = load_network(path_);
    const NetworkConfig &a = network.config, &b = read.config;
    EXPECT_EQ(a.architecture, b.architecture);
    EXPECT_EQ(a.resolution, b.resolution);
    EXPECT_EQ(a.image_channels, b.image_channels);
    EXPECT_EQ(a.z_dim, b.z_dim);
    EXPECT_EQ(a.c_dim, b.c_dim);
    EXPECT_EQ(a.w_dim, b.w_dim);
    EXPECT_EQ(a.embed_features, b.embed_features);
    EXPECT_EQ(a.mapping_widths, b.mapping_widths);
    EXPECT_EQ(a.mapping_lr_multiplier, b.mapping_lr_multiplier);
    EXPECT_EQ(a.mapping_activation, b.mapping_activation);
    EXPECT_EQ(a.widths, b.widths);
    EXPECT_EQ(a.activation, b.activation);
    EXPECT_EQ(a.use_noise, b.use_noise);
    EXPECT_EQ(a.conv_clamp, b.conv_clamp);
    EXPECT_EQ(a.half_resolutions, b.half_resolutions);
    EXPECT_EQ(a.source, b.source);
    EXPECT_EQ(a.untrained, b.untrained);
    ASSERT_EQ(network.parameters.size(), read.parameters.size());
    for (const auto& [name, tensor] : network.parameters) {
      EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
      EXPECT_EQ(read.at(name).values, tensor.values) << name;
    }
    EXPECT_EQ(Safetensors(MappedFile(path_).bytes()).metadata().at("note"), "a \"quoted\" one");
  }
}

TEST_F(NetworkFile, TakesHalfPrecisionStorage) {
  const std::vector<uint16_t> halves(64, 0x3800);  // 0.5
  EXPECT_EQ(load_error_after([&](Metadata&, Tensors& tensors) {
              tensors["mapping.w_avg"] = {DType::f16, {64}, std::as_bytes(std::span(halves))};
            }),
            "");
  EXPECT_EQ(load_network(path_).at("mapping.w_avg").values, std::vector<float>(64, 0.5f));
}

TEST_F(NetworkFile, RefusalsNameTheFileAndTheThing) {
  const std::string file = path_.string() + ": ";
  EXPECT_EQ(load_error(), file + "cannot be read: No such file or directory");
  std::ofstream(path_) << "sixteen bytes of no network";
  EXPECT_EQ(load_error().find(file + "offset 0: header length"), 0u) << load_error();

  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m.clear(); }),
            file + "metadata format: expected \"vernissage-stylegan2\", got none");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["format"] = "pt"; }),
            file + "metadata format: expected \"vernissage-stylegan2\", got \"pt\"");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["format_version"] = "2"; }),
            file + "metadata format_version: expected \"1\", got \"2\"");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m.erase("w_dim"); }),
            file + "metadata w_dim: missing");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["w_dim"] = "64x"; }),
            file + "metadata w_dim: expected an integer, got \"64x\"");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["w_dim"] = "99999999999"; }),
            file + "metadata w_dim: expected an integer, got \"99999999999\"");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["widths"] = "32,,32"; }),
            file + "metadata widths: expected integers with commas between, got \"32,,32\"");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) {
              m["widths"] = "1";
              for (int i = 0; i < 64; ++i) m["widths"] += ",1";
            }).find(file + "metadata widths: expected at most 64 integers, got \"1,1,"),
            0u);
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["use_noise"] = "yes"; }),
            file + "metadata use_noise: expected true or false, got \"yes\"");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) {
              m["conv_clamp"] = "nan";
            }).find(file + "conv_cl"),
            0u);
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["resolution"] = "64"; }),
            file + "widths: expected 5 for resolution 64, got 4");
  EXPECT_EQ(load_error_after([](Metadata& m, Tensors&) { m["w_dim"] = "63"; }),
            file + "mapping_widths: expected the last to be w_dim 63, got 64");
  EXPECT_EQ(load_error_after([](Metadata&, Tensors& t) { t.erase("mapping.w_avg"); }),
            file + "mapping.w_avg: missing, expected f32 (64)");
  EXPECT_EQ(load_error_after([](Metadata&, Tensors& t) {
              t["extra"] = {DType::i64, {0}, {}};
            }).find(file + "\"extra\": unexpected"),
            0u);
  EXPECT_EQ(load_error_after([](Metadata&, Tensors& t) { t["mapping.w_avg"].dtype = DType::i32; }),
            file + "mapping.w_avg: expected F32 or F16 (64), got I32 (64)");
  EXPECT_EQ(load_error_after([](Metadata&, Tensors& t) {
              t["mapping.w_avg"].shape = {8, 8};
            }),
            file + "mapping.w_avg: expected F32 or F16 (64), got F32 (8, 8)");
  const std::vector<float> bad(64, NAN);
  EXPECT_EQ(load_error_after([&](Metadata&, Tensors& t) {
              t["mapping.w_avg"].bytes = std::as_bytes(std::span(bad));
            }).find(file + "mapping.w_avg: expected finite values"),
            0u);
}

// Eleven bits of each value are kept, so a value is off by half of the twelfth at most.
TEST_F(NetworkFile, HalvesKeepElevenBitsAndRefuseWhatTheyCannotHold) {
  Network network = example(models()[0].config);
  save_network(path_, network, {}, DType::f16);
  const Network loaded = load_network(path_);
  for (const auto& [name, tensor] : network.parameters)
    for (size_t i = 0; i < tensor.values.size(); ++i)
      ASSERT_NEAR(
          loaded.at(name).values[i], tensor.values[i],
          std::max(std::abs(tensor.values[i]) * std::ldexp(1.0f, -11), std::ldexp(1.0f, -25)))
          << name;
  network.parameters.at("mapping.w_avg").values[3] = 70000;
  try {
    save_network(path_, network, {}, DType::f16);
    FAIL() << "70000 was stored as a half";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(),
              path_.string() + ": mapping.w_avg: expected values that fit into f16, got 70000");
  }
}

TEST_F(NetworkFile, AnIncompleteNetworkIsNotSaved) {
  Network network = example(models()[0].config);
  network.parameters.erase("mapping.w_avg");
  EXPECT_THROW(save_network(path_, network), Error);
  EXPECT_FALSE(fs::exists(path_));
}

}  // namespace vernissage
