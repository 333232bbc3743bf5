#include "tests/ptx/program.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace vernissage::ptx_runs {
namespace {

const std::map<std::string, Type> kTypes = {
    {"pred", Type::pred}, {"b8", Type::b8},   {"b16", Type::b16},     {"b32", Type::b32},
    {"b64", Type::b64},   {"u8", Type::u8},   {"u16", Type::u16},     {"u32", Type::u32},
    {"u64", Type::u64},   {"s8", Type::s8},   {"s16", Type::s16},     {"s32", Type::s32},
    {"s64", Type::s64},   {"f16", Type::f16}, {"f16x2", Type::f16x2}, {"f32", Type::f32},
    {"f64", Type::f64}};

struct OpEntry {
  Op op;
  Kind kind;
};
const std::map<std::string, OpEntry> kOps = {{"abs", {Op::abs, Kind::integer}},
                                             {"add", {Op::add, Kind::integer}},
                                             {"and", {Op::and_, Kind::integer}},
                                             {"atom", {Op::atom, Kind::global}},
                                             {"bar", {Op::bar, Kind::control}},
                                             {"barrier", {Op::bar, Kind::control}},
                                             {"bfi", {Op::bfi, Kind::integer}},
                                             {"bra", {Op::bra, Kind::control}},
                                             {"clz", {Op::clz, Kind::integer}},
                                             {"copysign", {Op::copysign, Kind::integer}},
                                             {"cos", {Op::cos, Kind::arithmetic}},
                                             {"cvt", {Op::cvt, Kind::convert}},
                                             {"cvta", {Op::cvta, Kind::free}},
                                             {"div", {Op::div, Kind::integer}},
                                             {"ex2", {Op::ex2, Kind::arithmetic}},
                                             {"fma", {Op::fma, Kind::arithmetic}},
                                             {"fence", {Op::fence, Kind::control}},
                                             {"membar", {Op::fence, Kind::control}},
                                             {"ld", {Op::ld, Kind::global}},
                                             {"ldmatrix", {Op::ldmatrix, Kind::ldmatrix}},
                                             {"lg2", {Op::lg2, Kind::arithmetic}},
                                             {"mad", {Op::mad, Kind::integer}},
                                             {"max", {Op::max, Kind::integer}},
                                             {"min", {Op::min, Kind::integer}},
                                             {"mma", {Op::mma, Kind::mma}},
                                             {"mov", {Op::mov, Kind::free}},
                                             {"mul", {Op::mul, Kind::integer}},
                                             {"neg", {Op::neg, Kind::integer}},
                                             {"not", {Op::not_, Kind::integer}},
                                             {"or", {Op::or_, Kind::integer}},
                                             {"popc", {Op::popc, Kind::integer}},
                                             {"prmt", {Op::prmt, Kind::integer}},
                                             {"rcp", {Op::rcp, Kind::arithmetic}},
                                             {"red", {Op::red, Kind::global}},
                                             {"rem", {Op::rem, Kind::integer}},
                                             {"ret", {Op::ret, Kind::control}},
                                             {"rsqrt", {Op::rsqrt, Kind::arithmetic}},
                                             {"selp", {Op::selp, Kind::predicate}},
                                             {"setp", {Op::setp, Kind::predicate}},
                                             {"shfl", {Op::shfl, Kind::control}},
                                             {"shl", {Op::shl, Kind::integer}},
                                             {"shr", {Op::shr, Kind::integer}},
                                             {"sin", {Op::sin, Kind::arithmetic}},
                                             {"sqrt", {Op::sqrt, Kind::arithmetic}},
                                             {"st", {Op::st, Kind::global}},
                                             {"sub", {Op::sub, Kind::integer}},
                                             {"trap", {Op::trap, Kind::control}},
                                             {"xor", {Op::xor_, Kind::integer}}};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}
std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n\r");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n\r") - begin + 1);
}
/// Arguments at the commas outside of brackets.
std::vector<std::string> arguments_of(const std::string& text) {
  std::vector<std::string> arguments;
  std::string current;
  int depth = 0;
  for (const char c : text) {
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (c == ',' && depth == 0)
      arguments.push_back(trimmed(current)), current.clear();
    else
      current += c;
  }
  if (!trimmed(current).empty()) arguments.push_back(trimmed(current));
  return arguments;
}
std::string without_comments(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "//") == 0) i = std::min(text.find('\n', i), text.size() - 1);
    out += text[i];
  }
  return out;
}

/// ".shared .align 16 .b8 name[64]", ".shared .align 4 .u32 name", ".local …".
struct Variable {
  std::string name;
  size_t align = 1, bytes = 0;
};
Variable variable_of(const std::string& text) {
  Variable found;
  std::istringstream in(text);
  size_t element = 0;
  for (std::string word; in >> word;) {
    if (word == ".align") {
      in >> found.align;
    } else if (word[0] == '.') {
      if (kTypes.contains(word.substr(1)))
        element = static_cast<size_t>(size_of(kTypes.at(word.substr(1))));
    } else {
      const size_t bracket = word.find('[');
      found.name = word.substr(0, bracket);
      found.bytes =
          bracket == std::string::npos ? element : element * std::stoul(word.substr(bracket + 1));
    }
  }
  if (found.name.empty() || found.bytes == 0) throw PtxError("\"" + text + "\": no variable");
  return found;
}
/// Bytes of a kernel's static shared variables, which are declared before its first instruction.
size_t shared_bytes_of(const std::string& body) {
  size_t bytes = 0;
  for (size_t at = body.find("\t.shared "); at != std::string::npos;
       at = body.find("\t.shared ", at + 1)) {
    const Variable found = variable_of(body.substr(at, body.find(';', at) - at));
    bytes = (bytes + found.align - 1) / found.align * found.align + found.bytes;
  }
  return bytes;
}

class Decoder {
 public:
  Decoder(Kernel& kernel, std::map<std::string, uint64_t> symbols)
      : kernel_(kernel), symbols_(std::move(symbols)) {}

  void body(const std::string& text) {
    size_t i = 0;
    while (i < text.size()) {
      const char c = text[i];
      if (std::isspace(static_cast<unsigned char>(c)) || c == '{' || c == '}') {
        ++i;
        continue;
      }
      if (c == '$') {
        const size_t colon = text.find(':', i);
        labels_[text.substr(i, colon - i)] = static_cast<int>(kernel_.instructions.size());
        i = colon + 1;
        continue;
      }
      const size_t end = text.find(';', i);
      if (end == std::string::npos) break;
      statement(trimmed(text.substr(i, end - i)));
      i = end + 1;
    }
    for (const auto& [index, label] : branches_) {
      if (!labels_.contains(label)) throw PtxError(kernel_.symbol + ": no label " + label);
      kernel_.instructions[static_cast<size_t>(index)].target = labels_.at(label);
    }
    kernel_.registers = static_cast<int>(registers_.size());
  }

 private:
  [[noreturn]] void unknown(const std::string& statement, const std::string& why) const {
    throw PtxError("\"" + statement + "\" in " + kernel_.symbol + ": " + why);
  }

  /// Gives a variable its place.
  void variable(const std::string& text, bool shared) {
    const Variable found = variable_of(text);
    size_t& top = shared ? kernel_.shared_bytes : kernel_.local_bytes;
    top = (top + found.align - 1) / found.align * found.align;
    symbols_[found.name] = shared ? kSharedStart + top : top;
    top += found.bytes;
  }

  int register_of(const std::string& name) {
    if (name.starts_with("_Z")) throw PtxError(kernel_.symbol + ": unknown symbol " + name);
    return registers_.emplace(name, static_cast<int>(registers_.size())).first->second;
  }

  Operand operand(const std::string& text, const std::string& statement) {
    Operand out;
    if (text == "_") {
      out.kind = Operand::Kind::sink;
    } else if (text[0] == '{') {
      out.kind = Operand::Kind::vector;
      for (const std::string& part : arguments_of(text.substr(1, text.size() - 2)))
        out.parts.push_back(operand(part, statement));
    } else if (text[0] == '[') {
      std::string base = text.substr(1, text.size() - 2);
      const size_t plus = base.find('+');
      out.kind = Operand::Kind::immediate;
      if (plus != std::string::npos) {
        out.value = static_cast<uint64_t>(std::stoll(base.substr(plus + 1)));
        base = base.substr(0, plus);
      }
      if (symbols_.contains(base))
        out.value += symbols_.at(base);
      else
        out.kind = Operand::Kind::reg, out.reg = register_of(base);
    } else {
      return plain_operand(text, statement);
    }
    return out;
  }

  Operand plain_operand(const std::string& text, const std::string& statement) {
    static const char* const kSpecials[] = {"%tid.x",   "%tid.y",    "%tid.z",    "%ctaid.x",
                                            "%ctaid.y", "%ctaid.z",  "%ntid.x",   "%ntid.y",
                                            "%ntid.z",  "%nctaid.x", "%nctaid.y", "%nctaid.z"};
    Operand out;
    for (int s = 0; s < 12; ++s)
      if (text == kSpecials[s]) {
        out.kind = Operand::Kind::special, out.special = s;
        return out;
      }
    out.kind = Operand::Kind::immediate;
    if (text.starts_with("0f") || text.starts_with("0d"))
      out.value = std::stoull(text.substr(2), nullptr, 16);
    else if (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-')
      out.value = text[0] == '-' ? static_cast<uint64_t>(std::stoll(text, nullptr, 0))
                                 : std::stoull(text, nullptr, 0);
    else if (symbols_.contains(text))
      out.value = symbols_.at(text);
    else if (text[0] == '%' && text.find('.') != std::string::npos)
      unknown(statement, "special register " + text);
    else
      out.kind = Operand::Kind::reg, out.reg = register_of(text);
    return out;
  }

  void statement(const std::string& whole) {
    if (whole.starts_with(".shared")) return variable(whole, true);
    if (whole.starts_with(".local")) return variable(whole, false);
    if (whole.starts_with(".reg") || whole.starts_with(".pragma")) return;
    if (whole[0] == '.') unknown(whole, "directive");
    Instruction in;
    in.text = whole;
    std::string text = whole;
    if (text[0] == '@') {
      in.negated = text[1] == '!';
      const size_t space = text.find_first_of(" \t");
      in.predicate = register_of(text.substr(in.negated ? 2 : 1, space - (in.negated ? 2 : 1)));
      text = trimmed(text.substr(space));
    }
    const size_t space = std::min(text.find_first_of(" \t"), text.size());
    const std::vector<std::string> words = split(text.substr(0, space), '.');
    const std::string rest = trimmed(text.substr(space));
    opcode(words, in);
    if (in.op == Op::bra) {
      branches_.emplace_back(static_cast<int>(kernel_.instructions.size()), rest);
    } else {
      for (std::string argument : arguments_of(rest)) {
        const size_t bar = argument.find('|');  // the second result of shfl is not used
        if (bar != std::string::npos) argument = argument.substr(0, bar);
        in.operands.push_back(operand(argument, whole));
      }
    }
    kernel_.waits = kernel_.waits || in.op == Op::griddep_wait;
    kernel_.instructions.push_back(std::move(in));
  }

  void opcode(const std::vector<std::string>& words, Instruction& in) {
    if (words[0] == "cp")
      copy_opcode(words, in);
    else if (words[0] == "griddepcontrol")
      in.op = words[1] == "wait" ? Op::griddep_wait : Op::griddep_launch, in.kind = Kind::control;
    else if (!kOps.contains(words[0]))
      unknown(in.text, "unknown instruction");
    else
      in.op = kOps.at(words[0]).op, in.kind = kOps.at(words[0]).kind;
    for (size_t i = 1; i < words.size(); ++i) modifier(words[i], in);
    const bool memory = in.op == Op::ld || in.op == Op::st;
    if (memory && in.space == Space::param) in.kind = Kind::free;
    if (memory && in.space == Space::shared) in.kind = Kind::shared;
    if (memory && in.space == Space::local) in.kind = Kind::local;
    if (in.kind == Kind::integer && is_float(in.type)) in.kind = Kind::arithmetic;
    if (in.kind == Kind::integer && in.type == Type::pred) in.kind = Kind::predicate;
    if (in.op == Op::cvt && !is_float(in.type) && !is_float(in.source)) in.kind = Kind::integer;
    if (in.op == Op::mma && in.text.find("m16n8k16.row.col.f32.f16.f16.f32") == std::string::npos)
      unknown(in.text, "another matrix product");
  }

  void copy_opcode(const std::vector<std::string>& words, Instruction& in) {
    in.kind = Kind::copy;
    if (words[2] == "commit_group")
      in.op = Op::commit;
    else if (words[2] == "wait_group")
      in.op = Op::wait_group;
    else if (words[2] == "wait_all")
      in.op = Op::wait_all;
    else if (words[2] == "cg")
      in.op = Op::copy;
    else
      unknown(in.text, "another copy");
  }

  static void modifier(const std::string& word, Instruction& in) {
    static const std::map<std::string, Space> kSpaces = {{"global", Space::global},
                                                         {"shared", Space::shared},
                                                         {"local", Space::local},
                                                         {"param", Space::param}};
    if (const auto type = kTypes.find(word); type != kTypes.end()) {
      if (in.op == Op::cvt && in.type != Type::none)
        in.source = type->second;
      else
        in.type = type->second;
    } else if (const auto space = kSpaces.find(word); space != kSpaces.end()) {
      in.space = space->second;
    } else if (word == "v2" || word == "x2") {
      in.count = 2;
    } else if (word == "v4" || word == "x4") {
      in.count = 4;
    } else if (word == "NaN") {
      in.nan = true;
    } else if (word == "ftz") {
      in.flush = true;
    } else if (word == "sat") {
      in.saturate = true;
    } else if (word == "trans") {
      in.transposed = true;
    } else if (word == "to") {
      in.cvta_to = true;
    } else if (word == "volatile") {
      in.is_volatile = true;
    } else if (in.op == Op::setp) {
      in.compare = word;
    } else if (in.mode.empty() || in.op == Op::shfl || in.op == Op::atom || in.op == Op::red) {
      in.mode = word;
    }
  }

  Kernel& kernel_;
  std::map<std::string, uint64_t> symbols_;
  std::map<std::string, int> registers_, labels_;
  std::vector<std::pair<int, std::string>> branches_;
};

}  // namespace

int size_of(Type type) {
  switch (type) {
    case Type::none:
      return 0;
    case Type::pred:
    case Type::b8:
    case Type::u8:
    case Type::s8:
      return 1;
    case Type::b16:
    case Type::u16:
    case Type::s16:
    case Type::f16:
      return 2;
    case Type::b32:
    case Type::u32:
    case Type::s32:
    case Type::f32:
    case Type::f16x2:
      return 4;
    default:
      return 8;
  }
}
bool is_signed(Type type) {
  return type == Type::s8 || type == Type::s16 || type == Type::s32 || type == Type::s64;
}
bool is_float(Type type) {
  return type == Type::f16 || type == Type::f16x2 || type == Type::f32 || type == Type::f64;
}
const char* name_of(Kind kind) {
  static const char* const kNames[kKinds] = {"mma",       "ldmatrix",   "copy",    "global",
                                             "shared",    "arithmetic", "convert", "integer",
                                             "predicate", "control",    "local",   "free"};
  return kNames[static_cast<int>(kind)];
}

Module::Module(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream all;
  all << file.rdbuf();
  if (!file) throw PtxError(path + ": cannot be read");
  const std::string text = without_comments(all.str());
  for (size_t at = text.find(".extern .shared"); at != std::string::npos;
       at = text.find(".extern .shared", at + 1)) {
    const size_t end = text.find('[', at), begin = text.rfind(' ', end);
    dynamic_ = text.substr(begin + 1, end - begin - 1);
  }
  size_t at = text.find(".entry ");
  const std::string head = text.substr(0, at);
  for (size_t g = head.find(".global "); g != std::string::npos; g = head.find(".global ", g + 1)) {
    const std::string line = head.substr(g, head.find(';', g) - g);
    const size_t bracket = line.find('['), name = line.rfind(' ', bracket) + 1,
                 values = line.find('{');
    auto global = std::make_unique<Global>();
    global->bytes.resize(std::stoul(line.substr(bracket + 1)));
    if (line.find(".b8 ") == std::string::npos)
      throw PtxError("\"" + line + "\" in " + path + ": not bytes");
    if (values != std::string::npos) {
      const std::vector<std::string> list = split(line.substr(values + 1), ',');
      for (size_t i = 0; i < list.size(); ++i)
        global->bytes[i] = static_cast<unsigned char>(std::stoi(list[i]));
    }
    globals_[line.substr(name, bracket - name)] = std::move(global);
  }
  while (at != std::string::npos) {
    const size_t next = text.find(".entry ", at + 1), name = at + 7, end = text.find('(', name);
    entries_[text.substr(name, end - name)] =
        text.substr(at, next == std::string::npos ? next : next - at);
    at = next;
  }
}

const Kernel& Module::kernel(const std::string& symbol) {
  if (const auto known = kernels_.find(symbol); known != kernels_.end()) return *known->second;
  const std::string& text = entries_.at(symbol);
  auto kernel = std::make_unique<Kernel>();
  kernel->symbol = symbol;
  std::map<std::string, uint64_t> symbols;
  const size_t open = text.find('('), close = text.find(')');
  for (const std::string& parameter : arguments_of(text.substr(open + 1, close - open - 1))) {
    std::istringstream in(parameter);
    std::string word, name;
    size_t align = 0, size = 0;
    while (in >> word) {
      if (word == ".align")
        in >> align;
      else if (word[0] == '.' && kTypes.contains(word.substr(1)))
        size = static_cast<size_t>(size_of(kTypes.at(word.substr(1))));
      else if (word[0] != '.')
        name = word;
    }
    align = align == 0 ? size : align;
    if (const size_t bracket = name.find('['); bracket != std::string::npos) {
      size *= std::stoul(name.substr(bracket + 1));
      name = name.substr(0, bracket);
    }
    const size_t offset = (kernel->parameter_bytes + align - 1) / align * align;
    kernel->parameters.push_back({name, offset, size});
    symbols[name] = offset;
    kernel->parameter_bytes = offset + size;
  }
  for (const auto& [name, global] : globals_)
    symbols[name] = reinterpret_cast<uint64_t>(global->bytes.data());
  const std::string body = text.substr(text.find('{', close));
  if (!dynamic_.empty()) symbols[dynamic_] = kSharedStart + (shared_bytes_of(body) + 15) / 16 * 16;
  Decoder(*kernel, std::move(symbols)).body(body);
  return *kernels_.emplace(symbol, std::move(kernel)).first->second;
}

}  // namespace vernissage::ptx_runs
