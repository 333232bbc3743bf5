#include "base/scheduling.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace vernissage::process {
namespace {

// sched_setattr(2), for which the C library has no name; its first version.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;  // ns
};

}  // namespace

void give_way() {
  // Of one thread, on Linux: setpriority(2), "C library/kernel differences".
  constexpr int kNice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

void take_short_turns() {
  constexpr uint64_t kTurn = 100'000;  // ns: the shortest that the kernel grants
  SchedulingAttributes attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.runtime = kTurn;  // of an ordinary thread: the length of its turns
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace vernissage::process
