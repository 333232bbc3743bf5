#include "weights_tools/readers/clip/names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "weights_tools/containers/pickle_value.h"

namespace vernissage {
namespace {

constexpr const char* kOriginalImage = "visual.conv1.weight";
constexpr const char* kHuggingFaceImage = "vision_model.embeddings.patch_embedding.weight";

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

/// Removes `prefix` from every name that has it.
NamedSources without_prefix(NamedSources tensors, std::string_view prefix) {
  NamedSources rest;
  for (auto& [name, source] : tensors)
    put(rest, name.starts_with(prefix) ? name.substr(prefix.size()) : name, std::move(source));
  return rest;
}

}  // namespace

bool is_clip_bookkeeping(std::string_view name) {
  const auto last = name.substr(name.rfind('.') + 1);  // npos + 1 is 0: the whole name
  return last == "position_ids" || last == "attn_mask" || last == "input_resolution" ||
         last == "context_length" || last == "vocab_size";
}

bool is_clip_name(std::string_view name) {
  if (name.starts_with("module.")) name.remove_prefix(7);
  return name == kOriginalImage || name == kHuggingFaceImage || renamed(kOtherTowers, name);
}

bool is_hugging_face_clip(const NamedSources& tensors) {
  return tensors.contains(kHuggingFaceImage) ||
         tensors.contains(std::string("module.") + kHuggingFaceImage);
}

NamedSources canonical_clip_tensors(NamedSources tensors) {
  const auto wrapped = [](const auto& entry) { return entry.first.starts_with("module."); };
  if (!tensors.empty() && std::ranges::all_of(tensors, wrapped))
    tensors = without_prefix(std::move(tensors), "module.");
  for (const auto& [name, source] : tensors)
    if (const auto kind = renamed(kOtherTowers, name))
      throw Error(name + ": " + std::string(*kind) + " is not read, only vision transformers are");
  if (tensors.contains(kHuggingFaceImage)) return from_hugging_face(std::move(tensors));
  if (tensors.contains(kOriginalImage)) return without_prefix(std::move(tensors), "text.");
  throw Error(std::string("no CLIP network: neither ") + kOriginalImage + " nor " +
              kHuggingFaceImage + " is there");
}

}  // namespace vernissage
