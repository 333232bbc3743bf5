// A grid on the host: every thread of a block is a fiber, blocks run one after another.
//
// What it promises
//   - A thread runs until a barrier or a warp operation stops it; then another thread of its block
//     runs. Which one, and which block comes next, is decided by the order (set_order). A kernel
//     whose result depends on the order lacks a barrier, or two of its blocks write the same place.
//   - Shared memory is exactly as long as declared and filled with ones before each block. A store
//     outside it is found by AddressSanitizer at the kernel's own line, without it at the end of
//     the block.
//   - What would hang or be undefined on a device is a LaunchError that names the threads, the file
//     and the line: a barrier reached in two places, or by some threads while others wait
//     elsewhere; a lane named in a warp mask that does not arrive (one that has returned or never
//     existed included: stricter than CUDA, which lets a returned lane be named but not read); a
//     shuffle that reads a lane outside its mask.
//   - An asynchronous copy arrives when its thread waits for it, not before; until then its
//     destination holds ones. What else it must not do is said in async_copies.h.
//   - Matrix instructions move registers between lanes as the device does (ptx_emulated.h).
//   - A thread that has returned does not hold up __syncthreads(): so it is on every device since
//     compute capability 7.0.
// What it does not
//   - Memory is sequentially consistent and threads change only at the operations above: finer
//     races, bank conflicts of plain loads and stores, and speed are the device's to tell. A thread
//     that spins on memory until another one writes it never ends.
// Kernels are launched from one OS thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "kernels/emulation/place.h"

namespace vernissage::emulation {

/// The launch, or what its threads did, is not something CUDA defines. what() is one line.
class LaunchError : public Error {
 public:
  using Error::Error;
};

/// The order of threads and blocks of the launches that follow. 0: ascending; 1: descending; any
/// other: shuffled by this seed, the same in every launch.
void set_order(uint64_t seed);
uint64_t order();

struct Launch {
  uint32_t grid[3];     // blocks; x ≤ 2^31 - 1, y and z ≤ 65535, none 0
  uint32_t block[3];    // threads; ≤ 1024 in all, z ≤ 64, none 0
  size_t shared_bytes;  // dynamic shared memory, ≤ 227 KiB
  const char* what;     // appears in errors
  const void* kernel;   // its address
  // The arguments as a device gets them, one behind the other, each at a multiple of its alignment.
  const unsigned char* parameters = nullptr;
  size_t parameter_bytes = 0;
};

/// From now on launches are shown to `observer` instead of being carried out; null: carried out
/// again. For those who want to know what is launched at sizes that are too large for fibers.
void observe_launches(std::function<void(const Launch&)> observer);
bool observing_launches();

/// Calls body(data) once for each thread of the grid, with threadIdx and blockIdx set.
void run(const Launch& launch, void (*body)(const void*), const void* data);

/// One VERNISSAGE_SHARED declaration; it is a static of the kernel, so each instantiation has its
/// own.
class SharedSite {
 public:
  constexpr SharedSite(const char* name, const char* file, int line)
      : name_(name), file_(file), line_(line) {}

 private:
  friend class SharedMemory;
  const char* const name_;
  const char* const file_;
  const int line_;
  uint64_t block_ = 0;  // the block the memory was last handed to; blocks count from 1
  struct GuardedMemory* memory_ = nullptr;  // owned by SharedMemory
};

/// The calling block's memory of this declaration.
void* static_shared(SharedSite& site, size_t bytes);
void* dynamic_shared();

/// __syncthreads(). Returns when every thread of the block that has not returned has arrived at
/// `where`. `predicate` is counted over the arriving threads.
int barrier(int predicate, Place where);

/// One warp operation of the calling thread. Returns when every lane of `mask` has arrived at
/// `where`.
struct WarpResult {
  uint64_t value;   // what lane `source` brought
  uint32_t ballot;  // bit i: lane i of the mask brought predicate true
};
WarpResult warp_exchange(uint32_t mask, uint64_t value, int source, bool predicate, Place where);
/// __syncwarp(): a warp operation that also orders the lanes' accesses to memory.
void warp_barrier(uint32_t mask, Place where);
/// One operation of the whole warp on what its lanes contribute: the last lane to arrive calls
/// work(brought), brought[i] being lane i's; then all return. `work` may write to what was brought.
void warp_together(void* mine, void (*work)(void* const brought[32], Place where), Place where);
/// Position of the calling thread in its warp, 0 … 31.
int lane();

// The asynchronous copies of the calling thread; see async_copies.h.
void start_copy(void* to, const void* global, size_t bytes, size_t read, Place where);
void commit_copies();
void wait_for_copies(int pending);
void wait_for_all_copies();
/// Throws LaunchError if the calling warp may not read these bytes, whose address its lane
/// `lane_index` brought: see AsyncCopies::check_warp_read.
void check_warp_read(int lane_index, const void* from, size_t bytes, const char* what, Place where);

/// What the launches have done since the last reset_counts().
struct Counts {
  uint64_t mma = 0;                 // m16n8k16 instructions, one a warp
  uint64_t matrices_loaded = 0;     // 8 x 8, by ldmatrix
  uint64_t ldmatrix_conflicts = 0;  // accesses more than one a matrix, because of shared banks
  uint64_t copies = 0;              // asynchronous, one a thread
  uint64_t bytes_copied = 0;        // read from global memory by them
  uint64_t dependency_waits = 0;    // griddep_wait(), one a thread
};
Counts& counts();
void reset_counts();

}  // namespace vernissage::emulation
