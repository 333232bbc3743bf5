// Goal: points of the latent spaces are exactly those of the official scripts.
// Method: numpy's own streams (ops.json, seed_to_z and seed_stream; they are stored as float64, and
// only the logarithm and square root of the C library may differ, hence 1e-15 relative), the
// mapping goldens with every psi and cutoff on the CPU backend, and the algebra of mixing and
// interpolation.
#include "engine/stylegan2/latents.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "engine/backend.h"
#include "engine/formats/safetensors.h"
#include "tests/support/golden_data.h"
#include "tests/support/json.h"

namespace vernissage {
namespace {

using testing::golden;
using testing::Json;

class Ops {
 public:
  Ops()
      : file_(golden("stylegan2/ops.safetensors")),
        tensors_(file_.bytes()),
        json_(testing::read_json(golden("stylegan2/ops.json"))) {}

  const Json& cases() const { return json_.at("cases"); }
  std::vector<double> f64(const std::string& name) const {
    const TensorView& view = tensors_.tensors().at(name);
    EXPECT_EQ(view.dtype, DType::f64) << name;
    std::vector<double> values(view.count());
    std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
    return values;
  }
  Tensor f32(const std::string& name) const {
    const TensorView& view = tensors_.tensors().at(name);
    return {view.shape, view.to_f32()};
  }

 private:
  MappedFile file_;
  Safetensors tensors_;
  Json json_;
};

void expect_stream(LegacyNormal& normal, const std::vector<double>& expected,
                   const std::string& name) {
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(normal.next(), expected[i], 1e-15 * std::abs(expected[i])) << name << " " << i;
}

TEST(Seeds, AreNumpysLegacyNormals) {
  const Ops ops;
  int streams = 0;
  for (const Json& one : ops.cases().items) {
    const std::string& op = one.at("op").text;
    if (op != "seed_to_z" && op != "seed_stream") continue;
    const std::string& name = one.at("name").text;
    LegacyNormal normal(static_cast<uint32_t>(one.at("params").at("seed").number));
    // Outputs of one case continue one stream, kept second value included.
    for (const auto& output : one.at("outputs").members)
      expect_stream(normal, ops.f64(name + "/" + output.first), name);
    ++streams;
  }
  EXPECT_EQ(streams, 6);
}

TEST(Seeds, GiveFloat32OfTheStream) {
  const std::vector<double> expected = Ops().f64("seed.85/z");
  const std::vector<float> z = z_from_seed(85, 512);
  ASSERT_EQ(z.size(), expected.size());
  for (size_t i = 0; i < z.size(); ++i) EXPECT_EQ(z[i], static_cast<float>(expected[i]));
}

TEST(Mapping, AgreesForEveryPsiAndCutoff) {
  const Ops ops;
  int compared = 0;
  for (const Json& one : ops.cases().items) {
    if (one.at("op").text != "mapping") continue;
    const std::string& name = one.at("name").text;
    const Json& params = one.at("params");
    const int z_dim = params.at("z_dim").integer(), c_dim = params.at("c_dim").integer();
    const int w_dim = params.at("w_dim").integer(), num_ws = params.at("num_ws").integer();
    const float multiplier = static_cast<float>(params.at("lr_multiplier").number);

    // The mapping alone, below a synthesis network of one layer that nobody runs.
    NetworkSpec spec;
    spec.config.resolution = 4;
    spec.config.z_dim = z_dim;
    spec.config.c_dim = c_dim;
    spec.config.w_dim = w_dim;
    spec.config.widths = {1};
    std::vector<Tensor> storage;
    storage.reserve(32);
    const auto layer = [&](const std::string& which, float m, Activation activation) {
      Tensor weight = ops.f32(name + "/param." + which + ".weight");
      Tensor bias = ops.f32(name + "/param." + which + ".bias");
      const int out = static_cast<int>(weight.shape[0]), in = static_cast<int>(weight.shape[1]);
      for (float& value : weight.values) value *= m / std::sqrt(static_cast<float>(in));
      for (float& value : bias.values) value *= m;
      storage.push_back(weight);
      storage.push_back(bias);
      return DenseSpec{
          which, in, out, storage[storage.size() - 2].values, storage.back().values, activation};
    };
    if (c_dim) spec.embed = layer("embed", 1.0f, Activation::linear);
    for (int i = 0; i < params.at("num_layers").integer(); ++i)
      spec.mapping.push_back(layer("fc" + std::to_string(i), multiplier, Activation::lrelu));
    const std::vector<float> constant(16);
    spec.constant = constant;
    const auto backend = make_backend("cpu", Precision::f32, 1);
    backend->load(spec);

    const Tensor z = ops.f32(name + "/z"), c = ops.f32(name + "/c");
    const int n = static_cast<int>(z.shape[0]);
    std::vector<float> w(size_t(n) * w_dim);
    backend->map(n, z.values, c.values, w);
    const Tensor w_avg = ops.f32(name + "/param.w_avg");
    for (const Json& psi : params.at("psi").items)
      for (const Json& cutoff : params.at("cutoff").items) {
        const std::optional<int> below =
            cutoff.is_null() ? std::nullopt : std::optional(cutoff.integer());
        std::string output = "/ws_psi";
        for (const auto& stored : one.at("outputs").members) {
          char text[32];
          std::snprintf(text, sizeof text, "ws_psi%g_cut", psi.number);
          if (stored.first == text + (below ? std::to_string(*below) : std::string("None")))
            output = "/" + stored.first;
        }
        const Tensor expected = ops.f32(name + output);
        const std::vector<float> ws =
            broadcast_truncated(w, w_avg.values, num_ws, static_cast<float>(psi.number), below);
        ASSERT_EQ(ws.size(), expected.values.size());
        float largest = 0;
        for (const float value : expected.values) largest = std::max(largest, std::abs(value));
        for (size_t i = 0; i < ws.size(); ++i)
          ASSERT_NEAR(ws[i], expected.values[i], 3e-6 * largest) << name << output << " " << i;
        ++compared;
      }
  }
  EXPECT_EQ(compared, 32);
}

TEST(Truncation, EndsAreExact) {
  const std::vector<float> w = {1.1f, -2.3f, 0.7f, 5.9f}, w_avg = {0.3f, 0.1f};
  EXPECT_EQ(broadcast_truncated(w, w_avg, 2, 0.0f, {}),
            (std::vector<float>{0.3f, 0.1f, 0.3f, 0.1f, 0.3f, 0.1f, 0.3f, 0.1f}));
  EXPECT_EQ(broadcast_truncated(w, w_avg, 2, 1.0f, {}),
            (std::vector<float>{1.1f, -2.3f, 1.1f, -2.3f, 0.7f, 5.9f, 0.7f, 5.9f}));
  EXPECT_EQ(broadcast_truncated(std::span(w).first(2), w_avg, 3, 0.0f, 1),
            (std::vector<float>{0.3f, 0.1f, 1.1f, -2.3f, 1.1f, -2.3f}));
}

TEST(StyleMixing, TakesWholeRows) {
  std::vector<float> ws = {1, 2, 3, 4, 5, 6};
  const std::vector<float> styles = {10, 20, 30, 40, 50, 60};
  mix_styles(ws, styles, std::vector<int>{0, 2}, 2);
  EXPECT_EQ(ws, (std::vector<float>{10, 20, 3, 4, 50, 60}));
}

TEST(Slerp, KeepsTheAngleAndMeetsItsEnds) {
  const std::vector<float> a = {2, 0, 0}, b = {0, 2, 0};
  const std::vector<float> third = slerp(a, b, 1.0f / 3);
  EXPECT_NEAR(third[0], 2 * std::cos(M_PI / 6), 1e-6);
  EXPECT_NEAR(third[1], 2 * std::sin(M_PI / 6), 1e-6);
  EXPECT_EQ(slerp(a, b, 0.0f), a);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(slerp(a, b, 1.0f)[i], b[i], 1e-6);
}

TEST(Slerp, OfParallelVectorsIsTheChord) {
  const std::vector<float> a = {1, 2}, b = {2, 4}, opposite = {-1, -2};
  EXPECT_EQ(slerp(a, a, 0.3f), a);
  EXPECT_EQ(slerp(a, b, 0.5f), lerp(a, b, 0.5f));
  EXPECT_EQ(slerp(a, opposite, 0.5f), (std::vector<float>{0, 0}));
  EXPECT_EQ(slerp(std::vector<float>{0, 0}, a, 0.5f), (std::vector<float>{0.5f, 1}));
}

}  // namespace
}  // namespace vernissage
