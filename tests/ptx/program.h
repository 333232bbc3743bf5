// The text of a PTX module as instructions that machine.h can carry out. Only the part of PTX that
// nvcc makes of this project's kernels is known; anything else is an error that shows the line,
// never a guess.
// Source: NVIDIA, "Parallel Thread Execution ISA", version 9.0.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace vernissage::ptx_runs {

/// The text is not PTX as known here, or what a kernel did is not defined. what() names the kernel
/// and the instruction.
class PtxError : public Error {
 public:
  using Error::Error;
};

enum class Type {
  none,
  pred,
  b8,
  b16,
  b32,
  b64,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  f16x2,
  f32,
  f64
};
/// Bytes of a value; 1 for pred.
int size_of(Type type);
bool is_signed(Type type);
bool is_float(Type type);

enum class Space { generic, global, shared, local, param };

/// What instructions are counted as.
enum class Kind {
  mma,         // matrix products
  ldmatrix,    // fragments from shared memory
  copy,        // cp.async, its commits and waits
  global,      // loads, stores and atomics of global memory
  shared,      // loads and stores of shared memory
  arithmetic,  // on floats
  convert,     // between half and float, float and integer
  integer,     // addresses and indices
  predicate,   // comparisons and selections
  control,     // branches, barriers, shuffles, waits
  local,  // loads and stores of a thread's own memory: spills, arrays that are not in registers
  free,   // moves and reads of parameters: registers and constant operands of other instructions
};
inline constexpr int kKinds = static_cast<int>(Kind::free) + 1;
const char* name_of(Kind kind);

enum class Op {
  abs,
  add,
  and_,
  atom,
  bar,
  bfi,
  bra,
  clz,
  commit,
  copy,
  copysign,
  cos,
  cvt,
  cvta,
  div,
  ex2,
  fma,
  fence,
  griddep_launch,
  griddep_wait,
  ld,
  ldmatrix,
  lg2,
  mad,
  max,
  min,
  mma,
  mov,
  mul,
  neg,
  not_,
  or_,
  popc,
  prmt,
  rcp,
  red,
  rem,
  ret,
  rsqrt,
  selp,
  setp,
  shfl,
  shl,
  shr,
  sin,
  sqrt,
  st,
  sub,
  trap,
  wait_all,
  wait_group,
  xor_
};

struct Operand {
  enum class Kind { none, reg, immediate, special, vector, sink } kind = Kind::none;
  int reg = -1;        // a register's number; of an address, -1: absolute
  uint64_t value = 0;  // an immediate's bits, an address's offset
  int special = 0;     // 0-2 tid, 3-5 ctaid, 6-8 ntid, 9-11 nctaid
  std::vector<Operand> parts;
};

struct Instruction {
  Op op = Op::ret;
  Kind kind = Kind::free;
  Type type = Type::none;    // of the operation; of a conversion, of the result
  Type source = Type::none;  // of a conversion
  Space space = Space::generic;
  std::string compare;  // of setp
  std::string
      mode;  // rounding (rn, rz, rm, rp, rni, rzi …), or lo, hi, wide, or an atomic's operation
  bool nan = false, flush = false, saturate = false, transposed = false, cvta_to = false,
       is_volatile = false;
  int count = 1;         // elements of a vector, matrices of ldmatrix
  int predicate = -1;    // register that guards it
  bool negated = false;  // … where it is false
  int target = -1;       // of a branch: index of an instruction
  std::vector<Operand> operands;
  std::string text;
};

struct Parameter {
  std::string name;
  size_t offset = 0, bytes = 0;
};

struct Kernel {
  std::string symbol;
  std::vector<Parameter> parameters;
  size_t parameter_bytes = 0;
  size_t shared_bytes = 0;  // static ones; dynamic shared memory begins at the next multiple of 16
  size_t local_bytes = 0;
  int registers = 0;
  bool waits = false;  // has griddepcontrol.wait
  std::vector<Instruction> instructions;
};

/// A module's text. Kernels are decoded when they are asked for.
class Module {
 public:
  explicit Module(const std::string& path);
  /// Symbols of its kernels.
  const std::map<std::string, std::string>& entries() const { return entries_; }
  const Kernel& kernel(const std::string& symbol);
  /// Initialised variables in global memory: where they lie and their bytes.
  struct Global {
    std::vector<unsigned char> bytes;
  };
  const std::map<std::string, std::unique_ptr<Global>>& globals() const { return globals_; }

 private:
  std::string dynamic_;                         // name of the dynamic shared array
  std::map<std::string, std::string> entries_;  // symbol: text from ".entry" on
  std::map<std::string, std::unique_ptr<Global>> globals_;
  std::map<std::string, std::unique_ptr<Kernel>> kernels_;
};

/// Where shared memory and a thread's own memory begin among generic addresses; no host pointer
/// lies there.
inline constexpr uint64_t kSharedWindow = uint64_t{1} << 56;
inline constexpr uint64_t kLocalWindow = uint64_t{1} << 57;
/// Shared address of a block's first byte: the first KiB is the system's on capability 9.0.
inline constexpr uint64_t kSharedStart = 1024;

}  // namespace vernissage::ptx_runs
