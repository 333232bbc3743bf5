// A backend that does what another does and measures its runs: the time from latents on the device
// to the finished float32 image on the device, without copies to and from the host.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "engine/backends/backend.h"

namespace vernissage::bench {

class TimedBackend final : public Backend {
 public:
  /// `wait` returns when the device has finished everything.
  TimedBackend(std::unique_ptr<Backend> backend, std::function<void()> wait)
      : backend_(std::move(backend)), wait_(std::move(wait)) {}

  /// How often the next runs are carried out back to back. The image stays the same.
  void set_repeats(int repeats) { repeats_ = repeats; }
  /// Seconds one carrying-out of the last run() took.
  double last_run_s() const { return last_run_s_; }

  void run(NoiseMode mode, bool replayable, const std::function<void()>& walk) override {
    wait_();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats_; ++i) backend_->run(mode, replayable, walk);
    wait_();
    last_run_s_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / repeats_;
  }

  std::string describe() const override { return backend_->describe(); }
  void load(const NetworkSpec& network) override { backend_->load(network); }
  void reserve(int batch_max) override { backend_->reserve(batch_max); }
  int batch_max() const override { return backend_->batch_max(); }
  void map(int n, std::span<const float> z, std::span<const float> c, std::span<float> w) override {
    backend_->map(n, z, c, w);
  }
  void set_inputs(int n, std::span<const float> ws,
                  std::span<const uint64_t> noise_seeds) override {
    backend_->set_inputs(n, ws, noise_seeds);
  }
  void styles() override { backend_->styles(); }
  void constant(Slot y) override { backend_->constant(y); }
  void convolution(int layer, Slot x, Slot y, const Tail& tail) override {
    backend_->convolution(layer, x, y, tail);
  }
  void to_rgb(int layer, Slot x) override { backend_->to_rgb(layer, x); }
  void skip(int layer, Slot x, Slot y) override { backend_->skip(layer, x, y); }
  std::vector<float> read(Slot slot, int channels, int resolution) override {
    return backend_->read(slot, channels, resolution);
  }
  std::vector<float> read_image() override { return backend_->read_image(); }
  void read_rgb8(std::span<uint8_t> pixels) override { backend_->read_rgb8(pixels); }

 private:
  std::unique_ptr<Backend> backend_;
  std::function<void()> wait_;
  int repeats_ = 1;
  double last_run_s_ = 0;
};

}  // namespace vernissage::bench
