// Lists as people type them: "0-3,85", "0 - 3, 85".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vernissage {

inline constexpr size_t kNumbersMax = 1'000'000;  // in one list

/// "0-3,85" → 0, 1, 2, 3, 85: numbers and ascending ranges, in the order given, repetitions kept.
/// Blanks around numbers mean nothing.
/// Throws Error naming the part that is not a number or a range, is above `largest`, or makes the
/// list too long.
std::vector<uint32_t> parse_number_list(const std::string& text, uint32_t largest);

}  // namespace vernissage
