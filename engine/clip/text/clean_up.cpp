#include "engine/clip/text/clean_up.h"

#include <algorithm>

#include "engine/clip/text/html.h"
#include "engine/clip/text/unicode.h"

namespace vernissage {

namespace {

/// Latin ligatures and digraphs that stand for letters of their own, as those letters; empty for
/// other characters.
std::u32string_view ligature(char32_t code) {
  switch (code) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02bcn";
    case 0x1c4:
      return U"D\u017d";
    case 0x1c5:
      return U"D\u017e";
    case 0x1c6:
      return U"d\u017e";
    case 0x1c7:
      return U"LJ";
    case 0x1c8:
      return U"Lj";
    case 0x1c9:
      return U"lj";
    case 0x1ca:
      return U"NJ";
    case 0x1cb:
      return U"Nj";
    case 0x1cc:
      return U"nj";
    case 0x1f1:
      return U"DZ";
    case 0x1f2:
      return U"Dz";
    case 0x1f3:
      return U"dz";
    case 0xfb00:
      return U"ff";
    case 0xfb01:
      return U"fi";
    case 0xfb02:
      return U"fl";
    case 0xfb03:
      return U"ffi";
    case 0xfb04:
      return U"ffl";
    case 0xfb05:
      return U"\u017ft";
    case 0xfb06:
      return U"st";
    default:
      return {};
  }
}

/// Straight for curly quotation marks and apostrophes; others stay.
char32_t straight(char32_t code) {
  if (code >= 0x201c && code <= 0x201f) return U'"';
  if ((code >= 0x2018 && code <= 0x201b) || code == 0x2bc) return U'\'';
  return code;
}

/// One character without the forms that only old encodings told apart.
void append_plain(std::u32string& out, char32_t code) {
  code = windows_1252(code);
  if (const std::u32string_view letters = ligature(code); !letters.empty()) {
    for (const char32_t letter : letters) out += straight(letter);
  } else if (code == 0x3000) {
    out += U' ';
  } else if (code >= 0xff01 && code <= 0xffef) {
    out += to_nfkc(code);
  } else {
    out += straight(code);
  }
}

std::u32string with_line_feeds(std::u32string_view text) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t code = text[i];
    if (code == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') continue;
    out += code == U'\r' || code == 0x2028 || code == 0x2029 ? U'\n' : code;
  }
  return out;
}

/// Without sequences of ESC [ digits and semicolons, letter: the colours of terminals.
std::u32string without_escapes(std::u32string_view text) {
  constexpr char32_t kEscape = 0x1b;
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == kEscape && i + 1 < text.size() && text[i + 1] == U'[') {
      size_t end = i + 2;
      while (end < text.size() && (is_digit(text[end]) || text[end] == U';')) ++end;
      const char32_t lower = end < text.size() ? text[end] | 0x20 : 0;
      if (lower >= U'a' && lower <= U'z') {
        i = end;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

bool is_removed(char32_t code) {
  return code <= 0x8 || code == 0xb || (code >= 0xe && code <= 0x1f) || code == 0x7f ||
         (code >= 0x206a && code <= 0x206f) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffc);
}

/// Printable ASCII and line feeds, which nothing but unescaping changes.
bool is_plain(std::u32string_view line) {
  return std::all_of(line.begin(), line.end(),
                     [](char32_t code) { return (code >= 0x20 && code < 0x7f) || code == U'\n'; });
}

std::u32string normalised(std::u32string_view line) {
  std::u32string out;
  for (const char32_t code : line) append_plain(out, code);
  out = without_escapes(with_line_feeds(out));
  std::erase_if(out, is_removed);
  return to_nfc(out);
}

std::u32string plain_line(std::u32string line, bool unescape) {
  for (;;) {
    std::u32string next = unescape ? unescape_certain_html(line) : line;
    if (!is_plain(next)) next = normalised(next);
    if (next == line) return line;
    line = std::move(next);
  }
}

}  // namespace

std::u32string plain_text(std::u32string_view text) {
  std::u32string out;
  bool unescape = true;  // until a < says that the text is HTML, whose references are content
  while (!text.empty()) {
    const std::u32string_view line =
        text.substr(0, std::min(text.find(U'\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    if (line.find(U'<') != line.npos) unescape = false;
    out += plain_line(std::u32string(line), unescape);
  }
  return out;
}

std::u32string collapse_white_space(std::u32string_view text) {
  std::u32string out;
  bool space = false;
  for (const char32_t code : text) {
    if (is_white_space(code)) {
      space = !out.empty();
      continue;
    }
    if (space) out += U' ';
    space = false;
    out += code;
  }
  return out;
}

}  // namespace vernissage
