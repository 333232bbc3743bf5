#include "weights_tools/readers/clip/config_files.h"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace vernissage {
namespace {

constexpr int kHeadWidth = 64;  // of OpenCLIP's image towers, where none is stated

/// A JSON object of which some keys are wanted: each at most once, the others passed over.
template <class Wanted>
void read_object(JsonReader& json, const Wanted& wanted) {
  std::set<std::string> seen;
  json.object([&](const std::string& key, uint64_t at) {
    if (!seen.insert(key).second) throw ParseError(at, "duplicate key " + json_quote_short(key));
    if (json.peek() == 'n' || !wanted(key)) json.skip();  // null is as good as absent
  });
}

int small_count(JsonReader& json, const std::string& key) {
  constexpr int64_t kCountMax = 1 << 20;
  const uint64_t at = json.offset();
  const int64_t value = json.count();
  if (value > kCountMax)
    throw ParseError(at, key + ": expected at most " + std::to_string(kCountMax) + ", got " +
                             std::to_string(value));
  return static_cast<int>(value);
}

ClipActivation hidden_act(JsonReader& json, const std::string& key) {
  const std::string name = json.string();
  try {
    return clip_activation_from_name(name);
  } catch (const Error& error) {
    throw Error(key + ": " + error.what());
  }
}

std::array<float, 3> three_numbers(JsonReader& json, const std::string& key) {
  std::vector<float> numbers;
  json.array([&] {
    if (numbers.size() == 3) json.fail(key + ": expected 3 numbers, got more");
    numbers.push_back(static_cast<float>(json.number()));
  });
  if (numbers.size() != 3)
    json.fail(key + ": expected 3 numbers, got " + std::to_string(numbers.size()));
  return {numbers[0], numbers[1], numbers[2]};
}

/// 224 or [224, 224].
std::vector<int> sizes_of(JsonReader& json, const std::string& key) {
  std::vector<int> sizes;
  if (json.peek() != '[') return {small_count(json, key)};
  json.array([&] {
    if (sizes.size() == 2) json.fail(key + ": expected 2 numbers, got more");
    sizes.push_back(small_count(json, key));
  });
  return sizes;
}

void read_text_config(JsonReader& json, ClipConfig& config, float& eps) {
  read_object(json, [&](const std::string& key) {
    const std::string name = "text_config." + key;
    if (key == "vocab_size")
      config.vocabulary = small_count(json, name);
    else if (key == "hidden_size")
      config.text.width = small_count(json, name);
    else if (key == "intermediate_size")
      config.text.mlp_width = small_count(json, name);
    else if (key == "num_hidden_layers")
      config.text.layers = small_count(json, name);
    else if (key == "num_attention_heads")
      config.text.heads = small_count(json, name);
    else if (key == "max_position_embeddings")
      config.context = small_count(json, name);
    else if (key == "hidden_act")
      config.text.activation = hidden_act(json, name);
    else if (key == "layer_norm_eps")
      eps = static_cast<float>(json.number());
    else
      return false;
    return true;
  });
}

void read_vision_config(JsonReader& json, ClipConfig& config, float& eps) {
  read_object(json, [&](const std::string& key) {
    const std::string name = "vision_config." + key;
    if (key == "hidden_size") {
      config.vision.width = small_count(json, name);
    } else if (key == "intermediate_size") {
      config.vision.mlp_width = small_count(json, name);
    } else if (key == "num_hidden_layers") {
      config.vision.layers = small_count(json, name);
    } else if (key == "num_attention_heads") {
      config.vision.heads = small_count(json, name);
    } else if (key == "image_size") {
      config.image_size = small_count(json, name);
    } else if (key == "patch_size") {
      config.patch_size = small_count(json, name);
    } else if (key == "hidden_act") {
      config.vision.activation = hidden_act(json, name);
    } else if (key == "layer_norm_eps") {
      eps = static_cast<float>(json.number());
    } else if (key == "num_channels") {
      const int channels = small_count(json, name);
      if (channels != 3) throw Error(name + ": expected 3, got " + std::to_string(channels));
    } else {
      return false;
    }
    return true;
  });
}

/// A key of open_clip_config.json that changes nothing we compute. Others ask for another network
/// than ours, unless they are false. Throws Error naming the key.
bool harmless(JsonReader& json, const std::string& key, const std::string& name) {
  const std::set<std::string> known = {"mlp_ratio",   "patch_dropout", "init_logit_scale",
                                       "custom_text", "drop_path",     "output_tokens"};
  if (json.peek() == 'f' || known.contains(key)) return false;
  throw Error(name + ": a network with this setting is not read");
}

/// The values of an object by key, to be read in an order of our own.
std::map<std::string, JsonReader> members(std::string_view text) {
  JsonReader json(text);
  std::map<std::string, JsonReader> all;
  read_object(json, [&](const std::string& key) {
    all.emplace(key, json);
    return false;
  });
  json.end();
  return all;
}

}  // namespace

ClipConfig read_hugging_face_config(std::string_view text) {
  ClipConfig config;
  config.source = "hugging face";
  config.image_size = 224;
  config.patch_size = 32;
  config.vision = {768, 12, 12, 3072, ClipActivation::quick_gelu};
  config.text = {512, 12, 8, 2048, ClipActivation::quick_gelu};
  config.embedding = 512;
  config.vocabulary = 49408;
  config.context = 77;
  float text_eps = 1e-5f, vision_eps = 1e-5f;

  auto all = members(text);
  std::string type = "clip";
  if (const auto found = all.find("model_type"); found != all.end()) type = found->second.string();
  if (type != "clip" && type != "clip_text_model" && type != "clip_vision_model")
    throw Error("config.json model_type: expected \"clip\", got " + json_quote_short(type));
  if (const auto found = all.find("projection_dim"); found != all.end())
    config.embedding = small_count(found->second, found->first);
  // The long names win over the short ones, as in the library that writes these files.
  for (const char* key : {"text_config", "text_config_dict"})
    if (const auto found = all.find(key); found != all.end())
      read_text_config(found->second, config, text_eps);
  for (const char* key : {"vision_config", "vision_config_dict"})
    if (const auto found = all.find(key); found != all.end())
      read_vision_config(found->second, config, vision_eps);
  // A tower by itself has its settings at the top.
  if (type == "clip_text_model") {
    JsonReader json(text);
    read_text_config(json, config, text_eps);
    vision_eps = text_eps;
  } else if (type == "clip_vision_model") {
    JsonReader json(text);
    read_vision_config(json, config, vision_eps);
    text_eps = vision_eps;
  }
  if (text_eps != vision_eps)
    throw Error("config.json layer_norm_eps: the towers differ, which is not supported");
  config.layer_norm_eps = text_eps;
  return config;
}

namespace {

/// Keys that say who wrote a file, or how its program passes pictures on: no pixel depends on them.
/// Pictures here are RGB already, so that do_convert_rgb changes nothing either.
const std::set<std::string, std::less<>> kWithoutEffect = {
    "image_processor_type",  "feature_extractor_type",
    "processor_class",       "auto_map",
    "do_convert_rgb",        "return_tensors",
    "_valid_processor_keys", "data_format",
    "input_data_format",     "device",
    "disable_grouping",      "default_to_square",
    "transformers_version",  "_processor_class",
    "tokenizer_class",       "_commit_hash"};

/// The reader of one object of image-processor settings.
class ImageProcessor {
 public:
  ImageProcessor(std::string file, int image_size)
      : file_(std::move(file)), image_size_(image_size) {}

  void read(JsonReader& json) {
    read_object(json, [&](const std::string& key) {
      seen_.insert(key);
      return value(json, key);
    });
  }

  Preprocessing finish() const {
    Preprocessing result;
    for (const char* key : {"do_resize", "size", "resample", "do_center_crop", "crop_size",
                            "do_rescale", "rescale_factor", "do_normalize"})
      if (!seen_.contains(key)) result.unstated.emplace_back(key);
    // (v·f - mean) / std = (v/255 - mean/(255 f)) / (std/(255 f))
    const double scale = do_rescale_ ? 255 * rescale_factor_ : 255;
    constexpr double kRounding = 1e-6;  // of 1/255 as people write it down
    const double by = std::abs(scale - 1) <= kRounding ? 1 : scale;
    const auto scaled = [&](const std::array<float, 3>& numbers) {
      std::array<float, 3> all = numbers;
      for (float& number : all) number = static_cast<float>(number / by);
      return all;
    };
    if (!do_normalize_) {
      result.mean = std::array<float, 3>{0, 0, 0};
      result.std_dev = scaled({1, 1, 1});
      return result;
    }
    if (mean_) result.mean = scaled(*mean_);
    if (std_dev_) result.std_dev = scaled(*std_dev_);
    return result;
  }

 private:
  [[noreturn]] void refuse(const std::string& key, const std::string& reason) const {
    throw Error(file_ + " " + key + ": " + reason);
  }

  bool value(JsonReader& json, const std::string& key) {
    constexpr int kBicubic = 3;
    if (key == "image_mean") {
      mean_ = three_numbers(json, key);
    } else if (key == "image_std") {
      std_dev_ = three_numbers(json, key);
    } else if (key == "size" || key == "crop_size") {
      read_side(json, key);
    } else if (key == "resample") {
      const int filter = small_count(json, key);
      if (filter != kBicubic) refuse(key, "expected 3 (bicubic), got " + std::to_string(filter));
    } else if (key == "do_resize" || key == "do_center_crop") {
      if (!json.boolean()) refuse(key, "expected true");
    } else if (key == "do_rescale") {
      do_rescale_ = json.boolean();
    } else if (key == "rescale_factor") {
      rescale_factor_ = json.number();
      if (!(rescale_factor_ > 0 && rescale_factor_ < 1e6))
        refuse(key, "expected a positive number");
    } else if (key == "do_normalize") {
      do_normalize_ = json.boolean();
    } else if (json.peek() == 'f' || kWithoutEffect.contains(key)) {
      return false;  // "false" asks for nothing
    } else {
      refuse(json_quote_short(key), "this setting is not known, and may change the pixels");
    }
    return true;
  }

  /// 64, {"shortest_edge": 64}; of the crop {"height": 64, "width": 64} besides, which of the size
  /// would change the picture's proportions.
  void read_side(JsonReader& json, const std::string& key) {
    const auto check = [&](const std::string& name) {
      const int side = small_count(json, name);
      if (side != image_size_)
        refuse(name, "expected the network's image_size " + std::to_string(image_size_) + ", got " +
                         std::to_string(side));
    };
    if (json.peek() != '{') return check(key);
    read_object(json, [&](const std::string& name) {
      const bool side = name == "height" || name == "width";
      if (name != "shortest_edge" && !(side && key == "crop_size"))
        refuse(key + "." + name,
               "only shortest_edge is known, which keeps a picture's proportions");
      check(key + "." + name);
      return true;
    });
  }

  std::string file_;
  int image_size_;
  std::set<std::string> seen_;
  std::optional<std::array<float, 3>> mean_, std_dev_;
  bool do_rescale_ = true, do_normalize_ = true;
  double rescale_factor_ = 1.0 / 255;
};

}  // namespace

Preprocessing read_preprocessor_config(std::string_view text, int image_size,
                                       const std::string& file) {
  JsonReader json(text);
  ImageProcessor processor(file, image_size);
  processor.read(json);
  json.end();
  return processor.finish();
}

std::optional<Preprocessing> read_processor_config(std::string_view text, int image_size) {
  auto all = members(text);
  const auto found = all.find("image_processor");
  if (found == all.end()) return {};
  ImageProcessor processor("processor_config.json image_processor", image_size);
  processor.read(found->second);
  return processor.finish();
}

OpenClipConfig read_open_clip_config(std::string_view text) {
  OpenClipConfig result;
  ClipConfig& config = result.config;
  Preprocessing& preprocessing = result.preprocessing;
  config.source = "open_clip";
  config.context = 77;
  config.vocabulary = 49408;
  int head_width = kHeadWidth;
  ClipActivation activation = ClipActivation::gelu;
  std::vector<int> sizes;  // of the pictures, as the preprocessing says it
  JsonReader json(text);

  const auto read_vision = [&] {
    read_object(json, [&](const std::string& key) {
      const std::string name = "vision_cfg." + key;
      if (key == "layers" && json.peek() == '[')
        throw Error(name + ": a convolutional image tower is not read");
      if (key == "image_size")
        config.image_size = small_count(json, name);
      else if (key == "layers")
        config.vision.layers = small_count(json, name);
      else if (key == "width")
        config.vision.width = small_count(json, name);
      else if (key == "patch_size")
        config.patch_size = small_count(json, name);
      else if (key == "head_width")
        head_width = small_count(json, name);
      else
        return harmless(json, key, name);
      return true;
    });
  };
  const auto read_text = [&] {
    read_object(json, [&](const std::string& key) {
      const std::string name = "text_cfg." + key;
      if (key == "context_length")
        config.context = small_count(json, name);
      else if (key == "vocab_size")
        config.vocabulary = small_count(json, name);
      else if (key == "width")
        config.text.width = small_count(json, name);
      else if (key == "heads")
        config.text.heads = small_count(json, name);
      else if (key == "layers")
        config.text.layers = small_count(json, name);
      else
        return harmless(json, key, name);
      return true;
    });
  };
  const auto read_model = [&] {
    read_object(json, [&](const std::string& key) {
      if (key == "embed_dim")
        config.embedding = small_count(json, key);
      else if (key == "quick_gelu")
        activation = json.boolean() ? ClipActivation::quick_gelu : ClipActivation::gelu;
      else if (key == "vision_cfg")
        read_vision();
      else if (key == "text_cfg")
        read_text();
      else
        return harmless(json, key, "model_cfg." + key);
      return true;
    });
  };
  std::set<std::string> seen;
  const auto read_preprocessing = [&] {
    read_object(json, [&](const std::string& key) {
      seen.insert(key);
      const std::string name = "preprocess_cfg." + key;
      if (key == "mean") {
        preprocessing.mean = three_numbers(json, name);
      } else if (key == "std") {
        preprocessing.std_dev = three_numbers(json, name);
      } else if (key == "interpolation" || key == "resize_mode" || key == "mode") {
        const std::string value = json.string();
        const std::string expected = key[0] == 'i' ? "bicubic" : key[0] == 'r' ? "shortest" : "RGB";
        if (value != expected)
          throw Error(name + ": expected " + json_quote(expected) + ", got " +
                      json_quote_short(value));
      } else if (key == "size") {
        sizes = sizes_of(json, name);
      } else if (json.peek() == 'f' || key == "fill_color") {
        return false;  // only pictures that are not cropped are filled up
      } else {
        throw Error(name + ": this setting is not known, and may change the pixels");
      }
      return true;
    });
  };
  read_object(json, [&](const std::string& key) {
    if (key == "model_cfg")
      read_model();
    else if (key == "preprocess_cfg")
      read_preprocessing();
    else
      return false;
    return true;
  });
  json.end();

  if (head_width == 0 || config.vision.width % head_width != 0)
    throw Error("vision_cfg.head_width: expected a divisor of the width " +
                std::to_string(config.vision.width) + ", got " + std::to_string(head_width));
  config.vision.heads = config.vision.width / head_width;
  config.vision.activation = activation;
  config.text.activation = activation;
  for (const int size : sizes)
    if (size != config.image_size)
      throw Error("preprocess_cfg.size: expected the network's image_size " +
                  std::to_string(config.image_size) + ", got " + std::to_string(size));
  for (const char* key : {"interpolation", "resize_mode"})
    if (!seen.contains(key)) preprocessing.unstated.emplace_back(key);
  return result;
}

void check_stated(const ClipConfig& stated, const ClipConfig& shapes) {
  const auto compare = [](const char* what, int value, int shape) {
    if (value != 0 && value != shape)
      throw Error(std::string(what) + ": the configuration states " + std::to_string(value) +
                  ", the tensors have " + std::to_string(shape));
  };
  const auto compare_towers = [&](const std::string& name, const ClipTower& a, const ClipTower& b) {
    compare((name + " width").c_str(), a.width, b.width);
    compare((name + " layers").c_str(), a.layers, b.layers);
    compare((name + " mlp_width").c_str(), a.mlp_width, b.mlp_width);
  };
  compare("image_size", stated.image_size, shapes.image_size);
  compare("patch_size", stated.patch_size, shapes.patch_size);
  compare_towers("vision", stated.vision, shapes.vision);
  compare_towers("text", stated.text, shapes.text);
  compare("embedding", stated.embedding, shapes.embedding);
  compare("vocabulary", stated.vocabulary, shapes.vocabulary);
  compare("context", stated.context, shapes.context);
}

}  // namespace vernissage
