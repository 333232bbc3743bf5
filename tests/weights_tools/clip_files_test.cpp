// Goal: every kind of CLIP checkpoint gives exactly the network it holds, our own file gives it
// back, and whatever is wrong or unknown is refused in one line that names it. Method: the golden
// Hugging Face checkpoint, read here a second time by its names, and written anew in every other
// layout; the golden TorchScript archive; each file broken in one place.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "base/error.h"
#include "engine/clip/clip_network.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"
#include "tests/support/small_clip.h"
#include "tests/support/torch_writer.h"
#include "weights_tools/clip_checkpoint.h"

namespace vernissage {
namespace fs = std::filesystem;
using testing::find_golden;
using testing::golden;
using testing::small_clip;
using testing::TorchFile;

namespace {

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  ASSERT_TRUE(out) << path;
}

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// The text with its only `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class ClipFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vernissage-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// The golden Hugging Face folder with files of its own in place of some.
  fs::path hugging_face(const std::map<std::string, std::string>& instead = {}) {
    const fs::path path = folder_ / "hf";
    fs::create_directories(path);
    for (const char* file : {"config.json", "preprocessor_config.json", "model.safetensors"})
      write_file(path / file, contents(golden(std::string("clip/tiny-vit/") + file)));
    for (const auto& [file, text] : instead) write_file(path / file, text);
    return path;
  }
  static std::string config() { return contents(golden("clip/tiny-vit/config.json")); }

  /// Tensors written as safetensors.
  fs::path tensors_file(const std::string& name, const std::map<std::string, Tensor>& tensors) {
    std::vector<NamedTensor> views;
    for (const auto& [key, tensor] : tensors) views.push_back({key, tensor.view()});
    fs::create_directories((folder_ / name).parent_path());
    write_safetensors(folder_ / name, {}, views);
    return folder_ / name;
  }
  fs::path archive(const std::string& name, const std::string& bytes) {
    fs::create_directories((folder_ / name).parent_path());
    write_file(folder_ / name, bytes);
    return folder_ / name;
  }

  fs::path folder_;
};

const ClipNetwork& tiny_vit() {
  static const ClipNetwork network =
      read_clip_checkpoint(golden("clip/tiny-vit/model.safetensors"), {}).network;
  return network;
}

constexpr std::array<float, 3> kMean = {0.48145466f, 0.4578275f, 0.40821073f};
constexpr std::array<float, 3> kStdDev = {0.26862954f, 0.26130258f, 0.27577711f};
const ClipOptions kSmallOptions = {.tokenizer = {},
                                   .heads = {{2, 3}},
                                   .activation = ClipActivation::gelu,
                                   .mean = kMean,
                                   .std_dev = kStdDev};

std::string state_dict(TorchFile& file, const std::map<std::string, Tensor>& tensors,
                       const std::string& prefix = "", bool counters = false) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [name, tensor] : tensors)
    entries.emplace_back(prefix + name, file.tensor(tensor));
  if (counters)
    for (const char* name : {"input_resolution", "context_length", "vocab_size"})
      entries.emplace_back(name, file.counter(7));
  return testing::pickle_dict(entries);
}

/// The network's tensors as a nested TorchScript module.
std::string script_module(TorchFile& file, const std::map<std::string, Tensor>& tensors) {
  std::vector<std::pair<std::string, std::string>> attributes;
  std::map<std::string, std::map<std::string, Tensor>> children;
  for (const auto& [name, tensor] : tensors) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos)
      attributes.emplace_back(name, file.tensor(tensor));
    else
      children[name.substr(0, dot)][name.substr(dot + 1)] = tensor;
  }
  attributes.emplace_back("training", "\x88");
  attributes.emplace_back("hook", "N");
  for (const auto& [name, inner] : children)
    attributes.emplace_back(name, script_module(file, inner));
  return TorchFile::module(attributes);
}

void expect_same_parameters(const ClipNetwork& actual, const ClipNetwork& expected) {
  ASSERT_EQ(actual.parameters.size(), expected.parameters.size());
  for (const auto& [name, tensor] : expected.parameters) {
    EXPECT_EQ(actual.at(name).shape, tensor.shape) << name;
    EXPECT_TRUE(actual.at(name).values == tensor.values) << name;
  }
}

void expect_same_tower(const ClipTower& actual, const ClipTower& expected) {
  EXPECT_EQ(actual.width, expected.width);
  EXPECT_EQ(actual.layers, expected.layers);
  EXPECT_EQ(actual.heads, expected.heads);
  EXPECT_EQ(actual.mlp_width, expected.mlp_width);
  EXPECT_EQ(actual.activation, expected.activation);
}

void expect_same_config(const ClipConfig& actual, const ClipConfig& expected) {
  EXPECT_EQ(actual.image_size, expected.image_size);
  EXPECT_EQ(actual.patch_size, expected.patch_size);
  expect_same_tower(actual.vision, expected.vision);
  expect_same_tower(actual.text, expected.text);
  EXPECT_EQ(actual.embedding, expected.embedding);
  EXPECT_EQ(actual.vocabulary, expected.vocabulary);
  EXPECT_EQ(actual.context, expected.context);
  EXPECT_EQ(actual.layer_norm_eps, expected.layer_norm_eps);
  EXPECT_EQ(actual.mean, expected.mean);
  EXPECT_EQ(actual.std_dev, expected.std_dev);
}

}  // namespace

TEST_F(ClipFiles, AHuggingFaceFolderGivesItsNetwork) {
  const ClipCheckpoint checkpoint = read_clip_checkpoint(hugging_face(), {});
  EXPECT_EQ(checkpoint.format, "Hugging Face CLIP (safetensors)");
  ClipConfig expected;
  expected.image_size = 64;
  expected.patch_size = 16;
  expected.vision = {64, 3, 2, 256, ClipActivation::quick_gelu};
  expected.text = {16, 3, 2, 64, ClipActivation::quick_gelu};
  expected.embedding = 32;
  expected.vocabulary = 49408;
  expected.context = 77;
  expect_same_config(checkpoint.network.config, expected);
  EXPECT_EQ(checkpoint.network.config.source, "hugging face");

  // Every tensor of the file, found again where it belongs.
  const MappedFile file(golden("clip/tiny-vit/model.safetensors"));
  const Safetensors tensors(file.bytes());
  const auto values = [&](const std::string& name) { return tensors.tensors().at(name).to_f32(); };
  const ClipNetwork& network = checkpoint.network;
  EXPECT_EQ(network.at("visual.conv1.weight").values,
            values("vision_model.embeddings.patch_embedding.weight"));
  EXPECT_EQ(network.at("visual.ln_pre.bias").values, values("vision_model.pre_layrnorm.bias"));
  EXPECT_EQ(network.at("ln_final.weight").values, values("text_model.final_layer_norm.weight"));
  for (const auto& [tower, ours] :
       {std::pair<std::string, std::string>{"vision_model", "visual.transformer"},
        {"text_model", "transformer"}})
    for (int layer = 0; layer < 3; ++layer) {
      const std::string from = tower + ".encoder.layers." + std::to_string(layer) + ".";
      const std::string to = ours + ".resblocks." + std::to_string(layer) + ".";
      for (const std::string kind : {"weight", "bias"}) {
        std::vector<float> joined;
        for (const std::string part : {"q", "k", "v"})
          for (const float value : values(from + "self_attn." + part + "_proj." + kind))
            joined.push_back(value);
        EXPECT_EQ(network.at(to + "attn.in_proj_" + kind).values, joined);
        EXPECT_EQ(network.at(to + "attn.out_proj." + kind).values,
                  values(from + "self_attn.out_proj." + kind));
        EXPECT_EQ(network.at(to + "ln_1." + kind).values, values(from + "layer_norm1." + kind));
        EXPECT_EQ(network.at(to + "ln_2." + kind).values, values(from + "layer_norm2." + kind));
        EXPECT_EQ(network.at(to + "mlp.c_fc." + kind).values, values(from + "mlp.fc1." + kind));
        EXPECT_EQ(network.at(to + "mlp.c_proj." + kind).values, values(from + "mlp.fc2." + kind));
      }
    }
  const std::vector<float> projection = values("visual_projection.weight");  // (32, 64)
  const Tensor& ours = network.at("visual.proj");                            // (64, 32)
  for (size_t w = 0; w < 64; ++w)
    for (size_t e = 0; e < 32; ++e) ASSERT_EQ(ours.values[w * 32 + e], projection[e * 64 + w]);
  EXPECT_EQ(checkpoint.stored.at("visual.proj"), DType::f16);
  EXPECT_EQ(checkpoint.stored.at("ln_final.bias"), DType::f32);
}

TEST_F(ClipFiles, TheConfigurationDecidesActivationHeadsAndPreprocessing) {
  const auto read = [&](const std::map<std::string, std::string>& instead) {
    return read_clip_checkpoint(hugging_face(instead), {}).network.config;
  };
  const ClipConfig gelu =
      read({{"config.json", contents(golden("clip/tiny-vit/config.gelu.json"))}});
  EXPECT_EQ(gelu.vision.activation, ClipActivation::gelu);
  EXPECT_EQ(gelu.text.activation, ClipActivation::gelu);

  // The long names win, wherever they stand; null counts as absent.
  const ClipConfig longer =
      read({{"config.json", replaced(config(), "\"projection_dim\"",
                                     "\"text_config_dict\": {\"num_attention_heads\": 4, "
                                     "\"hidden_act\": \"gelu\"}, \"vision_config_dict\": null, "
                                     "\"projection_dim\"")}});
  EXPECT_EQ(longer.text.heads, 4);
  EXPECT_EQ(longer.text.activation, ClipActivation::gelu);
  EXPECT_EQ(longer.vision.activation, ClipActivation::quick_gelu);

  const ClipConfig pixels =
      read({{"preprocessor_config.json",
             "{\"image_mean\": [0.5, 0.25, 0], \"image_std\": [1, 2, 3e0], "
             "\"size\": 64, \"resample\": 3, \"auto_map\": {\"a\": [-1.5]}}"}});
  EXPECT_EQ(pixels.mean, (std::array<float, 3>{0.5f, 0.25f, 0}));
  EXPECT_EQ(pixels.std_dev, (std::array<float, 3>{1, 2, 3}));

  const ClipOptions options = {.tokenizer = {},
                               .heads = {{4, 1}},
                               .activation = ClipActivation::gelu,
                               .mean = {{0.5f, 0.5f, 0.5f}},
                               .std_dev = {}};
  const ClipConfig chosen = read_clip_checkpoint(hugging_face(), options).network.config;
  EXPECT_EQ(chosen.vision.heads, 4);
  EXPECT_EQ(chosen.text.heads, 1);
  EXPECT_EQ(chosen.vision.activation, ClipActivation::gelu);
  EXPECT_EQ(chosen.mean, (std::array<float, 3>{0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(chosen.std_dev, kStdDev);
}

TEST_F(ClipFiles, TheTorchScriptArchiveGivesTheSizesItsShapesHave) {
  const ClipCheckpoint checkpoint = read_clip_checkpoint(golden("clip/tiny-h64/openai_jit.pt"), {});
  EXPECT_EQ(checkpoint.format, "OpenAI CLIP (TorchScript)");
  const testing::Json shape = testing::read_json(golden("clip/tiny-h64/expected_shape.json"));
  const ClipConfig& config = checkpoint.network.config;
  EXPECT_EQ(config.embedding, shape.at("embed_dim").integer());
  EXPECT_EQ(config.image_size, shape.at("image_size").integer());
  EXPECT_EQ(config.patch_size, shape.at("patch_size").integer());
  EXPECT_EQ(config.vision.width, shape.at("vision_width").integer());
  EXPECT_EQ(config.vision.layers, shape.at("vision_layers").integer());
  EXPECT_EQ(config.vision.heads, shape.at("vision_heads").integer());
  EXPECT_EQ(config.text.width, shape.at("text_width").integer());
  EXPECT_EQ(config.text.layers, shape.at("text_layers").integer());
  EXPECT_EQ(config.text.heads, shape.at("text_heads").integer());
  EXPECT_EQ(config.context, shape.at("context_length").integer());
  EXPECT_EQ(config.vocabulary, shape.at("vocab_size").integer());
  EXPECT_EQ(config.start_token(), shape.at("start_id").integer());
  EXPECT_EQ(config.end_token(), shape.at("end_id").integer());
  EXPECT_EQ(clip_activation_name(config.vision.activation), shape.at("hidden_act").text);
  EXPECT_FALSE(checkpoint.network.has_tokenizer());
  ASSERT_EQ(checkpoint.notes.size(), 1u);
}

// Of the full golden data, where that is present: EveryContainerGivesTheSameNetwork has one of its
// own.
class GoldenStateDict : public ClipFiles, public ::testing::WithParamInterface<fs::path> {};

std::vector<fs::path> state_dicts() {
  const auto path = find_golden("clip/tiny-vit/openai_state_dict.pt");
  return path ? std::vector{*path} : std::vector<fs::path>{};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenStateDict);
INSTANTIATE_TEST_SUITE_P(ClipFiles, GoldenStateDict, ::testing::ValuesIn(state_dicts()));

TEST_P(GoldenStateDict, IsTheSameNetworkAsTheFolder) {
  EXPECT_NE(error_of([&] { read_clip_checkpoint(GetParam(), {}); }).find("give --heads"),
            std::string::npos);
  ClipOptions options;
  options.heads = {{2, 2}};
  const ClipNetwork network = read_clip_checkpoint(GetParam(), options).network;
  expect_same_parameters(network, tiny_vit());
  expect_same_config(network.config, tiny_vit().config);
}

TEST_F(ClipFiles, EveryContainerGivesTheSameNetwork) {
  const ClipNetwork network = small_clip();
  const auto& tensors = network.parameters;
  const auto expect_read = [&](const fs::path& path, const std::string& format,
                               const ClipOptions& options = kSmallOptions) {
    ASSERT_TRUE(is_clip_checkpoint(path)) << path;
    const ClipCheckpoint checkpoint = read_clip_checkpoint(path, options);
    EXPECT_EQ(checkpoint.format, format);
    expect_same_parameters(checkpoint.network, network);
    ClipConfig expected = network.config;
    expected.text.activation = ClipActivation::gelu;
    expect_same_config(checkpoint.network.config, expected);
  };

  TorchFile bare, counted, wrapped, custom, script;
  expect_read(archive("bare.pt", bare.bytes(state_dict(bare, tensors))),
              "OpenCLIP (state dict, zip)");
  expect_read(archive("counted.pt", counted.bytes(state_dict(counted, tensors, "", true))),
              "OpenAI CLIP (state dict, zip)");
  expect_read(
      archive("wrapped.pt",
              wrapped.bytes(testing::pickle_dict(
                  {{"epoch", "K\x07"}, {"state_dict", state_dict(wrapped, tensors, "module.")}}))),
      "OpenCLIP (state dict, zip)");
  expect_read(
      archive("script.pt", script.bytes(script_module(script, tensors),
                                        {{"made/constants.pkl", "\x80\x02)."},
                                         {"made/code/__torch__.py", "packed, by its method", 8}},
                                        "6\n")),
      "OpenAI CLIP (TorchScript)");

  // OpenCLIP: text parameters under text., and a configuration beside the weights.
  std::map<std::string, Tensor> prefixed;
  for (const auto& [name, tensor] : tensors)
    prefixed[name.starts_with("visual.") || name == "logit_scale" ? name : "text." + name] = tensor;
  prefixed["logit_scale"].shape = {1};
  prefixed["text.attn_mask"] = {{7, 7}, std::vector<float>(49)};
  const std::string open_clip =
      R"({"model_cfg": {"embed_dim": 5, "custom_text": true,
          "vision_cfg": {"image_size": 4, "layers": 1, "width": 8, "patch_size": 2,
                         "head_width": 4, "mlp_ratio": 1.5, "timm_model_name": null},
          "text_cfg": {"context_length": 7, "vocab_size": 514, "width": 6, "heads": 3, "layers": 2}},
          "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073],
                             "std": [0.26862954, 0.26130258, 0.27577711],
                             "interpolation": "bicubic", "resize_mode": "shortest", "size": 4}})";
  tensors_file("open/open_clip_model.safetensors", prefixed);
  write_file(folder_ / "open/open_clip_config.json", open_clip);
  expect_read(folder_ / "open", "OpenCLIP (safetensors)", {});
  expect_read(folder_ / "open/open_clip_model.safetensors", "OpenCLIP (safetensors)", {});
  expect_read(
      archive("torch/open_clip_pytorch_model.bin", custom.bytes(state_dict(custom, prefixed))),
      "OpenCLIP (state dict, zip)");
  write_file(folder_ / "open/open_clip_config.json",
             replaced(open_clip, "\"embed_dim\": 5", "\"embed_dim\": 5, \"quick_gelu\": true"));
  EXPECT_EQ(read_clip_checkpoint(folder_ / "open", {}).network.config.vision.activation,
            ClipActivation::quick_gelu);
}

TEST_F(ClipFiles, WhatNoShapeTellsIsAskedForUnlessTheReleaseIsKnown) {
  const ClipNetwork network = small_clip();
  const fs::path path = tensors_file("weights.safetensors", network.parameters);
  const std::string asks = path.string() +
                           ": weights without a configuration: heads and activation stand neither "
                           "in the file nor in config.json or open_clip_config.json beside it; "
                           "give --heads VISION,TEXT and --activation";
  ClipOptions heads_only, activation_only;
  heads_only.heads = {{2, 3}};
  activation_only.activation = ClipActivation::gelu;
  EXPECT_EQ(error_of([&] { read_clip_checkpoint(path, {}); }), asks);
  EXPECT_EQ(error_of([&] { read_clip_checkpoint(path, heads_only); }), asks);
  EXPECT_EQ(error_of([&] { read_clip_checkpoint(path, activation_only); }), asks);

  // The counters of the original release stand for quick_gelu and heads of 64.
  TorchFile counted;
  const fs::path original =
      archive("original.pt", counted.bytes(state_dict(counted, network.parameters, "", true)));
  EXPECT_EQ(read_clip_checkpoint(original, heads_only).network.config.text.activation,
            ClipActivation::quick_gelu);
  EXPECT_EQ(error_of([&] { read_clip_checkpoint(original, {}); }),
            original.string() +
                ": vision heads: the file does not say how many, and the width 8 is no multiple of "
                "the published 64; give --heads VISION,TEXT");
  ClipOptions wrong;
  wrong.heads = {{3, 3}};
  wrong.activation = ClipActivation::gelu;
  wrong.mean = kMean;
  wrong.std_dev = kStdDev;
  EXPECT_EQ(error_of([&] { read_clip_checkpoint(path, wrong); }),
            path.string() + ": vision heads: expected a divisor of the width 8, got 3");
}

TEST_F(ClipFiles, PreprocessingIsReadFromEitherFileAndNeverTakenForGranted) {
  const auto read = [&](const std::map<std::string, std::string>& instead) {
    const fs::path folder = hugging_face(instead);
    if (!instead.contains("preprocessor_config.json"))
      fs::remove(folder / "preprocessor_config.json");
    return read_clip_checkpoint(folder, {}).network.config;
  };
  const std::string stated = contents(golden("clip/tiny-vit/preprocessor_config.json"));
  const std::string half = R"({"image_processor": {"image_mean": [0.5, 0.5, 0.5],
      "image_std": [0.5, 0.5, 0.5], "size": {"shortest_edge": 64}, "do_resize": true,
      "crop_size": {"height": 64, "width": 64}, "do_center_crop": true, "do_normalize": true,
      "do_rescale": true, "rescale_factor": 0.00392156862745098, "resample": 3},
      "processor_class": "CLIPProcessor"})";
  const std::array<float, 3> halves = {0.5f, 0.5f, 0.5f};
  EXPECT_EQ(read({{"processor_config.json", half}}).mean, halves);
  EXPECT_EQ(read({{"processor_config.json", half}}).std_dev, halves);
  // The newer file wins; one that says nothing of pictures leaves it to the older.
  EXPECT_EQ(read({{"processor_config.json", half}, {"preprocessor_config.json", stated}}).mean,
            halves);
  EXPECT_EQ(read({{"processor_config.json", R"({"processor_class": "CLIPProcessor"})"},
                  {"preprocessor_config.json", stated}})
                .mean,
            kMean);
  fs::remove(folder_ / "hf/processor_config.json");
  const std::string asks = "give --mean R,G,B and --std R,G,B";
  EXPECT_NE(error_of([&] { read({}); }).find(asks), std::string::npos);
  EXPECT_NE(
      error_of([&] {
        read({{"preprocessor_config.json", replaced(stated, "\"image_mean\"", "\"device\"")}});
      }).find(asks),
      std::string::npos);

  // y = (v·f - mean)/std, whatever f and whether it is normalised at all.
  const ClipConfig raw = read({{"preprocessor_config.json", replaced(stated, "\"do_rescale\": true",
                                                                     "\"do_rescale\": false")}});
  const ClipConfig twice = read({{"preprocessor_config.json",
                                  replaced(stated, "0.00392156862745098", "0.00784313725490196")}});
  const ClipConfig plain =
      read({{"preprocessor_config.json",
             replaced(stated, "\"do_normalize\": true", "\"do_normalize\": false")}});
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_FLOAT_EQ(raw.mean[c], kMean[c] / 255);
    EXPECT_FLOAT_EQ(raw.std_dev[c], kStdDev[c] / 255);
    EXPECT_FLOAT_EQ(twice.mean[c], kMean[c] / 2);
    EXPECT_FLOAT_EQ(twice.std_dev[c], kStdDev[c] / 2);
    EXPECT_EQ(plain.mean[c], 0);
    EXPECT_EQ(plain.std_dev[c], 1);
  }
}

TEST_F(ClipFiles, PreprocessingOfAnotherKindIsRefusedByKey) {
  const std::string stated = contents(golden("clip/tiny-vit/preprocessor_config.json"));
  const auto refusal = [&](const std::string& from, const std::string& to) {
    const fs::path folder =
        hugging_face({{"preprocessor_config.json", replaced(stated, from, to)}});
    return error_of([&] { read_clip_checkpoint(folder, {}); });
  };
  const std::pair<std::pair<const char*, const char*>, const char*> cases[] = {
      {{"\"resample\": 3", "\"resample\": 2"}, "resample: expected 3 (bicubic), got 2"},
      {{"\"do_resize\": true", "\"do_resize\": false"}, "do_resize: expected true"},
      {{"\"do_center_crop\": true", "\"do_center_crop\": false"}, "do_center_crop: expected true"},
      {{"\"shortest_edge\": 64", "\"shortest_edge\": 72"},
       "size.shortest_edge: expected the network's"},
      {{"\"shortest_edge\": 64", "\"longest_edge\": 64"}, "size.longest_edge: only shortest_edge"},
      {{"\"shortest_edge\": 64", "\"height\": 64, \"width\": 64"},
       "size.height: only shortest_edge"},
      {{"\"do_resize\"", "\"do_pad\": true, \"do_resize\""},
       "\"do_pad\": this setting is not known"},
      {{"\"do_resize\"", "\"crop_pct\": 0.9, \"do_resize\""}, "\"crop_pct\": this setting"},
      {{"0.00392156862745098", "-1"}, "rescale_factor: expected a positive number"},
  };
  for (const auto& [change, expected] : cases) {
    const std::string error = refusal(change.first, change.second);
    EXPECT_NE(error.find(expected), std::string::npos) << error;
  }
}

TEST_F(ClipFiles, WeightsInSeveralFilesAreOneNetwork) {
  const MappedFile file(golden("clip/tiny-vit/model.safetensors"));
  const Safetensors all(file.bytes());
  const fs::path folder = hugging_face();
  fs::remove(folder / "model.safetensors");
  std::vector<NamedTensor> parts[2];
  std::string map;
  size_t i = 0;
  for (const auto& [name, view] : all.tensors()) {
    const size_t part = i++ % 2;
    parts[part].push_back({name, view});
    map +=
        (map.empty() ? "" : ", ") + ("\"" + name + "\": \"part-" + std::to_string(part) + ".st\"");
  }
  for (size_t part = 0; part < 2; ++part)
    write_safetensors(folder / ("part-" + std::to_string(part) + ".st"), {}, parts[part]);
  const fs::path index = folder / "model.safetensors.index.json";
  const auto write_index = [&](const std::string& entries) {
    write_file(index, "{\"metadata\": {\"total_size\": 7}, \"weight_map\": {" + entries + "}}");
  };
  write_index(map);
  for (const fs::path& path : {folder, index}) {
    const ClipCheckpoint checkpoint = read_clip_checkpoint(path, {});
    EXPECT_EQ(checkpoint.format, "Hugging Face CLIP (safetensors, 2 files)");
    expect_same_parameters(checkpoint.network, tiny_vit());
  }
  const auto refusal = [&](const std::string& entries) {
    write_index(entries);
    return error_of([&] { read_clip_checkpoint(folder, {}); });
  };
  EXPECT_NE(refusal("\"a\": \"../part-0.st\"").find("names no file beside the index"),
            std::string::npos);
  EXPECT_NE(refusal("\"a\": \"/etc/passwd\"").find("names no file beside the index"),
            std::string::npos);
  EXPECT_NE(refusal("").find("weight_map names no file"), std::string::npos);
  EXPECT_NE(refusal("\"a\": \"part-2.st\"").find("part-2.st"), std::string::npos);
  fs::copy(folder / "part-0.st", folder / "part-2.st");
  EXPECT_NE(refusal(map + ", \"a\": \"part-2.st\"").find("lies in two of the files"),
            std::string::npos);
}

TEST_F(ClipFiles, TensorsOfNoTowerStopNothing) {
  auto tensors = small_clip().parameters;
  tensors["logit_bias"] = {{1}, {-10}};
  tensors["head.weight"] = {{2, 2}, {1, 2, 3, 4}};
  const ClipCheckpoint checkpoint =
      read_clip_checkpoint(tensors_file("more.safetensors", tensors), kSmallOptions);
  expect_same_parameters(checkpoint.network, small_clip());
  ASSERT_FALSE(checkpoint.notes.empty());
  EXPECT_EQ(checkpoint.notes[0],
            "tensors that belong to no tower were not read: head.weight, logit_bias");

  // Nor does what wraps all names, or a counter among them.
  TorchFile file;
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [name, tensor] : small_clip().parameters)
    entries.emplace_back("model.module." + name, file.tensor(tensor));
  entries.emplace_back("model.module.visual.steps", file.counter(3));
  entries.emplace_back("steps", file.counter(3));
  entries.emplace_back("when", "cdatetime\ndate\n)R");
  const fs::path wrapped = archive("wrapped.pt", file.bytes(testing::pickle_dict(entries)));
  ASSERT_TRUE(is_clip_checkpoint(wrapped));
  expect_same_parameters(read_clip_checkpoint(wrapped, kSmallOptions).network, small_clip());
}

TEST_F(ClipFiles, TowersByThemselvesAreNamed) {
  const MappedFile file(golden("clip/tiny-vit/model.safetensors"));
  const Safetensors all(file.bytes());
  for (const auto& [begin, said] :
       {std::pair<std::string, std::string>{"text_", "a text tower by itself"},
        {"vision_", "an image tower by itself"}}) {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, view] : all.tensors())
      if (name.starts_with(begin)) tensors.push_back({name, view});
    const fs::path folder = hugging_face();
    write_safetensors(folder / "model.safetensors", {}, tensors);
    EXPECT_TRUE(is_clip_checkpoint(folder / "model.safetensors"));
    EXPECT_NE(error_of([&] { read_clip_checkpoint(folder, {}); }).find(said), std::string::npos);
  }
}

TEST_F(ClipFiles, PointersAndPagesInsteadOfFilesAreNamed) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 605157884\n";
  for (const char* name :
       {"model.safetensors", "config.json", "preprocessor_config.json", "merges.txt"}) {
    const fs::path folder = hugging_face({{name, pointer}});
    const std::string error = error_of([&] { read_clip_checkpoint(folder, {}); });
    EXPECT_NE(error.find("a Git LFS pointer"), std::string::npos) << name << ": " << error;
    EXPECT_NE(error.find(name), std::string::npos) << error;
    fs::remove_all(folder);
  }
}

TEST_F(ClipFiles, AConfigurationThatIsWrongIsRefusedByKey) {
  const std::string config_path = (folder_ / "hf/config.json").string();
  const std::string weights_path = (folder_ / "hf/model.safetensors").string();
  struct Case {
    std::string from, to, error;
  };
  const Case cases[] = {
      {"\"clip\"", "\"siglip\"",
       config_path + ": config.json model_type: expected \"clip\", got \"siglip\""},
      {"\"quick_gelu\"", "\"gelu_new\"",
       config_path +
           ": text_config.hidden_act: unknown activation \"gelu_new\" (known: quick_gelu, gelu)"},
      {"\"hidden_size\": 64", "\"hidden_size\": 65",
       weights_path + ": vision width: the configuration states 65, the tensors have 64"},
      {"\"vocab_size\": 49408", "\"vocab_size\": 49409",
       weights_path + ": vocabulary: the configuration states 49409, the tensors have 49408"},
      {"\"intermediate_size\": 64", "\"intermediate_size\": 63",
       weights_path + ": text mlp_width: the configuration states 63, the tensors have 64"},
      {"\"num_attention_heads\": 2", "\"num_attention_heads\": 3",
       weights_path + ": text heads: expected a divisor of the width 16, got 3"},
      {"\"num_attention_heads\": 2", "\"num_attention_heads\": 0",
       weights_path + ": text heads: expected 1 to 16, got 0"},
      {"\"num_channels\": 3", "\"num_channels\": 1",
       config_path + ": vision_config.num_channels: expected 3, got 1"},
      {"\"image_size\": 64", "\"image_size\": 80",
       config_path.substr(0, config_path.rfind('/')) +
           "/preprocessor_config.json: preprocessor_config.json crop_size.height: expected the "
           "network's image_size 80, got 64"},
      {"\"layer_norm_eps\": 1e-05", "\"layer_norm_eps\": -1e-05",
       config_path + ": config.json layer_norm_eps: the towers differ, which is not supported"},
  };
  for (const auto& [from, to, error] : cases) {
    const fs::path folder = hugging_face({{"config.json", replaced(config(), from, to)}});
    const std::string found = error_of([&] { read_clip_checkpoint(folder, {}); });
    // What naming the weights adds in front of an error about a file beside them.
    const std::string prefix = weights_path + ": ";
    EXPECT_TRUE(found == error || found == prefix + error) << found << "\nexpected " << error;
  }
  const fs::path folder = hugging_face({{"preprocessor_config.json", "{\"resample\": 2}"}});
  EXPECT_NE(error_of([&] {
              read_clip_checkpoint(folder, {});
            }).find("resample: expected 3 (bicubic), got 2"),
            std::string::npos);
}

TEST_F(ClipFiles, TensorsThatAreMissingOddOrUnknownAreRefusedByName) {
  const auto refusal = [&](const std::function<void(std::map<std::string, Tensor>&)>& spoil) {
    auto tensors = small_clip().parameters;
    spoil(tensors);
    const fs::path path = tensors_file("spoilt.safetensors", tensors);
    const std::string error = error_of([&] { read_clip_checkpoint(path, kSmallOptions); });
    EXPECT_EQ(error.find(path.string() + ": "), 0u) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    return error.substr(std::min(error.size(), path.string().size() + 2));
  };
  using Tensors = std::map<std::string, Tensor>;
  EXPECT_EQ(refusal([](Tensors& t) { t.erase("ln_final.bias"); }),
            "ln_final.bias: missing, expected (6)");
  EXPECT_EQ(refusal([](Tensors& t) { t.erase("visual.conv1.weight"); }),
            "no CLIP network: neither visual.conv1.weight nor "
            "vision_model.embeddings.patch_embedding.weight is there");
  EXPECT_EQ(refusal([](Tensors& t) {
              t["visual.ln_mid.weight"] = {{8}, std::vector<float>(8)};
            }),
            "visual.ln_mid.weight: unexpected, a network of this configuration has no such tensor");
  EXPECT_EQ(refusal([](Tensors& t) {
              t["ln_final.bias"] = {{5}, std::vector<float>(5)};
            }),
            "ln_final.bias: expected (6), got (5)");
  EXPECT_EQ(
      refusal([](Tensors& t) {
        t["visual.positional_embedding"] = {{4, 8}, std::vector<float>(32)};
      }),
      "visual.positional_embedding: expected one token and a square of patches, got 4 tokens");
  EXPECT_EQ(refusal([](Tensors& t) {
              t["visual.proj"].values[3] = std::numeric_limits<float>::infinity();
            }),
            "visual.proj: expected finite values, got inf at element 3");
  EXPECT_EQ(refusal([](Tensors& t) {
              t["visual.attnpool.positional_embedding"] = {{1}, {0}};
            }),
            "visual.attnpool.positional_embedding: a convolutional (ResNet) image tower is not "
            "read, only vision transformers are");
  EXPECT_EQ(refusal([](Tensors& t) {
              t["visual.trunk.patch_embed.proj.weight"] = {{1}, {0}};
            }),
            "visual.trunk.patch_embed.proj.weight: a timm image tower is not read, only vision "
            "transformers are");
  // A layer in the middle is gone: those behind it have no place.
  EXPECT_EQ(refusal([](Tensors& t) {
              for (auto it = t.begin(); it != t.end();)
                it = it->first.starts_with("transformer.resblocks.0.") ? t.erase(it) : ++it;
            }),
            "transformer.resblocks.0.mlp.c_fc.weight: missing");
}

TEST_F(ClipFiles, HuggingFaceNamesAreRefusedByTheirOwnName) {
  const MappedFile file(golden("clip/tiny-vit/model.safetensors"));
  const Safetensors golden_tensors(file.bytes());
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, view] : golden_tensors.tensors())
      if (name != from || !to.empty()) tensors.push_back({name == from ? to : name, view});
    const fs::path folder = hugging_face();
    write_safetensors(folder / "model.safetensors", {}, tensors);
    return error_of([&] { read_clip_checkpoint(folder, {}); })
        .substr((folder / "model.safetensors: ").string().size());
  };
  const std::string layer = "text_model.encoder.layers.1.";
  EXPECT_EQ(refusal(layer + "self_attn.k_proj.bias", ""),
            layer + "self_attn.k_proj.bias: missing, expected as " + layer +
                "self_attn.q_proj.bias is there");
  EXPECT_EQ(refusal(layer + "self_attn.q_proj.bias", ""), layer + "self_attn.q_proj.bias: missing");
  EXPECT_EQ(refusal(layer + "mlp.fc1.bias", layer + "mlp.fc3.bias"),
            layer + "mlp.fc3.bias: no tensor of a Hugging Face CLIPModel");
  EXPECT_EQ(refusal("logit_scale", "logit_bias"), "logit_scale: missing, expected ()");
}

TEST_F(ClipFiles, OpenClipSettingsOfOtherNetworksAreRefused) {
  const auto refusal = [&](const std::string& text) {
    tensors_file("open/open_clip_model.safetensors", small_clip().parameters);
    write_file(folder_ / "open/open_clip_config.json", text);
    return error_of([&] { read_clip_checkpoint(folder_ / "open", {}); });
  };
  EXPECT_NE(refusal(R"({"model_cfg": {"vision_cfg": {"layers": [3, 4, 6, 3]}}})")
                .find("vision_cfg.layers: a convolutional image tower is not read"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"model_cfg": {"text_cfg": {"hf_model_name": "xlm-roberta-base"}}})")
                .find("text_cfg.hf_model_name: a network with this setting is not read"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"preprocess_cfg": {"interpolation": "bilinear"}})")
                .find("preprocess_cfg.interpolation: expected \"bicubic\", got \"bilinear\""),
            std::string::npos);
}

TEST_F(ClipFiles, OtherFilesAndFoldersAreNoClip) {
  EXPECT_FALSE(is_clip_checkpoint(archive("text", "not weights")));
  EXPECT_FALSE(is_clip_checkpoint(archive("empty", "")));
  EXPECT_FALSE(is_clip_checkpoint(tensors_file("other.safetensors", {{"a", {{1}, {0}}}})));
  EXPECT_FALSE(is_clip_file(folder_ / "other.safetensors"));
  EXPECT_NE(error_of([&] { is_clip_file(folder_ / "text"); }), "no error");
  EXPECT_NE(error_of([&] { read_clip_checkpoint(folder_, {}); }).find(": no CLIP checkpoint: "),
            std::string::npos);
  EXPECT_NE(error_of([&] { is_clip_checkpoint(folder_ / "nothing"); }), "no error");
}
}  // namespace vernissage
