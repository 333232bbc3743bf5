#include "base/json.h"

#include <charconv>
#include <cstdio>
#include <limits>

#include "base/error.h"

namespace vernissage {

namespace {

constexpr uint32_t kCodePointEnd = 0x110000;  // one past the last code point

bool is_continuation(unsigned char byte) {
  return (byte & 0xc0) == 0x80;
}
bool is_surrogate(uint32_t code) {
  return code >= 0xd800 && code < 0xe000;
}

/// Length of the well-formed UTF-8 sequence that `text` begins with; 0 when it is not well-formed:
/// overlong, a surrogate, beyond U+10FFFF or cut off.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool good = code >= kSmallest[length] && code < kCodePointEnd && !is_surrogate(code);
  return good ? length : 0;
}

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

void JsonReader::fail(const std::string& reason) const {
  throw ParseError(offset(), reason);
}

std::string JsonReader::found() const {
  if (position_ >= text_.size()) return "the end of the JSON text";
  const auto byte = static_cast<unsigned char>(text_[position_]);
  if (byte > 0x20 && byte < 0x7f) return std::string("'") + text_[position_] + "'";
  char text[16];
  std::snprintf(text, sizeof text, "byte 0x%02x", byte);
  return text;
}

void JsonReader::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++position_;
  }
}

bool JsonReader::accept(char c) {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != c) return false;
  ++position_;
  return true;
}

void JsonReader::expect(char c) {
  if (!accept(c)) fail(std::string("expected '") + c + "', got " + found());
}

std::string JsonReader::string() {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != '"')
    fail("expected a string, got " + found());
  ++position_;
  std::string out;
  for (;;) {
    if (position_ >= text_.size()) fail("a string does not end");
    const char c = text_[position_];
    if (c == '"') break;
    if (c == '\\')
      escape(out);
    else
      utf8(out);
  }
  ++position_;
  return out;
}

void JsonReader::utf8(std::string& out) {
  const std::string_view rest = text_.substr(position_);
  if (static_cast<unsigned char>(rest[0]) < 0x20)
    fail("a control character in a string: " + found());
  const size_t length = utf8_length(rest);
  if (length == 0) fail("a string is not UTF-8: " + found());
  out.append(rest.substr(0, length));
  position_ += length;
}

void JsonReader::escape(std::string& out) {
  const size_t start = position_++;
  const char c = position_ < text_.size() ? text_[position_++] : '\0';
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (const size_t i = kLetters.find(c); i != std::string_view::npos) {
    out += kMeanings[i];
    return;
  }
  if (c != 'u') {
    position_ = start;
    fail("an unknown escape in a string");
  }
  uint32_t code = hex4();
  if (code >= 0xd800 && code < 0xdc00 && text_.substr(position_, 2) == "\\u") {
    position_ += 2;
    const uint32_t low = hex4();
    if (low >= 0xdc00 && low < 0xe000) code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (is_surrogate(code)) {
    position_ = start;
    fail("half of a surrogate pair in a string");
  }
  append_utf8(out, code);
}

uint32_t JsonReader::hex4() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = position_ < text_.size() ? text_[position_] : '\0';
    uint32_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<uint32_t>(c - 'A' + 10);
    else
      fail("expected a hexadecimal digit, got " + found());
    code = code << 4 | digit;
    ++position_;
  }
  return code;
}

int64_t JsonReader::count() {
  skip_space();
  const auto digit_here = [&] {
    return position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9';
  };
  if (!digit_here()) fail("expected an integer of at least 0, got " + found());
  const size_t start = position_;
  int64_t value = 0;
  for (; digit_here(); ++position_)
    if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
        __builtin_add_overflow(value, int64_t{text_[position_] - '0'}, &value))
      fail("an integer is larger than 2^63 - 1");
  if (text_[start] == '0' && position_ > start + 1) fail("an integer has a leading zero");
  if (position_ < text_.size() &&
      std::string_view(".eE").find(text_[position_]) != std::string_view::npos)
    fail("expected an integer, got a number with a fraction or an exponent");
  return value;
}

double JsonReader::number() {
  skip_space();
  // The grammar is checked here, for from_chars() knows spellings that JSON does not.
  size_t at = position_;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text_.size() && text_[at] >= '0' && text_[at] <= '9') ++at;
    return at - start;
  };
  const auto one_of = [&](std::string_view set) {
    const bool found = at < text_.size() && set.find(text_[at]) != std::string_view::npos;
    at += found;
    return found;
  };
  one_of("-");
  const size_t whole = at;
  const size_t whole_digits = digits();
  bool good = whole_digits > 0 && (whole_digits == 1 || text_[whole] != '0');
  if (good && one_of(".")) good = digits() > 0;
  if (good && one_of("eE")) {
    one_of("+-");
    good = digits() > 0;
  }
  if (!good) fail("expected a number, got " + found());
  double value = 0;
  const auto [end, status] = std::from_chars(text_.data() + position_, text_.data() + at, value);
  if (status != std::errc() || end != text_.data() + at) fail("a number is out of range");
  position_ = at;
  return value;
}

bool JsonReader::boolean() {
  const bool value = peek() == 't';
  if (!value && peek() != 'f') fail("expected true or false, got " + found());
  word(value ? "true" : "false");
  return value;
}

void JsonReader::word(std::string_view expected) {
  if (!text_.substr(position_).starts_with(expected))
    fail("expected " + std::string(expected) + ", got " + found());
  position_ += expected.size();
}

void JsonReader::skip(int depth) {
  if (depth == 0) fail("nested more than " + std::to_string(kDepthMax) + " deep");
  switch (peek()) {
    case '{':
      return object([&](const std::string&, uint64_t) { skip(depth - 1); });
    case '[':
      return array([&] { skip(depth - 1); });
    case '"':
      string();
      return;
    case 't':
    case 'f':
      boolean();
      return;
    case 'n':
      return word("null");
    default:
      number();
  }
}

char JsonReader::peek() {
  skip_space();
  return position_ < text_.size() ? text_[position_] : '\0';
}

void JsonReader::end() {
  skip_space();
  if (position_ < text_.size()) fail("expected the end of the JSON text, got " + found());
}

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", byte);
      out += code;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_quote_short(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return json_quote(text);
  size_t cut = bytes_max;  // never inside a character
  while (cut > 0 && is_continuation(static_cast<unsigned char>(text[cut]))) --cut;
  return json_quote(std::string(text.substr(0, cut)) + "…");
}

}  // namespace vernissage
