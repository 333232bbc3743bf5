// The single operations of golden/stylegan2/ops.json: each case as calls of the operations in
// ops.h, which the reference and the kernels carry out alike. Tensors there are NCHW; results here
// are NHWC.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "engine/formats/tensor.h"
#include "kernels/ops.h"
#include "tests/support/json.h"

namespace vernissage::testing {

struct GoldenOp {
  std::string name;  // "modconv.07"
  Json params;

  bool has(const std::string& tensor) const;
  /// Float32 inputs and outputs. Throws Error when there is no such tensor.
  Tensor tensor(const std::string& tensor) const;
  std::vector<float> nhwc(const std::string& tensor) const;
  std::vector<uint8_t> bytes(const std::string& tensor) const;
};

/// The cases of one operation: "upfirdn2d", "bias_act", "modulated_conv2d", …
std::vector<GoldenOp> golden_ops(const std::string& op);

/// (N, C, H, W) → (N, H, W, C); axes that a shorter shape lacks count 1.
std::vector<float> nhwc(const Tensor& nchw);

Activation nonlinearity_from_name(const std::string& name);

// A Machine has run(op) for the operations of ops.h on host floats, returning the result as floats,
// demodulate(n, o, i, square, style) and pixel_norm(n, f, x).

/// Filter `f` (one row or column of a separable one, or two-dimensional) along both axes.
struct Resampling {
  int up_x, up_y, down_x, down_y, pad_x0, pad_x1, pad_y0, pad_y1;
  bool flip;
  float gain;
};

template <class Machine>
std::vector<float> resample(Machine& machine, const std::vector<float>& x, int n, int h, int w,
                            int c, const Tensor& filter, const Resampling& how,
                            const Epilogue<float>& epilogue = {}) {
  Upfirdn2d<float> op;
  op.x = x.data(), op.filter = filter.values.data();
  op.n = n, op.h = h, op.w = w, op.c = c;
  op.flip = how.flip;
  if (filter.shape.size() == 2) {
    op.fh = static_cast<int>(filter.shape[0]), op.fw = static_cast<int>(filter.shape[1]);
    op.up_x = how.up_x, op.up_y = how.up_y, op.down_x = how.down_x, op.down_y = how.down_y;
    op.pad_x0 = how.pad_x0, op.pad_x1 = how.pad_x1, op.pad_y0 = how.pad_y0, op.pad_y1 = how.pad_y1;
    op.gain = how.gain;
    op.epilogue = epilogue;
    return machine.run(op);
  }
  op.fh = 1, op.fw = static_cast<int>(filter.shape[0]);
  op.up_x = how.up_x, op.down_x = how.down_x, op.pad_x0 = how.pad_x0, op.pad_x1 = how.pad_x1;
  op.gain = std::sqrt(how.gain);
  const std::vector<float> rows = machine.run(op);
  Upfirdn2d<float> columns;
  columns.x = rows.data(), columns.filter = op.filter;
  columns.n = n, columns.h = h, columns.w = out_width(op), columns.c = c;
  columns.fh = op.fw, columns.fw = 1;
  columns.up_y = how.up_y, columns.down_y = how.down_y, columns.pad_y0 = how.pad_y0,
  columns.pad_y1 = how.pad_y1;
  columns.flip = how.flip;
  columns.gain = op.gain;
  columns.epilogue = epilogue;
  return machine.run(columns);
}

template <class Machine>
std::vector<float> golden_upfirdn2d(const GoldenOp& golden, Machine& machine) {
  const Json& params = golden.params;
  const auto axis = [&](const char* key, int index) {
    const Json& value = params.at(key);
    return value.kind == Json::Kind::array ? value.items.at(index).integer() : value.integer();
  };
  const Tensor x = golden.tensor("x");
  // Without a filter the reference filters by a single one.
  const Tensor filter = golden.has("f") ? golden.tensor("f") : Tensor{{1, 1}, {1.0f}};
  const auto size = [&x](int i) { return static_cast<int>(x.shape[i]); };
  return resample(machine, nhwc(x), size(0), size(2), size(3), size(1), filter,
                  {axis("up", 0), axis("up", 1), axis("down", 0), axis("down", 1),
                   axis("padding", 0), axis("padding", 1), axis("padding", 2), axis("padding", 3),
                   params.at("flip_filter").boolean, static_cast<float>(params.at("gain").number)});
}

template <class Machine>
std::vector<float> golden_bias_act(const GoldenOp& golden, Machine& machine) {
  Tensor x = golden.tensor("x");
  // A bias along axis 0 is a bias along axis 1 of one sample.
  if (golden.params.at("dim").integer() == 0) x.shape.insert(x.shape.begin(), 1);
  x.shape.resize(4, 1);
  const std::vector<float> values = nhwc(x);
  const Tensor bias = golden.has("b") ? golden.tensor("b") : Tensor{};
  NoiseBiasAct<float> op;
  op.x = values.data();
  op.n = static_cast<int>(x.shape[0]), op.o = static_cast<int>(x.shape[1]);
  op.h = static_cast<int>(x.shape[2]), op.w = static_cast<int>(x.shape[3]);
  op.epilogue.bias = golden.has("b") ? bias.values.data() : nullptr;
  op.epilogue.act = nonlinearity_from_name(golden.params.at("act").text);
  op.epilogue.alpha = static_cast<float>(golden.params.at("alpha").number);
  op.epilogue.gain = static_cast<float>(golden.params.at("gain").number);
  const Json& clamp = golden.params.at("clamp");
  op.epilogue.clamp = clamp.is_null() ? -1 : static_cast<float>(clamp.number);
  return machine.run(op);
}

template <class Machine>
std::vector<float> golden_modulated_conv2d(const GoldenOp& golden, Machine& machine) {
  const Json& params = golden.params;
  const int n = params.at("batch").integer(), h = params.at("h").integer(),
            w = params.at("w").integer();
  const int i = params.at("cin").integer(), o = params.at("cout").integer(),
            k = params.at("k").integer();
  const bool up = params.at("up").integer() == 2;
  const std::vector<float> x = golden.nhwc("x"), style = golden.tensor("s").values;
  const std::vector<float> weight = golden.nhwc("w");  // (O, I, K, K) → (O, K, K, I)
  std::vector<float> demod;
  if (params.at("demodulate").boolean) {
    std::vector<float> square(int64_t{o} * i, 0.0f);
    for (size_t index = 0; index < weight.size(); ++index)
      square[index / (int64_t{k} * k * i) * i + index % i] += weight[index] * weight[index];
    demod = machine.demodulate(n, o, i, square, style);
  }
  const float* d = demod.empty() ? nullptr : demod.data();
  const Tensor noise = golden.has("noise") ? golden.tensor("noise") : Tensor{};
  Epilogue<float> epilogue;
  if (golden.has("noise")) {
    epilogue.noise = noise.values.data();
    epilogue.noise_per_sample = noise.shape.size() == 4;
    epilogue.noise_strength = 1;
  }
  if (up && k == 3) {
    TransposedConv<float> conv;
    conv.x = x.data(), conv.weight = weight.data(), conv.style = style.data(), conv.demod = d;
    conv.n = n, conv.h = h, conv.w = w, conv.i = i, conv.o = o;
    return resample(machine, machine.run(conv), n, 2 * h + 1, 2 * w + 1, o, golden.tensor("f"),
                    {1, 1, 1, 1, 1, 1, 1, 1, false, 4.0f}, epilogue);
  }
  ModulatedConv<float> conv;
  conv.x = x.data(), conv.weight = weight.data(), conv.style = style.data();
  conv.n = n, conv.h = h, conv.w = w, conv.i = i, conv.o = o, conv.k = k;
  if (!up) conv.epilogue = epilogue;
  conv.epilogue.demod = d;
  const std::vector<float> y = machine.run(conv);
  if (!up) return y;
  return resample(machine, y, n, h, w, o, golden.tensor("f"), {2, 2, 1, 1, 2, 1, 2, 1, false, 4.0f},
                  epilogue);
}

}  // namespace vernissage::testing
