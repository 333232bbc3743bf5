// What a thread's launches have in common, for those who record them and those who count them. No
// CUDA headers.
#pragma once

#include <cstdint>

namespace vernissage {

/// Kernels this thread has launched so far.
inline thread_local int64_t launches_made = 0;

/// Whether launch_dependent() (device.h) may let a kernel of this thread start while the one before
/// it still runs. On while work is being recorded; without effect before compute capability 9.0.
inline thread_local bool launches_overlap = false;

/// Sets launches_overlap while it lives.
class OverlappingLaunches {
 public:
  OverlappingLaunches() : before_(launches_overlap) { launches_overlap = true; }
  ~OverlappingLaunches() { launches_overlap = before_; }
  OverlappingLaunches(const OverlappingLaunches&) = delete;
  OverlappingLaunches& operator=(const OverlappingLaunches&) = delete;

 private:
  bool before_;
};

/// Clears launches_overlap while it lives: for work that has launches of others in it, which say
/// nothing of when the next kernel may start.
class SeparateLaunches {
 public:
  SeparateLaunches() : before_(launches_overlap) { launches_overlap = false; }
  ~SeparateLaunches() { launches_overlap = before_; }
  SeparateLaunches(const SeparateLaunches&) = delete;
  SeparateLaunches& operator=(const SeparateLaunches&) = delete;

 private:
  bool before_;
};

}  // namespace vernissage
