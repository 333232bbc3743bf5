// Character references of HTML (&amp; &#233; &#xe9;) to characters, in the two ways that CLIP's
// clean-up uses. Ours: an HTML parser (libxml2) decodes in one way only, and not that of Python's
// html.unescape(), which the release used.
#pragma once

#include <string>
#include <string_view>

namespace vernissage {

/// What U+0080 … U+009F mean in texts that come from Windows; other characters stay.
char32_t windows_1252(char32_t code);

/// As browsers read them: a semicolon may be missing, of an unknown name the longest known
/// beginning counts. Source: the WHATWG HTML standard, section 13.2.5.72 on; in one pass, so that
/// what comes out is not looked at again.
std::u32string unescape_html(std::u32string_view text);

/// Only references that are certainly meant as such: of at most 24 letters and digits, with their
/// semicolon, by a name, a name in capitals (&EACUTE;) or a number.
std::u32string unescape_certain_html(std::u32string_view text);

}  // namespace vernissage
