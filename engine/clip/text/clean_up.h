// The clean-up of a text before it is split into words, step by step as the original release's
// tokenizer has it (which leaves it to the ftfy library), without that library's repair of text
// that was decoded by a wrong encoding. Ours: ids must be those of that release, and ftfy is
// Python's.
#pragma once

#include <string>
#include <string_view>

namespace vernissage {

/// Line by line, until nothing changes: certain HTML references (in texts without a <),
/// Windows-1252 controls, ligatures, full-width and half-width forms, curly quotes, line ends,
/// terminal escapes, control characters, normal form C.
std::u32string plain_text(std::u32string_view text);

/// Runs of white space become one space; none at the ends.
std::u32string collapse_white_space(std::u32string_view text);

}  // namespace vernissage
