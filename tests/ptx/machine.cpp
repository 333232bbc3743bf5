#include "tests/ptx/machine.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

namespace vernissage::ptx_runs {
namespace {

constexpr uint32_t kWholeWarp = 0xFFFFFFFFu;

template <class F>
void each_lane(uint32_t lanes, const F& f) {
  for (; lanes != 0; lanes &= lanes - 1) f(std::countr_zero(lanes));
}

}  // namespace

uint64_t Counts::executed() const {
  return std::accumulate(instructions.begin(), instructions.end(), uint64_t{0}) - of(Kind::free);
}
Counts& Counts::operator+=(const Counts& other) {
  blocks += other.blocks, warps += other.warps;
  for (size_t k = 0; k < instructions.size(); ++k) instructions[k] += other.instructions[k];
  ldmatrix_conflicts += other.ldmatrix_conflicts, shared_conflicts += other.shared_conflicts;
  sectors_read += other.sectors_read, sectors_written += other.sectors_written;
  return *this;
}

Machine::Machine(const Kernel& kernel, const GlobalMemory& memory, const Grid& grid,
                 std::vector<unsigned char> parameters)
    : kernel_(kernel), memory_(memory), grid_(grid), parameters_(std::move(parameters)) {
  if (parameters_.size() != kernel.parameter_bytes)
    throw PtxError(kernel.symbol + ": takes " + std::to_string(kernel.parameter_bytes) +
                   " bytes of parameters, got " + std::to_string(parameters_.size()));
}

Counts Machine::run() {
  for (uint32_t z = 0; z < grid_.blocks[2]; ++z)
    for (uint32_t y = 0; y < grid_.blocks[1]; ++y)
      for (uint32_t x = 0; x < grid_.blocks[0]; ++x) run_block({x, y, z});
  return counts_;
}

void Machine::start_warps() {
  const uint32_t threads = grid_.threads[0] * grid_.threads[1] * grid_.threads[2];
  warps_.assign((threads + kLanes - 1) / kLanes, Warp());
  for (size_t w = 0; w < warps_.size(); ++w) {
    Warp& warp = warps_[w];
    warp.index = static_cast<int>(w);
    warp.registers.assign(static_cast<size_t>(kernel_.registers), {});
    warp.local.assign(kernel_.local_bytes * kLanes, 0xFF);
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      const uint32_t i = static_cast<uint32_t>(w) * kLanes + lane;
      if (i >= threads) break;
      warp.alive |= 1u << lane;
      warp.thread[lane] = {i % grid_.threads[0], i / grid_.threads[0] % grid_.threads[1],
                           i / grid_.threads[0] / grid_.threads[1]};
    }
  }
}

void Machine::run_block(const std::array<uint32_t, 3>& block) {
  block_ = block;
  shared_.reset((kernel_.shared_bytes + 15) / 16 * 16 + grid_.dynamic_shared);
  read_sectors_.clear();
  start_warps();
  ++counts_.blocks;
  counts_.warps += warps_.size();
  for (bool any = true; any;) {
    for (Warp& warp : warps_)
      while ((warp.alive & ~warp.at_barrier) != 0) step(warp);
    any = false;
    for (Warp& warp : warps_) {
      warp.at_barrier = 0;
      any = any || warp.alive != 0;
    }
    shared_.next_interval();
  }
  for (const Warp& warp : warps_)
    for (int lane = 0; lane < kLanes; ++lane)
      if (!warp.groups[static_cast<size_t>(lane)].empty() ||
          !warp.open[static_cast<size_t>(lane)].empty())
        throw PtxError(kernel_.symbol + ": ends with copies nobody waited for");
}

void Machine::step(Warp& warp) {
  const uint32_t active = warp.alive & ~warp.at_barrier;
  int pc = INT32_MAX;
  each_lane(active, [&](int lane) { pc = std::min(pc, warp.pc[static_cast<size_t>(lane)]); });
  uint32_t lanes = 0;
  each_lane(active, [&](int lane) {
    if (warp.pc[static_cast<size_t>(lane)] != pc) return;
    lanes |= 1u << lane;
    warp.pc[static_cast<size_t>(lane)] = pc + 1;
  });
  const Instruction& in = kernel_.instructions.at(static_cast<size_t>(pc));
  uint32_t guarded = lanes;
  if (in.predicate >= 0) {
    const auto& predicate = warp.registers[static_cast<size_t>(in.predicate)];
    each_lane(lanes, [&](int lane) {
      if ((predicate[static_cast<size_t>(lane)] != 0) == in.negated) guarded &= ~(1u << lane);
    });
  }
  ++counts_.instructions[static_cast<size_t>(in.kind)];
  if (guarded == 0) return;
  try {
    execute(warp, in, guarded);
  } catch (const PtxError& error) {
    throw PtxError(std::string(error.what()) + "; block " + std::to_string(block_[0]) + "," +
                   std::to_string(block_[1]) + "," + std::to_string(block_[2]) + " warp " +
                   std::to_string(warp.index) + " at \"" + in.text + "\" of " + kernel_.symbol);
  }
}

void Machine::execute(Warp& warp, const Instruction& in, uint32_t lanes) {
  const auto whole = [&] {
    if (lanes != kWholeWarp) throw PtxError("not the whole warp");
  };
  switch (in.op) {
    case Op::bra:
      return each_lane(lanes, [&](int lane) { warp.pc[static_cast<size_t>(lane)] = in.target; });
    case Op::ret:
      warp.alive &= ~lanes;
      return;
    case Op::bar:
      warp.at_barrier |= lanes;
      return;
    case Op::griddep_wait:
      warp.waited |= lanes;
      return;
    case Op::griddep_launch:
    case Op::fence:
      return;
    case Op::trap:
      throw PtxError("trap");
    case Op::mov:
    case Op::cvta:
      return move(warp, in, lanes);
    case Op::ld:
      return load(warp, in, lanes);
    case Op::st:
      return store(warp, in, lanes);
    case Op::atom:
    case Op::red:
      return atomic(warp, in, lanes);
    case Op::copy:
      return copy(warp, in, lanes);
    case Op::commit:
      return each_lane(lanes, [&](int lane) {
        warp.groups[static_cast<size_t>(lane)].push_back(
            std::move(warp.open[static_cast<size_t>(lane)]));
        warp.open[static_cast<size_t>(lane)].clear();
      });
    case Op::wait_group:
      return wait_for_copies(warp, lanes, in.operands[0].value);
    case Op::wait_all:
      each_lane(lanes, [&](int lane) {
        warp.groups[static_cast<size_t>(lane)].push_back(
            std::move(warp.open[static_cast<size_t>(lane)]));
        warp.open[static_cast<size_t>(lane)].clear();
      });
      return wait_for_copies(warp, lanes, 0);
    case Op::ldmatrix:
      return whole(), ldmatrix(warp, in);
    case Op::mma:
      return whole(), mma(warp, in);
    case Op::shfl:
      return shuffle(warp, in, lanes);
    default:
      break;
  }
  const size_t count = in.operands.size();
  if (in.op == Op::setp && count != 3) throw PtxError("a comparison joined to a predicate");
  each_lane(lanes, [&](int lane) {
    const auto operand = [&](size_t i) {
      return i < count ? value(warp, in.operands[i], lane) : 0;
    };
    put(warp, in.operands[0], lane, evaluate(in, operand(1), operand(2), operand(3), operand(4)));
  });
}

uint64_t Machine::value(const Warp& warp, const Operand& operand, int lane) const {
  switch (operand.kind) {
    case Operand::Kind::reg:
      return warp.registers[static_cast<size_t>(operand.reg)][static_cast<size_t>(lane)];
    case Operand::Kind::special: {
      const size_t axis = static_cast<size_t>(operand.special % 3);
      if (operand.special < 3) return warp.thread[static_cast<size_t>(lane)][axis];
      if (operand.special < 6) return block_[axis];
      return operand.special < 9 ? grid_.threads[axis] : grid_.blocks[axis];
    }
    default:
      return operand.value;
  }
}

void Machine::put(Warp& warp, const Operand& operand, int lane, uint64_t bits) {
  if (operand.kind == Operand::Kind::reg)
    warp.registers[static_cast<size_t>(operand.reg)][static_cast<size_t>(lane)] = bits;
  else if (operand.kind != Operand::Kind::sink)
    throw PtxError("the result is no register");
}

void Machine::move(Warp& warp, const Instruction& in, uint32_t lanes) {
  const Operand &to = in.operands[0], &from = in.operands[1];
  each_lane(lanes, [&](int lane) {
    if (in.op == Op::cvta) {
      uint64_t at = value(warp, from, lane);
      const uint64_t window = in.space == Space::shared  ? kSharedWindow
                              : in.space == Space::local ? kLocalWindow
                                                         : 0;
      at = in.cvta_to ? at & ~window : at | window;
      return put(warp, to, lane, at);
    }
    if (to.kind == Operand::Kind::vector) {
      const int bits = 8 * size_of(in.type) / static_cast<int>(to.parts.size());
      uint64_t whole = value(warp, from, lane);
      for (const Operand& part : to.parts) {
        put(warp, part, lane, whole & ((uint64_t{1} << bits) - 1));
        whole >>= bits;
      }
    } else if (from.kind == Operand::Kind::vector) {
      const int bits = 8 * size_of(in.type) / static_cast<int>(from.parts.size());
      uint64_t whole = 0;
      for (size_t i = 0; i < from.parts.size(); ++i)
        whole |= (value(warp, from.parts[i], lane) & ((uint64_t{1} << bits) - 1))
                 << (static_cast<int>(i) * bits);
      put(warp, to, lane, whole);
    } else {
      put(warp, to, lane, value(warp, from, lane));
    }
  });
}

void Machine::wait_for_copies(Warp& warp, uint32_t lanes, size_t pending) {
  each_lane(lanes, [&](int lane) {
    auto& groups = warp.groups[static_cast<size_t>(lane)];
    const size_t done = groups.size() > pending ? groups.size() - pending : 0;
    for (size_t g = 0; g < done; ++g)
      for (const Warp::Copy& copied : groups[g]) shared_.end_copy(copied);
    groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(done));
  });
}

// Lane 8 j + i brings the address of row i of matrix j; lane 4 g + t gets row g, columns 2t and
// 2t+1.
void Machine::ldmatrix(Warp& warp, const Instruction& in) {
  for (int j = 0; j < in.count; ++j) {
    uint16_t rows[8][8];
    std::array<int, 8> lines = {};
    for (int i = 0; i < 8; ++i) {
      const uint64_t at = address(warp, in.operands[1], 8 * j + i);
      shared_.read(at, 16, warp.index, 8 * j + i, rows[i]);
      ++lines[at / 16 % 8];
    }
    counts_.ldmatrix_conflicts +=
        static_cast<uint64_t>(*std::max_element(lines.begin(), lines.end()) - 1);
    for (int lane = 0; lane < kLanes; ++lane) {
      const int g = lane / 4, t = lane % 4;
      const uint32_t low = in.transposed ? rows[2 * t][g] : rows[g][2 * t];
      const uint32_t high = in.transposed ? rows[2 * t + 1][g] : rows[g][2 * t + 1];
      const Operand& to = in.operands[0].parts.at(static_cast<size_t>(j));
      put(warp, to, lane, low | high << 16);
    }
  }
}

// By the index formulas of the ISA for m16n8k16 with .f16: of A, element i of a lane has row g
// where i % 4 < 2, else g + 8, and column 2t + i % 2, plus 8 from i = 4 on; of B, row 2t + i % 2,
// plus 8 from i = 2 on, column g; of C and D, row g where i < 2, else g + 8, column 2t + i % 2.
void Machine::mma(Warp& warp, const Instruction& in) {
  double a[16][16], b[16][8], c[16][8];
  const auto half = [&](const Operand& vector, int i, int lane) {
    const uint64_t pair = value(warp, vector.parts.at(static_cast<size_t>(i / 2)), lane);
    return double{half_to_float(static_cast<uint16_t>(pair >> (16 * (i % 2))))};
  };
  for (int lane = 0; lane < kLanes; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 8; ++i)
      a[i % 4 < 2 ? g : g + 8][2 * t + i % 2 + (i >= 4 ? 8 : 0)] = half(in.operands[1], i, lane);
    for (int i = 0; i < 4; ++i)
      b[2 * t + i % 2 + (i >= 2 ? 8 : 0)][g] = half(in.operands[2], i, lane);
    for (int i = 0; i < 4; ++i)
      c[i < 2 ? g : g + 8][2 * t + i % 2] = std::bit_cast<float>(static_cast<uint32_t>(
          value(warp, in.operands[3].parts.at(static_cast<size_t>(i)), lane)));
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = i < 2 ? g : g + 8, column = 2 * t + i % 2;
      double sum = c[row][column];
      for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
      put(warp, in.operands[0].parts.at(static_cast<size_t>(i)), lane,
          std::bit_cast<uint32_t>(static_cast<float>(sum)));
    }
  }
}

void Machine::shuffle(Warp& warp, const Instruction& in, uint32_t lanes) {
  if (in.mode != "bfly") throw PtxError("another shuffle");
  std::array<uint64_t, kLanes> brought = {};
  each_lane(lanes, [&](int lane) {
    brought[static_cast<size_t>(lane)] = value(warp, in.operands[1], lane);
  });
  each_lane(lanes, [&](int lane) {
    const uint32_t mask = static_cast<uint32_t>(value(warp, in.operands[4], lane));
    const int source = lane ^ static_cast<int>(value(warp, in.operands[2], lane));
    if ((mask & warp.alive) != mask || (lanes & mask) != mask)
      throw PtxError("lanes of the mask are elsewhere");
    if (source >= kLanes || (mask >> source & 1) == 0)
      throw PtxError("a lane outside the mask is read");
    put(warp, in.operands[0], lane, brought[static_cast<size_t>(source)]);
  });
}

}  // namespace vernissage::ptx_runs
