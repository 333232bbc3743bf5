#include "kernels/emulation/shared_memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define VERNISSAGE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VERNISSAGE_ASAN 1
#endif
#endif
#if defined(VERNISSAGE_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace vernissage::emulation {

namespace {
constexpr size_t kAlignment = 64;  // bytes; the guard before the array is a multiple of it
// A NaN both as half and as float, and another one than the array is filled with.
constexpr uint16_t kGuard = 0x7FDB;
}  // namespace

void GuardedMemory::Free::operator()(unsigned char* memory) const {
  std::free(memory);
}

GuardedMemory::GuardedMemory(size_t bytes_)
    : bytes(bytes_),
      whole(static_cast<unsigned char*>(std::aligned_alloc(
          kAlignment, (2 * kGuardBytes + bytes_ + kAlignment - 1) / kAlignment * kAlignment))) {
  if (!whole) throw std::bad_alloc();
#if defined(VERNISSAGE_ASAN)
  ASAN_POISON_MEMORY_REGION(whole.get(), kGuardBytes);
  ASAN_POISON_MEMORY_REGION(whole.get() + kGuardBytes + bytes, kGuardBytes);
#else
  mend();
#endif
}

GuardedMemory::~GuardedMemory() {
#if defined(VERNISSAGE_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(whole.get(), 2 * kGuardBytes + bytes);
#endif
}

void GuardedMemory::mend() {
  for (size_t i = 0; i < kGuardBytes; i += sizeof kGuard) {
    std::memcpy(whole.get() + i, &kGuard, sizeof kGuard);
    std::memcpy(whole.get() + kGuardBytes + bytes + i, &kGuard, sizeof kGuard);
  }
}

uint32_t* GuardedMemory::marks_at(const void* place) {
  marks.resize((bytes + kGranuleBytes - 1) / kGranuleBytes);
  const auto offset = static_cast<size_t>(static_cast<const unsigned char*>(place) -
                                          static_cast<unsigned char*>(data()));
  return marks.data() + offset / kGranuleBytes;
}

void GuardedMemory::fill_with_ones() {
  std::memset(data(), 0xFF, bytes);
}

bool GuardedMemory::overrun() const {
#if !defined(VERNISSAGE_ASAN)
  const unsigned char* after = whole.get() + kGuardBytes + bytes;
  for (size_t i = 0; i < kGuardBytes; i += sizeof kGuard)
    if (std::memcmp(whole.get() + i, &kGuard, sizeof kGuard) != 0 ||
        std::memcmp(after + i, &kGuard, sizeof kGuard) != 0)
      return true;
#endif
  return false;
}

void SharedMemory::begin_block(size_t dynamic_bytes) {
  ++block_;
  static_bytes_ = 0;
  in_use_.clear();
  if (!dynamic_ || dynamic_->bytes != dynamic_bytes)
    dynamic_ = std::make_unique<GuardedMemory>(dynamic_bytes);
  dynamic_->fill_with_ones();
  if (dynamic_bytes > 0) in_use_.push_back({nullptr, dynamic_.get()});
}

void* SharedMemory::of_site(SharedSite& site, size_t bytes) {
  if (site.block_ == block_) return site.memory_->data();
  if (site.memory_ == nullptr) {
    of_sites_.push_back(std::make_unique<GuardedMemory>(bytes));
    site.memory_ = of_sites_.back().get();
  }
  site.block_ = block_;
  site.memory_->fill_with_ones();
  in_use_.push_back({&site, site.memory_});
  static_bytes_ += bytes;
  if (static_bytes_ > kStaticBytesMax || static_bytes_ + dynamic_->bytes > kBytesMax)
    throw LaunchError(describe(in_use_.back()) + ": with it the block has " +
                      std::to_string(static_bytes_) + " bytes of static and " +
                      std::to_string(dynamic_->bytes) + " of dynamic shared memory; at most " +
                      std::to_string(kStaticBytesMax) + " and " + std::to_string(kBytesMax) +
                      " in all");
  return site.memory_->data();
}

void* SharedMemory::dynamic() {
  return dynamic_->data();
}

GuardedMemory* SharedMemory::find(const void* place, size_t count) const {
  const auto first = reinterpret_cast<uintptr_t>(place);
  for (const InUse& in_use : in_use_) {
    const auto start = reinterpret_cast<uintptr_t>(in_use.memory->data());
    if (first >= start && first - start <= in_use.memory->bytes &&
        count <= in_use.memory->bytes - (first - start))
      return in_use.memory;
  }
  return nullptr;
}

void SharedMemory::end_block() const {
  for (const InUse& in_use : in_use_)
    if (in_use.memory->overrun()) {
      in_use.memory->mend();
      throw LaunchError(describe(in_use) + ": a thread wrote outside its " +
                        std::to_string(in_use.memory->bytes) + " bytes");
    }
}

std::string SharedMemory::describe(const InUse& in_use) const {
  if (in_use.site == nullptr) return "dynamic shared memory";
  return std::string(in_use.site->file_) + ":" + std::to_string(in_use.site->line_) +
         ": shared array " + in_use.site->name_;
}

}  // namespace vernissage::emulation
