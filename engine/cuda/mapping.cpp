#include "engine/cuda/mapping.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "engine/cuda/batches.h"
#include "engine/cuda/weights.h"

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
    layer.act = spec.activation;
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
    floats += static_cast<size_t>((kRowsMax * width + kAlignment - 1) / kAlignment * kAlignment);
    return offset;
  };
  const size_t z = plan(z_dim_), c = plan(c_dim_), embedded = plan(embed_width_);
  const size_t joined = plan(z_dim_ + embed_width_), first = plan(widest), second = plan(widest);
  memory_ = DeviceMemory(floats * sizeof(float), "the mapping network");
  runtime_.zero(memory_.data(),
                memory_.bytes());  // rows that only fill a batch up are numbers, too
  float* base = reinterpret_cast<float*>(memory_.data());
  z_ = base + z;
  c_ = base + c;
  embedded_ = base + embedded;
  joined_ = base + joined;
  values_[0] = base + first;
  values_[1] = base + second;
  const int widest_copy = std::max({z_dim_, c_dim_, w_dim_});
  staging_ = PinnedMemory(sizeof(float) * kRowsMax * widest_copy, "the mapping network");
}

/// Copies `values` to the device.
void DeviceMapping::input(std::span<const float> values, float* device) {
  std::memcpy(staging_.data(), values.data(), values.size_bytes());
  runtime_.to_device(device, staging_.data(), values.size_bytes());
  runtime_.synchronize();  // the staging memory is used again
}

/// w of the first `rows` latents in z_ and c_.
void DeviceMapping::layers(int rows) {
  const Stream stream = runtime_.stream();
  const int width = z_dim_ + embed_width_;
  const auto dense = [&](const Dense& layer, const float* x, float* y) {
    FullyConnected op;
    op.x = x;
    op.weight = layer.weight;
    op.bias = layer.bias;
    op.y = y;
    op.n = rows;
    op.i = layer.in;
    op.o = layer.out;
    op.act = layer.act;
    op.gain = layer.gain;
    fully_connected(op, stream);
  };
  pixel_norm({z_, joined_, rows, z_dim_, z_dim_, width}, stream);
  size_t next = 0;
  if (c_dim_ > 0) {
    dense(layers_[next++], c_, embedded_);
    pixel_norm({embedded_, joined_ + z_dim_, rows, embed_width_, embed_width_, width}, stream);
  }
  w_ = joined_;
  for (int turn = 0; next < layers_.size(); ++next, turn ^= 1) {
    dense(layers_[next], w_, values_[turn]);
    w_ = values_[turn];
  }
}

void DeviceMapping::execute(int rows) {
  if (!DeviceRuntime::can_record()) {
    layers(rows);
    return;
  }
  auto found = recordings_.find(rows);
  if (found == recordings_.end()) {
    // The driver loads a kernel at its first launch, and loading is not allowed while recording.
    layers(rows);
    runtime_.synchronize();
    found = recordings_.emplace(rows, runtime_.record([&] { layers(rows); })).first;
  }
  runtime_.replay(found->second);
}

void DeviceMapping::run(int n, std::span<const float> z, std::span<const float> c,
                        std::span<float> w) {
  VERNISSAGE_ASSERT_OP(z.size(), ==, static_cast<size_t>(n) * z_dim_);
  VERNISSAGE_ASSERT_OP(c.size(), ==, static_cast<size_t>(n) * c_dim_);
  VERNISSAGE_ASSERT_OP(w.size(), ==, static_cast<size_t>(n) * w_dim_);
  const auto part = [](auto all, size_t first, size_t rows, int width) {
    return all.subspan(first * static_cast<size_t>(width), rows * static_cast<size_t>(width));
  };
  for (int begin = 0; begin < n; begin += kRowsMax) {
    const auto first = static_cast<size_t>(begin);
    const auto rows = static_cast<size_t>(std::min(kRowsMax, n - begin));
    input(part(z, first, rows, z_dim_), z_);
    if (c_dim_ > 0) input(part(c, first, rows, c_dim_), c_);
    execute(bucket_of(static_cast<int>(rows)));
    const std::span<float> result = part(w, first, rows, w_dim_);
    runtime_.to_host(staging_.data(), w_, result.size_bytes());
    runtime_.synchronize();
    std::memcpy(result.data(), staging_.data(), result.size_bytes());
  }
}

}  // namespace vernissage
