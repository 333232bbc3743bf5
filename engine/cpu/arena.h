// What one CPU backend takes from the machine: one piece of memory, and for the length of a call
// some threads.
#pragma once

#include <omp.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "base/error.h"

namespace vernissage::cpu {

/// Pages from the system, 64-byte aligned pieces cut off in order. Pages nobody writes to cost
/// nothing.
class Arena {
 public:
  explicit Arena(size_t bytes) : bytes_(bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      throw Error("cpu: cannot reserve " + std::to_string(bytes >> 20) +
                  " MiB for activations: " + std::strerror(errno));
    madvise(memory, bytes, MADV_HUGEPAGE);
    base_ = static_cast<char*>(memory);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { munmap(base_, bytes_); }

  float* at(size_t offset) { return reinterpret_cast<float*>(base_ + offset); }

 private:
  char* base_ = nullptr;
  size_t bytes_;
};

/// The number of OpenMP threads belongs to the calling thread: set for the length of one call.
class ThreadsOf {
 public:
  explicit ThreadsOf(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ThreadsOf(const ThreadsOf&) = delete;
  ThreadsOf& operator=(const ThreadsOf&) = delete;
  ~ThreadsOf() { omp_set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace vernissage::cpu
