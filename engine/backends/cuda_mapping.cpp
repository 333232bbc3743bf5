#include "engine/backends/cuda_mapping.h"

#include <algorithm>
#include <cstring>

#include "engine/backends/cuda_weights.h"
#include "engine/error.h"

namespace vernissage {

DeviceMapping::DeviceMapping(const NetworkSpec& network, DeviceRuntime& runtime)
    : runtime_(runtime),
      z_dim_(network.config.z_dim),
      c_dim_(network.config.c_dim),
      w_dim_(network.config.w_dim),
      embed_width_(c_dim_ > 0 ? network.embed.out : 0) {
  std::vector<DenseSpec> specs;
  if (c_dim_ > 0) specs.push_back(network.embed);
  specs.insert(specs.end(), network.mapping.begin(), network.mapping.end());

  DeviceBlob blob;
  layers_.reserve(specs.size());  // the blob keeps addresses of their pointers
  int widest = 1;
  for (const DenseSpec& spec : specs) {
    Dense& layer = layers_.emplace_back();
    layer.in = spec.in;
    layer.out = spec.out;
    layer.act = nonlinearity(spec.activation);
    layer.gain = activation_gain(spec.activation);
    blob.add(spec.weight, &layer.weight);
    blob.add(spec.bias, &layer.bias);
    widest = std::max({widest, spec.in, spec.out});
  }
  weights_ = blob.upload(runtime_, "the weights of the mapping network");

  constexpr int kAlignment = 64;  // floats: 256 bytes
  size_t floats = 0;
  const auto plan = [&](int width) {
    const size_t offset = floats;
    floats += static_cast<size_t>((kColumns * width + kAlignment - 1) / kAlignment * kAlignment);
    return offset;
  };
  const size_t z = plan(z_dim_), c = plan(c_dim_), embedded = plan(embed_width_);
  const size_t joined = plan(z_dim_ + embed_width_), first = plan(widest), second = plan(widest);
  memory_ = DeviceMemory(floats * sizeof(float), "the mapping network");
  float* base = reinterpret_cast<float*>(memory_.data());
  z_ = base + z;
  c_ = base + c;
  embedded_ = base + embedded;
  joined_ = base + joined;
  values_[0] = base + first;
  values_[1] = base + second;
  const int widest_copy = std::max({z_dim_, c_dim_, w_dim_});
  staging_ = PinnedMemory(sizeof(float) * kColumns * widest_copy, "the mapping network");
}

/// Copies rows (rows, width) to the device and zeros behind them up to kColumns.
void DeviceMapping::input(const float* values, int rows, int width, float* device) {
  const size_t bytes = sizeof(float) * rows * width;
  std::memset(staging_.data(), 0, sizeof(float) * kColumns * width);
  std::memcpy(staging_.data(), values, bytes);
  runtime_.to_device(device, staging_.data(), sizeof(float) * kColumns * width);
  runtime_.synchronize();  // the staging memory is used again
}

void DeviceMapping::dense(const Dense& layer, const float* x, float* y) {
  runtime_.multiply(layer.weight, x, y, layer.out, layer.in, kColumns);
  NoiseBiasAct<float> op;
  op.x = y;
  op.y = y;
  op.n = kColumns;
  op.h = op.w = 1;
  op.o = layer.out;
  op.epilogue.bias = layer.bias;
  op.epilogue.act = layer.act;
  op.epilogue.gain = layer.gain;
  noise_bias_act(op, runtime_.stream());
}

void DeviceMapping::run(int n, std::span<const float> z, std::span<const float> c,
                        std::span<float> w) {
  VERNISSAGE_ASSERT_OP(z.size(), ==, static_cast<size_t>(n) * z_dim_);
  VERNISSAGE_ASSERT_OP(c.size(), ==, static_cast<size_t>(n) * c_dim_);
  VERNISSAGE_ASSERT_OP(w.size(), ==, static_cast<size_t>(n) * w_dim_);
  const int width = z_dim_ + embed_width_;
  for (int first = 0; first < n; first += kColumns) {
    const int rows = std::min(kColumns, n - first);
    input(z.data() + static_cast<size_t>(first) * z_dim_, rows, z_dim_, z_);
    pixel_norm({z_, joined_, kColumns, z_dim_, z_dim_, width}, runtime_.stream());
    size_t next = 0;
    if (c_dim_ > 0) {
      input(c.data() + static_cast<size_t>(first) * c_dim_, rows, c_dim_, c_);
      dense(layers_[next++], c_, embedded_);
      pixel_norm({embedded_, joined_ + z_dim_, kColumns, embed_width_, embed_width_, width},
                 runtime_.stream());
    }
    const float* x = joined_;
    for (int turn = 0; next < layers_.size(); ++next, turn ^= 1) {
      dense(layers_[next], x, values_[turn]);
      x = values_[turn];
    }
    const size_t bytes = sizeof(float) * rows * w_dim_;
    runtime_.to_host(staging_.data(), x, bytes);
    runtime_.synchronize();
    std::memcpy(w.data() + static_cast<size_t>(first) * w_dim_, staging_.data(), bytes);
  }
}

}  // namespace vernissage
