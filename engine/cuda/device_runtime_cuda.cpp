// device_runtime.h on the CUDA runtime.
#include <cuda_runtime.h>

#include <cstdio>

#include "base/error.h"
#include "engine/cuda/device_runtime.h"
#include "kernels/launches.h"

namespace vernissage {
namespace {

void require(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // so that the next launch does not report this one again
  throw Error("CUDA: " + what + ": " + cudaGetErrorString(error));
}

/// For destructors, which may not throw.
void report(cudaError_t error, const char* what) {
  if (error != cudaSuccess) std::fprintf(stderr, "CUDA: %s: %s\n", what, cudaGetErrorString(error));
}

std::string mebibytes(size_t bytes) {
  return std::to_string((bytes >> 20) + 1) + " MiB";
}

std::string device_text(const cudaDeviceProp& properties) {
  return std::string(properties.name) + ", sm_" + std::to_string(properties.major) +
         std::to_string(properties.minor);
}

/// "12.4" of 12040, as the runtime counts versions.
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Empty when there is a device, else why not.
std::string no_device_reason(int& count) {
  count = 0;
  // The runtime calls a driver that is not there one that is too old; its version is 0.
  int driver = 0, runtime = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) return "no CUDA driver";
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {};
  cudaGetLastError();
  count = 0;
  if (error == cudaErrorInsufficientDriver && cudaRuntimeGetVersion(&runtime) == cudaSuccess)
    return "no CUDA device: the driver is for CUDA " + version_text(driver) +
           ", this program needs one for CUDA " + version_text(runtime);
  return std::string("no CUDA device: ") +
         cudaGetErrorString(error == cudaSuccess ? cudaErrorNoDevice : error);
}

/// At least one byte from `allocate`, cudaMalloc or its like; else throws, saying `what`.
std::byte* allocated(cudaError_t (*allocate)(void**, size_t), size_t bytes,
                     const std::string& what) {
  void* data = nullptr;
  require(allocate(&data, bytes == 0 ? 1 : bytes), what);
  return static_cast<std::byte*>(data);
}

}  // namespace

DeviceMemory::DeviceMemory(size_t bytes, const std::string& what)
    : OwnedMemory(allocated(cudaMalloc, bytes, mebibytes(bytes) + " for " + what), bytes) {}

void FreeDeviceMemory::operator()(std::byte* data) const {
  report(cudaFree(data), "cudaFree");
}

PinnedMemory::PinnedMemory(size_t bytes, const std::string& what)
    : OwnedMemory(
          allocated(cudaMallocHost, bytes, mebibytes(bytes) + " of pinned host memory for " + what),
          bytes) {}

void FreePinnedMemory::operator()(std::byte* data) const {
  report(cudaFreeHost(data), "cudaFreeHost");
}

struct DeviceGraph::Recorded {
  cudaGraphExec_t executable = nullptr;
};

void DeviceGraph::Destroy::operator()(Recorded* recorded) const {
  if (recorded->executable != nullptr)
    report(cudaGraphExecDestroy(recorded->executable), "cudaGraphExecDestroy");
  delete recorded;
}

struct DeviceRuntime::State {
  cudaDeviceProp properties = {};
  cudaStream_t stream = nullptr;
  cudaEvent_t reached = nullptr;  // the place in one stream that another waits for

  ~State() {
    if (reached != nullptr) report(cudaEventDestroy(reached), "cudaEventDestroy");
    if (stream != nullptr) report(cudaStreamDestroy(stream), "cudaStreamDestroy");
  }
};

DeviceRuntime::DeviceRuntime() : state_(std::make_unique<State>()) {
  int count = 0;
  if (const std::string reason = no_device_reason(count); !reason.empty()) throw Error(reason);
  require(cudaSetDevice(0), "device 0");
  require(cudaGetDeviceProperties(&state_->properties, 0), "properties of device 0");
  require(cudaStreamCreateWithFlags(&state_->stream, cudaStreamNonBlocking), "a stream");
  require(cudaEventCreateWithFlags(&state_->reached, cudaEventDisableTiming), "an event");
}

DeviceRuntime::~DeviceRuntime() = default;

std::string DeviceRuntime::describe() const {
  return device_text(state_->properties);
}
ConvPath DeviceRuntime::conv_path() const {
  return best_conv_path(state_->properties.major);
}
Stream DeviceRuntime::stream() const {
  return state_->stream;
}

void DeviceRuntime::to_device(void* device, const void* host, size_t bytes) {
  require(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, state_->stream),
          "copy to the device");
}

void DeviceRuntime::to_host(void* host, const void* device, size_t bytes) {
  require(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, state_->stream),
          "copy from the device");
}

void DeviceRuntime::zero(void* device, size_t bytes) {
  require(cudaMemsetAsync(device, 0, bytes, state_->stream), "clearing memory");
}

void DeviceRuntime::synchronize() {
  require(cudaStreamSynchronize(state_->stream), "work on the device");
}

// A wait keeps what the event stood for when it was enqueued, so that one event serves them all.
void DeviceRuntime::follow(Stream other) {
  require(cudaEventRecord(state_->reached, other), "marking a place in a stream");
  require(cudaStreamWaitEvent(state_->stream, state_->reached, 0), "waiting for another stream");
}

void DeviceRuntime::precede(Stream other) {
  require(cudaEventRecord(state_->reached, state_->stream), "marking a place in a stream");
  require(cudaStreamWaitEvent(other, state_->reached, 0), "waiting for another stream");
}

bool DeviceRuntime::can_record() {
  return true;
}

DeviceGraph DeviceRuntime::record(const std::function<void()>& work) {
  require(cudaStreamBeginCapture(state_->stream, cudaStreamCaptureModeThreadLocal),
          "beginning to record");
  cudaGraph_t graph = nullptr;
  try {
    const OverlappingLaunches overlapping;
    work();
  } catch (...) {
    // The stream must leave the recording state; what went wrong is already on its way up.
    cudaStreamEndCapture(state_->stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  require(cudaStreamEndCapture(state_->stream, &graph), "recording the forward pass");
  DeviceGraph recorded;
  recorded.recorded.reset(new DeviceGraph::Recorded);
  const cudaError_t error = cudaGraphInstantiate(&recorded.recorded->executable, graph, 0);
  cudaGraphDestroy(graph);
  require(error, "preparing the recorded forward pass");
  return recorded;
}

void DeviceRuntime::replay(const DeviceGraph& graph) {
  require(cudaGraphLaunch(graph.recorded->executable, state_->stream),
          "replaying the forward pass");
}

std::vector<DeviceInfo> query_devices() {
  int count = 0;
  if (const std::string reason = no_device_reason(count); !reason.empty())
    return {{"cuda", "", false, reason}};
  std::vector<DeviceInfo> devices;
  for (int index = 0; index < count; ++index) {
    DeviceInfo info{"cuda:" + std::to_string(index), "", true, ""};
    cudaDeviceProp properties = {};
    if (const cudaError_t error = cudaGetDeviceProperties(&properties, index);
        error != cudaSuccess) {
      info.usable = false;
      info.reason = cudaGetErrorString(error);
    } else {
      info.detail = device_text(properties) + ", " +
                    std::to_string(properties.totalGlobalMem >> 30) +
                    " GiB, f16 convolutions: " + name_of(best_conv_path(properties.major));
    }
    devices.push_back(info);
  }
  return devices;
}

}  // namespace vernissage
