// Address spaces of machine.h: loads, stores, copies, and what is checked and counted of them.
#include <algorithm>
#include <bit>
#include <cstring>

#include "tests/ptx/machine.h"

namespace vernissage::ptx_runs {
namespace {

template <class F>
void each_lane(uint32_t lanes, const F& f) {
  for (; lanes != 0; lanes &= lanes - 1) f(std::countr_zero(lanes));
}
std::string hex(uint64_t value) {
  static const char kDigits[] = "0123456789abcdef";
  std::string text;
  do text.insert(text.begin(), kDigits[value % 16]);
  while ((value /= 16) != 0);
  return "0x" + text;
}
void check_aligned(uint64_t address, size_t bytes) {
  if (address % bytes != 0)
    throw PtxError(std::to_string(bytes) + " bytes at " + hex(address) + " are not aligned");
}

}  // namespace

void GlobalMemory::allow(const void* begin, size_t bytes) {
  const uint64_t at = reinterpret_cast<uint64_t>(begin);
  ranges_[at] = at + bytes;
}
void GlobalMemory::forbid(const void* begin) {
  ranges_.erase(reinterpret_cast<uint64_t>(begin));
}
bool GlobalMemory::allowed(uint64_t address, size_t bytes) const {
  auto after = ranges_.upper_bound(address);
  return after != ranges_.begin() && address + bytes <= (--after)->second;
}

void SharedMemory::reset(size_t bytes) {
  interval_ = 1;
  bytes_.assign(bytes, 0xFF);
  words_.assign((bytes + 3) / 4, Word());
  chunks_.assign((bytes + 15) / 16, Chunk());
}

size_t SharedMemory::offset_of(uint64_t address, size_t bytes) const {
  check_aligned(address, bytes);
  if (address < kSharedStart || address - kSharedStart + bytes > bytes_.size())
    throw PtxError(std::to_string(bytes) + " bytes at " + hex(address) +
                   " lie outside the block's " + std::to_string(bytes_.size()) +
                   " bytes of shared memory");
  return address - kSharedStart;
}

void SharedMemory::read(uint64_t address, size_t bytes, int warp, int lane, void* to) {
  const size_t offset = offset_of(address, bytes);
  const Chunk& chunk = chunks_[offset / 16];
  if (chunk.state == Chunk::State::under_way) throw PtxError("bytes of a copy under way are read");
  if (chunk.state == Chunk::State::arrived && chunk.arrived_in == interval_ &&
      chunk.thread != warp * kLanes + lane)
    throw PtxError("bytes of another thread's copy are read before a barrier");
  for (size_t w = offset / 4; w * 4 < offset + bytes; ++w) {
    Word& word = words_[w];
    if (word.written_in == interval_ && word.writer != warp)
      throw PtxError("shared memory that warp " + std::to_string(word.writer) +
                     " wrote is read before a barrier");
    word.reader = word.read_in != interval_ || word.reader == warp ? warp : kSeveral;
    word.read_in = interval_;
  }
  std::memcpy(to, bytes_.data() + offset, bytes);
}

void SharedMemory::note_write(size_t offset, size_t bytes, int warp) {
  for (size_t w = offset / 4; w * 4 < offset + bytes; ++w) {
    Word& word = words_[w];
    if (word.written_in == interval_ && word.writer != warp)
      throw PtxError("warps " + std::to_string(word.writer) + " and " + std::to_string(warp) +
                     " write a word of shared memory between two barriers");
    if (word.read_in == interval_ && word.reader != warp)
      throw PtxError("shared memory that another warp reads is written before a barrier");
    word.writer = warp;
    word.written_in = interval_;
  }
}

void SharedMemory::write(uint64_t address, size_t bytes, int warp, const void* from) {
  const size_t offset = offset_of(address, bytes);
  Chunk& chunk = chunks_[offset / 16];
  if (chunk.state == Chunk::State::under_way)
    throw PtxError("bytes of a copy under way are written");
  chunk.state = Chunk::State::plain;
  note_write(offset, bytes, warp);
  std::memcpy(bytes_.data() + offset, from, bytes);
}

void SharedMemory::begin_copy(uint64_t address, int warp, int lane) {
  const size_t offset = offset_of(address, 16);
  Chunk& chunk = chunks_[offset / 16];
  if (chunk.state == Chunk::State::under_way)
    throw PtxError("two copies are under way to the same bytes");
  note_write(offset, 16, warp);
  chunk = {Chunk::State::under_way, warp * kLanes + lane, 0};
  std::memset(bytes_.data() + offset, 0xFF, 16);
}
void SharedMemory::end_copy(const Warp::Copy& copy) {
  const size_t offset = offset_of(copy.to, 16);
  std::memcpy(bytes_.data() + offset, copy.bytes.data(), 16);
  chunks_[offset / 16].state = Chunk::State::arrived;
  chunks_[offset / 16].arrived_in = interval_;
}

uint64_t Machine::address(const Warp& warp, const Operand& operand, int lane) const {
  const uint64_t base =
      operand.reg >= 0 ? warp.registers[static_cast<size_t>(operand.reg)][static_cast<size_t>(lane)]
                       : 0;
  return base + operand.value;
}

Space Machine::space_of(Space named, uint64_t& address) {
  if (named != Space::generic) return named;
  if (address >= kLocalWindow) return address -= kLocalWindow, Space::local;
  if (address >= kSharedWindow) return address -= kSharedWindow, Space::shared;
  return Space::global;
}

void Machine::check_global(const Warp& warp, int lane, uint64_t address, size_t bytes) const {
  check_aligned(address, bytes);
  if (kernel_.waits && (warp.waited >> lane & 1) == 0)
    throw PtxError("memory is touched before griddepcontrol.wait");
  if (!memory_.allowed(address, bytes))
    throw PtxError(std::to_string(bytes) + " bytes at " + hex(address) + " lie in no allocation");
}

void Machine::read(Warp& warp, Space space, uint64_t at, size_t bytes, int lane, void* to) {
  switch (space) {
    case Space::param:
      check_aligned(at, bytes);
      if (at + bytes > parameters_.size()) throw PtxError("read past the parameters");
      std::memcpy(to, parameters_.data() + at, bytes);
      return;
    case Space::shared:
      return shared_.read(at, bytes, warp.index, lane, to);
    case Space::local:
      check_aligned(at, bytes);
      if (at + bytes > kernel_.local_bytes) throw PtxError("read past local memory");
      std::memcpy(to, warp.local.data() + static_cast<size_t>(lane) * kernel_.local_bytes + at,
                  bytes);
      return;
    default:
      check_global(warp, lane, at, bytes);
      std::memcpy(to, reinterpret_cast<const void*>(at), bytes);
  }
}

void Machine::write(Warp& warp, Space space, uint64_t at, size_t bytes, int lane,
                    const void* from) {
  switch (space) {
    case Space::shared:
      return shared_.write(at, bytes, warp.index, from);
    case Space::local:
      check_aligned(at, bytes);
      if (at + bytes > kernel_.local_bytes) throw PtxError("written past local memory");
      std::memcpy(warp.local.data() + static_cast<size_t>(lane) * kernel_.local_bytes + at, from,
                  bytes);
      return;
    case Space::param:
      throw PtxError("parameters are written");
    default:
      check_global(warp, lane, at, bytes);
      std::memcpy(reinterpret_cast<void*>(at), from, bytes);
  }
}

// The banks are 32 words wide. Lanes go together as long as they ask for at most 128 bytes.
void Machine::count_conflicts(const std::vector<uint64_t>& addresses, size_t bytes) {
  const size_t together = std::max<size_t>(1, 128 / std::max<size_t>(bytes, 4));
  for (size_t first = 0; first < addresses.size(); first += together) {
    std::array<std::vector<uint64_t>, 32> words;
    size_t most = 1;
    for (size_t i = first; i < std::min(first + together, addresses.size()); ++i)
      for (size_t b = 0; b < bytes; b += 4) {
        const uint64_t word = (addresses[i] + b) / 4;
        auto& bank = words[word % 32];
        if (std::find(bank.begin(), bank.end(), word) == bank.end()) bank.push_back(word);
        most = std::max(most, bank.size());
      }
    counts_.shared_conflicts += most - 1;
  }
}

void Machine::count_access(Space space, const std::vector<uint64_t>& addresses, size_t bytes,
                           bool stores) {
  if (space == Space::shared) return count_conflicts(addresses, bytes);
  if (space != Space::global) return;
  std::unordered_set<uint64_t> sectors;
  for (const uint64_t at : addresses)
    for (uint64_t sector = at / 32; sector * 32 < at + bytes; ++sector) sectors.insert(sector);
  if (stores)
    counts_.sectors_written += sectors.size();
  else
    for (const uint64_t sector : sectors)
      counts_.sectors_read += read_sectors_.insert(sector).second ? 1 : 0;
}

void Machine::load(Warp& warp, const Instruction& in, uint32_t lanes) {
  const size_t size = static_cast<size_t>(size_of(in.type)),
               bytes = size * static_cast<size_t>(in.count);
  std::vector<uint64_t> addresses;
  Space space = in.space;
  each_lane(lanes, [&](int lane) {
    uint64_t at = address(warp, in.operands[1], lane);
    space = space_of(in.space, at);
    unsigned char got[16];
    read(warp, space, at, bytes, lane, got);
    addresses.push_back(at);
    for (size_t i = 0; i < static_cast<size_t>(in.count); ++i) {
      uint64_t bits = 0;
      std::memcpy(&bits, got + i * size, size);
      if (is_signed(in.type)) {
        const int shift = static_cast<int>(64 - 8 * size);
        bits = static_cast<uint64_t>(static_cast<int64_t>(bits << shift) >> shift);
      }
      put(warp, in.count > 1 ? in.operands[0].parts.at(i) : in.operands[0], lane, bits);
    }
  });
  count_access(space, addresses, bytes, /*stores=*/false);
}

void Machine::store(Warp& warp, const Instruction& in, uint32_t lanes) {
  const size_t size = static_cast<size_t>(size_of(in.type)),
               bytes = size * static_cast<size_t>(in.count);
  std::vector<uint64_t> addresses;
  Space space = in.space;
  each_lane(lanes, [&](int lane) {
    uint64_t at = address(warp, in.operands[0], lane);
    space = space_of(in.space, at);
    unsigned char given[16];
    for (size_t i = 0; i < static_cast<size_t>(in.count); ++i) {
      const uint64_t bits =
          value(warp, in.count > 1 ? in.operands[1].parts.at(i) : in.operands[1], lane);
      std::memcpy(given + i * size, &bits, size);
    }
    write(warp, space, at, bytes, lane, given);
    addresses.push_back(at);
  });
  count_access(space, addresses, bytes, /*stores=*/true);
}

void Machine::atomic(Warp& warp, const Instruction& in, uint32_t lanes) {
  const bool returns = in.op == Op::atom;
  if (in.mode != "add" || in.type != Type::u32) throw PtxError("another atomic");
  each_lane(lanes, [&](int lane) {
    uint64_t at = address(warp, in.operands[returns ? 1 : 0], lane);
    const Space space = space_of(in.space, at);
    uint32_t before = 0;
    read(warp, space, at, 4, lane, &before);
    const uint32_t after =
        before + static_cast<uint32_t>(value(warp, in.operands[returns ? 2 : 1], lane));
    write(warp, space, at, 4, lane, &after);
    if (returns) put(warp, in.operands[0], lane, before);
  });
}

void Machine::copy(Warp& warp, const Instruction& in, uint32_t lanes) {
  std::unordered_set<uint64_t> sectors;
  each_lane(lanes, [&](int lane) {
    Warp::Copy copied = {address(warp, in.operands[0], lane), {}};
    const uint64_t from = address(warp, in.operands[1], lane);
    const uint64_t count =
        in.operands.size() > 3 ? value(warp, in.operands[3], lane) & 0xFFFFFFFFu : 16;
    if (count != 0 && count != 16) throw PtxError("a copy of " + std::to_string(count) + " bytes");
    check_global(warp, lane, from, 16);  // a valid address even where nothing is read
    if (count != 0) {
      std::memcpy(copied.bytes.data(), reinterpret_cast<const void*>(from), 16);
      sectors.insert(from / 32);
    }
    shared_.begin_copy(copied.to, warp.index, lane);
    warp.open[static_cast<size_t>(lane)].push_back(copied);
  });
  counts_.sectors_read += sectors.size();
}

}  // namespace vernissage::ptx_runs
