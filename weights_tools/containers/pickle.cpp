#include "weights_tools/containers/pickle.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <set>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "weights_tools/containers/byte_cursor.h"
#include "weights_tools/containers/numpy_value.h"
#include "weights_tools/containers/pickle_opcodes.h"

namespace vernissage {
namespace {

/// Appends a code point; one that is no character makes the text refused afterwards.
void append_utf8(std::string& text, uint32_t code) {
  const auto put = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(code < 0x110000 ? 0xf0 | code >> 18 : 0xff);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

}  // namespace

/// One run over one stream. The stack holds pointers into the document's pool; a MARK is remembered
/// as the height of the stack where it was set.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, const PickleOptions& options)
      : cursor_(bytes, options.base_offset),
        options_(options),
        memory_left_(kPickleMemoryMax + bytes.size() * (is_text(bytes) ? kTextGrowth : 1)) {}

  PickleDocument run();

 private:
  // Protocols 0 and 1 begin without PROTO and spell byte strings as lines of text, which become
  // UTF-8 and then bytes.
  static constexpr size_t kTextGrowth = 4;
  static bool is_text(std::span<const std::byte> bytes) {
    return !bytes.empty() && bytes[0] != std::byte{0x80};
  }

  void step(PickleOpcode op);
  void step_number(PickleOpcode op);
  void step_text(PickleOpcode op);
  void step_container(PickleOpcode op);
  void step_line(PickleOpcode op);
  void step_object(PickleOpcode op);

  [[noreturn]] void fail(const std::string& reason) const { throw ParseError(op_offset_, reason); }

  // Memory is charged before it is taken, so that what a file can make us hold is bounded by its
  // length plus a constant, whatever its opcodes say.
  void charge(size_t bytes) {
    if (bytes > memory_left_) {
      fail("the pickle describes more than " + std::to_string(kPickleMemoryMax >> 20) +
           " MiB of values beyond its own length");
    }
    memory_left_ -= bytes;
  }

  PickleValue* make(PickleKind kind) {
    charge(sizeof(PickleValue));
    PickleValue& value = document_.values_.emplace_back();
    value.kind = kind;
    value.offset = op_offset_;
    return &value;
  }

  // A vector may hold twice what is in it, and its old half besides while it grows.
  void append(PickleValue* container, const PickleValue* item) {
    charge(3 * sizeof(item));
    container->items.push_back(item);
  }
  void append(PickleValue* container, const PickleValue* key, const PickleValue* item) {
    // Nothing is hashed here: keys other than texts are never looked for.
    const bool changeable = key->kind == PickleKind::list || key->kind == PickleKind::dict ||
                            key->kind == PickleKind::set;
    if (changeable) fail("the key of a dict is " + describe(*key) + ", which no dict can have");
    charge(3 * 2 * sizeof(item));
    container->entries.emplace_back(key, item);
  }

  void push(PickleValue* value) {
    if (stack_.size() >= kPickleStackMax) {
      fail("more than " + std::to_string(kPickleStackMax) + " values on the stack");
    }
    stack_.push_back(value);
  }

  /// The stack above the last MARK is what may be taken: a MARK is never popped as a value.
  PickleValue* pop() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue* top() {
    if (stack_.size() <= floor()) fail("the stack is empty");
    return stack_.back();
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  /// Everything above the last MARK; the MARK goes too.
  std::vector<PickleValue*> pop_to_mark() {
    if (marks_.empty()) fail("there is no MARK");
    const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<PickleValue*> taken(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return taken;
  }

  void tuple(size_t count);
  void tuple_from_mark();
  static bool takes(const PickleValue& target, PickleKind kind);
  void container_from_mark(PickleKind kind);
  void dict_from_mark();
  void items_from_mark(PickleKind kind);
  void entries_from_mark();
  void set_entry(PickleValue* target, const PickleValue* key, const PickleValue* item);
  void text(uint64_t length);
  void bytes(uint64_t length);
  void integer(int64_t value);
  void long_integer(uint64_t length);
  void line_number(std::span<const std::byte> line, bool boolean);
  void unicode_line();
  uint64_t line_index(const char* what);
  std::span<const std::byte> own(std::string_view text);
  PickleValue* opaque(PickleKind kind, std::span<const std::byte> name);
  void global(std::span<const std::byte> module, std::span<const std::byte> name);
  void stack_global();
  void call(bool new_object);
  void call_with_keywords();
  PickleValue* known_call(const PickleValue& callee, const PickleValue* arguments, bool new_object);
  PickleValue* reconstructed(const PickleValue& arguments);
  PickleValue* byte_string(const PickleValue& callee, const PickleValue* arguments);
  PickleValue* latin1_bytes(const PickleValue& arguments);
  void build();
  void persistent_id();
  void put(uint64_t index);
  void get(uint64_t index);

  ByteCursor cursor_;
  PickleOptions options_;
  PickleDocument document_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::vector<PickleValue*> memo_;
  size_t memory_left_;
  uint64_t op_offset_ = 0;
};

PickleDocument PickleMachine::run() {
  for (;;) {
    op_offset_ = cursor_.offset();
    if (cursor_.left() == 0) fail("the pickle ends without STOP");
    const auto op = static_cast<PickleOpcode>(cursor_.number<uint8_t>("an opcode"));
    if (op == PickleOpcode::stop) break;
    step(op);
  }
  if (!marks_.empty()) fail("STOP with an open MARK");
  if (stack_.size() != 1)
    fail("STOP with " + std::to_string(stack_.size()) + " values on the stack");
  document_.root_ = stack_.back();
  document_.end_ = cursor_.position();
  return std::move(document_);
}

// Every opcode belongs to one of the steps below; the last of them refuses what none knows.
void PickleMachine::step(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::proto: {
      const int protocol = cursor_.number<uint8_t>("PROTO");
      if (protocol > kPickleProtocolMax) {
        fail("pickle protocol " + std::to_string(protocol) + ", expected at most " +
             std::to_string(kPickleProtocolMax));
      }
      return;
    }
    case Op::frame: {
      // A hint for buffered readers; it only must not promise more than there is.
      const auto length = cursor_.number<uint64_t>("FRAME");
      if (length > cursor_.left()) {
        fail("FRAME of " + std::to_string(length) + " bytes, " + std::to_string(cursor_.left()) +
             " left");
      }
      return;
    }
    case Op::mark:
      if (marks_.size() >= kPickleMarksMax) {
        fail("more than " + std::to_string(kPickleMarksMax) + " containers inside each other");
      }
      marks_.push_back(stack_.size());
      return;
    case Op::pop:  // a value, or the MARK that stands on top
      if (stack_.size() == floor() && !marks_.empty()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return;
    case Op::pop_mark:
      pop_to_mark();
      return;
    case Op::bin_get:
      return get(cursor_.number<uint8_t>("BINGET"));
    case Op::long_bin_get:
      return get(cursor_.number<uint32_t>("LONG_BINGET"));
    case Op::bin_put:
      return put(cursor_.number<uint8_t>("BINPUT"));
    case Op::long_bin_put:
      return put(cursor_.number<uint32_t>("LONG_BINPUT"));
    case Op::memoize:
      return put(memo_.size());
    default:
      return step_number(op);
  }
}

void PickleMachine::step_number(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::none:
      return push(make(PickleKind::none));
    case Op::new_true:
    case Op::new_false: {
      PickleValue* value = make(PickleKind::boolean);
      value->integer = op == Op::new_true;
      return push(value);
    }
    case Op::bin_int:
      return integer(cursor_.number<int32_t>("BININT"));
    case Op::bin_int1:
      return integer(cursor_.number<uint8_t>("BININT1"));
    case Op::bin_int2:
      return integer(cursor_.number<uint16_t>("BININT2"));
    case Op::long1:
      return long_integer(cursor_.number<uint8_t>("LONG1"));
    case Op::long4: {
      const auto length = cursor_.number<int32_t>("LONG4");
      if (length < 0) fail("LONG4 of " + std::to_string(length) + " bytes");
      return long_integer(static_cast<uint64_t>(length));
    }
    case Op::bin_float: {
      PickleValue* value = make(PickleKind::real);
      value->real = std::bit_cast<double>(__builtin_bswap64(cursor_.number<uint64_t>("BINFLOAT")));
      return push(value);
    }
    default:
      return step_text(op);
  }
}

void PickleMachine::step_text(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::short_bin_unicode:
      return text(cursor_.number<uint8_t>("SHORT_BINUNICODE"));
    case Op::bin_unicode:
      return text(cursor_.number<uint32_t>("BINUNICODE"));
    case Op::bin_unicode8:
      return text(cursor_.number<uint64_t>("BINUNICODE8"));
    case Op::short_bin_bytes:
      return bytes(cursor_.number<uint8_t>("SHORT_BINBYTES"));
    case Op::bin_bytes:
      return bytes(cursor_.number<uint32_t>("BINBYTES"));
    case Op::bin_bytes8:
      return bytes(cursor_.number<uint64_t>("BINBYTES8"));
    case Op::byte_array8:
      return bytes(cursor_.number<uint64_t>("BYTEARRAY8"));
    default:
      return step_line(op);
  }
}

/// What protocol 0 spells as lines of text.
void PickleMachine::step_line(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::int_line: {
      const auto line = cursor_.line("INT");
      const bool boolean = line.size() == 2 && line[0] == std::byte{'0'};  // I00 and I01
      return line_number(line, boolean);
    }
    case Op::long_line:
      return line_number(cursor_.line("LONG"), false);
    case Op::float_line: {
      const auto line = cursor_.line("FLOAT");
      PickleValue* value = make(PickleKind::real);
      const char* begin = reinterpret_cast<const char*>(line.data());
      const auto [end, error] = std::from_chars(begin, begin + line.size(), value->real);
      if (error != std::errc{} || end != begin + line.size()) fail("FLOAT of no number");
      return push(value);
    }
    case Op::unicode_line:
      return unicode_line();
    case Op::get_line:
      return get(line_index("GET"));
    case Op::put_line:
      return put(line_index("PUT"));
    default:
      return step_container(op);
  }
}

void PickleMachine::step_container(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::empty_tuple:
      return tuple(0);
    case Op::tuple1:
      return tuple(1);
    case Op::tuple2:
      return tuple(2);
    case Op::tuple3:
      return tuple(3);
    case Op::tuple:
      return tuple_from_mark();
    case Op::empty_list:
      return push(make(PickleKind::list));
    case Op::list_from_mark:
      return container_from_mark(PickleKind::list);
    case Op::append: {
      const PickleValue* item = pop();
      PickleValue* target = top();
      if (!takes(*target, PickleKind::list)) fail("APPEND to " + describe(*target));
      return append(target, item);
    }
    case Op::appends:
      return items_from_mark(PickleKind::list);
    case Op::empty_set:
      return push(make(PickleKind::set));
    case Op::frozen_set:
      return container_from_mark(PickleKind::set);
    case Op::add_items:
      return items_from_mark(PickleKind::set);
    case Op::empty_dict:
      return push(make(PickleKind::dict));
    case Op::dict_from_mark:
      return dict_from_mark();
    case Op::set_item: {
      const PickleValue* item = pop();
      const PickleValue* key = pop();
      return set_entry(top(), key, item);
    }
    case Op::set_items:
      return entries_from_mark();
    default:
      return step_object(op);
  }
}

void PickleMachine::step_object(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::global: {
      const auto module = cursor_.line("GLOBAL");
      return global(module, cursor_.line("GLOBAL"));
    }
    case Op::stack_global:
      return stack_global();
    case Op::reduce:
      return call(/*new_object=*/false);
    case Op::new_obj:
      return call(/*new_object=*/true);
    case Op::new_obj_ex:
      return call_with_keywords();
    case Op::build:
      return build();
    case Op::bin_pers_id:
      return persistent_id();
    default:
      fail(refused_opcode_text(static_cast<uint8_t>(op)));
  }
}

void PickleMachine::tuple(size_t count) {
  const PickleValue* taken[3];
  for (size_t i = count; i > 0; --i) taken[i - 1] = pop();
  PickleValue* value = make(PickleKind::tuple);
  for (size_t i = 0; i < count; ++i) append(value, taken[i]);
  push(value);
}

void PickleMachine::tuple_from_mark() {
  const auto taken = pop_to_mark();
  PickleValue* value = make(PickleKind::tuple);
  for (const PickleValue* item : taken) append(value, item);
  push(value);
}

/// An object of an unknown class may be a list, a dict or a set underneath.
bool PickleMachine::takes(const PickleValue& target, PickleKind kind) {
  return target.kind == kind || target.is_call(Global::unknown);
}

void PickleMachine::container_from_mark(PickleKind kind) {
  const auto taken = pop_to_mark();
  PickleValue* value = make(kind);
  for (const PickleValue* item : taken) append(value, item);
  push(value);
}

void PickleMachine::dict_from_mark() {
  const auto taken = pop_to_mark();
  if (taken.size() % 2 != 0) fail("DICT of an odd number of values");
  PickleValue* value = make(PickleKind::dict);
  for (size_t i = 0; i < taken.size(); i += 2) append(value, taken[i], taken[i + 1]);
  push(value);
}

void PickleMachine::items_from_mark(PickleKind kind) {
  const auto taken = pop_to_mark();
  PickleValue* target = top();
  if (!takes(*target, kind)) {
    fail((kind == PickleKind::list ? "APPENDS to " : "ADDITEMS to ") + describe(*target));
  }
  for (const PickleValue* item : taken) append(target, item);
}

void PickleMachine::set_entry(PickleValue* target, const PickleValue* key,
                              const PickleValue* item) {
  if (!is_mapping(*target) && !takes(*target, PickleKind::dict)) {
    fail("SETITEM on " + describe(*target));
  }
  append(target, key, item);
}

void PickleMachine::entries_from_mark() {
  const auto taken = pop_to_mark();
  if (taken.size() % 2 != 0) fail("SETITEMS with an odd number of values");
  PickleValue* target = top();
  for (size_t i = 0; i < taken.size(); i += 2) set_entry(target, taken[i], taken[i + 1]);
}

void PickleMachine::text(uint64_t length) {
  const auto taken = cursor_.take(length, "a text");
  if (!is_utf8(taken)) fail("a text that is not UTF-8");
  PickleValue* value = make(PickleKind::text);
  value->bytes = taken;
  push(value);
}

void PickleMachine::bytes(uint64_t length) {
  const auto taken = cursor_.take(length, "a byte string");
  PickleValue* value = make(PickleKind::bytes);
  value->bytes = taken;
  push(value);
}

void PickleMachine::integer(int64_t number) {
  PickleValue* value = make(PickleKind::integer);
  value->integer = number;
  push(value);
}

// Two's complement, little-endian, any length; zero bytes mean 0.
void PickleMachine::long_integer(uint64_t length) {
  const auto taken = cursor_.take(length, "an integer");
  if (length > 8) {
    PickleValue* value = make(PickleKind::big_integer);
    value->bytes = taken;
    return push(value);
  }
  const bool negative = length > 0 && (taken.back() & std::byte{0x80}) != std::byte{0};
  uint64_t number = negative ? ~uint64_t{0} : 0;
  for (size_t i = length; i > 0; --i)
    number = number << 8 | std::to_integer<uint64_t>(taken[i - 1]);
  integer(static_cast<int64_t>(number));
}

/// "I01", "L123L", "-5": decimal digits. One beyond 64 bits keeps no value.
void PickleMachine::line_number(std::span<const std::byte> line, bool boolean) {
  std::string_view digits(reinterpret_cast<const char*>(line.data()), line.size());
  if (digits.ends_with('L')) digits.remove_suffix(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || end != digits.data() + digits.size())
    fail("an integer of other than digits");
  if (error == std::errc::result_out_of_range) return push(make(PickleKind::big_integer));
  if (error != std::errc{}) fail("an integer of other than digits");
  if (!boolean) return integer(number);
  PickleValue* value = make(PickleKind::boolean);
  value->integer = number;
  push(value);
}

/// A text as a line of Latin-1 with \uXXXX and \UXXXXXXXX for what is beyond it
/// (raw-unicode-escape).
void PickleMachine::unicode_line() {
  const auto line = cursor_.line("UNICODE");
  std::string utf8;
  charge(2 * line.size());
  utf8.reserve(2 * line.size());
  for (size_t at = 0; at < line.size(); ++at) {
    uint32_t code = std::to_integer<uint8_t>(line[at]);
    const auto next = at + 1 < line.size() ? std::to_integer<char>(line[at + 1]) : '\0';
    if (code == '\\' && (next == 'u' || next == 'U')) {
      const size_t digits = next == 'u' ? 4 : 8;
      if (line.size() - at - 2 < digits) fail("UNICODE with an escape that is cut off");
      const char* begin = reinterpret_cast<const char*>(line.data()) + at + 2;
      const auto [end, error] = std::from_chars(begin, begin + digits, code, 16);
      if (error != std::errc{} || end != begin + digits) fail("UNICODE with a broken escape");
      at += 1 + digits;
    }
    append_utf8(utf8, code);
  }
  if (!is_utf8(std::as_bytes(std::span(utf8)))) fail("a text with a code that is no character");
  auto& buffer = document_.buffers_.emplace_back(new std::byte[utf8.size()]);
  std::ranges::copy(std::as_bytes(std::span(utf8)), buffer.get());
  PickleValue* value = make(PickleKind::text);
  value->bytes = {buffer.get(), utf8.size()};
  push(value);
}

uint64_t PickleMachine::line_index(const char* what) {
  const auto line = cursor_.line(what);
  const char* begin = reinterpret_cast<const char*>(line.data());
  uint64_t index = 0;
  const auto [end, error] = std::from_chars(begin, begin + line.size(), index);
  if (error != std::errc{} || end != begin + line.size()) {
    fail(std::string(what) + " of no memo index");
  }
  return index;
}

/// The text, kept by the document.
std::span<const std::byte> PickleMachine::own(std::string_view text) {
  charge(text.size() + sizeof(document_.buffers_[0]));
  auto& buffer = document_.buffers_.emplace_back(new std::byte[text.size()]);
  std::ranges::copy(std::as_bytes(std::span(text)), buffer.get());
  return {buffer.get(), text.size()};
}

/// A name without meaning here, or an object that it makes.
PickleValue* PickleMachine::opaque(PickleKind kind, std::span<const std::byte> name) {
  PickleValue* value = make(kind);
  value->global = Global::unknown;
  value->bytes = name;
  return value;
}

void PickleMachine::global(std::span<const std::byte> module, std::span<const std::byte> name) {
  const auto as_text = [](std::span<const std::byte> bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (const GlobalName& entry : known_globals()) {
    if (as_text(module) == entry.module && as_text(name) == entry.name) {
      PickleValue* value = make(PickleKind::global);
      value->global = entry.global;
      return push(value);
    }
  }
  // All of them are one here: a box of attributes.
  const std::string_view package = "__torch__";
  const bool script = as_text(module) == package || (as_text(module).starts_with(package) &&
                                                     as_text(module)[package.size()] == '.');
  if (options_.script_classes && script) {
    PickleValue* value = make(PickleKind::global);
    value->global = Global::script_class;
    return push(value);
  }
  if (runs_code(as_text(module), as_text(name))) {
    fail("global " + printable(as_text(module)) + "." + printable(as_text(name)) +
         " is not allowed: it runs code, which no weights need");
  }
  constexpr size_t kKeptMax = 120;  // characters of each half, for messages
  std::string whole(as_text(module).substr(0, kKeptMax));
  whole.append(".").append(as_text(name).substr(0, kKeptMax));
  push(opaque(PickleKind::global, own(whole)));
}

void PickleMachine::stack_global() {
  const PickleValue* name = pop();
  const PickleValue* module = pop();
  if (module->kind != PickleKind::text || name->kind != PickleKind::text) {
    fail("STACK_GLOBAL of " + describe(*module) + " and " + describe(*name));
  }
  global(module->bytes, name->bytes);
}

void PickleMachine::call(bool new_object) {
  const PickleValue* arguments = pop();
  const PickleValue* callee = pop();
  const char* op = new_object ? "NEWOBJ" : "REDUCE";
  if (arguments->kind != PickleKind::tuple) {
    fail(std::string(op) + " with " + describe(*arguments) + " for arguments");
  }
  // What an unknown name makes is as unknown, and so is what that makes.
  if (callee->is_call(Global::unknown) ||
      (callee->kind == PickleKind::global && callee->global == Global::unknown)) {
    PickleValue* value = opaque(PickleKind::call, callee->bytes);
    value->arguments = arguments;
    return push(value);
  }
  if (callee->kind != PickleKind::global) fail(std::string(op) + " of " + describe(*callee));
  push(known_call(*callee, arguments, new_object));
}

/// NEWOBJ_EX, whose keyword arguments no known class has.
void PickleMachine::call_with_keywords() {
  pop();
  const PickleValue* arguments = pop();
  const PickleValue* callee = pop();
  if (callee->kind != PickleKind::global || callee->global != Global::unknown) {
    fail("NEWOBJ_EX of " + describe(*callee));
  }
  PickleValue* value = opaque(PickleKind::call, callee->bytes);
  value->arguments = arguments;
  push(value);
}

PickleValue* PickleMachine::known_call(const PickleValue& callee, const PickleValue* arguments,
                                       bool new_object) {
  const char* op = new_object ? "NEWOBJ" : "REDUCE";
  const auto expect_no_arguments = [&] {
    if (!arguments->items.empty()) {
      fail(global_text(callee.global) + " with " + std::to_string(arguments->items.size()) +
           " arguments, expected none");
    }
  };
  switch (callee.global) {
    case Global::easy_dict:
    case Global::script_class:
    case Global::tf_network:
    case Global::namespace_:
      if (!new_object) fail("REDUCE of " + global_text(callee.global));
      expect_no_arguments();
      break;
    case Global::ordered_dict:
      expect_no_arguments();
      break;
    case Global::default_dict:
      break;  // its argument makes the values of missing keys, which nobody asks for
    case Global::latin1_encode:
      if (new_object) fail("NEWOBJ of _codecs.encode");
      return latin1_bytes(*arguments);
    case Global::reconstructor:
      if (new_object) fail("NEWOBJ of copyreg._reconstructor");
      return reconstructed(*arguments);
    case Global::byte_string:
      return byte_string(callee, arguments);
    case Global::set:
    case Global::persistent_object:
    case Global::rebuild_tensor:
    case Global::rebuild_parameter:
    case Global::load_from_bytes:
    case Global::torch_size:
    case Global::torch_device:
    case Global::numpy_dtype:
    case Global::numpy_scalar:
    case Global::numpy_reconstruct:
    case Global::numpy_frombuffer:
      if (new_object) fail("NEWOBJ of " + global_text(callee.global));
      break;
    default:
      fail(std::string(op) + " of " + global_text(callee.global));
  }
  PickleValue* value = make(PickleKind::call);
  value->global = callee.global;
  value->arguments = arguments;
  if (callee.global == Global::numpy_scalar) {
    // A string of numpy's is a text like any other; a scalar of another type stays as it is.
    try {
      const std::string text = numpy_text(*value, "numpy scalar");
      value->bytes = own(text);
      value->kind = PickleKind::text;
    } catch (const ParseError&) {
    }
  }
  return value;
}

/// copyreg._reconstructor(class, base, state of the base): an object as NEWOBJ makes it, and where
/// the base is a dict its entries.
PickleValue* PickleMachine::reconstructed(const PickleValue& arguments) {
  const auto& items = arguments.items;
  const bool whole = items.size() == 3 &&
                     (items[0]->kind == PickleKind::global || items[0]->is_call(Global::unknown));
  if (!whole) {
    fail("copyreg._reconstructor without a class, its base and a state");
  }
  const Global made = items[0]->global;
  const bool known =
      made == Global::easy_dict || made == Global::tf_network || made == Global::namespace_;
  if (!known && made != Global::unknown) {
    fail("copyreg._reconstructor of " + global_text(made));
  }
  PickleValue* value = known ? make(PickleKind::call) : opaque(PickleKind::call, items[0]->bytes);
  value->global = made;
  value->arguments = &arguments;
  if (items[2]->kind == PickleKind::dict) {
    for (const auto& [key, item] : items[2]->entries) append(value, key, item);
  }
  return value;
}

/// bytes() and bytearray(b"..."): what they say is bytes; called otherwise they stay opaque.
PickleValue* PickleMachine::byte_string(const PickleValue& callee, const PickleValue* arguments) {
  const auto& items = arguments->items;
  const bool plain = items.empty() || (items.size() == 1 && items[0]->kind == PickleKind::bytes);
  if (!plain) {
    PickleValue* value = opaque(PickleKind::call, own(global_text(callee.global)));
    value->arguments = arguments;
    return value;
  }
  PickleValue* value = make(PickleKind::bytes);
  if (!items.empty()) value->bytes = items[0]->bytes;
  return value;
}

// Protocol 2 has no byte strings: Python 3 writes them as _codecs.encode(text, "latin1").
PickleValue* PickleMachine::latin1_bytes(const PickleValue& arguments) {
  const auto& items = arguments.items;
  if (items.size() != 2 || items[0]->kind != PickleKind::text ||
      items[1]->kind != PickleKind::text || items[1]->text() != "latin1") {
    fail("_codecs.encode with other arguments than (text, \"latin1\")");
  }
  const auto source = items[0]->bytes;
  charge(source.size());
  auto& buffer = document_.buffers_.emplace_back(new std::byte[source.size()]);
  size_t count = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    std::byte byte = source[i];
    if (byte >= std::byte{0x80}) {
      // Checked UTF-8: c2 xx and c3 xx are U+0080 to U+00FF, and there is no other byte in latin1.
      if (byte > std::byte{0xc3}) fail("_codecs.encode of a character beyond latin1");
      byte = (byte & std::byte{0x03}) << 6 | (source[++i] & std::byte{0x3f});
    }
    buffer[count++] = byte;
  }
  PickleValue* value = make(PickleKind::bytes);
  value->bytes = {buffer.get(), count};
  return value;
}

void PickleMachine::build() {
  const PickleValue* state = pop();
  PickleValue* target = top();
  if (target->kind != PickleKind::call) fail("BUILD of " + describe(*target));
  if (target->state != nullptr) fail("a second BUILD of " + describe(*target));
  target->state = state;
}

void PickleMachine::persistent_id() {
  const PickleValue* id = pop();
  if (!options_.persistent_ids) fail("a persistent id outside a torch container");
  if (id->kind != PickleKind::tuple) fail("a persistent id that is " + describe(*id));
  PickleValue* value = make(PickleKind::persistent);
  value->arguments = id;
  push(value);
}

void PickleMachine::put(uint64_t index) {
  if (index >= kPickleMemoMax) {
    fail("memo index " + std::to_string(index) + ", expected below " +
         std::to_string(kPickleMemoMax));
  }
  PickleValue* value = top();
  if (index >= memo_.size()) memo_.resize(index + 1, nullptr);
  memo_[index] = value;
}

void PickleMachine::get(uint64_t index) {
  if (index >= memo_.size() || memo_[index] == nullptr) {
    fail("memo slot " + std::to_string(index) + " is empty");
  }
  push(memo_[index]);
}

std::vector<std::string> PickleDocument::unknown_names() const {
  std::set<std::string> names;
  for (const PickleValue& value : values_) {
    if (value.kind != PickleKind::global || value.global != Global::unknown) continue;
    const std::string_view name = value.text();
    const bool type = name.starts_with("builtins.") || name.starts_with("__builtin__.");
    if (!type) names.insert(printable(name));
  }
  return {names.begin(), names.end()};
}

PickleDocument parse_pickle(std::span<const std::byte> bytes, const PickleOptions& options) {
  return PickleMachine(bytes, options).run();
}

}  // namespace vernissage
