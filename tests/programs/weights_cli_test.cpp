// Goal: vernissage-weights does what its help says, and says in one line why it does not.
// Method: the program itself, run as a process on golden checkpoints and on files made here; its
// exit status, its output and the files it leaves are looked at.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/clip/clip_network.h"
#include "engine/formats/network.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"

extern char** environ;

namespace vernissage {
namespace fs = std::filesystem;
using testing::golden;
using testing::golden_entries;
using testing::Json;
using testing::parse_json;

namespace {

struct Result {
  int status = -1;
  std::string out, err;
};

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class WeightsCli : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vernissage-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    outer_ = name;
    folder_ = outer_ / "work";
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(outer_); }

  Result run(std::vector<std::string> arguments, const std::string& output = "") const {
    arguments.insert(arguments.begin(), VERNISSAGE_WEIGHTS_BINARY);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const fs::path out = output.empty() ? outer_ / "out" : fs::path(output), err = outer_ / "err";
    constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), kWrite, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), kWrite, 0600);
    pid_t process = 0;
    const int failed = posix_spawn(&process, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw Error(std::string(argv[0]) + " cannot be started");
    int status = 0;
    waitpid(process, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output.empty() ? contents(out) : "",
            contents(err)};
  }
  std::string in_folder(const std::string& name) const { return (folder_ / name).string(); }
  size_t entry_count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  void expect_refused(const Result& result, const std::string& file) const {
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.find("vernissage-weights: " + file + ": "), 0u) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_TRUE(result.err.ends_with('\n')) << result.err;
  }

  fs::path outer_, folder_;  // folder_ holds what the program leaves, and nothing else
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_F(WeightsCli, HelpNamesEveryCommandAndOption) {
  const Result help = run({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* word : {"convert", "inspect", "sketch", "Exit status"})
    EXPECT_TRUE(has(help.out, word)) << word;
  EXPECT_TRUE(has(run({"convert", "--help"}).out, "--network"));
  EXPECT_TRUE(has(run({"inspect", "--help"}).out, "--json"));
  const std::string sketch = run({"sketch", "--help"}).out;
  for (const char* option : {"--resolution", "--seed", "--channel-base", "--channel-max", "--w-dim",
                             "--z-dim", "--mapping-layers"})
    EXPECT_TRUE(has(sketch, option)) << option;
}

TEST_F(WeightsCli, AWrongCommandLineIsStatusTwoAndOneLine) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"frame"},
      {"convert", "a"},
      {"convert", "a", "b", "c"},
      {"convert", "a", "b", "--network", "D"},
      {"inspect"},
      {"sketch", in_folder("s")},
      {"sketch", in_folder("s"), "--resolution", "large"},
      {"sketch", in_folder("s"), "--resolution", "16", "--seed", "-1"},
  };
  for (const auto& arguments : wrong) {
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_EQ(entry_count(), 0u);
}

TEST_F(WeightsCli, SketchWritesAnUntrainedNetworkThatIsTheSameForTheSameSeed) {
  const std::vector<std::string> options = {"--resolution",     "32", "--channel-base", "1024",
                                            "--w-dim",          "64", "--z-dim",        "48",
                                            "--mapping-layers", "3"};
  const auto sketch = [&](const std::string& name, const std::string& seed) {
    std::vector<std::string> arguments = {"sketch", in_folder(name), "--seed", seed};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    EXPECT_TRUE(has(result.out, "untrained, skip 32x32, 3 mapping layers")) << result.out;
  };
  sketch("a", "7");
  sketch("b", "7");
  sketch("c", "8");
  EXPECT_EQ(contents(in_folder("a")), contents(in_folder("b")));
  const Network a = load_network(in_folder("a")), c = load_network(in_folder("c"));
  EXPECT_TRUE(a.config.untrained);
  EXPECT_EQ(a.config.source, "sketch");
  EXPECT_EQ(a.config.widths, (std::vector<int>{256, 128, 64, 32}));
  EXPECT_EQ(a.config.z_dim, 48);
  EXPECT_NE(a.at("synthesis.b4.const").values, c.at("synthesis.b4.const").values);
  EXPECT_EQ(entry_count(), 3u);
}

TEST_F(WeightsCli, SketchIsTheSameOnEveryMachine) {
  // FNV-1a over the bits of all parameters in canonical order. Nothing in the making may depend on
  // the compiler's flags or the machine: only sums, products and square roots of doubles, never
  // fused.
  ASSERT_EQ(run({"sketch", in_folder("s"), "--resolution", "16", "--seed", "1", "--channel-base",
                 "256", "--w-dim", "32", "--z-dim", "16"})
                .status,
            0);
  const Network network = load_network(in_folder("s"));
  uint64_t hash = 0xcbf29ce484222325;
  for (const ParameterSpec& spec : parameters(network.config))
    for (const std::byte byte : std::as_bytes(std::span(network.at(spec.name).values)))
      hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  EXPECT_EQ(hash, 16198188345849709896u);
}

TEST_F(WeightsCli, SketchRefusesWhatNoNetworkCanBe) {
  const auto refused = [&](const char* option, const char* value, const char* message) {
    std::vector<std::string> arguments = {"sketch", in_folder("s"), option, value};
    if (option != std::string("--resolution"))
      arguments.insert(arguments.end(), {"--resolution", "16"});
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err, std::string("vernissage-weights: ") + message + "\n");
  };
  refused("--resolution", "12", "resolution: expected a power of two, got 12");
  refused("--resolution", "8192", "--resolution: expected 4 to 4096, got 8192");
  refused("--channel-max", "0", "--channel-max: expected 1 to 4096, got 0");
  refused("--mapping-layers", "0", "--mapping-layers: expected 1 to 64, got 0");
  EXPECT_EQ(entry_count(), 0u);
}

TEST_F(WeightsCli, ConvertReadsOurOwnFileBackIn) {
  ASSERT_EQ(run({"sketch", in_folder("a"), "--resolution", "8", "--channel-base", "64"}).status, 0);
  const Result result = run({"convert", in_folder("a"), in_folder("b")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.find(in_folder("b") + ": "), 0u) << result.out;
  const Network a = load_network(in_folder("a")), b = load_network(in_folder("b"));
  EXPECT_EQ(a.config.source, b.config.source);
  EXPECT_TRUE(b.config.untrained);
  for (const auto& [name, tensor] : a.parameters)
    EXPECT_EQ(tensor.values, b.at(name).values) << name;
}

TEST_F(WeightsCli, ConvertAndInspectReadEveryGoldenCheckpoint) {
  for (const std::string& model : golden_entries("stylegan2/models"))
    for (const char* file :
         {"network.pkl", "network.pt", "network_legacy.pt", "network_train.pt"}) {
      const auto path = testing::find_golden("stylegan2/models/" + model + "/" + file);
      if (!path) continue;
      SCOPED_TRACE(path->string());
      const Result converted = run({"convert", path->string(), in_folder(model)});
      EXPECT_EQ(converted.status, 0) << converted.err;
      const Network network = load_network(in_folder(model));

      const Result text = run({"inspect", path->string()});
      EXPECT_EQ(text.status, 0) << text.err;
      EXPECT_TRUE(has(text.out, std::string("architecture     ") +
                                    architecture_name(network.config.architecture)));
      EXPECT_TRUE(has(text.out, "counted on input pixels (transposed form)"));

      const Result machine = run({"inspect", "--json", path->string()});
      EXPECT_EQ(machine.status, 0) << machine.err;
      const Json json = parse_json(machine.out);
      const Json& described = json.at("network");
      EXPECT_EQ(described.at("source").text, network.config.source);
      EXPECT_EQ(described.at("resolution").integer(), network.config.resolution);
      EXPECT_EQ(described.at("widths").items.size(), network.config.widths.size());
      EXPECT_EQ(described.at("c_dim").integer(), network.config.c_dim);
      double macs = 0;
      for (const LayerCost& cost : layer_costs(network.config)) macs += cost.macs;
      EXPECT_EQ(json.at("macs").at("transposed").number, macs);
      ASSERT_EQ(json.at("tensors").items.size(), network.parameters.size());
      double parameters = 0;
      for (const Json& tensor : json.at("tensors").items) {
        const std::vector<float>& values = network.at(tensor.at("name").text).values;
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        EXPECT_EQ(tensor.at("min").number, *low);
        EXPECT_EQ(tensor.at("max").number, *high);
        parameters += static_cast<double>(values.size());
      }
      EXPECT_EQ(json.at("parameters").at("total").number, parameters);
    }
}

TEST_F(WeightsCli, InspectShowsTheTensorsOfAnySafetensorsFile) {
  const std::string path = golden("stylegan2/hostile/ok_plain.safetensors").string();
  const Result text = run({"inspect", path});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_TRUE(has(text.out, path + ": safetensors\n"));
  EXPECT_TRUE(has(text.out, "synthesis.b4.const "));

  const int64_t integers[] = {-3, 5, 10};
  const uint16_t halves[] = {0x3c00, 0x7c00, 0xbc00, 0x7e00};  // 1, infinity, -1, not a number
  write_safetensors(in_folder("t"), {{"by", "a \"test\"\n"}},
                    {{"whole", {DType::i64, {3}, std::as_bytes(std::span(integers))}},
                     {"half", {DType::f16, {2, 2}, std::as_bytes(std::span(halves))}},
                     {"empty", {DType::u8, {0}, {}}}});
  const Json json = parse_json(run({"inspect", in_folder("t"), "--json"}).out);
  EXPECT_TRUE(json.at("network").is_null());
  EXPECT_EQ(json.at("metadata").at("by").text, "a \"test\"\n");
  const auto& tensors = json.at("tensors").items;
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors[0].at("name").text, "whole");
  EXPECT_EQ(tensors[0].at("dtype").text, "I64");
  EXPECT_EQ(tensors[0].at("min").number, -3);
  EXPECT_EQ(tensors[0].at("max").number, 10);
  EXPECT_EQ(tensors[0].at("mean").number, 4);
  EXPECT_EQ(tensors[1].at("shape").items.size(), 2u);
  EXPECT_EQ(tensors[1].at("min").number, -1);
  EXPECT_EQ(tensors[1].at("max").number, 1);
  EXPECT_EQ(tensors[1].at("mean").number, 0);
  EXPECT_EQ(tensors[1].at("non_finite").number, 2);
  EXPECT_EQ(tensors[2].at("max").number, 0);
}

TEST_F(WeightsCli, RefusedFilesAreOneLineAndLeaveTheOldOutput) {
  std::ofstream(in_folder("out")) << "old";
  for (const std::string& name : golden_entries("stylegan2/hostile")) {
    if (name.starts_with("ok_") || name.ends_with(".json")) continue;
    const std::string path = golden("stylegan2/hostile/" + name).string();
    expect_refused(run({"convert", path, in_folder("out")}), path);
  }
  const std::string plain = golden("stylegan2/hostile/ok_plain.safetensors").string();
  expect_refused(run({"convert", plain, in_folder("out")}), plain);
  expect_refused(run({"convert", in_folder("missing"), in_folder("out")}), in_folder("missing"));
  expect_refused(run({"inspect", in_folder("missing")}), in_folder("missing"));
  expect_refused(run({"inspect", folder_.string()}), folder_.string());
  EXPECT_EQ(contents(in_folder("out")), "old");
  EXPECT_EQ(entry_count(), 1u);
}

TEST_F(WeightsCli, AnOutputThatCannotBeWrittenIsNamed) {
  const std::string model = golden("stylegan2/hostile/ok_ada8.pkl").string();
  const std::string nowhere = in_folder("none") + "/out";
  expect_refused(run({"convert", model, nowhere}), nowhere);
  expect_refused(run({"convert", model, folder_.string()}), folder_.string());
  expect_refused(run({"sketch", nowhere, "--resolution", "8", "--channel-max", "8"}), nowhere);
  EXPECT_EQ(entry_count(), 0u);
}

TEST_F(WeightsCli, OutputThatGoesNowhereIsAnError) {
  if (!fs::exists("/dev/full")) return;  // a device of Linux
  const std::string model = golden("stylegan2/hostile/ok_ada8.pkl").string();
  const Result result = run({"inspect", model}, "/dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(result.err.starts_with("vernissage-weights: standard output cannot be written"))
      << result.err;
}

TEST_F(WeightsCli, ConvertTakesTheNetworkThatIsAskedFor) {
  const std::string model = golden("stylegan2/models/ada32/network.pkl").string();
  ASSERT_EQ(run({"convert", model, in_folder("average")}).status, 0);
  ASSERT_EQ(run({"convert", model, in_folder("ema"), "--network", "G_ema"}).status, 0);
  ASSERT_EQ(run({"convert", model, in_folder("trained"), "--network", "G"}).status, 0);
  EXPECT_EQ(contents(in_folder("average")), contents(in_folder("ema")));
  EXPECT_NE(contents(in_folder("average")), contents(in_folder("trained")));
}

TEST_F(WeightsCli, ConvertRecognisesAClipFolderAndKeepsItsTokenizer) {
  const fs::path golden_folder = golden("clip/tiny-vit/model.safetensors").parent_path();
  const std::string merges = golden("clip/merges.txt").string();
  const Result plain = run({"convert", golden_folder.string(), in_folder("plain")});
  EXPECT_EQ(plain.status, 0) << plain.err;
  EXPECT_TRUE(
      has(plain.out, "Hugging Face CLIP (safetensors), ViT 64/16, towers 64 x 3 and 16 x 3"))
      << plain.out;
  EXPECT_TRUE(has(plain.out, "\nnote: no tokenizer beside the weights")) << plain.out;
  const Result result = run({"convert", golden_folder.string(), in_folder("curator"), "--tokenizer",
                             merges, "--dtype", "f16"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_FALSE(has(result.out, "note:")) << result.out;
  const ClipNetwork network = load_clip(in_folder("curator"));
  EXPECT_EQ(network.merges.size(), 48894u);
  EXPECT_EQ(network.config.vision.heads, 2);
  // The golden parameters are halves.
  EXPECT_EQ(network.at("visual.proj").values,
            load_clip(in_folder("plain")).at("visual.proj").values);
  EXPECT_LT(fs::file_size(in_folder("curator")), fs::file_size(in_folder("plain")));
}

TEST_F(WeightsCli, ConvertTakesHeadsAndActivationOfClipFromTheUser) {
  const std::string archive = golden("clip/tiny-h64/openai_jit.pt").string();
  const Result result =
      run({"convert", archive, in_folder("out"), "--heads", "4,2", "--activation", "gelu"});
  EXPECT_EQ(result.status, 0) << result.err;
  const ClipNetwork network = load_clip(in_folder("out"));
  EXPECT_EQ(network.config.vision.heads, 4);
  EXPECT_EQ(network.config.text.heads, 2);
  EXPECT_EQ(network.config.text.activation, ClipActivation::gelu);
  for (const auto& wrong : std::vector<std::vector<std::string>>{{"--heads", "4"},
                                                                 {"--heads", "4,x"},
                                                                 {"--heads", "4,0"},
                                                                 {"--activation", "relu6"},
                                                                 {"--dtype", "bf16"}}) {
    std::vector<std::string> arguments = {"convert", archive, in_folder("no")};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(run(arguments).status, 2) << wrong[0] << " " << wrong[1];
  }
  expect_refused(run({"convert", archive, in_folder("no"), "--heads", "3,1"}), archive);
  expect_refused(run({"convert", archive, in_folder("no"), "--network", "G"}), archive);
  expect_refused(run({"convert", archive, in_folder("no"), "--activation", "lrelu"}), archive);
  expect_refused(run({"convert", archive, in_folder("no"), "--conv-clamp", "256"}), archive);
  const std::string generator = golden("stylegan2/models/ada32/network.pkl").string();
  expect_refused(run({"convert", generator, in_folder("no"), "--heads", "3,1"}), generator);
  expect_refused(run({"convert", generator, in_folder("no"), "--dtype", "f16"}), generator);
  expect_refused(run({"convert", generator, in_folder("no"), "--mean", "0,0,0"}), generator);
  EXPECT_EQ(entry_count(), 1u);
}

TEST_F(WeightsCli, ConvertAsksForWhatAStateDictDoesNotTellAndKeepsIt) {
  for (const char* name : {"ada8_state_dict.pt", "ada8_state_dict.safetensors"}) {
    const std::string file = golden(std::string("stylegan2/brought/") + name).string();
    const Result asked = run({"convert", file, in_folder("no")});
    expect_refused(asked, file);
    EXPECT_TRUE(has(asked.err, "--conv-clamp none|NUMBER")) << asked.err;
    const Result result = run({"convert", file, in_folder("out"), "--conv-clamp", "none",
                               "--mapping-lr-multiplier", "0.01", "--activation", "lrelu"});
    EXPECT_EQ(result.status, 0) << result.err;
    ASSERT_EQ(run({"convert", golden("stylegan2/hostile/ok_ada8.pkl").string(), in_folder("same")})
                  .status,
              0);
    EXPECT_EQ(contents(in_folder("out")), contents(in_folder("same"))) << name;
  }
  const Result listed =
      run({"inspect", golden("stylegan2/brought/ada8_state_dict.safetensors").string()});
  EXPECT_EQ(listed.status, 0) << listed.err;
  EXPECT_TRUE(has(listed.out, "note: ")) << listed.out;
  EXPECT_TRUE(has(listed.out, "synthesis.b4.const")) << listed.out;
  const std::string noiseless = golden("stylegan2/brought/ros8_no_noises.pt").string();
  ASSERT_EQ(run({"convert", noiseless, in_folder("seeded")}).status, 0);
  EXPECT_TRUE(has(contents(in_folder("seeded")), "noise_const\":\"standard normal"));
}

TEST_F(WeightsCli, InspectDescribesClip) {
  const std::string folder = golden("clip/tiny-vit/model.safetensors").parent_path().string();
  const Result text = run({"inspect", folder});
  EXPECT_EQ(text.status, 0) << text.err;
  for (const char* part :
       {"Hugging Face CLIP (safetensors)", "64 x 64 in patches of 16, 17 tokens",
        "64 wide, 3 layers, 2 heads, MLP 256, quick_gelu", "vocabulary 49408, at most 77 tokens",
        "1004705 in all", "visual.transformer.resblocks.2.attn.in_proj_weight"})
    EXPECT_TRUE(has(text.out, part)) << part;
  const Json json = parse_json(run({"inspect", folder, "--json"}).out);
  EXPECT_EQ(json.at("network").at("kind").text, "clip");
  EXPECT_EQ(json.at("network").at("vision").at("heads").integer(), 2);
  EXPECT_EQ(json.at("network").at("merges").integer(), 0);
  EXPECT_EQ(json.at("parameters").at("total").integer(), 1004705);
  EXPECT_EQ(json.at("tensors").items.size(), 2u * 3 * 12 + 14);

  // Weights without their configuration: the tensors all the same, and what is missing.
  fs::copy_file(golden("clip/tiny-vit/model.safetensors"), in_folder("alone.safetensors"));
  const Result alone = run({"inspect", in_folder("alone.safetensors")});
  EXPECT_EQ(alone.status, 0) << alone.err;
  EXPECT_TRUE(has(alone.out, "note: ")) << alone.out;
  EXPECT_TRUE(has(alone.out, "give --heads VISION,TEXT and --activation")) << alone.out;
  EXPECT_TRUE(has(alone.out, "vision_model.pre_layrnorm.weight")) << alone.out;
}

}  // namespace vernissage
