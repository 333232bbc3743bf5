// A stack of its own and a way to go there and back. Built on Boost.Context's jump, about 12 ns
// each way; AddressSanitizer is told of every change of stack.
#pragma once

#include <cstddef>

namespace vernissage::emulation {

/// Runs entry(data) on its own stack. One place resumes it (the hub); it gives control back by
/// suspend(). `entry` never returns. A fiber is destroyed only while suspended, and what lies on
/// its stack is then dropped without destructors.
class Fiber {
 public:
  Fiber(void (*entry)(Fiber&, void*), void* data);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  void resume();   // from the hub
  void suspend();  // from within

 private:
  struct Start;
  void (*entry_)(Fiber&, void*);
  void* data_;
  void* mapping_ = nullptr;  // a guard page, then the stack
  void* context_ = nullptr;  // where the fiber goes on
  void* hub_ = nullptr;      // where the hub goes on
  // AddressSanitizer's notes: the stack of frames kept after return, and the hub's stack.
  void* fiber_frames_ = nullptr;
  void* hub_frames_ = nullptr;
  const void* hub_stack_ = nullptr;
  size_t hub_stack_bytes_ = 0;
};

}  // namespace vernissage::emulation
