// From named tensors of any checkpoint to a complete network, of StyleGAN2 or, by take_all(),
// another. Readers add what the file holds under the canonical names; build() converts exactly what
// a network of the configuration has.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/formats/network.h"
#include "weights_tools/containers/tensor_source.h"

namespace vernissage {

class NetworkBuilder {
 public:
  /// The tensors taken together may not have more bytes than the file: no genuine network does, and
  /// a file that points many tensors at one storage would otherwise grow without bounds.
  explicit NetworkBuilder(uint64_t file_bytes) : bytes_left_(file_bytes) {}

  /// Throws Error when the name was added before, and beyond kTensorsMax.
  static constexpr size_t kTensorsMax = 2000;  // a network of resolution 4096 has about 250
  void add(const std::string& name, TensorSource source);
  bool has(const std::string& name) const { return sources_.contains(name); }
  /// Throws Error when it is missing or has another rank.
  const std::vector<int64_t>& shape(const std::string& name, size_t rank) const;
  /// One size of a tensor, as an int. Throws Error when it is missing or beyond any network.
  int size(const std::string& name, size_t rank, size_t axis) const;
  /// Reads a small tensor now, of exactly this shape, and removes it. Throws Error.
  std::vector<float> take(const std::string& name, const std::vector<int64_t>& shape);

  /// Reads exactly these. Throws Error naming the first tensor that is missing, misshapen or left
  /// over.
  std::map<std::string, Tensor> take_all(const std::vector<ParameterSpec>& specs);
  /// The network, checked. Throws Error naming the first tensor that is missing, misshapen or left
  /// over.
  Network build(const NetworkConfig& config);
  /// How the tensors that build() took are stored in the file.
  const std::map<std::string, DType>& stored() const { return stored_; }

 private:
  std::map<std::string, TensorSource> sources_;
  std::map<std::string, DType> stored_;
  uint64_t bytes_left_;
};

}  // namespace vernissage
