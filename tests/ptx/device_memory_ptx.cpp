// Device memory of the PTX interpreter: the host's own, of which kernels may touch exactly what was
// asked for.
#include <cstring>
#include <new>

#include "tests/ptx/launches.h"
#include "tests/support/device_memory.h"

namespace vernissage::testing {

size_t DeviceBytes::guard_bytes() {
  return 0;
}
DeviceBytes::DeviceBytes(size_t bytes, unsigned char poison)
    : bytes_(bytes),
      whole_(static_cast<unsigned char*>(::operator new(bytes, std::align_val_t(256)))) {
  std::memset(whole_, poison, bytes_);
  ptx_runs::global_memory().allow(whole_, bytes_);
}
DeviceBytes::~DeviceBytes() {
  ptx_runs::global_memory().forbid(whole_);
  ::operator delete(whole_, std::align_val_t(256));
}
void DeviceBytes::write(const void* from) {
  std::memcpy(whole_, from, bytes_);
}
void DeviceBytes::read(void* to) const {
  std::memcpy(to, whole_, bytes_);
}
bool DeviceBytes::guards_intact() const {
  return true;  // what lies outside cannot be written
}
void set_order(uint64_t) {}
const char* device_name() {
  return "PTX interpreter";
}

}  // namespace vernissage::testing
