// Where in the source a call stands: std::source_location, or the same by the compiler's own words
// where the library lacks it (clang before 16 with libstdc++).
#pragma once

#include <version>

#if defined(__cpp_lib_source_location)
#include <source_location>

namespace vernissage::emulation {
using Place = std::source_location;
}

#else
#include <cstdint>

namespace vernissage::emulation {
class Place {
 public:
  Place() = default;
  static constexpr Place current(const char* file = __builtin_FILE(),
                                 const char* function = __builtin_FUNCTION(),
                                 uint32_t line = __builtin_LINE(),
                                 uint32_t column = __builtin_COLUMN()) {
    Place place;
    place.file_ = file;
    place.function_ = function;
    place.line_ = line;
    place.column_ = column;
    return place;
  }
  const char* file_name() const { return file_; }
  const char* function_name() const { return function_; }
  uint32_t line() const { return line_; }
  uint32_t column() const { return column_; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  uint32_t line_ = 0, column_ = 0;
};
}  // namespace vernissage::emulation
#endif
