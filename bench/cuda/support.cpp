#include "bench/cuda/support.h"

#include <cublas_v2.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"

namespace vernissage::bench {
namespace {

constexpr double kGraphSeconds = 2e-3;  // of work between two events: their own cost disappears
constexpr int kCallsMax = 200;
constexpr double kRunSeconds = 0.02;  // of back-to-back runs behind one measurement
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
  cudaGraph_t graph = nullptr;
  std::exception_ptr failed;
  try {
    for (int i = 0; i < count; ++i) work();
  } catch (...) {
    failed = std::current_exception();
  }
  // Ended in any case, so that the stream is usable again.
  const cudaError_t status = cudaStreamEndCapture(stream_, &graph);
  if (failed || status != cudaSuccess) {
    cudaGetLastError();  // the next launch would report it as its own
    if (graph != nullptr) cudaGraphDestroy(graph);
    if (failed) std::rethrow_exception(failed);
    check_cuda(status, "end of a capture");
  }
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
  // Kernels are loaded at their first launch, which is not allowed while recording.
  work();
  check_cuda(cudaStreamSynchronize(stream_), "a first call");
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

ConvPath conv_path() {
  int device = 0, major = 0;
  check_cuda(cudaGetDevice(&device), "the device");
  check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
             "the device's capability");
  return best_conv_path(major);
}

void wait_for_device() {
  check_cuda(cudaDeviceSynchronize(), "waiting for the device");
}

int calls_for(double seconds) {
  return std::clamp(int(kRunSeconds / seconds), 3, 500);
}

double seconds_back_to_back(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  const auto timed = [&](int count) {
    wait_for_device();
    const auto begin = Clock::now();
    for (int i = 0; i < count; ++i) call();
    wait_for_device();
    return std::chrono::duration<double>(Clock::now() - begin).count() / count;
  };
  return timed(calls_for(timed(1)));
}

std::string cuda_libraries() {
  int runtime = 0, driver = 0;
  check_cuda(cudaRuntimeGetVersion(&runtime), "the runtime's version");
  check_cuda(cudaDriverGetVersion(&driver), "the driver's version");
  const auto text = [](int version) {  // 13020 is 13.2
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  };
  std::string cublas;
  for (const auto property : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
    int value = 0;
    if (cublasGetProperty(property, &value) != CUBLAS_STATUS_SUCCESS)
      throw Error("cuBLAS does not say its version");
    if (!cublas.empty()) cublas += '.';
    cublas += std::to_string(value);
  }
  return "runtime " + text(runtime) + ", driver interface " + text(driver) + ", cuBLAS " + cublas;
}

}  // namespace vernissage::bench
