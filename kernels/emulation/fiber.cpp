#include "kernels/emulation/fiber.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define VERNISSAGE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VERNISSAGE_ASAN 1
#endif
#endif
#if defined(VERNISSAGE_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace vernissage::emulation {
namespace context = boost::context::detail;

namespace {
constexpr size_t kPageBytes = 4096;
// Kernels keep a few hundred bytes each; a sanitizer's frames are several times larger, and an
// exception on its way out needs some thousands more. Only pages that are touched cost memory.
constexpr size_t kStackBytes = 256 << 10;
constexpr size_t kColourBytes =
    576;  // what a waiting thread has on its stack, about; 64 divides it
constexpr size_t kColoursBytes = 36 << 10;  // 64 colours; 576 divides it

void leaving_for([[maybe_unused]] void** own_frames, [[maybe_unused]] const void* stack,
                 [[maybe_unused]] size_t bytes) {
#if defined(VERNISSAGE_ASAN)
  __sanitizer_start_switch_fiber(own_frames, stack, bytes);
#endif
}
void arrived([[maybe_unused]] void* own_frames, [[maybe_unused]] const void** from,
             [[maybe_unused]] size_t* bytes) {
#if defined(VERNISSAGE_ASAN)
  __sanitizer_finish_switch_fiber(own_frames, from, bytes);
#endif
}
}  // namespace

struct Fiber::Start {
  static void run(context::transfer_t from) {
    Fiber& self = *static_cast<Fiber*>(from.data);
    arrived(nullptr, &self.hub_stack_, &self.hub_stack_bytes_);
    self.hub_ = from.fctx;
    self.entry_(self, self.data_);
    assertion_failed(__FILE__, __LINE__, "a fiber's entry never returns");
  }
};

Fiber::Fiber(void (*entry)(Fiber&, void*), void* data) : entry_(entry), data_(data) {
  mapping_ = mmap(nullptr, kPageBytes + kStackBytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED)
    throw Error("a stack of " + std::to_string(kStackBytes) + " bytes: " + std::strerror(errno));
  // The stack grows down into the guard page and stops there.
  mprotect(mapping_, kPageBytes, PROT_NONE);
  // Stacks that all began at the same place of a page would fight for the same few lines of the
  // cache.
  static size_t made = 0;
  const size_t colour = made++ * kColourBytes % kColoursBytes;
  char* top = static_cast<char*>(mapping_) + kPageBytes + kStackBytes - colour;
  context_ = context::make_fcontext(top, kStackBytes - colour, &Start::run);
}

Fiber::~Fiber() {
#if defined(VERNISSAGE_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(static_cast<char*>(mapping_) + kPageBytes, kStackBytes);
#endif
  munmap(mapping_, kPageBytes + kStackBytes);
}

void Fiber::resume() {
  leaving_for(&hub_frames_, static_cast<char*>(mapping_) + kPageBytes, kStackBytes);
  context_ = context::jump_fcontext(context_, this).fctx;
  arrived(hub_frames_, nullptr, nullptr);
}

void Fiber::suspend() {
  leaving_for(&fiber_frames_, hub_stack_, hub_stack_bytes_);
  hub_ = context::jump_fcontext(hub_, nullptr).fctx;
  arrived(fiber_frames_, &hub_stack_, &hub_stack_bytes_);
}

}  // namespace vernissage::emulation
