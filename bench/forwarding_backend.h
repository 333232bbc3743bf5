// A backend that passes everything on to another: the base of those that time or annotate one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/backend.h"

namespace vernissage::bench {

class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}

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
  void set_output(Output output) override { backend_->set_output(output); }
  void run(NoiseMode mode, bool replayable, const std::function<void()>& forward) override {
    backend_->run(mode, replayable, forward);
  }
  void styles() override { backend_->styles(); }
  void constant(BufferId y) override { backend_->constant(y); }
  void convolution(int layer, BufferId x, BufferId y, const EpilogueOptions& options) override {
    backend_->convolution(layer, x, y, options);
  }
  void to_rgb(int layer, BufferId x) override { backend_->to_rgb(layer, x); }
  void skip(int layer, BufferId x, BufferId y) override { backend_->skip(layer, x, y); }
  std::vector<float> read(BufferId id, int channels, int resolution) override {
    return backend_->read(id, channels, resolution);
  }
  std::vector<float> read_image() override { return backend_->read_image(); }
  void read_rgb8(std::span<uint8_t* const> pictures) override { backend_->read_rgb8(pictures); }
  void read_preview(int size, std::span<uint8_t> pixels) override {
    backend_->read_preview(size, pixels);
  }
  bool has_device_pictures() const override { return backend_->has_device_pictures(); }
  DevicePictures device_pictures() override { return backend_->device_pictures(); }
  int launches() const override { return backend_->launches(); }

 protected:
  Backend& inner() { return *backend_; }
  const Backend& inner() const { return *backend_; }

 private:
  std::unique_ptr<Backend> backend_;
};

}  // namespace vernissage::bench
