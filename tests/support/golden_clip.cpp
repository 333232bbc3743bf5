#include "tests/support/golden_clip.h"

#include <cstring>
#include <set>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"

#ifdef VERNISSAGE_TEST_WEIGHTS
#include "weights_tools/clip_checkpoint.h"
#endif

namespace vernissage::testing {

namespace {

ClipTower tower_of(const Json& json) {
  return {json.at("hidden_size").integer(), json.at("num_hidden_layers").integer(),
          json.at("num_attention_heads").integer(), json.at("intermediate_size").integer(),
          clip_activation_from_name(json.at("hidden_act").text)};
}

ClipConfig config_of(const Json& json) {
  const Json &vision = json.at("vision_config"), &text = json.at("text_config");
  ClipConfig config;
  config.image_size = vision.at("image_size").integer();
  config.patch_size = vision.at("patch_size").integer();
  config.vision = tower_of(vision);
  config.text = tower_of(text);
  config.embedding = json.at("projection_dim").integer();
  config.vocabulary = text.at("vocab_size").integer();
  config.context = text.at("max_position_embeddings").integer();
  config.source = "hugging face";
  return config;
}

/// A Hugging Face file under canonical names: golden/clip's fact sheet, section 3.
class HuggingFace {
 public:
  HuggingFace(const ClipConfig& config, const std::filesystem::path& path)
      : file_(path), all_(file_.bytes()) {
    network_.config = config;
    take("visual.class_embedding", "vision_model.embeddings.class_embedding");
    take("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight");
    take("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight");
    take_affine("visual.ln_pre", "vision_model.pre_layrnorm");
    take_affine("visual.ln_post", "vision_model.post_layernorm");
    take_transposed("visual.proj", "visual_projection.weight");
    take("token_embedding.weight", "text_model.embeddings.token_embedding.weight");
    take("positional_embedding", "text_model.embeddings.position_embedding.weight");
    take_affine("ln_final", "text_model.final_layer_norm");
    take_transposed("text_projection", "text_projection.weight");
    take("logit_scale", "logit_scale");
    take_blocks("visual.transformer", "vision_model", config.vision);
    take_blocks("transformer", "text_model", config.text);
  }

  ClipNetwork network() && { return std::move(network_); }

 private:
  Tensor read(const std::string& name) const {
    const auto found = all_.tensors().find(name);
    if (found == all_.tensors().end()) throw Error("golden CLIP network: " + name + " is missing");
    return {found->second.shape, found->second.to_f32()};
  }
  void take(const std::string& to, const std::string& from) {
    network_.parameters[to] = read(from);
  }
  void take_affine(const std::string& to, const std::string& from) {
    take(to + ".weight", from + ".weight");
    take(to + ".bias", from + ".bias");
  }
  void take_transposed(const std::string& to, const std::string& from) {
    const Tensor stored = read(from);
    const size_t rows = size_t(stored.shape[0]), columns = size_t(stored.shape[1]);
    Tensor turned{{stored.shape[1], stored.shape[0]}, std::vector<float>(stored.values.size())};
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j)
        turned.values[j * rows + i] = stored.values[i * columns + j];
    network_.parameters[to] = std::move(turned);
  }
  void take_joined(const std::string& to, const std::string& from, const std::string& what) {
    Tensor all = read(from + ".q_proj." + what);
    for (const char* part : {".k_proj.", ".v_proj."}) {
      const Tensor more = read(from + part + what);
      all.values.insert(all.values.end(), more.values.begin(), more.values.end());
    }
    all.shape[0] *= 3;
    network_.parameters[to + "_" + what] = std::move(all);
  }
  void take_blocks(const std::string& to, const std::string& from, const ClipTower& tower) {
    for (int i = 0; i < tower.layers; ++i) {
      const std::string block = to + ".resblocks." + std::to_string(i);
      const std::string layer = from + ".encoder.layers." + std::to_string(i);
      take_affine(block + ".ln_1", layer + ".layer_norm1");
      take_joined(block + ".attn.in_proj", layer + ".self_attn", "weight");
      take_joined(block + ".attn.in_proj", layer + ".self_attn", "bias");
      take_affine(block + ".attn.out_proj", layer + ".self_attn.out_proj");
      take_affine(block + ".ln_2", layer + ".layer_norm2");
      take_affine(block + ".mlp.c_fc", layer + ".mlp.fc1");
      take_affine(block + ".mlp.c_proj", layer + ".mlp.fc2");
    }
  }

  MappedFile file_;
  Safetensors all_;
  ClipNetwork network_;
};

std::vector<std::vector<int32_t>> id_rows(const TensorView& view) {
  if (view.dtype != DType::i32) throw Error("golden token ids: expected I32");
  const size_t width = size_t(view.shape.back()), rows = size_t(view.count()) / width;
  std::vector<std::vector<int32_t>> all(rows, std::vector<int32_t>(width));
  for (size_t i = 0; i < rows; ++i)
    std::memcpy(all[i].data(), view.bytes.data() + i * width * sizeof(int32_t),
                width * sizeof(int32_t));
  return all;
}

}  // namespace

std::vector<std::string> clip_goldens() {
  return {
      "tiny-vit",
      "tiny-vit-gelu",
#ifdef VERNISSAGE_TEST_WEIGHTS
      "tiny-h64",
#endif
  };
}

ClipGolden clip_golden(const std::string& name) {
  ClipGolden model;
  model.name = name;
  const bool gelu = name.ends_with("-gelu");
  const std::string folder = "clip/" + (gelu ? name.substr(0, name.size() - 5) : name);
  const std::string variant = gelu ? ".gelu" : "";
  if (name.starts_with("tiny-vit")) {
    const ClipConfig config = config_of(read_json(golden(folder + "/config" + variant + ".json")));
    model.network = HuggingFace(config, golden(folder + "/model.safetensors")).network();
  }
#ifdef VERNISSAGE_TEST_WEIGHTS
  if (name == "tiny-h64")
    model.network = read_clip_checkpoint(golden(folder + "/openai_jit.pt"), {}).network;
#endif
  if (model.network.parameters.empty()) throw Error("no golden CLIP network " + name);
  const MappedFile file(golden(folder + "/golden" + variant + ".safetensors"));
  const Safetensors stored(file.bytes());
  for (const auto& [key, view] : stored.tensors())
    if (view.dtype == DType::f32) model.tensors[key] = {view.shape, view.to_f32()};
  model.texts = id_rows(stored.tensors().at("input_ids"));
  if (const auto rooms = stored.tensors().find("rooms.input_ids"); rooms != stored.tensors().end())
    model.room_texts = id_rows(rooms->second);
  return model;
}

}  // namespace vernissage::testing
