// Reader of Python's pickle streams as data: a small stack machine with an allow-list of opcodes
// and a list of global names that mean something here. It imports nothing and calls nothing: a name
// that is not on the list, and whatever is made with it, stays opaque, and names that run code are
// refused. Source: the opcode table of Python's pickletools module, protocols 0 to 5 as Python 3
// writes them; buffers outside the stream (protocol 5) are refused.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "weights_tools/containers/pickle_value.h"

namespace vernissage {

/// Ceilings that no genuine checkpoint comes near and that keep a hostile one small.
constexpr int kPickleProtocolMax = 5;
constexpr size_t kPickleStackMax = size_t{1} << 17;  // values waiting at one time
constexpr size_t kPickleMarksMax = 1000;             // open MARKs: nesting depth of containers
constexpr size_t kPickleMemoMax = size_t{1} << 18;
constexpr size_t kPickleMemoryMax = size_t{40}
                                    << 20;  // bytes for values, besides the stream's own length

/// Owns the values of one stream. They refer to the stream's bytes, which must outlive it.
class PickleDocument {
 public:
  const PickleValue& root() const { return *root_; }
  uint64_t end() const { return end_; }  // bytes used, up to and including STOP
  const std::deque<PickleValue>& values() const {
    return values_;
  }  // all of them, in order of birth
  /// Names in the stream that mean nothing here, but for Python's own types: each once, sorted.
  std::vector<std::string> unknown_names() const;

 private:
  friend class PickleMachine;
  std::deque<PickleValue> values_;
  std::vector<std::unique_ptr<std::byte[]>>
      buffers_;  // byte strings that the stream spells as text
  const PickleValue* root_ = nullptr;
  uint64_t end_ = 0;
};

struct PickleOptions {
  uint64_t base_offset = 0;     // added to offsets in values and messages
  bool persistent_ids = false;  // BINPERSID occurs in torch containers only
  bool script_classes = false;  // classes of __torch__ modules, which TorchScript archives define
};

/// Reads the first pickle of `bytes`; more may follow it. Throws ParseError.
PickleDocument parse_pickle(std::span<const std::byte> bytes, const PickleOptions& options = {});

}  // namespace vernissage
