// Carries out a PTX kernel on the host: blocks one after another, the warps of a block in turn up
// to the next barrier, the lanes of a warp together, those that stand at the least instruction
// first. Independent of kernels/emulation: it runs what the compiler made, not the source.
//
// Checked: alignment and bounds of every access in its own address space; that global memory lies
// in what was allowed; that bytes of an asynchronous copy are read after their thread has waited
// and, by others, after a barrier; that two warps of a block do not touch a word of shared memory
// between two barriers when one of them writes; that nothing but parameters is touched before
// griddepcontrol.wait where a kernel has it; that whole warps carry out matrix instructions; that a
// block leaves no copy under way.
// Not seen: ptxas, timing, memory order between blocks.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <unordered_set>
#include <vector>

#include "tests/ptx/program.h"

namespace vernissage::ptx_runs {

/// Host memory that kernels may touch.
class GlobalMemory {
 public:
  void allow(const void* begin, size_t bytes);
  void forbid(const void* begin);
  bool allowed(uint64_t address, size_t bytes) const;

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin: end
};

/// What a launch did. Instructions are counted once a warp.
struct Counts {
  uint64_t blocks = 0, warps = 0;
  std::array<uint64_t, kKinds> instructions = {};
  uint64_t ldmatrix_conflicts = 0;  // accesses of shared memory beyond one a matrix
  uint64_t shared_conflicts = 0;    // and beyond the least for plain loads and stores
  // Sectors of 32 bytes that leave the second-level cache for a multiprocessor: all of asynchronous
  // copies, those of plain loads once a block, as if the first-level cache held them.
  uint64_t sectors_read = 0;
  uint64_t sectors_written = 0;

  uint64_t of(Kind kind) const { return instructions[static_cast<size_t>(kind)]; }
  uint64_t executed() const;  // all but Kind::free
  Counts& operator+=(const Counts& other);
};

struct Grid {
  std::array<uint32_t, 3> blocks, threads;
  size_t dynamic_shared = 0;
};

constexpr int kLanes = 32;

/// A warp's registers and places.
struct Warp {
  std::vector<std::array<uint64_t, kLanes>> registers;
  std::array<int, kLanes> pc = {};
  std::array<std::array<uint32_t, 3>, kLanes> thread = {};
  uint32_t alive = 0, at_barrier = 0, waited = 0;  // bit a lane
  int index = 0;
  std::vector<unsigned char> local;  // a lane after another
  struct Copy {
    uint64_t to;
    std::array<unsigned char, 16> bytes;
  };
  // A lane's closed groups, oldest first, and the open one.
  std::array<std::vector<std::vector<Copy>>, kLanes> groups;
  std::array<std::vector<Copy>, kLanes> open;
};

/// A block's shared memory with what is known of its words.
class SharedMemory {
 public:
  void reset(size_t bytes);
  void next_interval() { ++interval_; }
  /// Throw PtxError without naming the instruction, which the caller adds.
  void read(uint64_t address, size_t bytes, int warp, int lane, void* to);
  void write(uint64_t address, size_t bytes, int warp, const void* from);
  void begin_copy(uint64_t address, int warp, int lane);
  void end_copy(const Warp::Copy& copy);

 private:
  struct Word {
    uint32_t read_in = 0, written_in = 0;  // the interval between barriers
    int reader = -1, writer = -1;          // a warp, or kSeveral
  };
  struct Chunk {  // 16 bytes
    enum class State { plain, under_way, arrived } state = State::plain;
    int thread = -1;
    uint32_t arrived_in = 0;
  };
  static constexpr int kSeveral = -2;
  size_t offset_of(uint64_t address, size_t bytes) const;
  void note_write(size_t offset, size_t bytes, int warp);

  uint32_t interval_ = 1;
  std::vector<unsigned char> bytes_;
  std::vector<Word> words_;
  std::vector<Chunk> chunks_;
};

class Machine {
 public:
  Machine(const Kernel& kernel, const GlobalMemory& memory, const Grid& grid,
          std::vector<unsigned char> parameters);
  Counts run();

 private:
  void run_block(const std::array<uint32_t, 3>& block);
  void start_warps();
  void step(Warp& warp);
  void execute(Warp& warp, const Instruction& in, uint32_t lanes);

  uint64_t value(const Warp& warp, const Operand& operand, int lane) const;
  static void put(Warp& warp, const Operand& operand, int lane, uint64_t bits);

  void move(Warp& warp, const Instruction& in, uint32_t lanes);
  void load(Warp& warp, const Instruction& in, uint32_t lanes);
  void store(Warp& warp, const Instruction& in, uint32_t lanes);
  void atomic(Warp& warp, const Instruction& in, uint32_t lanes);
  void copy(Warp& warp, const Instruction& in, uint32_t lanes);
  void wait_for_copies(Warp& warp, uint32_t lanes, size_t pending);
  void ldmatrix(Warp& warp, const Instruction& in);
  void mma(Warp& warp, const Instruction& in);
  void shuffle(Warp& warp, const Instruction& in, uint32_t lanes);

  uint64_t address(const Warp& warp, const Operand& operand, int lane) const;
  static Space space_of(Space named, uint64_t& address);
  void check_global(const Warp& warp, int lane, uint64_t address, size_t bytes) const;
  void read(Warp& warp, Space space, uint64_t address, size_t bytes, int lane, void* to);
  void write(Warp& warp, Space space, uint64_t address, size_t bytes, int lane, const void* from);
  void count_access(Space space, const std::vector<uint64_t>& addresses, size_t bytes, bool stores);
  void count_conflicts(const std::vector<uint64_t>& addresses, size_t bytes);

  const Kernel& kernel_;
  const GlobalMemory& memory_;
  const Grid grid_;
  const std::vector<unsigned char> parameters_;
  std::array<uint32_t, 3> block_ = {};
  std::vector<Warp> warps_;
  SharedMemory shared_;
  std::unordered_set<uint64_t> read_sectors_;  // of the block
  Counts counts_;
};

/// The result of an instruction that works on values alone, lane by lane. Throws PtxError for one
/// it does not know.
uint64_t evaluate(const Instruction& in, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);

}  // namespace vernissage::ptx_runs
