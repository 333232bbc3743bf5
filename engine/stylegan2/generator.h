// StyleGAN2's generator: latents in, pictures out. The forward pass over its layers is said once,
// in generator.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/formats/network.h"

namespace vernissage {

/// Called after each layer of a synthesis with the layer's value, float32 (N, C, R, R).
/// Names: "b8.conv0", "b8.conv1", "b8.torgb", "b8.img" (the running image after the block).
using LayerHook = std::function<void(const std::string& name, const std::vector<float>& values,
                                     int channels, int resolution)>;

struct Noise {
  NoiseMode mode = NoiseMode::constant;
  std::vector<uint64_t> seeds;  // random mode: one a sample
};

/// One network on one backend. Not thread-safe. Pictures depend on (network, w, noise, backend)
/// only, never on the batch they were painted in.
class Generator {
 public:
  /// Checks the network, loads it and plans for batches of up to batch_max. Throws Error.
  Generator(const Network& network, std::unique_ptr<Backend> backend, int batch_max);
  ~Generator();

  const NetworkConfig& config() const { return config_; }
  const std::vector<float>& w_avg() const { return w_avg_; }  // (W)
  const Backend& backend() const { return *backend_; }
  int batch_max() const { return backend_->batch_max(); }

  /// z (N, Z) and, with labels, c (N, C) → w (N, W), before truncation. Throws Error naming a wrong
  /// size.
  std::vector<float> map(std::span<const float> z, std::span<const float> c = {});

  /// ws (N, num_ws, W) → RGB8 (N, R, R, image_channels). Any N ≥ 1: split into batches.
  std::vector<uint8_t> paint(std::span<const float> ws, const Noise& noise = {});
  /// The same pictures, each in bytes of its own: nothing is copied apart afterwards.
  std::vector<std::vector<uint8_t>> paint_each(std::span<const float> ws, const Noise& noise = {});
  /// The same pictures reduced in place: for each of `sizes`, 1 to the resolution, (N, size, size,
  /// image_channels), from one pass. What is not asked for never leaves the device. Bytes as
  /// Backend::read_preview says.
  std::vector<std::vector<uint8_t>> paint_previews(std::span<const float> ws,
                                                   std::span<const int> sizes,
                                                   const Noise& noise = {});
  /// The pictures of paint() where they lie on a CUDA device, batch by batch: `use` is called with
  /// the first sample, how many there are, and the place. The next batch waits for what `use` has
  /// enqueued only as far as that says so on the place's stream. Asserts
  /// backend().has_device_pictures().
  void paint_on_device(
      std::span<const float> ws, const Noise& noise,
      const std::function<void(size_t first, size_t count, const DevicePictures&)>& use);
  /// The same as float32 (N, image_channels, R, R), before quantisation.
  std::vector<float> paint_f32(std::span<const float> ws, const Noise& noise = {});
  /// paint_f32 with every layer shown to `hook`; N ≤ batch_max. Slow; for tests and inspection.
  std::vector<float> paint_with_hook(std::span<const float> ws, const Noise& noise,
                                     const LayerHook& hook);

 private:
  struct Block;
  struct ForwardOptions;
  void forward(const ForwardOptions& options);
  int block_count() const;
  size_t picture_bytes() const;
  size_t sample_count(std::span<const float> ws) const;
  void paint_into(std::span<const float> ws, const Noise& noise,
                  std::span<uint8_t* const> pictures);
  template <class Read>
  void in_batches(std::span<const float> ws, const Noise& noise, const Read& read);

  NetworkConfig config_;
  std::vector<float> w_avg_;
  std::unique_ptr<Backend> backend_;
  std::vector<Block> blocks_;
};

}  // namespace vernissage
