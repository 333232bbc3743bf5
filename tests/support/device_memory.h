// Memory where the kernels under test run: the host's under the emulation, a device's under CUDA.
// The same test source links one or the other implementation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace vernissage::testing {

/// One allocation, filled with `poison` bytes, between two guard zones that no kernel may touch.
class DeviceBytes {
 public:
  DeviceBytes(size_t bytes, unsigned char poison);
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;
  ~DeviceBytes();

  void* data() { return whole_ + guard_bytes(); }
  void write(const void* from);
  /// Both wait for the kernels enqueued so far, and throw when one of them failed.
  void read(void* to) const;
  bool guards_intact() const;

 private:
  static size_t
  guard_bytes();  // a multiple of 256; 0 where AddressSanitizer watches the ends itself
  size_t bytes_;
  unsigned char* whole_;
};

/// An array of T there.
template <class T>
class DeviceArray {
 public:
  static constexpr unsigned char kPoison = 0xFF;  // NaN as float and as half

  explicit DeviceArray(size_t count) : count_(count), bytes_(count * sizeof(T), kPoison) {}
  explicit DeviceArray(std::span<const T> values) : DeviceArray(values.size()) {
    bytes_.write(values.data());
  }

  T* data() { return static_cast<T*>(bytes_.data()); }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    bytes_.read(values.data());
    return values;
  }
  bool guards_intact() const { return bytes_.guards_intact(); }

 private:
  size_t count_;
  DeviceBytes bytes_;
};

/// How often, and in which order of threads, every kernel is run: three orders under the emulation,
/// three times on a device, whose order is its own.
inline constexpr uint64_t kOrders[] = {0, 1, 2};
void set_order(uint64_t order);

/// For the test's log: "emulation", or the device's name.
const char* device_name();

}  // namespace vernissage::testing
