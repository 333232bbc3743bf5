#include "bench/cuda/torch_cuda.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>

#include "training/torch/stylegan2_torch.h"

namespace vernissage::reference {
namespace {

constexpr int kWarmUps = 3;  // cuDNN tries its algorithms at the first

struct Recorded {
  at::Tensor ws, image;
  at::cuda::CUDAGraph graph;
};

at::Tensor upload(std::span<const float> values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat)
      .to(at::kCUDA, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

struct TorchCuda::State {
  explicit State(const Network& network)
      : config(network.config), generator(network, at::Device(at::kCUDA, 0), at::kHalf) {}

  NetworkConfig config;
  TorchGenerator generator;
  at::Tensor ws;
  std::map<int64_t, std::unique_ptr<Recorded>> recorded;  // by N
};

TorchCuda::TorchCuda(const Network& network) {
  const c10::InferenceMode inference;
  at::globalContext().setBenchmarkCuDNN(true);
  state_ = std::make_unique<State>(network);
}

TorchCuda::~TorchCuda() = default;

std::vector<float> TorchCuda::image(std::span<const float> ws, int n) {
  const c10::InferenceMode inference;
  set_inputs(ws, n);
  const auto image = state_->generator.synthesize(state_->ws).cpu().contiguous();
  return {image.data_ptr<float>(), image.data_ptr<float>() + image.numel()};
}

std::vector<uint8_t> TorchCuda::paint(std::span<const float> z, int n) {
  const c10::InferenceMode inference;
  const auto w = state_->generator.map(upload(z, {n, state_->config.z_dim}));
  const auto ws = w.unsqueeze(1).expand({-1, state_->config.num_ws(), -1});
  const auto pixels = rgb8(state_->generator.synthesize(ws));
  std::vector<uint8_t> host(size_t(pixels.numel()));
  at::from_blob(host.data(), pixels.sizes(), at::kByte).copy_(pixels);
  return host;
}

void TorchCuda::set_inputs(std::span<const float> ws, int n) {
  const c10::InferenceMode inference;
  state_->ws = upload(ws, {n, state_->config.num_ws(), state_->config.w_dim});
}

void TorchCuda::run_eager() {
  const c10::InferenceMode inference;
  state_->generator.synthesize(state_->ws);
}

void TorchCuda::record() {
  const c10::InferenceMode inference;
  auto& entry = state_->recorded[state_->ws.size(0)];
  if (entry) {
    entry->ws.copy_(state_->ws);
    return;
  }
  auto made = std::make_unique<Recorded>();
  made->ws = state_->ws.clone();
  // Recording is not allowed on the default stream.
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
  for (int i = 0; i < kWarmUps; ++i) state_->generator.synthesize(made->ws);
  c10::cuda::getCurrentCUDAStream().synchronize();
  made->graph.capture_begin();
  made->image = state_->generator.synthesize(made->ws);
  made->graph.capture_end();
  entry = std::move(made);
}

void TorchCuda::replay() {
  state_->recorded.at(state_->ws.size(0))->graph.replay();
}

}  // namespace vernissage::reference
