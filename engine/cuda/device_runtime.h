// What the CUDA backend asks of a device beside kernels: memory, copies, a stream, recorded
// work. Two implementations, chosen by linking: device_runtime_cuda.cpp (the CUDA runtime) and
// device_runtime_emulated.cpp (host memory, for the emulated kernels).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "kernels/kernels.h"

namespace vernissage {

/// Bytes that `Free`, a function object, gives back. Move-only; what was moved from is empty.
template <class Free>
class OwnedMemory {
 public:
  OwnedMemory() = default;
  OwnedMemory(std::byte* data, size_t bytes) : data_(data), bytes_(bytes) {}

  std::byte* data() const { return data_.get(); }
  size_t bytes() const { return data_ != nullptr ? bytes_ : 0; }

 private:
  std::unique_ptr<std::byte, Free> data_;
  size_t bytes_ = 0;
};

struct FreeDeviceMemory {
  void operator()(std::byte* data) const;
};
struct FreePinnedMemory {
  void operator()(std::byte* data) const;
};

/// Memory of the device, aligned to 256 bytes.
class DeviceMemory : public OwnedMemory<FreeDeviceMemory> {
 public:
  DeviceMemory() = default;
  /// Throws Error saying how much was asked for, for what, and why there is none.
  DeviceMemory(size_t bytes, const std::string& what);
};

/// Host memory that the device reads and writes without a detour.
class PinnedMemory : public OwnedMemory<FreePinnedMemory> {
 public:
  PinnedMemory() = default;
  /// As DeviceMemory.
  PinnedMemory(size_t bytes, const std::string& what);
};

/// Work recorded once, to be replayed. Move-only.
struct DeviceGraph {
  struct Recorded;
  struct Destroy {
    void operator()(Recorded* recorded) const;
  };
  std::unique_ptr<Recorded, Destroy> recorded;
};

/// The device and one stream on it, on which everything happens in order. Every function throws
/// Error with CUDA's reason; after that the device is lost to this process.
class DeviceRuntime {
 public:
  /// Throws Error "no CUDA driver" or "no CUDA device: …".
  DeviceRuntime();
  ~DeviceRuntime();
  DeviceRuntime(const DeviceRuntime&) = delete;
  DeviceRuntime& operator=(const DeviceRuntime&) = delete;

  /// "NVIDIA H200, sm_90"
  std::string describe() const;
  /// The best way of making convolutions in half that the device can run.
  ConvPath conv_path() const;
  Stream stream() const;

  /// Enqueue copies. The host side stays valid until synchronize(); only pinned memory is really
  /// copied beside other work.
  void to_device(void* device, const void* host, size_t bytes);
  void to_host(void* host, const void* device, size_t bytes);
  void zero(void* device, size_t bytes);
  /// Returns when all that was enqueued is done.
  void synchronize();
  /// What is enqueued here from now on starts when all that `other` has now is done; the host goes
  /// on.
  void follow(Stream other);
  /// The other way round: what is enqueued on `other` from now on starts when all that is here now
  /// is done.
  void precede(Stream other);

  /// Whether record() exists here; the emulation runs everything at once and has nothing to record.
  static bool can_record();
  /// Records what `work` enqueues without running it; kernels may overlap (kernels/launches.h).
  /// Throws Error when that fails; what `work` throws comes through. Asserts can_record().
  DeviceGraph record(const std::function<void()>& work);
  void replay(const DeviceGraph& graph);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What list_cuda_devices() says.
std::vector<DeviceInfo> query_devices();

}  // namespace vernissage
