// A backend that measures the runs of another: the time from latents on the device to the finished
// image on the device, without copies to and from the host; of the whole forward pass, or of its
// first operations only.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <memory>

#include "bench/forwarding_backend.h"

namespace vernissage::bench {

class TimedBackend final : public ForwardingBackend {
 public:
  static constexpr int kAll = std::numeric_limits<int>::max();

  /// `wait` returns when the device has finished everything.
  TimedBackend(std::unique_ptr<Backend> backend, std::function<void()> wait)
      : ForwardingBackend(std::move(backend)), wait_(std::move(wait)) {}

  /// How often the next runs are carried out back to back. The image stays the same.
  void set_repeats(int repeats) { repeats_ = repeats; }
  /// Of the next runs only the first `operations` operations are carried out. What was recorded is
  /// forgotten, because a record holds another number of them.
  void set_operations(int operations) {
    if (operations == operations_) return;
    operations_ = operations;
    inner().reserve(inner().batch_max());
  }
  /// Seconds one carrying-out of the last run() took.
  double last_run_s() const { return last_run_s_; }

  void run(NoiseMode mode, bool replayable, const std::function<void()>& forward) override {
    const auto counted = [&] {
      done_ = 0;
      forward();
    };
    wait_();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats_; ++i) inner().run(mode, replayable, counted);
    wait_();
    last_run_s_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / repeats_;
  }

  void styles() override {
    if (wanted()) inner().styles();
  }
  void constant(BufferId y) override {
    if (wanted()) inner().constant(y);
  }
  void convolution(int layer, BufferId x, BufferId y, const EpilogueOptions& options) override {
    if (wanted()) inner().convolution(layer, x, y, options);
  }
  void to_rgb(int layer, BufferId x) override {
    if (wanted()) inner().to_rgb(layer, x);
  }
  void skip(int layer, BufferId x, BufferId y) override {
    if (wanted()) inner().skip(layer, x, y);
  }

  /// After a forward pass that was cut short there is no picture: the pixels stay as they are.
  void read_rgb8(std::span<uint8_t* const> pictures) override {
    if (operations_ == kAll) inner().read_rgb8(pictures);
  }

 private:
  bool wanted() { return done_++ < operations_; }

  std::function<void()> wait_;
  int repeats_ = 1;
  int operations_ = kAll;
  int done_ = 0;  // operations of the present forward pass
  double last_run_s_ = 0;
};

}  // namespace vernissage::bench
