#include "engine/cuda/clip/weights.h"

#include <cmath>
#include <type_traits>

#include "base/error.h"

namespace vernissage {
namespace {

/// Puts parameters of one network into a blob, by name.
template <class T>
class Packing {
 public:
  Packing(const ClipNetwork& network, DeviceBlob& blob) : network_(network), blob_(blob) {}

  void vector(const std::string& name, const float** where) {
    blob_.add(std::span<const float>(network_.at(name).values), where);
  }
  void norm(const std::string& name, ClipNormWeights& norm) {
    vector(name + ".weight", &norm.weight);
    vector(name + ".bias", &norm.bias);
  }
  void matrix(const std::string& name, const T** where) {
    add(name, network_.at(name).values, where);
  }
  /// (N, K) as (N, columns) with zeros at the end of every row.
  void filled_up(const std::string& name, size_t columns, const T** where) {
    const Tensor& tensor = network_.at(name);
    const auto rows = static_cast<size_t>(tensor.shape[0]);
    const size_t used = tensor.values.size() / rows;
    std::vector<float> values(rows * columns, 0.0f);
    for (size_t row = 0; row < rows; ++row)
      std::copy_n(tensor.values.begin() + static_cast<std::ptrdiff_t>(row * used), used,
                  values.begin() + static_cast<std::ptrdiff_t>(row * columns));
    add(name, values, where);
  }
  /// (K, N) as (N, K).
  void transposed(const std::string& name, const T** where) {
    const Tensor& tensor = network_.at(name);
    const auto rows = static_cast<size_t>(tensor.shape[0]);
    const auto columns = static_cast<size_t>(tensor.shape[1]);
    std::vector<float> values(tensor.values.size());
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column)
        values[column * rows + row] = tensor.values[row * columns + column];
    add(name, values, where);
  }

 private:
  void add(const std::string& name, const std::vector<float>& values, const T** where) {
    if constexpr (std::is_same_v<T, float>) {
      blob_.add(std::span<const float>(values), where);
    } else {
      std::vector<T> stored;
      stored.reserve(values.size());
      for (const float value : values) {
        stored.push_back(from_float<T>(value));
        if (!std::isfinite(to_float(stored.back())))
          throw Error(name + ": " + std::to_string(value) +
                      " is beyond half precision (65504): use f32");
      }
      blob_.add(std::span<const T>(stored), where);
    }
  }

  const ClipNetwork& network_;
  DeviceBlob& blob_;
};

template <class T>
void pack_tower(Packing<T>& pack, const ClipTower& tower, const std::string& prefix,
                ClipTowerWeights<T>& weights) {
  weights.blocks.resize(static_cast<size_t>(tower.layers));  // the blob keeps addresses in here
  for (size_t k = 0; k < weights.blocks.size(); ++k) {
    const std::string name = prefix + "resblocks." + std::to_string(k) + ".";
    ClipBlockWeights<T>& block = weights.blocks[k];
    pack.norm(name + "ln_1", block.norm_1);
    pack.matrix(name + "attn.in_proj_weight", &block.qkv);
    pack.vector(name + "attn.in_proj_bias", &block.qkv_bias);
    pack.matrix(name + "attn.out_proj.weight", &block.out);
    pack.vector(name + "attn.out_proj.bias", &block.out_bias);
    pack.norm(name + "ln_2", block.norm_2);
    pack.matrix(name + "mlp.c_fc.weight", &block.fc_1);
    pack.vector(name + "mlp.c_fc.bias", &block.fc_1_bias);
    pack.matrix(name + "mlp.c_proj.weight", &block.fc_2);
    pack.vector(name + "mlp.c_proj.bias", &block.fc_2_bias);
  }
}

}  // namespace

template <class T>
ClipWeights<T>::ClipWeights(const ClipNetwork& network, DeviceRuntime& runtime) {
  DeviceBlob blob;
  Packing<T> pack(network, blob);
  const int used = 3 * network.config.patch_size * network.config.patch_size;
  patch_columns = (used + 7) / 8 * 8;  // what the products' tensor cores like to read
  pack.filled_up("visual.conv1.weight", static_cast<size_t>(patch_columns), &patch);
  pack.vector("visual.class_embedding", &class_token);
  pack.vector("visual.positional_embedding", &vision.position);
  pack.norm("visual.ln_pre", first_norm);
  pack_tower(pack, network.config.vision, "visual.transformer.", vision);
  pack.norm("visual.ln_post", vision.last_norm);
  pack.transposed("visual.proj", &vision.projection);

  pack.matrix("token_embedding.weight", &words);
  pack.vector("positional_embedding", &text.position);
  pack_tower(pack, network.config.text, "transformer.", text);
  pack.norm("ln_final", text.last_norm);
  pack.transposed("text_projection", &text.projection);
  memory_ = blob.upload(runtime, "the weights of CLIP");
}

template class ClipWeights<float>;
template class ClipWeights<f16>;

}  // namespace vernissage
