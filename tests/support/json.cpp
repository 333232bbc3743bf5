#include "tests/support/json.h"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/error.h"

namespace vernissage::testing {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = parse();
    skip_space();
    if (position_ != text_.size()) fail("something follows the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw ParseError(position_, reason); }

  void skip_space() {
    while (position_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[position_])))
      ++position_;
  }
  char peek() {
    skip_space();
    if (position_ == text_.size()) fail("the text ends early");
    return text_[position_];
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("expected '") + c + "', found '" + text_[position_] + "'");
  }
  bool accept_word(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }

  Json parse() {
    Json value;
    const char c = peek();
    if (c == '{') {
      value.kind = Json::Kind::object;
      expect('{');
      if (accept('}')) return value;
      do {
        std::string key = string();
        expect(':');
        value.members.emplace_back(std::move(key), parse());
      } while (accept(','));
      expect('}');
    } else if (c == '[') {
      value.kind = Json::Kind::array;
      expect('[');
      if (accept(']')) return value;
      do value.items.push_back(parse());
      while (accept(','));
      expect(']');
    } else if (c == '"') {
      value.kind = Json::Kind::string;
      value.text = string();
    } else if (accept_word("true") || accept_word("false")) {
      value.kind = Json::Kind::boolean;
      value.boolean = c == 't';
    } else if (!accept_word("null")) {
      value.kind = Json::Kind::number;
      const std::string rest(text_.substr(position_, 40));
      char* end = nullptr;
      value.number = std::strtod(rest.c_str(), &end);
      if (end == rest.c_str()) fail("expected a value");
      position_ += static_cast<size_t>(end - rest.c_str());
    }
    return value;
  }

  std::string string() {
    expect('"');
    std::string out;
    for (;;) {
      if (position_ == text_.size()) fail("a string does not end");
      const char c = text_[position_++];
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (position_ == text_.size()) fail("a string does not end");
      const char escape = text_[position_++];
      constexpr std::string_view kFrom = "\"\\/nrtbf", kTo = "\"\\/\n\r\t\b\f";
      const size_t index = kFrom.find(escape);
      if (index != std::string_view::npos)
        out += kTo[index];
      else if (escape == 'u')
        append_utf8(out, code_point());
      else
        fail("an unknown escape in a string");
    }
  }

  uint32_t four_digits() {
    const std::string digits(text_.substr(position_, 4));
    char* end = nullptr;
    const auto code = static_cast<uint32_t>(std::strtoul(digits.c_str(), &end, 16));
    if (end != digits.c_str() + 4) fail("expected four hexadecimal digits");
    position_ += 4;
    return code;
  }

  /// Behind \u; the second half of a surrogate pair belongs to it.
  uint32_t code_point() {
    const uint32_t high = four_digits();
    if (high < 0xd800 || high >= 0xdc00) return high;
    if (!accept_word("\\u")) fail("half of a surrogate pair");
    return 0x10000 + ((high - 0xd800) << 10) + (four_digits() - 0xdc00);
  }

  static void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
      return;
    }
    const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes behind the first
    const uint32_t lead = tail == 1 ? 0xc0 : tail == 2 ? 0xe0 : 0xf0;
    out += static_cast<char>(lead | code >> (6 * tail));
    for (int i = tail - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3f));
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  if (const Json* value = find(key)) return *value;
  throw Error("golden JSON has no member " + std::string(key));
}

Json parse_json(std::string_view text) {
  return Parser(text).document();
}

Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open()) throw Error(path.string() + ": cannot be opened");
  return parse_json(text);
}

}  // namespace vernissage::testing
