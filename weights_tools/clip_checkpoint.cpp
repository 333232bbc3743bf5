#include "weights_tools/clip_checkpoint.h"

#include <string_view>

#include "base/error.h"
#include "engine/formats/safetensors.h"
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

/// Weights and the configuration that belongs to them, in the order they are looked for.
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
  for (const Pair& pair : kPairs)
    if (fs::exists(folder / pair.config) && fs::exists(folder / pair.weights))
      return folder / pair.weights;
  if (fs::exists(folder / "model.safetensors.index.json"))
    throw Error(folder.string() +
                ": weights in several files (model.safetensors.index.json) are not read");
  throw Error(folder.string() +
              ": no CLIP checkpoint: neither config.json with model.safetensors or "
              "pytorch_model.bin nor open_clip_config.json with open_clip_model.safetensors or "
              "open_clip_pytorch_model.bin");
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// Errors inside get the file's name in front.
auto naming(const fs::path& path, const auto& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

/// The configuration beside the weights, if there is one of their family.
std::optional<ClipConfig> stated_config(const fs::path& weights, bool hugging_face) {
  const fs::path path =
      weights.parent_path() / (hugging_face ? kHuggingFaceConfig : kOpenClipConfig);
  if (!fs::exists(path)) return {};
  const MappedFile file(path);
  ClipConfig config = naming(path, [&] {
    return hugging_face ? read_hugging_face_config(text_of(file))
                        : read_open_clip_config(text_of(file));
  });
  const fs::path preprocessor = weights.parent_path() / kPreprocessorConfig;
  if (hugging_face && fs::exists(preprocessor)) {
    const MappedFile other(preprocessor);
    naming(preprocessor, [&] { read_preprocessor_config(text_of(other), config); });
  }
  return config;
}

/// Heads and activations, which no shape tells.
void complete(ClipConfig& config, const std::optional<ClipConfig>& stated,
              const ClipOptions& options, bool original_release) {
  if (stated) {
    check_stated(*stated, config);
    config.vision.heads = stated->vision.heads;
    config.text.heads = stated->text.heads;
    config.vision.activation = stated->vision.activation;
    config.text.activation = stated->text.activation;
    config.layer_norm_eps = stated->layer_norm_eps;
    config.mean = stated->mean;
    config.std_dev = stated->std_dev;
    config.source = stated->source;
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
}

void read_tokenizer(const fs::path& folder, const ClipOptions& options, ClipCheckpoint& into) {
  const std::optional<fs::path> found =
      options.tokenizer.empty() ? find_vocabulary(folder) : options.tokenizer;
  if (!found) {
    into.notes.push_back(
        "no tokenizer beside the weights: the network embeds pictures, but no words (--tokenizer)");
    return;
  }
  into.network.merges = read_vocabulary(*found, into.network.config.vocabulary);
  naming(*found, [&] { check(into.network); });
}

ClipCheckpoint read_own(const fs::path& path, const ClipOptions& options) {
  ClipCheckpoint checkpoint;
  checkpoint.network = load_clip(path);
  checkpoint.format = "vernissage CLIP safetensors";
  ClipNetwork& network = checkpoint.network;
  complete(network.config, network.config, options, /*original_release=*/false);
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
  if (fs::is_directory(path)) return true;
  const MappedFile file(path);
  return ClipWeights::recognises(file.bytes());
}

ClipCheckpoint read_clip_checkpoint(const fs::path& path, const ClipOptions& options) {
  const fs::path weights_path = fs::is_directory(path) ? weights_in(path) : path;
  const MappedFile file(weights_path);
  if (ClipWeights::are_ours(file.bytes())) return read_own(weights_path, options);

  ClipCheckpoint checkpoint;
  naming(weights_path, [&] {
    const ClipWeights weights(file.bytes());
    const bool hugging_face = is_hugging_face_clip(weights.tensors());
    const auto stated = stated_config(weights_path, hugging_face);
    ClipBuilder builder(weights.tensors(), file.bytes().size());
    ClipConfig config = builder.shapes();
    complete(config, stated, options, weights.original_release());
    checkpoint.network = builder.build(config);
    checkpoint.stored = builder.stored();
    checkpoint.format = std::string(hugging_face                 ? "Hugging Face CLIP"
                                    : weights.original_release() ? "OpenAI CLIP"
                                                                 : "OpenCLIP") +
                        " (" + weights.container() + ")";
  });
  read_tokenizer(weights_path.parent_path(), options, checkpoint);
  return checkpoint;
}

}  // namespace vernissage
