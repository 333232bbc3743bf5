// A backend that tells profilers what another does: an NVTX range around every operation, and
// cudaProfilerStart and cudaProfilerStop around what is to be looked at.
#pragma once

#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/cuda/support.h"
#include "bench/forwarding_backend.h"

namespace vernissage::bench {

class AnnotatedBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  /// The next run lies between Start and Stop, as a replay of what was recorded before.
  void profile_replay() { profile_ = Profile::replay; }
  /// The next run is launched kernel by kernel; it, or only the operation `name` unless that is
  /// empty, lies between Start and Stop.
  void profile_forward(const std::string& name) {
    profile_ = Profile::forward;
    only_ = name;
  }

  void load(const NetworkSpec& network) override {
    for (const LayerSpec& layer : network.layers) names_.push_back(layer.name);
    inner().load(network);
  }
  void map(int n, std::span<const float> z, std::span<const float> c, std::span<float> w) override {
    annotated("mapping", [&] { inner().map(n, z, c, w); });
  }
  void run(NoiseMode mode, bool replayable, const std::function<void()>& forward) override {
    const Profile profile = profile_;
    const auto inside = [&] {
      inner().run(mode, replayable && profile != Profile::forward, forward);
    };
    if (profile == Profile::none || !only_.empty())
      inside();
    else
      between_start_and_stop(inside);
    profile_ = Profile::none;
  }
  void styles() override {
    annotated("styles", [&] { inner().styles(); });
  }
  void constant(BufferId y) override {
    annotated("constant", [&] { inner().constant(y); });
  }
  void convolution(int layer, BufferId x, BufferId y, const EpilogueOptions& options) override {
    annotated(name(layer), [&] { inner().convolution(layer, x, y, options); });
  }
  void to_rgb(int layer, BufferId x) override {
    annotated(name(layer), [&] { inner().to_rgb(layer, x); });
  }
  void skip(int layer, BufferId x, BufferId y) override {
    annotated(name(layer), [&] { inner().skip(layer, x, y); });
  }

 private:
  enum class Profile { none, replay, forward };

  const std::string& name(int layer) const { return names_.at(size_t(layer)); }

  template <class Work>
  void annotated(const std::string& what, const Work& work) {
    nvtxRangePushA(what.c_str());
    if (profile_ == Profile::forward && what == only_)
      between_start_and_stop(work);
    else
      work();
    nvtxRangePop();
  }

  template <class Work>
  static void between_start_and_stop(const Work& work) {
    check_cuda(cudaDeviceSynchronize(), "before a profile");
    check_cuda(cudaProfilerStart(), "cudaProfilerStart");
    work();
    check_cuda(cudaDeviceSynchronize(), "a profile");
    check_cuda(cudaProfilerStop(), "cudaProfilerStop");
  }

  std::vector<std::string> names_;  // of the layers
  Profile profile_ = Profile::none;
  std::string only_;
};

}  // namespace vernissage::bench
