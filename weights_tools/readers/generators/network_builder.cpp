#include "weights_tools/readers/generators/network_builder.h"

#include <utility>

#include "base/error.h"

namespace vernissage {

void NetworkBuilder::add(const std::string& name, TensorSource source) {
  if (sources_.size() >= kTensorsMax) {
    throw Error(name + ": more than " + std::to_string(kTensorsMax) + " tensors in one network");
  }
  if (!sources_.emplace(name, std::move(source)).second) throw Error(name + ": occurs twice");
}

const std::vector<int64_t>& NetworkBuilder::shape(const std::string& name, size_t rank) const {
  const auto found = sources_.find(name);
  if (found == sources_.end()) throw Error(name + ": missing");
  const auto& shape = found->second.shape;
  if (shape.size() != rank) {
    throw Error(name + ": expected rank " + std::to_string(rank) + ", got " + shape_text(shape));
  }
  return shape;
}

int NetworkBuilder::size(const std::string& name, size_t rank, size_t axis) const {
  constexpr int64_t kSizeMax = 1 << 20;
  const int64_t value = shape(name, rank)[axis];
  if (value < 1 || value > kSizeMax) {
    throw Error(name + ": shape " + shape_text(shape(name, rank)) + " is no layer's");
  }
  return static_cast<int>(value);
}

std::vector<float> NetworkBuilder::take(const std::string& name,
                                        const std::vector<int64_t>& shape) {
  const auto found = sources_.find(name);
  if (found == sources_.end()) throw Error(name + ": missing, expected " + shape_text(shape));
  const TensorSource source = std::move(found->second);
  sources_.erase(found);
  if (source.shape != shape) {
    throw Error(name + ": expected " + shape_text(shape) + ", got " + shape_text(source.shape));
  }
  if (source.bytes > bytes_left_) {
    throw Error(name + ": the tensors together are larger than the file");
  }
  bytes_left_ -= source.bytes;
  stored_[name] = source.stored;
  return source.read();
}

std::map<std::string, Tensor> NetworkBuilder::take_all(const std::vector<ParameterSpec>& specs) {
  std::map<std::string, Tensor> tensors;
  for (const ParameterSpec& spec : specs) {
    tensors.emplace(spec.name, Tensor{spec.shape, take(spec.name, spec.shape)});
  }
  if (!sources_.empty()) {
    throw Error(sources_.begin()->first +
                ": unexpected, a network of this configuration has no such tensor");
  }
  return tensors;
}

Network NetworkBuilder::build(const NetworkConfig& config) {
  if (has("synthesis.b4.const")) {
    const auto& begin = shape("synthesis.b4.const", 3);
    if (begin[1] != begin[2]) {
      throw Error("synthesis.b4.const: a network of rectangular pictures, which begins with " +
                  std::to_string(begin[1]) + " x " + std::to_string(begin[2]) +
                  ", is not read; only square ones are");
    }
  }
  Network network{config, take_all(parameters(config))};
  check(network);
  return network;
}

}  // namespace vernissage
