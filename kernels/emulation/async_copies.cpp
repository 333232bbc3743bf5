#include "kernels/emulation/async_copies.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/emulation/report.h"

namespace vernissage::emulation {

namespace {
constexpr int kWarp = 32;
constexpr size_t kGranule = GuardedMemory::kGranuleBytes;
constexpr unsigned char kPoison[AsyncCopies::kBytesMax] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

[[noreturn]] void refuse(int thread, const Place& where, const std::string& why) {
  throw LaunchError(thread_name(thread) + " at " + text(where) + ": " + why + in_kernel(where));
}
bool aligned(const void* address, size_t bytes) {
  return reinterpret_cast<uintptr_t>(address) % bytes == 0;
}
}  // namespace

void AsyncCopies::begin_block(size_t thread_count) {
  // What a block before left behind, also one that failed.
  for (const Owner& owner : owners_)
    for (const uint32_t index : owner.under_way) forget(index);
  for (const uint32_t index : arrived_) forget(index);
  arrived_.clear();
  owners_.resize(thread_count);
  for (Owner& owner : owners_) {
    owner.groups = 0;
    owner.under_way.clear();
  }
}

void AsyncCopies::end_block() {
  for (size_t thread = 0; thread < owners_.size(); ++thread)
    if (!owners_[thread].under_way.empty())
      refuse(static_cast<int>(thread), copies_[owners_[thread].under_way.front()].where,
             "the block has ended, and nobody waited for this asynchronous copy");
}

void AsyncCopies::start(int thread, void* to, const void* global, size_t bytes, size_t read,
                        Place where) {
  const auto size = std::to_string(bytes);
  if (!aligned(to, bytes))
    refuse(thread, where, "the destination of a copy is not a multiple of " + size + " bytes");
  if (!aligned(global, bytes))
    refuse(thread, where, "the source of a copy is not a multiple of " + size + " bytes");
  GuardedMemory* array = shared_.find(to, bytes);
  if (array == nullptr)
    refuse(thread, where, "the destination of a copy is not in the block's shared memory");
  if (read > 0 && shared_.find(global, read) != nullptr)
    refuse(thread, where, "the source of a copy is in shared memory");

  uint32_t* marks = array->marks_at(to);
  for (size_t i = 0; i < bytes / kGranule; ++i) {
    if (marks[i] == 0) continue;
    const Copy& other = copies_[marks[i] - 1];
    if (other.state == State::under_way)
      refuse(thread, where,
             "copies to where " + thread_name(other.thread) + " is still copying (" +
                 text(other.where) + ")");
    if (other.thread != thread &&
        (other.state == State::of_thread || other.thread / kWarp != thread / kWarp))
      refuse(thread, where,
             "copies to where " + thread_name(other.thread) + " copied (" + text(other.where) +
                 "), and no barrier lies between");
  }

  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(copies_.size());
    copies_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Copy& copy = copies_[index];
  copy.to = static_cast<unsigned char*>(to);
  copy.marks = marks;
  copy.bytes = static_cast<uint8_t>(bytes);
  copy.state = State::under_way;
  copy.thread = thread;
  copy.group = owners_[thread].groups;
  copy.where = where;
  std::memset(copy.value, 0, sizeof copy.value);
  if (read > 0) std::memcpy(copy.value, global, read);
  std::memcpy(to, kPoison, bytes);
  std::fill_n(marks, bytes / kGranule, index + 1);
  owners_[thread].under_way.push_back(index);
}

void AsyncCopies::commit(int thread) {
  ++owners_[thread].groups;
}

void AsyncCopies::wait(int thread, int pending) {
  Owner& owner = owners_[thread];
  size_t count = 0;
  while (count < owner.under_way.size() &&
         uint64_t{copies_[owner.under_way[count]].group} + static_cast<uint64_t>(pending) <
             owner.groups)
    ++count;
  arrive(owner, count);
}

void AsyncCopies::wait_all(int thread) {
  arrive(owners_[thread], owners_[thread].under_way.size());
}

/// The first `count` copies under way.
void AsyncCopies::arrive(Owner& owner, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const uint32_t index = owner.under_way[i];
    Copy& copy = copies_[index];
    if (std::memcmp(copy.to, kPoison, copy.bytes) != 0)
      refuse(copy.thread, copy.where,
             "somebody wrote to where this asynchronous copy was still under way");
    std::memcpy(copy.to, copy.value, copy.bytes);
    copy.state = State::of_thread;
    // A later copy of the same thread to the same place takes over the marks.
    arrived_.push_back(index);
  }
  owner.under_way.erase(owner.under_way.begin(),
                        owner.under_way.begin() + static_cast<std::ptrdiff_t>(count));
}

void AsyncCopies::forget(uint32_t index) {
  Copy& copy = copies_[index];
  for (size_t i = 0; i < copy.bytes / kGranule; ++i)
    if (copy.marks[i] == index + 1) copy.marks[i] = 0;
  free_.push_back(index);
}

void AsyncCopies::block_barrier() {
  for (const uint32_t index : arrived_) forget(index);
  arrived_.clear();
}

void AsyncCopies::warp_barrier(int warp) {
  for (const uint32_t index : arrived_)
    if (copies_[index].thread / kWarp == warp) copies_[index].state = State::of_warp;
}

void AsyncCopies::check_warp_read(int thread, const void* from, size_t bytes, const char* what,
                                  const Place& where) const {
  const auto start = [&] { return std::string(what) + " of " + std::to_string(bytes) + " bytes "; };
  GuardedMemory* array = shared_.find(from, bytes);
  if (array == nullptr) refuse(thread, where, start() + "outside the block's shared memory");
  const uint32_t* marks = array->marks_at(from);
  for (size_t i = 0; i < bytes / kGranule; ++i) {
    if (marks[i] == 0) continue;
    const Copy& copy = copies_[marks[i] - 1];
    if (copy.state == State::under_way)
      refuse(thread, where,
             start() + "that " + thread_name(copy.thread) + " is still copying (" +
                 text(copy.where) + "): no wait lies between");
    if (copy.state == State::of_thread || copy.thread / kWarp != thread / kWarp)
      refuse(thread, where,
             start() + "that " + thread_name(copy.thread) + " copied (" + text(copy.where) +
                 "): no barrier lies between its wait and this");
  }
}

}  // namespace vernissage::emulation
