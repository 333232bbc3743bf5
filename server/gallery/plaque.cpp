#include "server/gallery/plaque.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace vernissage::gallery {
namespace {

struct Range {
  char32_t first, last;
};

// Default_Ignorable_Code_Point of Unicode 15 (DerivedCoreProperties.txt), and what disturbs the
// text around it: controls, separators, U+2800, interlinear annotations, U+FFFC and what is no
// character.
constexpr Range kRefused[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c},
    {0x115f, 0x1160},   {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f},   {0x2800, 0x2800}, {0x3164, 0x3164}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
};

// General category Zs: shown as nothing, but as room.
constexpr Range kBlank[] = {{0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
                            {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};

// Behind which a variation selector chooses between the text's and the emoji's look: ❤️.
constexpr Range kSymbols[] = {{0x203c, 0x3299}, {0x1f000, 0x1faff}};

template <size_t kCount>
bool is_in(const Range (&ranges)[kCount], char32_t point) {
  return std::any_of(std::begin(ranges), std::end(ranges), [&](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

// The next code point of UTF-8 text; nothing where it is none (RFC 3629: no overlong forms, no
// surrogates).
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || text.size() < size) return std::nullopt;
  uint32_t point = size == 1 ? first : first & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    point = (point << 6) | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
    return std::nullopt;
  text.remove_prefix(size);
  return point;
}

bool is_refused(char32_t point, char32_t before) {
  const bool selects = point == 0xfe0e || point == 0xfe0f;
  if (selects && is_in(kSymbols, before)) return false;
  return is_in(kRefused, point) || (point & 0xfffe) == 0xfffe;
}

}  // namespace

bool is_plaque(std::string_view text) {
  if (text.size() > kPlaqueBytesMax) return false;
  if (text.empty()) return true;
  bool visible = false;
  char32_t before = 0;
  while (!text.empty()) {
    const auto point = take_code_point(text);
    if (!point || is_refused(*point, before)) return false;
    visible = visible || !is_in(kBlank, *point);
    before = *point;
  }
  return visible;
}

std::string printable_text(std::string_view text) {
  std::string out;
  char32_t before = 0;
  while (!text.empty()) {
    const std::string_view start = text;
    const auto point = take_code_point(text);
    if (!point) text.remove_prefix(1);
    if (point && !is_refused(*point, before))
      out += start.substr(0, start.size() - text.size());
    else
      out += "\xEF\xBF\xBD";  // U+FFFD
    before = point.value_or(0);
  }
  return out;
}

}  // namespace vernissage::gallery
