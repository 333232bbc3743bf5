// The three ways this project reports that something is wrong.
//
//   own bug        VERNISSAGE_ASSERT: prints the condition and both values, aborts; on in release
//   the world      Error: a file, a device, memory; the message names the thing, expected, actual
//   hostile bytes  ParseError: an Error that also knows the offset of the byte that broke the rule
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>

namespace vernissage {

/// Something outside the program is not as it must be. what() is one line, for a terminal.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bytes that break the rules of their format. what() is "offset N: reason".
class ParseError : public Error {
 public:
  ParseError(uint64_t offset, const std::string& reason)
      : Error("offset " + std::to_string(offset) + ": " + reason), offset_(offset) {}

  uint64_t offset() const { return offset_; }  // bytes from the start of the file or stream

 private:
  uint64_t offset_;
};

[[noreturn]] inline void assertion_failed(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what.c_str());
  std::abort();
}

template <class A, class B>
std::string show_both(const char* text, const A& a, const B& b) {
  std::ostringstream out;
  out << text << " (left " << a << ", right " << b << ")";
  return out.str();
}

}  // namespace vernissage

/// For our own bugs only, never for input. `op` is a comparison.
#define VERNISSAGE_ASSERT_OP(a, op, b)                                                           \
  do {                                                                                           \
    const auto& left_ = (a);                                                                     \
    const auto& right_ = (b);                                                                    \
    if (!(left_ op right_))                                                                      \
      ::vernissage::assertion_failed(__FILE__, __LINE__,                                         \
                                     ::vernissage::show_both(#a " " #op " " #b, left_, right_)); \
  } while (false)

#define VERNISSAGE_ASSERT(condition)                                                  \
  do {                                                                                \
    if (!(condition)) ::vernissage::assertion_failed(__FILE__, __LINE__, #condition); \
  } while (false)
