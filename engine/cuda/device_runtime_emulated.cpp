// device_runtime.h on the host: memory is memory, a copy is a copy, and everything is done when it
// returns.
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "engine/cuda/device_runtime.h"

namespace vernissage {
namespace {

constexpr size_t kAlignment = 256;  // what cudaMalloc promises

/// Filled with ones: NaN as float and as half, so that what is read before it is written shows.
std::byte* allocate(size_t bytes, const std::string& what) {
  const size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, whole == 0 ? kAlignment : whole);
  if (data == nullptr)
    throw Error("emulated device: " + std::to_string(bytes) + " bytes for " + what +
                ": out of memory");
  std::memset(data, 0xFF, whole);
  return static_cast<std::byte*>(data);
}

}  // namespace

DeviceMemory::DeviceMemory(size_t bytes, const std::string& what)
    : OwnedMemory(allocate(bytes, what), bytes) {}

void FreeDeviceMemory::operator()(std::byte* data) const {
  std::free(data);
}

PinnedMemory::PinnedMemory(size_t bytes, const std::string& what)
    : OwnedMemory(allocate(bytes, what), bytes) {}

void FreePinnedMemory::operator()(std::byte* data) const {
  std::free(data);
}

struct DeviceGraph::Recorded {};

void DeviceGraph::Destroy::operator()(Recorded* recorded) const {
  delete recorded;
}

struct DeviceRuntime::State {};

DeviceRuntime::DeviceRuntime() : state_(std::make_unique<State>()) {}
DeviceRuntime::~DeviceRuntime() = default;

std::string DeviceRuntime::describe() const {
  return "emulated on the host, nothing recorded";
}
ConvPath DeviceRuntime::conv_path() const {
  return ConvPath::mma;
}
Stream DeviceRuntime::stream() const {
  return nullptr;
}

void DeviceRuntime::to_device(void* device, const void* host, size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}
void DeviceRuntime::to_host(void* host, const void* device, size_t bytes) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}
void DeviceRuntime::zero(void* device, size_t bytes) {
  std::memset(device, 0, bytes);
}
void DeviceRuntime::synchronize() {}
void DeviceRuntime::follow(Stream) {}
void DeviceRuntime::precede(Stream) {}

bool DeviceRuntime::can_record() {
  return false;
}

DeviceGraph DeviceRuntime::record(const std::function<void()>&) {
  VERNISSAGE_ASSERT(can_record());
  return {};
}
void DeviceRuntime::replay(const DeviceGraph&) {
  VERNISSAGE_ASSERT(can_record());
}

std::vector<DeviceInfo> query_devices() {
  return {{"cuda:0", "emulated on the host", true, ""}};
}

}  // namespace vernissage
