// Is this UTF-8? Source: Unicode 15, table 3-7 (well-formed byte sequences).
#pragma once

#include <cstddef>
#include <span>

namespace vernissage {

/// Python writes lone surrogates only with a special error handler; they are refused as the table
/// says.
inline bool is_utf8(std::span<const std::byte> bytes) {
  const auto at = [&](size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  for (size_t i = 0; i < bytes.size();) {
    const unsigned lead = at(i);
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xc2 ? 0
                          : lead < 0xe0 ? 2
                          : lead < 0xf0 ? 3
                          : lead < 0xf5 ? 4
                                        : 0;
    if (length == 0 || length > bytes.size() - i) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((at(i + k) & 0xc0) != 0x80) return false;
    }
    if (lead == 0xe0 && at(i + 1) < 0xa0) return false;  // overlong
    if (lead == 0xed && at(i + 1) > 0x9f) return false;  // surrogates
    if (lead == 0xf0 && at(i + 1) < 0x90) return false;  // overlong
    if (lead == 0xf4 && at(i + 1) > 0x8f) return false;  // beyond U+10FFFF
    i += length;
  }
  return true;
}

}  // namespace vernissage
