// Device memory of CUDA's current device.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "tests/support/device_memory.h"

namespace vernissage::testing {

namespace {
constexpr unsigned char kGuard = 0x7D;

void require(cudaError_t error, const char* what) {
  if (error != cudaSuccess) throw Error(std::string(what) + ": " + cudaGetErrorString(error));
}
}  // namespace

size_t DeviceBytes::guard_bytes() {
  return 256;
}

DeviceBytes::DeviceBytes(size_t bytes, unsigned char poison) : bytes_(bytes), whole_(nullptr) {
  void* memory = nullptr;
  require(cudaMalloc(&memory, bytes + 2 * guard_bytes()), "cudaMalloc");
  whole_ = static_cast<unsigned char*>(memory);
  require(cudaMemset(whole_, kGuard, bytes + 2 * guard_bytes()), "cudaMemset");
  require(cudaMemset(data(), poison, bytes), "cudaMemset");
}
DeviceBytes::~DeviceBytes() {
  cudaFree(whole_);
}

void DeviceBytes::write(const void* from) {
  require(cudaMemcpy(data(), from, bytes_, cudaMemcpyHostToDevice), "copy to the device");
}
void DeviceBytes::read(void* to) const {
  require(cudaDeviceSynchronize(), "the kernels before this copy");
  require(cudaMemcpy(to, whole_ + guard_bytes(), bytes_, cudaMemcpyDeviceToHost),
          "copy from the device");
}

bool DeviceBytes::guards_intact() const {
  require(cudaDeviceSynchronize(), "the kernels before this check");
  std::vector<unsigned char> zone(guard_bytes());
  for (const size_t offset : {size_t{0}, guard_bytes() + bytes_}) {
    require(cudaMemcpy(zone.data(), whole_ + offset, zone.size(), cudaMemcpyDeviceToHost),
            "copy of a guard");
    if (!std::all_of(zone.begin(), zone.end(), [](unsigned char byte) { return byte == kGuard; }))
      return false;
  }
  return true;
}

void set_order(uint64_t) {}

const char* device_name() {
  static const std::string name = [] {
    cudaDeviceProp properties;
    require(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    return std::string(properties.name);
  }();
  return name.c_str();
}

}  // namespace vernissage::testing
