#include "weights_tools/containers/pickle.h"

#include <bit>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "weights_tools/containers/byte_cursor.h"
#include "weights_tools/containers/pickle_opcodes.h"

namespace vernissage {

/// One run over one stream. The stack holds pointers into the document's pool; a MARK is remembered
/// as the height of the stack where it was set.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, const PickleOptions& options)
      : cursor_(bytes, options.base_offset),
        options_(options),
        memory_left_(kPickleMemoryMax + bytes.size()) {}

  PickleDocument run();

 private:
  void step(PickleOpcode op);

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
    // Only what Python hashes in constant time; a tuple's hash walks everything in it.
    const bool plain = key->kind == PickleKind::text || key->kind == PickleKind::integer ||
                       key->kind == PickleKind::boolean || key->kind == PickleKind::none;
    if (!plain)
      fail("the key of a dict is " + describe(*key) + "; only texts and integers are read");
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
  void items_from_mark(PickleKind kind);
  void entries_from_mark();
  void set_entry(PickleValue* target, const PickleValue* key, const PickleValue* item);
  void text(uint64_t length);
  void bytes(uint64_t length);
  void integer(int64_t value);
  void long_integer(uint64_t length);
  void global(std::span<const std::byte> module, std::span<const std::byte> name);
  void stack_global();
  void call(bool new_object);
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

void PickleMachine::step(PickleOpcode op) {
  using Op = PickleOpcode;
  switch (op) {
    case Op::proto: {
      const int protocol = cursor_.number<uint8_t>("PROTO");
      if (protocol < 2 || protocol > 4) {
        fail("pickle protocol " + std::to_string(protocol) + ", expected 2, 3 or 4");
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
    case Op::append: {
      const PickleValue* item = pop();
      if (top()->kind != PickleKind::list) fail("APPEND to " + describe(*top()));
      return append(top(), item);
    }
    case Op::appends:
      return items_from_mark(PickleKind::list);
    case Op::empty_set:
      return push(make(PickleKind::set));
    case Op::add_items:
      return items_from_mark(PickleKind::set);
    case Op::empty_dict:
      return push(make(PickleKind::dict));
    case Op::set_item: {
      const PickleValue* item = pop();
      const PickleValue* key = pop();
      return set_entry(top(), key, item);
    }
    case Op::set_items:
      return entries_from_mark();
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
    case Op::build:
      return build();
    case Op::bin_pers_id:
      return persistent_id();
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
    case Op::stop:
      break;  // run() ends there
  }
  fail(refused_opcode_text(static_cast<uint8_t>(op)));
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

void PickleMachine::items_from_mark(PickleKind kind) {
  const auto taken = pop_to_mark();
  PickleValue* target = top();
  if (target->kind != kind) {
    fail((kind == PickleKind::list ? "APPENDS to " : "ADDITEMS to ") + describe(*target));
  }
  for (const PickleValue* item : taken) append(target, item);
}

void PickleMachine::set_entry(PickleValue* target, const PickleValue* key,
                              const PickleValue* item) {
  if (!is_mapping(*target)) fail("SETITEM on " + describe(*target));
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

void PickleMachine::global(std::span<const std::byte> module, std::span<const std::byte> name) {
  const auto as_text = [](std::span<const std::byte> bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (const GlobalName& entry : allowed_globals()) {
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
  fail("global " + printable(as_text(module)) + "." + printable(as_text(name)) + " is not allowed");
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
  if (callee->kind != PickleKind::global) fail(std::string(op) + " of " + describe(*callee));
  if (arguments->kind != PickleKind::tuple) {
    fail(std::string(op) + " with " + describe(*arguments) + " for arguments");
  }
  switch (callee->global) {
    case Global::easy_dict:
    case Global::script_class:
    case Global::tf_network:
    case Global::namespace_:
      if (!new_object) fail("REDUCE of " + global_text(callee->global));
      if (!arguments->items.empty()) {
        fail(global_text(callee->global) + " with " + std::to_string(arguments->items.size()) +
             " arguments, expected none");
      }
      break;
    case Global::ordered_dict:
      if (!arguments->items.empty()) fail("collections.OrderedDict with arguments");
      break;
    case Global::latin1_encode:
      if (new_object) fail("NEWOBJ of _codecs.encode");
      return push(latin1_bytes(*arguments));
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
      if (new_object) fail("NEWOBJ of " + global_text(callee->global));
      break;
    default:
      fail(std::string(op) + " of " + global_text(callee->global));
  }
  PickleValue* value = make(PickleKind::call);
  value->global = callee->global;
  value->arguments = arguments;
  push(value);
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

PickleDocument parse_pickle(std::span<const std::byte> bytes, const PickleOptions& options) {
  return PickleMachine(bytes, options).run();
}

}  // namespace vernissage
