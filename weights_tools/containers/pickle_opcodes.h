// Opcodes of Python's pickle, protocols 0 to 5. Source: Python's pickletools module.
#pragma once

#include <cstdint>
#include <string>

namespace vernissage {

/// Those that genuine checkpoints use, whatever protocol they were saved with; the machine knows no
/// other.
enum class PickleOpcode : uint8_t {
  mark = '(',
  stop = '.',
  none = 'N',
  bin_int = 'J',
  bin_int1 = 'K',
  bin_int2 = 'M',
  bin_float = 'G',
  bin_unicode = 'X',
  bin_bytes = 'B',
  short_bin_bytes = 'C',
  empty_tuple = ')',
  tuple = 't',
  empty_list = ']',
  append = 'a',
  appends = 'e',
  empty_dict = '}',
  set_item = 's',
  set_items = 'u',
  global = 'c',
  reduce = 'R',
  build = 'b',
  bin_pers_id = 'Q',
  bin_get = 'h',
  long_bin_get = 'j',
  bin_put = 'q',
  long_bin_put = 'r',
  proto = 0x80,
  new_obj = 0x81,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  new_true = 0x88,
  new_false = 0x89,
  long1 = 0x8a,
  long4 = 0x8b,
  short_bin_unicode = 0x8c,
  bin_unicode8 = 0x8d,
  bin_bytes8 = 0x8e,
  empty_set = 0x8f,
  add_items = 0x90,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
  byte_array8 = 0x96,
  frozen_set = 0x91,
  new_obj_ex = 0x92,
  // Of protocols 0 and 1, as Python 3 writes them.
  pop = '0',
  pop_mark = '1',
  float_line = 'F',
  int_line = 'I',
  long_line = 'L',
  unicode_line = 'V',
  dict_from_mark = 'd',
  list_from_mark = 'l',
  get_line = 'g',
  put_line = 'p',
};

/// "opcode 0x69 (INST) is not allowed", "opcode 0xf0 is unknown": for every byte not listed above.
std::string refused_opcode_text(uint8_t opcode);

}  // namespace vernissage
