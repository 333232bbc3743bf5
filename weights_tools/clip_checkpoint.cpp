#include "weights_tools/clip_checkpoint.h"

#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "engine/formats/foreign_file.h"
#include "engine/formats/safetensors.h"
#include "weights_tools/containers/pickle_value.h"
#include "weights_tools/readers/clip/builder.h"
#include "weights_tools/readers/clip/config_files.h"
#include "weights_tools/readers/clip/vocabulary.h"
#include "weights_tools/readers/clip/weights.h"

namespace vernissage {
namespace fs = std::filesystem;

namespace {

constexpr const char* kHuggingFaceConfig = "config.json";
constexpr const char* kOpenClipConfig = "open_clip_config.json";
constexpr const char* kPreprocessorConfig = "preprocessor_config.json";
constexpr const char* kProcessorConfig = "processor_config.json";
constexpr const char* kIndex = ".index.json";

/// Weights and the configuration that belongs to them, in the order they are looked for. Instead of
/// the weights their index may be there, which says in which files they lie.
struct Pair {
  const char* config;
  const char* weights;
};
constexpr Pair kPairs[] = {
    {kHuggingFaceConfig, "model.safetensors"},
    {kOpenClipConfig, "open_clip_model.safetensors"},
    {kHuggingFaceConfig, "pytorch_model.bin"},
    {kOpenClipConfig, "open_clip_pytorch_model.bin"},
};

fs::path weights_in(const fs::path& folder) {
  for (const Pair& pair : kPairs) {
    if (!fs::exists(folder / pair.config)) continue;
    const std::string weights = pair.weights;
    for (const std::string& name : {weights, weights + kIndex})
      if (fs::exists(folder / name)) return folder / name;
  }
  throw Error(folder.string() +
              ": no CLIP checkpoint: neither config.json with model.safetensors or "
              "pytorch_model.bin nor open_clip_config.json with open_clip_model.safetensors or "
              "open_clip_pytorch_model.bin");
}

std::string_view text_of(const MappedFile& file) {
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  if (const auto what = foreign_file(file.bytes())) throw Error(*what);
  return text;
}

/// Errors inside get the file's name in front.
auto naming(const fs::path& path, const auto& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

bool is_index(const fs::path& path) {
  return path.filename().string().ends_with(kIndex);
}

/// The files that an index names: those of its weight_map, each once.
std::vector<fs::path> files_of(const fs::path& index) {
  const MappedFile file(index);
  std::set<std::string> names;
  naming(index, [&] {
    JsonReader json(text_of(file));
    json.object([&](const std::string& key, uint64_t) {
      if (key != "weight_map") return json.skip();
      json.object([&](const std::string&, uint64_t at) {
        const std::string name = json.string();
        const bool plain = !name.empty() && name[0] != '.' && name.find('/') == name.npos &&
                           name.find('\\') == name.npos && name.find('\0') == name.npos;
        if (!plain)
          throw ParseError(at, json_quote_short(name) + " names no file beside the index");
        constexpr size_t kFilesMax = 1000;
        if (names.insert(name).second && names.size() > kFilesMax)
          throw ParseError(at, "more than " + std::to_string(kFilesMax) + " files");
      });
    });
    json.end();
    if (names.empty()) throw Error("weight_map names no file");
  });
  std::vector<fs::path> files;
  for (const std::string& name : names) files.push_back(index.parent_path() / name);
  return files;
}

/// The weights of one file, or of all that an index names, as one.
struct Weights {
  std::vector<std::unique_ptr<MappedFile>> files;  // outlive what views them
  std::vector<std::unique_ptr<ClipWeights>> parts;
  NamedSources tensors;
  uint64_t bytes = 0;

  explicit Weights(const fs::path& path) {
    const auto paths = is_index(path) ? files_of(path) : std::vector{path};
    for (const fs::path& one : paths) {
      files.push_back(std::make_unique<MappedFile>(one));
      naming(one, [&] {
        parts.push_back(std::make_unique<ClipWeights>(files.back()->bytes()));
        for (const auto& [name, source] : parts.back()->tensors())
          if (!tensors.emplace(name, source).second)
            throw Error(printable(name) + ": lies in two of the files");
      });
      bytes += files.back()->bytes().size();
    }
  }
  std::string container() const {
    return parts[0]->container() +
           (parts.size() > 1 ? ", " + std::to_string(parts.size()) + " files" : "");
  }
};

/// What stands beside the weights, if there is anything of their family.
struct Stated {
  ClipConfig config;
  Preprocessing preprocessing;
  std::vector<std::string> notes;
};

void note_unstated(const std::string& file, Stated& stated) {
  const auto& keys = stated.preprocessing.unstated;
  if (keys.empty()) return;
  std::string text = file + " does not state ";
  for (const std::string& key : keys) text += (&key == &keys.front() ? "" : ", ") + key;
  stated.notes.push_back(text + ": taken as CLIP's own preprocessing has it");
}

/// The preprocessing beside a Hugging Face configuration: processor_config.json's, which newer
/// releases write, else preprocessor_config.json's.
void read_preprocessing(const fs::path& folder, Stated& stated) {
  const int size = stated.config.image_size;
  if (const fs::path path = folder / kProcessorConfig; fs::exists(path)) {
    const MappedFile file(path);
    const auto read = naming(path, [&] { return read_processor_config(text_of(file), size); });
    if (read) {
      stated.preprocessing = *read;
      return note_unstated(kProcessorConfig, stated);
    }
  }
  if (const fs::path path = folder / kPreprocessorConfig; fs::exists(path)) {
    const MappedFile file(path);
    stated.preprocessing =
        naming(path, [&] { return read_preprocessor_config(text_of(file), size); });
    note_unstated(kPreprocessorConfig, stated);
  }
}

std::optional<Stated> stated_config(const fs::path& weights, bool hugging_face) {
  const fs::path path =
      weights.parent_path() / (hugging_face ? kHuggingFaceConfig : kOpenClipConfig);
  if (!fs::exists(path)) return {};
  const MappedFile file(path);
  Stated stated;
  naming(path, [&] {
    if (hugging_face) {
      stated.config = read_hugging_face_config(text_of(file));
      return;
    }
    OpenClipConfig read = read_open_clip_config(text_of(file));
    stated.config = std::move(read.config);
    stated.preprocessing = std::move(read.preprocessing);
    note_unstated(std::string(kOpenClipConfig) + " preprocess_cfg", stated);
  });
  if (hugging_face) read_preprocessing(weights.parent_path(), stated);
  return stated;
}

/// Mean and deviation of the pixels: as the user says, else as the files say, else, of the original
/// release alone, as published. Throws Error naming the flags.
void complete_preprocessing(ClipConfig& config, const Preprocessing& stated,
                            const ClipOptions& options, bool original_release) {
  const ClipConfig published;
  const auto mean = options.mean ? options.mean : stated.mean;
  const auto std_dev = options.std_dev ? options.std_dev : stated.std_dev;
  if (!original_release && (!mean || !std_dev))
    throw Error(
        "the mean and the standard deviation of the pixels stand neither in "
        "processor_config.json nor in preprocessor_config.json nor in "
        "open_clip_config.json beside the weights; give --mean R,G,B and --std R,G,B "
        "(the original release: --mean 0.48145466,0.4578275,0.40821073 --std "
        "0.26862954,0.26130258,0.27577711)");
  config.mean = mean.value_or(published.mean);
  config.std_dev = std_dev.value_or(published.std_dev);
}

/// Heads and activations, which no shape tells, and the preprocessing, which no tensor does.
void complete(ClipConfig& config, const std::optional<Stated>& stated, const ClipOptions& options,
              bool original_release) {
  if (stated) {
    check_stated(stated->config, config);
    config.vision.heads = stated->config.vision.heads;
    config.text.heads = stated->config.text.heads;
    config.vision.activation = stated->config.vision.activation;
    config.text.activation = stated->config.text.activation;
    config.layer_norm_eps = stated->config.layer_norm_eps;
    config.source = stated->config.source;
  } else if (original_release) {
    config.source = "openai";
    if (!options.heads) {
      config.vision.heads = published_heads("vision", config.vision.width);
      config.text.heads = published_heads("text", config.text.width);
    }
  } else {
    if (!options.heads || !options.activation)
      throw Error(
          "weights without a configuration: heads and activation stand neither in the file nor in "
          "config.json or open_clip_config.json beside it; give --heads VISION,TEXT and "
          "--activation");
    config.source = "open_clip";
  }
  if (options.heads) {
    config.vision.heads = options.heads->first;
    config.text.heads = options.heads->second;
  }
  if (options.activation) {
    config.vision.activation = *options.activation;
    config.text.activation = *options.activation;
  }
  complete_preprocessing(config, stated ? stated->preprocessing : Preprocessing(), options,
                         original_release);
}

/// Words that somebody added behind the end token have no place in a query: their rows go.
void drop_added_tokens(const std::vector<std::string>& added, ClipCheckpoint& into) {
  if (added.empty()) return;
  ClipConfig& config = into.network.config;
  config.vocabulary -= static_cast<int>(added.size());
  Tensor& words = into.network.parameters.at("token_embedding.weight");
  words.shape[0] = config.vocabulary;
  words.values.resize(static_cast<size_t>(element_count(words.shape)));
  std::string names;
  for (size_t i = 0; i < added.size() && i < 5; ++i)
    names.append(i > 0 ? ", " : "").append(json_quote_short(added[i]));
  into.notes.push_back(
      "added tokens are not read: " + names +
      (added.size() > 5 ? ", … (" + std::to_string(added.size()) + " in all)" : ""));
}

void read_tokenizer(const fs::path& folder, const ClipOptions& options, ClipCheckpoint& into) {
  const std::optional<fs::path> found =
      options.tokenizer.empty() ? find_vocabulary(folder) : options.tokenizer;
  if (!found) {
    into.notes.push_back(
        "no tokenizer beside the weights: the network embeds pictures, but no words (--tokenizer)");
    return;
  }
  Vocabulary vocabulary = read_vocabulary(*found, into.network.config.vocabulary);
  into.network.merges = std::move(vocabulary.merges);
  drop_added_tokens(vocabulary.added, into);
  naming(*found, [&] { check(into.network); });
}

/// Tensors that belong to no tower, like logit_bias: embeddings do not depend on them.
void note_unread(const std::vector<std::string>& names, ClipCheckpoint& into) {
  if (names.empty()) return;
  std::string note = "tensors that belong to no tower were not read: ";
  for (size_t i = 0; i < names.size() && i < 5; ++i)
    note.append(i > 0 ? ", " : "").append(printable(names[i]));
  if (names.size() > 5) note += " and " + std::to_string(names.size() - 5) + " more";
  into.notes.push_back(note);
}

ClipCheckpoint read_own(const fs::path& path, const ClipOptions& options) {
  ClipCheckpoint checkpoint;
  checkpoint.network = load_clip(path);
  checkpoint.format = "vernissage CLIP safetensors";
  ClipNetwork& network = checkpoint.network;
  const ClipConfig own = network.config;
  complete(network.config, Stated{own, {own.mean, own.std_dev, {}}, {}}, options,
           /*original_release=*/false);
  if (!options.tokenizer.empty()) read_tokenizer({}, options, checkpoint);
  naming(path, [&] { check(network); });
  const MappedFile file(path);
  const Safetensors tensors(file.bytes());
  for (const auto& [name, tensor] : tensors.tensors())
    if (network.parameters.contains(name)) checkpoint.stored[name] = tensor.dtype;
  return checkpoint;
}

}  // namespace

bool is_clip_checkpoint(const fs::path& path) {
  if (fs::is_directory(path) || is_index(path)) return true;
  const MappedFile file(path);
  return ClipWeights::recognises(file.bytes());
}

ClipCheckpoint read_clip_checkpoint(const fs::path& path, const ClipOptions& options) {
  const fs::path weights_path = fs::is_directory(path) ? weights_in(path) : path;
  if (!is_index(weights_path)) {
    const MappedFile file(weights_path);
    if (ClipWeights::are_ours(file.bytes())) return read_own(weights_path, options);
  }
  ClipCheckpoint checkpoint;
  const Weights weights(weights_path);
  naming(weights_path, [&] {
    const bool hugging_face = is_hugging_face_clip(weights.tensors);
    const bool original = weights.parts[0]->original_release();
    const auto stated = stated_config(weights_path, hugging_face);
    ClipBuilder builder(weights.tensors, weights.bytes);
    ClipConfig config = builder.shapes();
    complete(config, stated, options, original);
    checkpoint.network = builder.build(config);
    checkpoint.stored = builder.stored();
    checkpoint.format = std::string(hugging_face ? "Hugging Face CLIP"
                                    : original   ? "OpenAI CLIP"
                                                 : "OpenCLIP") +
                        " (" + weights.container() + ")";
    if (stated) checkpoint.notes = stated->notes;
    note_unread(builder.unread(), checkpoint);
  });
  read_tokenizer(weights_path.parent_path(), options, checkpoint);
  return checkpoint;
}

}  // namespace vernissage
