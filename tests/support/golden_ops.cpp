#include "tests/support/golden_ops.h"

#include <cstring>
#include <map>

#include "base/error.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"

namespace vernissage::testing {

namespace {

struct File {
  MappedFile mapped{golden("stylegan2/ops.safetensors")};
  Safetensors tensors{mapped.bytes()};
  Json json = read_json(golden("stylegan2/ops.json"));
};
const File& file() {
  static const File instance;
  return instance;
}

}  // namespace

bool GoldenOp::has(const std::string& tensor) const {
  return file().tensors.tensors().contains(name + "/" + tensor);
}

Tensor GoldenOp::tensor(const std::string& tensor) const {
  if (!has(tensor)) throw Error("ops.safetensors: " + name + "/" + tensor + " is not there");
  const TensorView& view = file().tensors.tensors().at(name + "/" + tensor);
  return {view.shape, view.to_f32()};
}

std::vector<float> GoldenOp::nhwc(const std::string& which) const {
  return testing::nhwc(tensor(which));
}

std::vector<uint8_t> GoldenOp::bytes(const std::string& tensor) const {
  const TensorView& view = file().tensors.tensors().at(name + "/" + tensor);
  std::vector<uint8_t> values(view.bytes.size());
  std::memcpy(values.data(), view.bytes.data(), values.size());
  return values;
}

std::vector<GoldenOp> golden_ops(const std::string& op) {
  std::vector<GoldenOp> cases;
  for (const Json& item : file().json.at("cases").items)
    if (item.at("op").text == op) cases.push_back({item.at("name").text, item.at("params")});
  if (cases.empty()) throw Error("ops.json: no case of " + op);
  return cases;
}

std::vector<float> nhwc(const Tensor& nchw) {
  std::vector<int64_t> shape = nchw.shape;
  shape.resize(4, 1);
  const int64_t channels = shape[1], pixels = shape[2] * shape[3];
  std::vector<float> out(nchw.values.size());
  for (size_t index = 0; index < out.size(); ++index) {
    const int64_t i = static_cast<int64_t>(index);
    const int64_t pixel = i % pixels, channel = i / pixels % channels,
                  sample = i / pixels / channels;
    out[(sample * pixels + pixel) * channels + channel] = nchw.values[index];
  }
  return out;
}

Activation nonlinearity_from_name(const std::string& name) {
  static const std::map<std::string, Activation> names = {
      {"linear", Activation::linear},   {"relu", Activation::relu},
      {"lrelu", Activation::lrelu},     {"tanh", Activation::tanh},
      {"sigmoid", Activation::sigmoid}, {"elu", Activation::elu},
      {"selu", Activation::selu},       {"softplus", Activation::softplus},
      {"swish", Activation::swish}};
  const auto found = names.find(name);
  if (found == names.end()) throw Error("no activation is called " + name);
  return found->second;
}

}  // namespace vernissage::testing
