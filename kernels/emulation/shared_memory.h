// The shared memory of the block that is running.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/emulation/emulation.h"

namespace vernissage::emulation {

/// An array between two guard zones that no one may touch.
struct GuardedMemory {
  explicit GuardedMemory(size_t bytes);
  ~GuardedMemory();

  void* data() { return whole.get() + kGuardBytes; }
  void fill_with_ones();
  /// Whether a guard zone was written. Always false under AddressSanitizer, which reports at once.
  bool overrun() const;
  void mend();  // writes the guard zones anew; not under AddressSanitizer
  /// The marks of the granules that begin at `place`, a multiple of 4 bytes into the array. All are
  /// 0 at first; asynchronous copies keep theirs here.
  uint32_t* marks_at(const void* place);

  static constexpr size_t kGuardBytes = 256;
  static constexpr size_t kGranuleBytes = 4;
  struct Free {
    void operator()(unsigned char* memory) const;
  };
  const size_t bytes;
  std::unique_ptr<unsigned char, Free> whole;
  std::vector<uint32_t> marks;  // empty until they are asked for
};

class SharedMemory {
 public:
  static constexpr size_t kStaticBytesMax = 48 << 10;
  static constexpr size_t kBytesMax = 227 << 10;  // of compute capability 9.0, the largest so far

  /// From here on a new block asks. Its dynamic memory is exactly `dynamic_bytes` long.
  void begin_block(size_t dynamic_bytes);
  void* of_site(SharedSite& site, size_t bytes);
  void* dynamic();
  /// The array of the running block that holds all of place … place + count - 1; null: none.
  GuardedMemory* find(const void* place, size_t count) const;
  /// Throws LaunchError naming the array whose guard zone was written.
  void end_block() const;

 private:
  struct InUse {
    const SharedSite* site;  // null: the dynamic memory
    GuardedMemory* memory;
  };
  std::string describe(const InUse& in_use) const;

  uint64_t block_ = 0;
  size_t static_bytes_ = 0;
  std::vector<InUse> in_use_;
  std::unique_ptr<GuardedMemory> dynamic_;
  std::vector<std::unique_ptr<GuardedMemory>> of_sites_;
};

}  // namespace vernissage::emulation
