// What the tokenizer asks of Unicode, over utf8proc: categories, case, normal forms.
#pragma once

#include <string>
#include <string_view>

namespace vernissage {

/// Bytes that are not UTF-8 count as U+FFFD each.
std::u32string decode_utf8(std::string_view text);
/// Code points that have no UTF-8 form (surrogates) count as U+FFFD.
std::string encode_utf8(std::u32string_view text);

bool is_letter(char32_t code);  // general category L*
bool is_number(char32_t code);  // general category N*
bool is_digit(char32_t code);   // general category Nd
/// The property White_Space: not U+200B, and not the separators U+001C … U+001F.
bool is_white_space(char32_t code);

/// Normal form C.
std::u32string to_nfc(std::u32string_view text);
/// The compatibility form KC of one character, as far as it has one; else itself.
std::u32string to_nfkc(char32_t code);

/// Full lower case without a locale: İ becomes i and U+0307, Σ becomes ς at the end of a word.
/// Source: The Unicode Standard, sections 3.13 (Final_Sigma) and 5.18.
std::u32string to_lower(std::u32string_view text);
/// Upper case, one character each, but ß becomes SS.
std::u32string to_upper(std::u32string_view text);

}  // namespace vernissage
