// Goal: our own CLIP file gives back what was written into it and nothing broken; the vocabulary's
// files, the numbers in JSON and TorchScript's boxes are read strictly.
// Method: a tiny network written, read and spoilt in one place; vocabularies made here, compressed
// by hand; archives whose pickles are made here; published sizes against the sums of our own.
#include "engine/clip/clip_network.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/small_clip.h"
#include "tests/support/torch_writer.h"
#include "weights_tools/clip_checkpoint.h"
#include "weights_tools/containers/crc32.h"
#include "weights_tools/inspect_clip.h"
#include "weights_tools/readers/clip/vocabulary.h"

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

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class ClipFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vernissage-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream out(folder_ / name, std::ios::binary);
    out << text;
    out.close();
    EXPECT_TRUE(out) << name;
    return folder_ / name;
  }
  /// The error's text behind the file's name, which must be there.
  static std::string refusal(const fs::path& path, const auto& action) {
    const std::string error = error_of(action), prefix = path.string() + ": ";
    EXPECT_TRUE(error.starts_with(prefix)) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    return error.substr(std::min(error.size(), prefix.size()));
  }

  fs::path folder_;
};

const std::vector<std::string> kMerges = {"t h", "th e</w>", "a n"};

#ifdef VERNISSAGE_WITH_ZLIB
/// gzip, RFC 1952, of one stored block (RFC 1951, 3.2.4).
std::string gzip(const std::string& text) {
  EXPECT_LT(text.size(), 0x10000u);
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff\x01", 11);
  const auto put = [&](auto value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  };
  put(static_cast<uint16_t>(text.size()));
  put(static_cast<uint16_t>(~text.size()));
  out += text;
  put(crc32(std::as_bytes(std::span(text))));
  put(static_cast<uint32_t>(text.size()));
  return out;
}
#endif

}  // namespace

TEST_F(ClipFile, GivesBackWhatWasSaved) {
  const ClipNetwork network = small_clip(kMerges);
  for (const DType stored : {DType::f32, DType::f16}) {
    save_clip(folder_ / "a", network, stored, {{"note", "kept"}});
    EXPECT_TRUE(is_clip_file(folder_ / "a"));
    const ClipNetwork back = load_clip(folder_ / "a");
    EXPECT_EQ(back.merges, network.merges);
    EXPECT_EQ(back.config.source, "vernissage");
    EXPECT_EQ(back.config.text.heads, 3);
    EXPECT_EQ(back.config.vision.activation, ClipActivation::gelu);
    EXPECT_EQ(back.config.text.activation, ClipActivation::quick_gelu);
    EXPECT_EQ(back.config.mean, network.config.mean);
    EXPECT_EQ(back.config.std_dev, network.config.std_dev);
    for (const auto& [name, tensor] : network.parameters)
      EXPECT_EQ(back.at(name).values, tensor.values) << name;
    const MappedFile mapped(folder_ / "a");
    const Safetensors file(mapped.bytes());
    EXPECT_EQ(file.metadata().at("note"), "kept");
    EXPECT_EQ(file.tensors().at("visual.proj").dtype, stored);
    EXPECT_EQ(file.tensors().at("ln_final.bias").dtype, DType::f32);
  }
  save_clip(folder_ / "b", network);
  save_clip(folder_ / "c", load_clip(folder_ / "b"));
  EXPECT_EQ(contents(folder_ / "b"), contents(folder_ / "c"));
  save_clip(folder_ / "wordless", small_clip());
  EXPECT_FALSE(load_clip(folder_ / "wordless").has_tokenizer());
}

TEST_F(ClipFile, ANetworkThatIsNotWholeIsNeitherSavedNorLoaded) {
  const fs::path path = folder_ / "x";
  const auto save_error = [&](const std::function<void(ClipNetwork&)>& spoil,
                              DType stored = DType::f32) {
    ClipNetwork network = small_clip(kMerges);
    spoil(network);
    return refusal(path, [&] { save_clip(path, network, stored); });
  };
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.parameters.erase("logit_scale"); }),
            "logit_scale: missing, expected f32 ()");
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.config.vision.heads = 5; }),
            "vision heads: expected a divisor of the width 8, got 5");
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.config.patch_size = 3; }),
            "patch_size: expected a divisor of image_size 4, got 3");
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.merges.pop_back(); }),
            "vocabulary: expected 516 for 2 merges (512 + merges + 2), got 517");
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.merges[1] = "the e"; }),
            "merge 1 \"the e\": no byte and no earlier merge makes \"the\"");
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.config.layer_norm_eps = 0; }),
            "layer_norm_eps: expected a positive number, got 0.000000");
  EXPECT_EQ(save_error([](ClipNetwork& n) { n.parameters.at("visual.proj").values[1] = 65520; },
                       DType::f16),
            "visual.proj: 65520 is beyond the largest half; store as f32");
  EXPECT_FALSE(fs::exists(path));

  const auto load_error =
      [&](const std::function<void(std::map<std::string, std::string>&,
                                   std::map<std::string, TensorView>&)>& spoil) {
        save_clip(folder_ / "good", small_clip(kMerges));
        const MappedFile mapped(folder_ / "good");
        const Safetensors file(mapped.bytes());
        auto metadata = file.metadata();
        auto tensors = file.tensors();
        spoil(metadata, tensors);
        std::vector<NamedTensor> list;
        for (const auto& [name, view] : tensors) list.push_back({name, view});
        write_safetensors(path, metadata, list);
        return refusal(path, [&] { load_clip(path); });
      };
  EXPECT_EQ(load_error([](auto& m, auto&) { m["format"] = "vernissage-stylegan2"; }),
            "metadata format: expected \"vernissage-clip\", got \"vernissage-stylegan2\"");
  EXPECT_EQ(load_error([](auto& m, auto&) { m["format_version"] = "2"; }),
            "metadata format_version: expected \"1\", got \"2\"");
  EXPECT_EQ(load_error([](auto& m, auto&) { m.erase("text.heads"); }),
            "metadata text.heads: missing");
  EXPECT_EQ(load_error([](auto& m, auto&) { m["vision.activation"] = "relu"; }),
            "unknown activation \"relu\" (known: quick_gelu, gelu)");
  EXPECT_EQ(load_error([](auto& m, auto&) { m["mean"] = "1,2"; }),
            "metadata mean: expected 3 numbers, got 2");
  EXPECT_EQ(load_error([](auto& m, auto&) { m["vision.layers"] = "1000000"; }),
            "vision layers: expected 1 to 256, got 1000000");
  EXPECT_EQ(load_error([](auto&, auto& t) { t.erase("visual.proj"); }),
            "visual.proj: missing, expected f32 (8, 5)");
  EXPECT_EQ(load_error([](auto&, auto& t) { t["extra"] = t.at("logit_scale"); }),
            "\"extra\": unexpected, a network of this configuration has no such parameter");
  EXPECT_EQ(load_error([](auto&, auto& t) { t.at("tokenizer.merges") = t.at("logit_scale"); }),
            "tokenizer.merges: expected U8 of rank 1, got F32 ()");
  EXPECT_EQ(load_error([](auto&, auto& t) {
              TensorView& merges = t.at("tokenizer.merges");
              merges.bytes = merges.bytes.first(merges.bytes.size() - 1);
              --merges.shape[0];
            }),
            "tokenizer.merges: the last line does not end");
}

TEST_F(ClipFile, VocabulariesAreReadFromEitherFileAndComparedWithTheirIds) {
  const std::string lines = "t h\nth e</w>\na n\n", header = "#version: 0.2\n";
  const fs::path merges = write("merges.txt", header + lines);
  EXPECT_EQ(read_vocabulary(merges, 517).merges, kMerges);
  EXPECT_EQ(read_vocabulary(folder_, 517).merges, kMerges);
  EXPECT_EQ(read_vocabulary(write("crlf.txt", "#version\r\nt h\r\nth e</w>\r\na n"), 517).merges,
            kMerges);
  EXPECT_EQ(refusal(merges, [&] { read_vocabulary(merges, 516); }),
            "line 4: expected 2 merges for the network's vocabulary, got more");
  EXPECT_EQ(refusal(merges, [&] { read_vocabulary(merges, 518); }),
            "expected 4 merges for the network's vocabulary, got 3");
  EXPECT_EQ(refusal(merges, [&] { read_vocabulary(merges, 514); }),
            "a vocabulary of 514 ids has no merges, expected more than 514");
  const fs::path headless = write("headless.txt", lines);
  EXPECT_EQ(refusal(headless, [&] { read_vocabulary(headless, 517); }),
            "line 1: expected #version, got \"t h\"");

  const auto write_ids = [&](int the_id) {
    std::string text = "{\"th\": 512, \"the</w>\": " + std::to_string(the_id) + ", \"an\": 514, " +
                       "\"<|startoftext|>\": 515, \"<|endoftext|>\": 516";
    for (int i = 0; i < 512; ++i)
      text += ", \"symbol " + std::to_string(i) + "\": " + std::to_string(i);
    return write("vocab.json", text + "}");
  };
  write_ids(513);
  EXPECT_EQ(read_vocabulary(merges, 517).merges, kMerges);
  const fs::path ids = write_ids(511);
  EXPECT_EQ(refusal(ids, [&] { read_vocabulary(merges, 517); }),
            "\"the</w>\": expected id 513 as in the merges, got 511");
  write("vocab.json", "{\"th\": 512}");
  EXPECT_EQ(refusal(ids, [&] { read_vocabulary(merges, 517); }),
            "expected 517 ids for 3 merges, got 1");

  EXPECT_EQ(refusal(folder_ / "none",
                    [&] {
                      fs::create_directory(folder_ / "none");
                      read_vocabulary(folder_ / "none", 517);
                    }),
            "neither merges.txt, tokenizer.json nor bpe_simple_vocab_16e6.txt.gz is there");
}

#ifdef VERNISSAGE_WITH_ZLIB
TEST_F(ClipFile, TheCompressedListGoesOnBehindTheMerges) {
  const std::string text =
      "\"bpe_simple_vocab_16e6.txt#version: 0.2\nt h\nth e</w>\na n\no n\ni n\n";
  const fs::path list = write("list", gzip(text));
  EXPECT_EQ(read_vocabulary(list, 517).merges, kMerges);
  EXPECT_EQ(refusal(list, [&] { read_vocabulary(list, 520); }),
            "expected 6 merges for the network's vocabulary, got 5");
  const std::string whole = gzip(text);
  const fs::path cut = write("cut", whole.substr(0, whole.size() - 3));
  EXPECT_EQ(refusal(cut, [&] { read_vocabulary(cut, 517); }),
            "offset " + std::to_string(whole.size() - 3) + ": no gzip data, or cut off");
  std::string spoilt = whole;
  spoilt[20] ^= 1;
  const fs::path wrong = write("wrong", spoilt);
  EXPECT_NE(refusal(wrong, [&] { read_vocabulary(wrong, 517); }).find("no gzip data"),
            std::string::npos);
  if (const auto published = find_golden("clip/bpe_simple_vocab_16e6.txt.gz")) {
    EXPECT_EQ(read_vocabulary(*published, 49408).merges,
              read_vocabulary(golden("clip/merges.txt"), 49408).merges);
  }
}
#endif

TEST_F(ClipFile, ATokenizerFileGivesItsMergesAndTheTokensAddedToThem) {
  std::string vocab;
  for (int i = 0; i < 512; ++i)
    vocab += "\"symbol " + std::to_string(i) + "\": " + std::to_string(i) + ", ";
  vocab += R"("th": 512, "the</w>": 513, "an": 514, "<|startoftext|>": 515, "<|endoftext|>": 516)";
  const auto tokenizer = [&](const std::string& merges, const std::string& more = "",
                             const std::string& added = "") {
    return write("tokenizer.json",
                 "{\"version\": \"1.0\", \"normalizer\": {\"type\": \"NFC\"}, \"added_tokens\": "
                 "[{\"id\": 516, \"content\": \"<|endoftext|>\", \"special\": true}" +
                     added + "], \"model\": {\"type\": \"BPE\", \"dropout\": null, " + more +
                     "\"end_of_word_suffix\": \"</w>\", \"vocab\": {" + vocab +
                     "}, \"merges\": " + merges + "}}");
  };
  const std::string lines = R"(["t h", "th e</w>", "a n"])";
  const fs::path path = tokenizer(lines);
  EXPECT_EQ(read_vocabulary(path, 517).merges, kMerges);
  EXPECT_EQ(read_vocabulary(folder_, 517).merges, kMerges);
  EXPECT_TRUE(read_vocabulary(path, 517).added.empty());
  tokenizer(R"([["t", "h"], ["th", "e</w>"], ["a", "n"]])");
  EXPECT_EQ(read_vocabulary(path, 517).merges, kMerges);
  EXPECT_EQ(refusal(path, [&] { read_vocabulary(path, 518); }),
            "expected 4 merges for the network's vocabulary, got 3");
  tokenizer(R"(["a n", "t h", "th e</w>"])");
  EXPECT_EQ(refusal(path, [&] { read_vocabulary(path, 517); }),
            "\"an\": expected id 512 as in the merges, got 514");
  tokenizer(lines, "\"continuing_subword_prefix\": \"##\", ");
  EXPECT_EQ(refusal(path, [&] { read_vocabulary(path, 517); }),
            "model.continuing_subword_prefix: expected \"\", got \"##\"");

  tokenizer(lines, "", R"(, {"id": 517, "content": "<cat-toy>"}, {"id": 518, "content": "<b>"})");
  const Vocabulary added = read_vocabulary(path, 519);
  EXPECT_EQ(added.merges, kMerges);
  EXPECT_EQ(added.added, (std::vector<std::string>{"<cat-toy>", "<b>"}));
  EXPECT_NE(refusal(path, [&] { read_vocabulary(path, 520); }), "") << "one of them has no name";

  // merges.txt is read first; what it lacks may be added beside it.
  const fs::path merges = write("merges.txt", "#version: 0.2\nt h\nth e</w>\na n\n");
  EXPECT_EQ(read_vocabulary(folder_, 519).added, added.added);
  fs::remove(path);
  EXPECT_EQ(refusal(merges, [&] { read_vocabulary(folder_, 518); }),
            "expected 4 merges for the network's vocabulary, got 3");
  write("added_tokens.json", R"({"<cat-toy>": 517})");
  EXPECT_EQ(read_vocabulary(folder_, 518).added, (std::vector<std::string>{"<cat-toy>"}));
}

TEST_F(ClipFile, TokensAddedBehindTheEndAreLeftOutWithANote) {
  ClipNetwork network = small_clip(kMerges);
  std::vector<NamedTensor> tensors;
  Tensor words = network.at("token_embedding.weight");
  const std::vector<float> original = words.values;
  words.shape[0] += 1;
  words.values.resize(words.values.size() + static_cast<size_t>(words.shape[1]), 7);
  for (const auto& [name, tensor] : network.parameters)
    tensors.push_back({name, name == "token_embedding.weight" ? words.view() : tensor.view()});
  write_safetensors(folder_ / "weights", {}, tensors);
  write("merges.txt", "#version: 0.2\nt h\nth e</w>\na n\n");
  write("added_tokens.json", R"({"<cat-toy>": 517})");
  const ClipCheckpoint checkpoint =
      read_clip_checkpoint(folder_ / "weights", {.tokenizer = {},
                                                 .heads = {{2, 3}},
                                                 .activation = ClipActivation::gelu,
                                                 .mean = {{0, 0, 0}},
                                                 .std_dev = {{1, 1, 1}}});
  EXPECT_EQ(checkpoint.network.config.vocabulary, 517);
  EXPECT_EQ(checkpoint.network.at("token_embedding.weight").values, original);
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_EQ(checkpoint.notes[0], "added tokens are not read: \"<cat-toy>\"");
}

TEST_F(ClipFile, ACheckpointTakesItsTokenizerFromBesideItOrFromTheUser) {
  const ClipNetwork network = small_clip(kMerges);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : network.parameters) tensors.push_back({name, tensor.view()});
  write_safetensors(folder_ / "weights", {}, tensors);
  ClipOptions options = {.tokenizer = {},
                         .heads = {{2, 3}},
                         .activation = ClipActivation::gelu,
                         .mean = {{0.5f, 0.5f, 0.5f}},
                         .std_dev = {{0.25f, 0.5f, 1}}};
  const ClipCheckpoint without = read_clip_checkpoint(folder_ / "weights", options);
  EXPECT_FALSE(without.network.has_tokenizer());
  EXPECT_EQ(without.notes.size(), 1u);

  write("merges.txt", "#version: 0.2\nt h\nth e</w>\na n\n");
  const ClipCheckpoint beside = read_clip_checkpoint(folder_ / "weights", options);
  EXPECT_EQ(beside.network.merges, kMerges);
  EXPECT_TRUE(beside.notes.empty());

  options.tokenizer = write("mine.txt", "#version: 0.2\nt h\nth e</w>\nan d\n");
  EXPECT_EQ(refusal(options.tokenizer, [&] { read_clip_checkpoint(folder_ / "weights", options); }),
            "merge 2 \"an d\": no byte and no earlier merge makes \"an\"");

  // A file of ours takes another one too, and keeps what it has.
  save_clip(folder_ / "own", network);
  EXPECT_EQ(read_clip_checkpoint(folder_ / "own", {}).network.merges, kMerges);
  EXPECT_EQ(read_clip_checkpoint(folder_ / "own", {}).network.config.text.activation,
            ClipActivation::quick_gelu);
  options.tokenizer = write("other.txt", "#version: 0.2\nt h\nth e</w>\no n\n");
  EXPECT_EQ(read_clip_checkpoint(folder_ / "own", options).network.merges[2], "o n");
}

TEST_F(ClipFile, TorchScriptIsABoxOfAttributesAndNothingElse) {
  const std::vector<testing::ZipEntry> script = {{"made/constants.pkl", "\x80\x02)."}};
  const auto refused = [&](const std::string& root, bool is_script = true) {
    const fs::path path = write(
        "a.pt", TorchFile().bytes(root, is_script ? script : std::vector<testing::ZipEntry>()));
    return refusal(path, [&] { read_clip_checkpoint(path, {}); });
  };
  const auto contains = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(refused("c__torch__.a\nB\n)\x81}b", false), "expected a dict, got a __torch__.a.B");
  contains(refused("c__torch__evil\nB\n)\x81}b"), "of a __torch__evil.B, expected a module");
  contains(refused("cos\nsystem\n)\x81}b"), "global os.system is not allowed");
  contains(refused("c__torch__\nB\n)R"), "REDUCE of TorchScript class");
  contains(refused("c__torch__\nB\nK\x01\x85\x81}b"), "TorchScript class with 1 arguments");
  contains(refused("c__torch__\nB\n)\x81"), "a module without a dict of attributes");
  contains(refused("}"), "expected a module");
  // A module that is its own child: the object is memoised, then set as an attribute of itself.
  contains(refused("c__torch__\nB\n)\x81q\x01}(" + testing::pickle_text("me") + "h\x01ub"),
           "nested too deep");
  // Each module holds the one inside it twice: 2^14 paths to the innermost, beyond what is walked.
  std::string nested = "c__torch__\nB\n)\x81}bq";
  nested += '\0';
  for (char i = 0; i < 14; ++i)
    nested = "c__torch__\nB\n)\x81}(" + testing::pickle_text("a") + nested +
             testing::pickle_text("b") + "h" + i + "ubq" + static_cast<char>(i + 1);
  contains(refused(nested), "too many modules");
}

TEST(ClipCosts, ArePublishedOnesForThePublishedSizes) {
  ClipConfig config;
  config.image_size = 224;
  config.patch_size = 32;
  config.vision = {768, 12, 12, 3072, ClipActivation::quick_gelu};
  config.text = {512, 12, 8, 2048, ClipActivation::quick_gelu};
  config.embedding = 512;
  config.vocabulary = 49408;
  config.context = 77;
  EXPECT_EQ(config.image_tokens(), 50);
  int64_t count = 0;
  for (const ParameterSpec& spec : parameters(config)) count += element_count(spec.shape);
  EXPECT_EQ(count, 151277313);  // ViT-B/32: 151.28 M
  // 8.82 and 5.96 GFLOP, two a multiply-accumulate; stated with three digits.
  EXPECT_NEAR(2 * clip_costs(config).picture, 8.82e9, 5e6);
  EXPECT_NEAR(2 * clip_costs(config).text, 5.96e9, 5e6);
}

TEST(Halves, RoundToNearestTiesToEven) {
  float before = 0;
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value =
        TensorView{DType::f16, {1}, std::as_bytes(std::span(&half, 1))}.to_f32().front();
    ASSERT_EQ(f16_from_f32(value), half);
    ASSERT_EQ(f16_from_f32(-value), half | 0x8000);
    if (bits > 0) {
      const float middle = before + (value - before) / 2;  // exact: one more bit
      const auto even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits - 1);
      ASSERT_EQ(f16_from_f32(middle), even);
      ASSERT_EQ(f16_from_f32(std::nextafter(middle, value)), half);
      ASSERT_EQ(f16_from_f32(std::nextafter(middle, before)), bits - 1);
    }
    before = value;
  }
  EXPECT_EQ(f16_from_f32(65519), 0x7bff);
  EXPECT_EQ(f16_from_f32(65520), 0x7c00);
  EXPECT_EQ(f16_from_f32(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(f16_from_f32(std::numeric_limits<float>::quiet_NaN()) & 0x7fff, 0x7e00);
}

TEST(JsonNumbers, AreThoseOfTheGrammarAndNoOthers) {
  for (const auto& [text, value] :
       {std::pair{"0", 0.0}, {"-0.5", -0.5}, {"1e-05", 1e-5}, {"12.25E+1", 122.5}, {" 3 ", 3.0}}) {
    JsonReader json{std::string_view(text)};
    EXPECT_EQ(json.number(), value) << text;
    EXPECT_NO_THROW(json.end());
  }
  for (const char* text : {"", "-", "+1", ".5", "1.", "1e", "01", "inf", "nan", "0x1", "1e999"}) {
    JsonReader json{std::string_view(text)};
    EXPECT_THROW(
        {
          json.number();
          json.end();
        },
        ParseError)
        << text;
  }
  JsonReader values{std::string_view(R"({"a": [1, -2e3, {"b": null}, "c", true, []]})")};
  EXPECT_NO_THROW(values.skip());
  EXPECT_NO_THROW(values.end());
  for (const char* text : {"{\"a\":}", "[1,]", "nul", "tru", "[", "[1 2]"}) {
    JsonReader json{std::string_view(text)};
    EXPECT_THROW(json.skip(), ParseError) << text;
  }
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  const std::string deepest = nested(JsonReader::kDepthMax),
                    deeper = nested(JsonReader::kDepthMax + 1);
  JsonReader good{std::string_view(deepest)}, bad{std::string_view(deeper)};
  EXPECT_NO_THROW(good.skip());
  EXPECT_THROW(bad.skip(), ParseError);
}

}  // namespace vernissage
