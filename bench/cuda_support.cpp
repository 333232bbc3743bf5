#include "bench/cuda_support.h"

#include <cublas_v2.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/error.h"

namespace vernissage::bench {
namespace {

constexpr double kGraphSeconds = 2e-3;  // of work between two events: their own cost disappears
constexpr int kCallsMax = 200;
constexpr int kCeilingRuns = 9;
constexpr size_t kCopyBytes = size_t{1} << 30;
constexpr int kProductSide = 8192;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + long(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double copy_bytes_per_s(DeviceTimer& timer) {
  DeviceBuffer from, to;
  void* const x = from.at_least(kCopyBytes, DeviceBuffer::Fill::f32);
  void* const y = to.at_least(kCopyBytes, DeviceBuffer::Fill::f32);
  std::vector<double> seconds;
  for (int run = 0; run < kCeilingRuns; ++run)
    seconds.push_back(timer.seconds([&] {
      check_cuda(cudaMemcpyAsync(y, x, kCopyBytes, cudaMemcpyDeviceToDevice, timer.stream()),
                 "copy");
    }));
  return 2.0 * double(kCopyBytes) / median(seconds);
}

double product_flops_per_s(DeviceTimer& timer) {
  cublasHandle_t raw = nullptr;
  if (cublasCreate(&raw) != CUBLAS_STATUS_SUCCESS) throw Error("cuBLAS cannot be started");
  const std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, cublasStatus_t (*)(cublasHandle_t)>
      handle(raw, cublasDestroy);
  cublasSetStream(raw, timer.stream());
  // A workspace of our own, so that the calls may be recorded into a graph.
  DeviceBuffer workspace, a, b, c;
  constexpr size_t kWorkspaceBytes = size_t{64} << 20;
  cublasSetWorkspace(raw, workspace.at_least(kWorkspaceBytes, DeviceBuffer::Fill::f32),
                     kWorkspaceBytes);
  const size_t bytes = size_t{kProductSide} * kProductSide * 2;
  void* const x = a.at_least(bytes, DeviceBuffer::Fill::f16);
  void* const y = b.at_least(bytes, DeviceBuffer::Fill::f16);
  void* const z = c.at_least(bytes, DeviceBuffer::Fill::f16);
  const float one = 1, zero = 0;
  std::vector<double> seconds;
  for (int run = 0; run < kCeilingRuns; ++run)
    seconds.push_back(timer.seconds([&] {
      const auto status =
          cublasGemmEx(raw, CUBLAS_OP_T, CUBLAS_OP_N, kProductSide, kProductSide, kProductSide,
                       &one, x, CUDA_R_16F, kProductSide, y, CUDA_R_16F, kProductSide, &zero, z,
                       CUDA_R_16F, kProductSide, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
      if (status != CUBLAS_STATUS_SUCCESS)
        throw Error("cublasGemmEx failed with status " + std::to_string(int(status)));
    }));
  return 2.0 * kProductSide * kProductSide * kProductSide / median(seconds);
}

}  // namespace

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw Error(std::string(what) + ": " + cudaGetErrorString(status));
}

DeviceBuffer::~DeviceBuffer() {
  cudaFree(data_);
}

void* DeviceBuffer::at_least(size_t bytes, Fill fill) {
  if (bytes <= bytes_ && fill == fill_) return data_;
  cudaFree(data_);
  data_ = nullptr;
  bytes_ = bytes;
  fill_ = fill;
  check_cuda(cudaMalloc(&data_, bytes), "device memory for a benchmark");

  // Sign and mantissa are random, the exponent is that of [0.5, 1).
  std::vector<uint32_t> pattern(size_t{1} << 20);
  std::mt19937 engine(1);
  for (uint32_t& bits : pattern)
    bits = fill == Fill::f32 ? (engine() & 0x807fffffu) | 0x3f000000u
                             : (engine() & 0x83ff83ffu) | 0x38003800u;
  const size_t step = pattern.size() * sizeof(uint32_t);
  for (size_t done = 0; done < bytes; done += step)
    check_cuda(cudaMemcpy(static_cast<char*>(data_) + done, pattern.data(),
                          std::min(step, bytes - done), cudaMemcpyHostToDevice),
               "filling a benchmark's memory");
  return data_;
}

DeviceTimer::DeviceTimer() {
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
  check_cuda(cudaEventCreate(&begin_), "event");
  check_cuda(cudaEventCreate(&end_), "event");
}

DeviceTimer::~DeviceTimer() {
  cudaEventDestroy(end_);
  cudaEventDestroy(begin_);
  cudaStreamDestroy(stream_);
}

double DeviceTimer::graph_seconds(const std::function<void()>& work, int count) {
  check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
             "begin of a capture");
  for (int i = 0; i < count; ++i) work();
  cudaGraph_t graph = nullptr;
  check_cuda(cudaStreamEndCapture(stream_, &graph), "end of a capture");
  cudaGraphExec_t exec = nullptr;
  check_cuda(cudaGraphInstantiate(&exec, graph, 0), "instantiating a graph");
  check_cuda(cudaGraphLaunch(exec, stream_), "warming up");
  check_cuda(cudaEventRecord(begin_, stream_), "event");
  check_cuda(cudaGraphLaunch(exec, stream_), "replaying");
  check_cuda(cudaEventRecord(end_, stream_), "event");
  check_cuda(cudaEventSynchronize(end_), "waiting for a benchmark");
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, begin_, end_), "elapsed time");
  cudaGraphExecDestroy(exec);
  cudaGraphDestroy(graph);
  return milliseconds * 1e-3 / count;
}

double DeviceTimer::seconds(const std::function<void()>& work) {
  const double one_s = graph_seconds(work, 1);
  const int count = std::clamp(int(kGraphSeconds / one_s), 1, kCallsMax);
  return count == 1 ? one_s : graph_seconds(work, count);
}

const Ceilings& ceilings() {
  static const Ceilings measured = [] {
    DeviceTimer timer;
    return Ceilings{product_flops_per_s(timer), copy_bytes_per_s(timer)};
  }();
  return measured;
}

double floor_s(double flops, double bytes) {
  return std::max(flops / ceilings().flops_per_s, bytes / ceilings().bytes_per_s);
}

double image_flops(const NetworkConfig& config, int batch) {
  double macs = 0;
  for (const LayerCost& layer : layer_costs(config)) macs += layer.macs;
  return 2 * macs * batch;
}

double image_floor_s(const NetworkConfig& config, int batch, int element_bytes) {
  double total_s = 0;
  double in_channels = config.widths[0];
  double side = 4;
  for (double out_channels : config.widths) {
    const double pixels = side * side;
    // One 3x3 layer that reads `in_pixels` pixels of `in` channels and writes the block's output.
    const auto convolution = [&](double in, double in_pixels) {
      const double weights = 9 * in * out_channels + in * config.w_dim;
      const double activations = batch * (in * in_pixels + out_channels * pixels);
      return floor_s(2 * 9 * in * out_channels * in_pixels * batch,
                     element_bytes * (weights + activations));
    };
    if (side > 4) total_s += convolution(in_channels, pixels / 4);
    total_s += convolution(out_channels, pixels);
    const double colours = config.image_channels;
    const double image_bytes = 4 * colours * (side > 4 ? 1.25 : 1) * pixels * batch;
    total_s +=
        floor_s(2 * out_channels * colours * pixels * batch,
                element_bytes * out_channels * (pixels * batch + config.w_dim) + image_bytes);
    in_channels = out_channels;
    side *= 2;
  }
  return total_s;
}

}  // namespace vernissage::bench
