// Names that stand beside other text: what may be in them, and foreign ones made fit to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vernissage::gallery {

inline constexpr size_t kPlaqueBytesMax = 80;

/// True for a name that may stand on a plaque: UTF-8 of at most kPlaqueBytesMax bytes with
/// something to see in it, or empty. Without control characters, line separators, marks that turn
/// the direction of writing, code points that are not shown (Unicode's
/// Default_Ignorable_Code_Point, as U+00AD, U+3164 and the tags from U+E0000, but for the variation
/// selectors behind a symbol) and U+2800, which is shown as a blank.
bool is_plaque(std::string_view text);

/// `text` with U+FFFD in place of each code point that is_plaque() refuses, and of each byte that
/// is not UTF-8: what a terminal may be given of a foreign file.
std::string printable_text(std::string_view text);

}  // namespace vernissage::gallery
