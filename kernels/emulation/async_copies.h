// Copies to shared memory that a thread starts and waits for later (cp.async). A copy is read when
// it starts and its destination is filled with ones (NaN) until the thread waits for it: whoever
// reads it early reads that. What was waited for belongs to its thread alone until a barrier
// follows.
//
// LaunchErrors: a misaligned address, a destination outside shared memory, a destination somebody
// writes while the copy is under way, a copy nobody waits for before the block ends, and what
// check_warp_read() says.
// Source: PTX ISA, "Data movement: non-bulk asynchronous copy".
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/emulation/place.h"
#include "kernels/emulation/shared_memory.h"

namespace vernissage::emulation {

class AsyncCopies {
 public:
  static constexpr size_t kBytesMax = 16;

  explicit AsyncCopies(SharedMemory& shared) : shared_(shared) {}

  void begin_block(size_t thread_count);
  void end_block();
  /// Starts copying `bytes` (4, 8 or 16) of which the first `read` come from `global`, the others
  /// are zero. Nothing is read of `global` where `read` is 0.
  void start(int thread, void* to, const void* global, size_t bytes, size_t read, Place where);
  /// Closes the thread's group.
  void commit(int thread);
  /// Of the thread's closed groups all but the latest `pending` have arrived.
  void wait(int thread, int pending);
  void wait_all(int thread);
  /// What was waited for so far is everybody's.
  void block_barrier();
  /// The same among the threads of one warp.
  void warp_barrier(int warp);
  /// Throws LaunchError if a warp may not read the bytes to share them among its lanes: they are
  /// not shared memory, or a copy to them is under way or was waited for without a barrier since.
  /// `thread` is the one that brought the address, `what` the reading instruction.
  void check_warp_read(int thread, const void* from, size_t bytes, const char* what,
                       const Place& where) const;

 private:
  enum class State : uint8_t { under_way, of_thread, of_warp };
  struct Copy {
    unsigned char* to;
    uint32_t* marks;  // one a granule of the destination: index of this copy + 1
    uint8_t bytes;
    State state;
    int thread;
    uint32_t group;
    Place where;
    unsigned char value[kBytesMax];
  };
  struct Owner {
    uint32_t groups = 0;              // closed
    std::vector<uint32_t> under_way;  // in the order of their start
  };

  void arrive(Owner& owner, size_t count);
  void forget(uint32_t index);

  SharedMemory& shared_;
  std::vector<Copy> copies_;
  std::vector<uint32_t> free_;     // of copies_
  std::vector<uint32_t> arrived_;  // waited for, no barrier yet
  std::vector<Owner> owners_;      // one a thread
};

}  // namespace vernissage::emulation
