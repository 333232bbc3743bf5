#include "tests/support/json.h"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "engine/error.h"

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
      // The golden texts are ASCII but for a few comments, where \uXXXX may stay as it is.
      out +=
          index == std::string_view::npos ? std::string("\\") + escape : std::string(1, kTo[index]);
    }
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
