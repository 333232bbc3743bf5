// A position in borrowed bytes that cannot leave them. Every length is compared with what is left
// before it is used, and the comparison cannot overflow.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "base/error.h"

namespace vernissage {

static_assert(std::endian::native == std::endian::little, "checkpoints are read as they lie");

/// A line feed or a carriage return: what some editors and transfers leave at the end of a file.
inline bool is_line_end(std::byte byte) {
  return byte == std::byte{'\n'} || byte == std::byte{'\r'};
}

class ByteCursor {
 public:
  /// `base` is what the first byte's offset is called in messages.
  explicit ByteCursor(std::span<const std::byte> bytes, uint64_t base = 0)
      : bytes_(bytes), base_(base) {}

  uint64_t position() const { return position_; }        // from the start of the bytes
  uint64_t offset() const { return base_ + position_; }  // as messages say it
  uint64_t left() const { return bytes_.size() - position_; }

  /// Throws ParseError: "<what> needs 4 bytes, 1 left".
  std::span<const std::byte> take(uint64_t count, const char* what) {
    if (count > left()) {
      throw ParseError(offset(), std::string(what) + " needs " + std::to_string(count) +
                                     " bytes, " + std::to_string(left()) + " left");
    }
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  /// A little-endian number of the width of T.
  template <class T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  /// The text up to a line feed, which is passed over.
  std::span<const std::byte> line(const char* what) {
    const auto rest = bytes_.subspan(position_);
    const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
    if (end == nullptr) throw ParseError(offset(), std::string(what) + ": the line has no end");
    const auto length = static_cast<size_t>(static_cast<const std::byte*>(end) - rest.data());
    position_ += length + 1;
    return rest.first(length);
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t base_;
  uint64_t position_ = 0;
};

}  // namespace vernissage
