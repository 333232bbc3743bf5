#include "weights_tools/readers/clip/names.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "weights_tools/containers/pickle_value.h"

namespace vernissage {
namespace {

constexpr const char* kOriginalImage = "visual.conv1.weight";
constexpr const char* kHuggingFaceImage = "vision_model.embeddings.patch_embedding.weight";
constexpr const char* kHuggingFaceText = "text_model.embeddings.token_embedding.weight";

/// What names of tensors that belong to the towers, or join them, begin with.
constexpr std::string_view kTowerNames[] = {
    "visual.",    "transformer.",  "text.",       "token_embedding.",   "positional_embedding",
    "ln_final.",  "vision_model.", "text_model.", "visual_projection.", "text_projection",
    "logit_scale"};

struct Renaming {
  std::string_view from, to;
};

constexpr Renaming kWhole[] = {
    {"vision_model.embeddings.class_embedding", "visual.class_embedding"},
    {"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"},
    {"vision_model.pre_layrnorm.weight", "visual.ln_pre.weight"},  // misspelt in the files
    {"vision_model.pre_layrnorm.bias", "visual.ln_pre.bias"},
    {"vision_model.post_layernorm.weight", "visual.ln_post.weight"},
    {"vision_model.post_layernorm.bias", "visual.ln_post.bias"},
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
    {"text_model.final_layer_norm.weight", "ln_final.weight"},
    {"text_model.final_layer_norm.bias", "ln_final.bias"},
    {"logit_scale", "logit_scale"},
};
constexpr Renaming kTransposed[] = {
    {"visual_projection.weight", "visual.proj"},
    {"text_projection.weight", "text_projection"},
};
constexpr Renaming kBlocks[] = {
    {"vision_model.encoder.layers.", "visual.transformer.resblocks."},
    {"text_model.encoder.layers.", "transformer.resblocks."},
};
constexpr Renaming kInBlock[] = {
    {"self_attn.out_proj.weight", "attn.out_proj.weight"},
    {"self_attn.out_proj.bias", "attn.out_proj.bias"},
    {"layer_norm1.weight", "ln_1.weight"},
    {"layer_norm1.bias", "ln_1.bias"},
    {"layer_norm2.weight", "ln_2.weight"},
    {"layer_norm2.bias", "ln_2.bias"},
    {"mlp.fc1.weight", "mlp.c_fc.weight"},
    {"mlp.fc1.bias", "mlp.c_fc.bias"},
    {"mlp.fc2.weight", "mlp.c_proj.weight"},
    {"mlp.fc2.bias", "mlp.c_proj.bias"},
};
/// q, k and v are rows of one matrix in the original release.
constexpr std::string_view kQkv[] = {"self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."};

template <size_t N>
std::optional<std::string_view> renamed(const Renaming (&table)[N], std::string_view name) {
  for (const Renaming& entry : table)
    if (entry.from == name) return entry.to;
  return {};
}

/// Image towers of other kinds, by a tensor that only they have.
constexpr Renaming kOtherTowers[] = {
    {"visual.attnpool.positional_embedding", "a convolutional (ResNet) image tower"},
    {"visual.layer1.0.conv1.weight", "a convolutional (ResNet) image tower"},
    {"visual.trunk.patch_embed.proj.weight", "a timm image tower"},
    {"visual.trunk.stem.0.weight", "a timm image tower"},
    {"visual.head.proj.weight", "a timm image tower"},
    {"text.transformer.embeddings.word_embeddings.weight", "a Hugging Face text tower in OpenCLIP"},
};

TensorSource transposed(const std::string& name, TensorSource source) {
  if (source.shape.size() != 2)
    throw Error(name + ": expected rank 2, got " + shape_text(source.shape));
  const auto rows = static_cast<size_t>(source.shape[0]);
  const auto columns = static_cast<size_t>(source.shape[1]);
  std::swap(source.shape[0], source.shape[1]);
  source.read = [read = std::move(source.read), rows, columns] {
    const std::vector<float> values = read();
    std::vector<float> turned(values.size());
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < columns; ++c) turned[c * rows + r] = values[r * columns + c];
    return turned;
  };
  return source;
}

/// Three sources of one shape as one, behind each other along the first axis.
TensorSource stacked(std::array<TensorSource, 3> parts) {
  TensorSource whole;
  whole.shape = parts[0].shape;
  whole.shape[0] *= 3;
  whole.stored = parts[0].stored;
  for (const TensorSource& part : parts) whole.bytes += part.bytes;
  whole.read = [parts = std::move(parts)] {
    std::vector<float> values;
    for (const TensorSource& part : parts) {
      const std::vector<float> some = part.read();
      values.insert(values.end(), some.begin(), some.end());
    }
    return values;
  };
  return whole;
}

void put(NamedSources& into, std::string name, TensorSource source) {
  if (!into.emplace(name, std::move(source)).second)
    throw Error(printable(name) + ": two tensors of the file stand for it");
}

/// q_proj, k_proj and v_proj of one layer, `name` being q's: all or an Error naming the missing
/// one.
TensorSource take_qkv(NamedSources& tensors, const std::string& name, size_t q_at) {
  std::array<TensorSource, 3> parts;
  for (size_t i = 0; i < 3; ++i) {
    std::string part = name;
    part.replace(q_at, kQkv[0].size(), kQkv[i]);
    const auto found = tensors.find(part);
    if (found == tensors.end())
      throw Error(part + ": missing, expected as " + printable(name) + " is there");
    parts[i] = found->second;
    const auto& shape = parts[i].shape;
    if (shape.empty() || shape != parts[0].shape || shape[0] > INT32_MAX)
      throw Error(part + ": expected " +
                  (parts[0].shape.empty() ? "rank 1 or 2" : shape_text(parts[0].shape)) + ", got " +
                  shape_text(shape));
  }
  return stacked(std::move(parts));
}

NamedSources from_hugging_face(NamedSources tensors) {
  NamedSources canonical;
  for (auto& [name, source] : tensors) {
    if (const auto to = renamed(kWhole, name)) {
      put(canonical, std::string(*to), source);
      continue;
    }
    if (const auto to = renamed(kTransposed, name)) {
      put(canonical, std::string(*to), transposed(name, source));
      continue;
    }
    const auto unknown = [&, &key = name] {
      throw Error(printable(key) + ": no tensor of a Hugging Face CLIPModel");
    };
    const auto block = std::find_if(
        std::begin(kBlocks), std::end(kBlocks),
        [&, &key = name](const Renaming& entry) { return key.starts_with(entry.from); });
    if (block == std::end(kBlocks)) unknown();
    const size_t dot = name.find('.', block->from.size());
    if (dot == std::string::npos) unknown();
    const std::string_view part = std::string_view(name).substr(dot + 1);
    const std::string prefix =
        std::string(block->to).append(name, block->from.size(), dot + 1 - block->from.size());
    if (const auto to = renamed(kInBlock, part)) {
      put(canonical, prefix + std::string(*to), source);
    } else if (part == "self_attn.q_proj.weight" || part == "self_attn.q_proj.bias") {
      const std::string joined =
          prefix + (part.ends_with("weight") ? "attn.in_proj_weight" : "attn.in_proj_bias");
      put(canonical, joined, take_qkv(tensors, name, dot + 1));
    } else if (part == "self_attn.k_proj.weight" || part == "self_attn.k_proj.bias" ||
               part == "self_attn.v_proj.weight" || part == "self_attn.v_proj.bias") {
      std::string q = name;
      q.replace(dot + 1, kQkv[0].size(), kQkv[0]);
      if (!tensors.contains(q)) throw Error(printable(q) + ": missing");
    } else {
      unknown();
    }
  }
  return canonical;
}

/// Does `name` end with the whole name `end`, alone or behind a dot?
bool ends_whole(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return false;
  return name.size() == end.size() || name[name.size() - end.size() - 1] == '.';
}

/// What a wrapper put in front of every name: what stands before the name of a tensor that all
/// have.
std::string wrapper_of(const NamedSources& tensors) {
  for (const char* mark : {kOriginalImage, kHuggingFaceImage, kHuggingFaceText})
    for (const auto& [name, source] : tensors)
      if (ends_whole(name, mark)) return name.substr(0, name.size() - std::strlen(mark));
  for (const auto& [name, source] : tensors)
    for (const Renaming& other : kOtherTowers)
      if (ends_whole(name, other.from)) return name.substr(0, name.size() - other.from.size());
  return "";
}

/// The tensors of the towers without `prefix`; the names of the others go to `unread`.
NamedSources towers_of(NamedSources tensors, const std::string& prefix,
                       std::vector<std::string>* unread) {
  NamedSources rest;
  for (auto& [name, source] : tensors) {
    const bool inside = name.starts_with(prefix);
    const std::string bare = inside ? name.substr(prefix.size()) : name;
    const bool tower = inside && std::ranges::any_of(kTowerNames, [&](std::string_view begin) {
                         return bare.starts_with(begin);
                       });
    if (tower)
      put(rest, bare, std::move(source));
    else if (unread != nullptr)
      unread->push_back(name);
  }
  return rest;
}

/// OpenCLIP's custom text towers have a prefix of their own.
NamedSources without_text_prefix(NamedSources tensors) {
  constexpr std::string_view kPrefix = "text.";
  NamedSources rest;
  for (auto& [name, source] : tensors)
    put(rest, name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name, std::move(source));
  return rest;
}

}  // namespace

bool is_clip_bookkeeping(std::string_view name) {
  const auto last = name.substr(name.rfind('.') + 1);  // npos + 1 is 0: the whole name
  return last == "position_ids" || last == "attn_mask" || last == "input_resolution" ||
         last == "context_length" || last == "vocab_size";
}

bool is_clip_name(std::string_view name) {
  const auto ends = [&](std::string_view end) { return ends_whole(name, end); };
  return ends(kOriginalImage) || ends(kHuggingFaceImage) || ends(kHuggingFaceText) ||
         std::ranges::any_of(kOtherTowers, [&](const Renaming& other) { return ends(other.from); });
}

bool is_clip_tower_name(std::string_view name) {
  for (;;) {
    const bool begins = std::ranges::any_of(
        kTowerNames, [&](std::string_view begin) { return name.starts_with(begin); });
    if (begins) return true;
    const size_t dot = name.find('.');
    if (dot == name.npos) return false;
    name.remove_prefix(dot + 1);
  }
}

bool is_hugging_face_clip(const NamedSources& tensors) {
  return std::ranges::any_of(tensors, [](const auto& entry) {
    return ends_whole(entry.first, kHuggingFaceImage) || ends_whole(entry.first, kHuggingFaceText);
  });
}

NamedSources canonical_clip_tensors(NamedSources tensors, std::vector<std::string>* unread) {
  const std::string prefix = wrapper_of(tensors);
  tensors = towers_of(std::move(tensors), prefix, unread);
  for (const auto& [name, source] : tensors)
    if (const auto kind = renamed(kOtherTowers, name))
      throw Error(name + ": " + std::string(*kind) + " is not read, only vision transformers are");
  const bool image = tensors.contains(kHuggingFaceImage), text = tensors.contains(kHuggingFaceText);
  if (text && !image)
    throw Error(
        "a text tower by itself (CLIPTextModel): without its image tower no picture can be "
        "compared with words; give the whole CLIPModel");
  if (image && !text)
    throw Error(
        "an image tower by itself (CLIPVisionModel): without its text tower no words can be "
        "compared with pictures; give the whole CLIPModel");
  if (image) return from_hugging_face(std::move(tensors));
  if (tensors.contains(kOriginalImage)) return without_text_prefix(std::move(tensors));
  throw Error(std::string("no CLIP network: neither ") + kOriginalImage + " nor " +
              kHuggingFaceImage + " is there");
}

}  // namespace vernissage
