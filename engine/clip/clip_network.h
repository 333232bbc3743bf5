// CLIP as data: two transformer towers, one for pictures and one for words, that end in one space.
// Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
// Supervision". "Canonical" means the parameter names and shapes of the original release, e.g.
// visual.transformer.resblocks.0.attn.in_proj_weight (3W, W); other layouts are renamed when read.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/formats/network.h"
#include "engine/formats/tensor.h"

namespace vernissage {

/// quick_gelu: x · sigmoid(1.702 x); gelu: x/2 · (1 + erf(x/√2)).
enum class ClipActivation { quick_gelu, gelu };

const char* clip_activation_name(ClipActivation activation);
/// Throws Error naming the unknown word.
ClipActivation clip_activation_from_name(const std::string& name);

/// One tower's sizes. A head is width/heads channels wide.
struct ClipTower {
  int width = 0;      // W
  int layers = 0;     // L
  int heads = 0;      // H; divides W
  int mlp_width = 0;  // M
  ClipActivation activation = ClipActivation::quick_gelu;
};

/// Everything about a CLIP network that is not a tensor.
struct ClipConfig {
  int image_size = 0;  // S: pictures are S x S when they enter the tower
  int patch_size = 0;  // p; divides S
  ClipTower vision;
  ClipTower text;
  int embedding = 0;   // E: width of the space the towers share
  int vocabulary = 0;  // V: the last two ids are the start and the end of a text
  int context = 0;     // tokens of a text at most, start and end included; 77 as published
  float layer_norm_eps = 1e-5f;
  std::array<float, 3> mean{0.48145466f, 0.4578275f, 0.40821073f};  // of v/255, by channel
  std::array<float, 3> std_dev{0.26862954f, 0.26130258f, 0.27577711f};
  std::string source;  // "openai", "hugging face", "open_clip", "vernissage"

  int image_tokens() const;  // 1 + (S/p)²
  int start_token() const { return vocabulary - 2; }
  int end_token() const { return vocabulary - 1; }
};

/// All parameters of a network of this configuration, in canonical order: the image tower, the text
/// tower, logit_scale. Throws Error naming a configuration field that is out of range.
std::vector<ParameterSpec> parameters(const ClipConfig& config);

/// A CLIP network on the host, complete and checked.
struct ClipNetwork {
  ClipConfig config;
  std::map<std::string, Tensor> parameters;  // canonical names; logit_scale () is the logarithm
  std::vector<std::string> merges;  // byte-pair merges by rank, "a b" each: the tokenizer's table

  const Tensor& at(const std::string& name) const;  // asserts that it is there
  bool has_tokenizer() const { return !merges.empty(); }
};

/// Throws Error naming the first parameter that is missing, unexpected, misshapen (expected vs
/// actual) or not finite, the configuration field out of range, or a vocabulary that the merges do
/// not make up (V = 512 + merges + 2), or a merge of symbols that do not exist yet at its rank.
void check(const ClipNetwork& network);

/// Our own file: safetensors, the configuration in __metadata__, the merges beside the tensors as
/// tokenizer.merges (U8, one a line). `stored` is f32 or f16; as f16, vectors and logit_scale stay
/// float32. Both throw Error naming the file; save_clip() writes atomically. `extra` is further
/// metadata.
ClipNetwork load_clip(const std::filesystem::path& path);
void save_clip(const std::filesystem::path& path, const ClipNetwork& network,
               DType stored = DType::f32, const std::map<std::string, std::string>& extra = {});

/// True for a file that save_clip() wrote, by its metadata; false for any other safetensors file.
/// Throws Error for a file that is no safetensors.
bool is_clip_file(const std::filesystem::path& path);

}  // namespace vernissage
