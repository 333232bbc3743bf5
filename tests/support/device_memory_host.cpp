// Device memory of the emulation: the host's own.
#include <algorithm>
#include <cstdlib>
#include <new>

#include "kernels/emulation/emulation.h"
#include "tests/support/device_memory.h"

namespace vernissage::testing {

namespace {
constexpr unsigned char kGuard = 0x7D;  // 0x7D7D… is finite, and nothing a kernel would write
}

size_t DeviceBytes::guard_bytes() {
#if defined(__SANITIZE_ADDRESS__)
  return 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return 0;
#endif
#endif
  return 256;
}

DeviceBytes::DeviceBytes(size_t bytes, unsigned char poison)
    : bytes_(bytes), whole_(static_cast<unsigned char*>(std::malloc(bytes + 2 * guard_bytes()))) {
  if (whole_ == nullptr) throw std::bad_alloc();
  std::memset(whole_, kGuard, guard_bytes());
  std::memset(whole_ + guard_bytes(), poison, bytes_);
  std::memset(whole_ + guard_bytes() + bytes_, kGuard, guard_bytes());
}
DeviceBytes::~DeviceBytes() {
  std::free(whole_);
}

void DeviceBytes::write(const void* from) {
  std::memcpy(data(), from, bytes_);
}
void DeviceBytes::read(void* to) const {
  std::memcpy(to, whole_ + guard_bytes(), bytes_);
}

bool DeviceBytes::guards_intact() const {
  const auto intact = [](const unsigned char* zone) {
    return std::all_of(zone, zone + guard_bytes(),
                       [](unsigned char byte) { return byte == kGuard; });
  };
  return intact(whole_) && intact(whole_ + guard_bytes() + bytes_);
}

void set_order(uint64_t order) {
  emulation::set_order(order);
}
const char* device_name() {
  return "emulation";
}

}  // namespace vernissage::testing
