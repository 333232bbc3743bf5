#include "kernels/emulation/emulation.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/emulation/async_copies.h"
#include "kernels/emulation/fiber.h"
#include "kernels/emulation/intrinsics.h"
#include "kernels/emulation/launch_log.h"
#include "kernels/emulation/report.h"
#include "kernels/emulation/shared_memory.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

float __fadd_rn(float a, float b) {
  return a + b;
}
float __fsub_rn(float a, float b) {
  return a - b;
}
float __fmul_rn(float a, float b) {
  return a * b;
}

namespace vernissage::emulation {

namespace {

constexpr int kWarp = 32;
constexpr uint32_t kWholeWarp = 0xFFFFFFFFu;
constexpr uint32_t kThreadsMax = 1024;
constexpr uint32_t kThreadsZMax = 64;
constexpr uint32_t kBlocksXMax = 0x7FFFFFFF;
constexpr uint32_t kBlocksYzMax = 65535;

/// Unwinds the threads of a block in which another thread failed. Not an Error: nobody else may
/// catch it.
struct Abandoned {};

enum class State : uint8_t { ready, at_barrier, at_warp_operation, returned };

struct Thread {
  State state;
  Fiber* fiber;  // null: not begun, or returned
  uint3 index;
  Place where;  // the operation it waits at
  bool predicate;
  uint32_t mask;
  int source;
  uint64_t brought;
  void* brought_to_work;
  WarpResult result;
};

std::string coordinates(uint3 v) {
  char out[40];
  std::snprintf(out, sizeof out, "(%u,%u,%u)", v.x, v.y, v.z);
  return out;
}
std::string hex(uint32_t mask) {
  char out[11];
  std::snprintf(out, sizeof out, "0x%08x", mask);
  return out;
}
bool same(const Place& a, const Place& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

/// splitmix64 (Steele et al. 2014): small, and any seed will do.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint32_t below(size_t count) {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<uint32_t>(((z >> 32) * count) >> 32);
  }

 private:
  uint64_t state_;
};

class Scheduler {
 public:
  void run(const Launch& launch, void (*body)(const void*), const void* data);
  int barrier(int predicate, Place where);
  WarpResult warp_exchange(uint32_t mask, uint64_t value, int source, bool predicate, Place where);
  void warp_barrier(uint32_t mask, Place where);
  void warp_together(void* mine, void (*together)(void* const*, Place), Place where);
  int lane() const { return current_ % kWarp; }
  int thread() const { return current_; }

  SharedMemory shared;
  AsyncCopies copies{shared};
  Counts counts;
  std::function<void(const Launch&)> observer;
  uint64_t order = 0;

 private:
  static void check(const Launch& launch);
  void run_block(size_t shared_bytes);
  static void work(Fiber& self, void* scheduler);
  void run_thread();
  int pick();
  void make_current(int thread);
  void dispatch(int thread);
  void wait(State state, Place where);
  void push_ready(int first, int count, uint32_t lanes);
  bool arrive_at_warp_operation(uint32_t mask, Place where);
  void leave_warp_operation(uint32_t mask);
  [[noreturn]] void refuse_warp_operation(uint32_t mask, Place where, const std::string& why);
  bool release_barrier();
  void unwind();
  [[noreturn]] void report_blocked();
  std::string describe(int thread) const;

  void (*body_)(const void*) = nullptr;
  const void* data_ = nullptr;
  const char* what_ = nullptr;
  Random random_{0};
  std::vector<Thread> threads_;
  std::vector<int> ready_;         // the next one to run is at the back, unless shuffled
  std::vector<uint32_t> waiting_;  // one a warp: lanes at a warp operation
  int live_ = 0;
  int current_ = 0;
  int picked_ = -1;  // a suspended thread that a fiber picked; the hub resumes it
  int barrier_count_ = 0;
  bool unwinding_ = false;
  std::exception_ptr failure_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
};

Scheduler& scheduler() {
  static Scheduler instance;
  return instance;
}

void Scheduler::check(const Launch& l) {
  const auto refuse = [&l](const std::string& why) {
    const auto size = [](const uint32_t v[3]) {
      return std::to_string(v[0]) + "x" + std::to_string(v[1]) + "x" + std::to_string(v[2]);
    };
    throw LaunchError("grid " + size(l.grid) + ", block " + size(l.block) + ", " +
                      std::to_string(l.shared_bytes) + " bytes shared: " + why + "; in " + l.what);
  };
  for (int axis = 0; axis < 3; ++axis)
    if (l.grid[axis] == 0 || l.block[axis] == 0) refuse("a size is zero");
  if (l.grid[0] > kBlocksXMax || std::max(l.grid[1], l.grid[2]) > kBlocksYzMax)
    refuse("too many blocks");
  if (uint64_t{l.block[0]} * l.block[1] > kThreadsMax ||
      uint64_t{l.block[0]} * l.block[1] * l.block[2] > kThreadsMax || l.block[2] > kThreadsZMax)
    refuse("too many threads in a block");
  if (l.shared_bytes > SharedMemory::kBytesMax) refuse("too much shared memory");
}

void Scheduler::run(const Launch& launch, void (*body)(const void*), const void* data) {
  check(launch);
  if (observer) {
    observer(launch);
    return;
  }
  note_launch(launch);
  body_ = body;
  data_ = data;
  what_ = launch.what;
  random_ = Random(order);
  blockDim = {launch.block[0], launch.block[1], launch.block[2]};
  gridDim = {launch.grid[0], launch.grid[1], launch.grid[2]};

  threads_.assign(size_t{blockDim.x} * blockDim.y * blockDim.z, Thread{});
  for (size_t t = 0; t < threads_.size(); ++t) {
    const uint32_t i = static_cast<uint32_t>(t);
    threads_[t].index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
  }
  std::vector<uint64_t> blocks(uint64_t{gridDim.x} * gridDim.y * gridDim.z);
  std::iota(blocks.begin(), blocks.end(), uint64_t{0});
  if (order == 1) std::reverse(blocks.begin(), blocks.end());
  if (order > 1)
    for (size_t i = blocks.size(); i > 1; --i) std::swap(blocks[i - 1], blocks[random_.below(i)]);
  for (const uint64_t block : blocks) {
    blockIdx = {static_cast<uint32_t>(block % gridDim.x),
                static_cast<uint32_t>(block / gridDim.x % gridDim.y),
                static_cast<uint32_t>(block / gridDim.x / gridDim.y)};
    run_block(launch.shared_bytes);
  }
}

void Scheduler::run_block(size_t shared_bytes) {
  copies.begin_block(threads_.size());  // first: it unmarks arrays that the next line may replace
  shared.begin_block(shared_bytes);
  const int count = static_cast<int>(threads_.size());
  for (Thread& thread : threads_) {
    thread.state = State::ready;
    thread.fiber = nullptr;
  }
  waiting_.assign((count + kWarp - 1) / kWarp, 0);
  live_ = count;
  ready_.clear();
  push_ready(0, count, 0);
  while (live_ > 0) {
    while (!ready_.empty() && !failure_) dispatch(pick());
    if (!failure_ && live_ > 0 && !release_barrier()) {
      try {
        report_blocked();
      } catch (...) {
        failure_ = std::current_exception();
      }
    }
    if (failure_) {
      unwind();
      std::rethrow_exception(std::exchange(failure_, nullptr));
    }
  }
  copies.end_block();
  shared.end_block();
}

/// What every fiber runs, for ever: the thread it was given, then others that have not begun, for
/// as long as none of them stops. So a kernel without barriers needs a single fiber.
void Scheduler::work(Fiber& self, void* data) {
  Scheduler& s = *static_cast<Scheduler*>(data);
  for (;;) {
    s.threads_[s.current_].fiber = &self;
    s.run_thread();
    s.threads_[s.current_].fiber = nullptr;
    if (!s.ready_.empty() && !s.failure_) {
      const int next = s.pick();
      if (s.threads_[next].fiber == nullptr) {
        s.make_current(next);
        continue;
      }
      s.picked_ = next;
    }
    s.idle_.push_back(&self);
    self.suspend();
  }
}

void Scheduler::run_thread() {
  try {
    body_(data_);
  } catch (const Abandoned&) {
  } catch (...) {
    if (!failure_) failure_ = std::current_exception();
  }
  threads_[current_].state = State::returned;
  --live_;
}

int Scheduler::pick() {
  if (order > 1) std::swap(ready_.back(), ready_[random_.below(ready_.size())]);
  const int thread = ready_.back();
  ready_.pop_back();
  return thread;
}

void Scheduler::make_current(int thread) {
  current_ = thread;
  threadIdx = threads_[thread].index;
}

void Scheduler::dispatch(int thread) {
  while (thread >= 0) {
    picked_ = -1;
    make_current(thread);
    Fiber* fiber = threads_[thread].fiber;
    if (fiber == nullptr) {
      if (idle_.empty()) {
        fibers_.push_back(std::make_unique<Fiber>(&Scheduler::work, this));
        idle_.push_back(fibers_.back().get());
      }
      fiber = idle_.back();
      idle_.pop_back();
    }
    fiber->resume();
    thread = picked_;
  }
}

void Scheduler::wait(State state, Place where) {
  Thread& self = threads_[current_];
  self.state = state;
  self.where = where;
  self.fiber->suspend();
  if (unwinding_) throw Abandoned{};
}

/// Threads first … first + count - 1 become ready, or, with `lanes`, those of them whose bit is
/// set.
void Scheduler::push_ready(int first, int count, uint32_t lanes) {
  for (int i = 0; i < count; ++i) {
    const int offset = order == 1 ? i : count - 1 - i;  // the back of ready_ runs first
    if (lanes != 0 && (lanes >> offset & 1) == 0) continue;
    threads_[first + offset].state = State::ready;
    ready_.push_back(first + offset);
  }
}

bool Scheduler::release_barrier() {
  const Thread* first = nullptr;
  barrier_count_ = 0;
  for (const Thread& thread : threads_) {
    if (thread.state == State::returned) continue;
    if (thread.state != State::at_barrier) return false;
    if (first == nullptr) first = &thread;
    if (!same(thread.where, first->where)) return false;
    barrier_count_ += thread.predicate;
  }
  copies.block_barrier();
  const int count = static_cast<int>(threads_.size());
  for (int i = 0; i < count; ++i) {
    const int thread = order == 1 ? i : count - 1 - i;
    if (threads_[thread].state != State::at_barrier) continue;
    threads_[thread].state = State::ready;
    ready_.push_back(thread);
  }
  return true;
}

void Scheduler::unwind() {
  unwinding_ = true;
  for (size_t i = 0; i < threads_.size(); ++i)
    if (threads_[i].fiber != nullptr) dispatch(static_cast<int>(i));
  unwinding_ = false;
  ready_.clear();
}

std::string Scheduler::describe(int thread) const {
  const Thread& t = threads_[thread];
  std::string out = "thread " + coordinates(t.index);
  switch (t.state) {
    case State::ready:
      return out + " has not come there";
    case State::returned:
      return out + " has returned";
    case State::at_barrier:
      return out + " waits at the barrier " + text(t.where);
    case State::at_warp_operation:
      return out + " waits at the warp operation " + text(t.where) + " with mask " + hex(t.mask);
  }
  return out;
}

/// No thread can go on: says why.
void Scheduler::report_blocked() {
  const int count = static_cast<int>(threads_.size());
  for (int t = 0; t < count; ++t) {
    if (threads_[t].state != State::at_warp_operation) continue;
    const int warp = t / kWarp * kWarp;
    for (int i = 0; i < kWarp; ++i) {
      const int other = warp + i;
      if ((threads_[t].mask >> i & 1) == 0) continue;
      const std::string start = describe(t) + ", which names lane " + std::to_string(i) + ": ";
      if (other >= count)
        throw LaunchError(start + "the block has no such thread" + in_kernel(threads_[t].where));
      if (threads_[other].state != State::at_warp_operation ||
          threads_[other].mask != threads_[t].mask ||
          !same(threads_[other].where, threads_[t].where))
        throw LaunchError(start + describe(other) + in_kernel(threads_[t].where));
    }
  }
  int first = -1;
  for (int t = 0; t < count; ++t) {
    if (threads_[t].state != State::at_barrier) continue;
    if (first < 0) first = t;
    if (!same(threads_[t].where, threads_[first].where))
      throw LaunchError("divergent barrier: " + describe(first) + ", " + describe(t) +
                        in_kernel(threads_[first].where));
  }
  assertion_failed(__FILE__, __LINE__, "threads are blocked for no reason");
}

int Scheduler::barrier(int predicate, Place where) {
  threads_[current_].predicate = predicate != 0;
  wait(State::at_barrier, where);
  return barrier_count_;
}

void Scheduler::refuse_warp_operation(uint32_t mask, Place where, const std::string& why) {
  throw LaunchError(thread_name(current_) + " at the warp operation " + text(where) +
                    " with mask " + hex(mask) + ": " + why + in_kernel(where));
}

/// Whether the calling thread is the last of `mask` to arrive; the others then wait.
bool Scheduler::arrive_at_warp_operation(uint32_t mask, Place where) {
  if ((mask >> lane() & 1) == 0)
    refuse_warp_operation(mask, where, "the mask does not name the thread's own lane");
  Thread& self = threads_[current_];
  const int warp = current_ / kWarp;
  self.state = State::at_warp_operation;
  self.where = where;
  self.mask = mask;
  waiting_[warp] |= 1u << lane();
  if ((waiting_[warp] & mask) != mask) return false;
  const Thread* lanes = &threads_[size_t{kWarp} * warp];
  for (int i = 0; i < kWarp; ++i)
    if (mask >> i & 1 && (lanes[i].mask != mask || !same(lanes[i].where, where))) return false;
  return true;
}

/// Called by the last to arrive: everybody goes on.
void Scheduler::leave_warp_operation(uint32_t mask) {
  const int warp = current_ / kWarp;
  waiting_[warp] &= ~mask;
  threads_[current_].state = State::ready;
  const uint32_t others = mask & ~(1u << lane());
  if (others != 0) push_ready(warp * kWarp, std::bit_width(others), others);
}

WarpResult Scheduler::warp_exchange(uint32_t mask, uint64_t value, int source, bool predicate,
                                    Place where) {
  if ((mask >> lane() & 1) != 0 && (mask >> source & 1) == 0)
    refuse_warp_operation(mask, where,
                          "reads lane " + std::to_string(source) + ", which the mask leaves out");
  Thread& self = threads_[current_];
  self.predicate = predicate;
  self.source = source;
  self.brought = value;
  if (!arrive_at_warp_operation(mask, where)) {
    wait(State::at_warp_operation, where);
    return self.result;
  }
  Thread* lanes = &threads_[size_t{kWarp} * (current_ / kWarp)];
  uint32_t ballot = 0;
  for (int i = 0; i < kWarp; ++i)
    if (mask >> i & 1) ballot |= static_cast<uint32_t>(lanes[i].predicate) << i;
  for (int i = 0; i < kWarp; ++i)
    if (mask >> i & 1) lanes[i].result = {lanes[lanes[i].source].brought, ballot};
  leave_warp_operation(mask);
  return self.result;
}

void Scheduler::warp_barrier(uint32_t mask, Place where) {
  if (!arrive_at_warp_operation(mask, where)) {
    wait(State::at_warp_operation, where);
    return;
  }
  // A barrier of a part of the warp is taken for one of all of it only as far as deadlock goes.
  if (mask == kWholeWarp) copies.warp_barrier(current_ / kWarp);
  leave_warp_operation(mask);
}

void Scheduler::warp_together(void* mine, void (*together)(void* const*, Place), Place where) {
  threads_[current_].brought_to_work = mine;
  if (!arrive_at_warp_operation(kWholeWarp, where)) {
    wait(State::at_warp_operation, where);
    return;
  }
  const Thread* lanes = &threads_[size_t{kWarp} * (current_ / kWarp)];
  void* brought[kWarp];
  for (int i = 0; i < kWarp; ++i) brought[i] = lanes[i].brought_to_work;
  together(brought, where);
  leave_warp_operation(kWholeWarp);
}

}  // namespace

void set_order(uint64_t seed) {
  scheduler().order = seed;
}
uint64_t order() {
  return scheduler().order;
}

void run(const Launch& launch, void (*body)(const void*), const void* data) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  scheduler().run(launch, body, data);
}

void observe_launches(std::function<void(const Launch&)> observer) {
  scheduler().observer = std::move(observer);
}
bool observing_launches() {
  return static_cast<bool>(scheduler().observer);
}

void* static_shared(SharedSite& site, size_t bytes) {
  return scheduler().shared.of_site(site, bytes);
}
void* dynamic_shared() {
  return scheduler().shared.dynamic();
}
int barrier(int predicate, Place where) {
  return scheduler().barrier(predicate, where);
}
WarpResult warp_exchange(uint32_t mask, uint64_t value, int source, bool predicate, Place where) {
  return scheduler().warp_exchange(mask, value, source, predicate, where);
}
void warp_barrier(uint32_t mask, Place where) {
  scheduler().warp_barrier(mask, where);
}
void warp_together(void* mine, void (*together)(void* const*, Place), Place where) {
  scheduler().warp_together(mine, together, where);
}
int lane() {
  return scheduler().lane();
}

void start_copy(void* to, const void* global, size_t bytes, size_t read, Place where) {
  Scheduler& s = scheduler();
  s.copies.start(s.thread(), to, global, bytes, read, where);
  ++s.counts.copies;
  s.counts.bytes_copied += read;
}
void commit_copies() {
  scheduler().copies.commit(scheduler().thread());
}
void wait_for_copies(int pending) {
  scheduler().copies.wait(scheduler().thread(), pending);
}
void wait_for_all_copies() {
  scheduler().copies.wait_all(scheduler().thread());
}
void check_warp_read(int lane_index, const void* from, size_t bytes, const char* what,
                     Place where) {
  const Scheduler& s = scheduler();
  s.copies.check_warp_read(s.thread() / kWarp * kWarp + lane_index, from, bytes, what, where);
}

Counts& counts() {
  return scheduler().counts;
}
void reset_counts() {
  scheduler().counts = {};
}

std::string text(const Place& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}
std::string thread_name(int thread) {
  const uint32_t i = static_cast<uint32_t>(thread);
  return "thread " + coordinates(uint3{i % blockDim.x, i / blockDim.x % blockDim.y,
                                       i / blockDim.x / blockDim.y});
}
std::string in_kernel(const Place& where) {
  return "; block " + coordinates(blockIdx) + " of " + where.function_name();
}

}  // namespace vernissage::emulation
