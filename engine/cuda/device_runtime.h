// What the CUDA backend asks of a device beside kernels: memory, copies, a stream, recorded
// work. Two implementations, chosen by linking: cuda_runtime_cuda.cpp (the CUDA runtime) and
// cuda_runtime_emulated.cpp (host memory, for the emulated kernels).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "kernels/kernels.h"

namespace vernissage {

/// Memory of the device, aligned to 256 bytes. Move-only; freed by the destructor.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// Throws Error saying how much was asked for, for what, and why there is none.
  DeviceMemory(size_t bytes, const std::string& what);
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  ~DeviceMemory();

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

/// Host memory that the device reads and writes without a detour. Move-only.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  PinnedMemory(size_t bytes, const std::string& what);
  PinnedMemory(PinnedMemory&& other) noexcept;
  PinnedMemory& operator=(PinnedMemory&& other) noexcept;
  ~PinnedMemory();

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

/// Work recorded once, to be replayed. Move-only.
class DeviceGraph {
 public:
  struct Handle;
  DeviceGraph();
  explicit DeviceGraph(std::unique_ptr<Handle> handle);
  DeviceGraph(DeviceGraph&&) noexcept;
  DeviceGraph& operator=(DeviceGraph&&) noexcept;
  ~DeviceGraph();

  const Handle& handle() const { return *handle_; }

 private:
  std::unique_ptr<Handle> handle_;
};

/// The device and one stream on it, on which everything happens in order. Every function throws
/// Error with CUDA's reason; after that the device is lost to this process.
class DeviceRuntime {
 public:
  /// Throws Error "no CUDA device: …".
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
