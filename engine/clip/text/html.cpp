#include "engine/clip/text/html.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "engine/clip/text/unicode.h"

namespace vernissage {

namespace {

constexpr size_t kNameMax = 32;         // characters of a name that are looked at
constexpr size_t kCertainNameMax = 24;  // those of a reference that is certainly meant

constexpr std::string_view kTable =
#include "engine/clip/text/html_entities.inc"
    ;

struct Entity {
  std::u32string characters;
  bool bare;  // counts without its semicolon too
};
using Entities = std::unordered_map<std::string_view, Entity>;

Entities read_table() {
  Entities all;
  std::string_view rest = kTable;
  constexpr std::string_view kBlank = " \n";
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size()));
    if (rest.empty()) return all;
    const std::string_view entry = rest.substr(0, rest.find_first_of(kBlank));
    rest.remove_prefix(entry.size());
    const size_t mark = entry.find_first_of("=?");
    VERNISSAGE_ASSERT(mark != std::string_view::npos);
    Entity& entity = all[entry.substr(0, mark)];
    entity.bare = entry[mark] == '?';
    const char *at = entry.data() + mark + 1, *end = entry.data() + entry.size();
    while (at < end) {
      uint32_t code = 0;
      at = std::from_chars(at, end, code, 16).ptr + 1;  // over the dot
      entity.characters += static_cast<char32_t>(code);
    }
  }
}

/// The entity of a name without its semicolon, or null.
const Entity* find_entity(std::string_view name) {
  static const Entities entities = read_table();
  const auto found = entities.find(name);
  return found == entities.end() ? nullptr : &found->second;
}

/// The longest beginning of `name`, of two characters at least, that counts without a semicolon.
size_t bare_beginning(std::string_view name) {
  for (size_t length = name.size(); length >= 2; --length) {
    const Entity* entity = find_entity(name.substr(0, length));
    if (entity != nullptr && entity->bare) return length;
  }
  return 0;
}

/// Names are ASCII; other characters become a byte that no name holds.
std::string as_name(std::u32string_view text) {
  std::string name;
  for (const char32_t code : text) name += code < 0x80 ? static_cast<char>(code) : '\xff';
  return name;
}

bool is_ascii_digit(char32_t code) {
  return code >= U'0' && code <= U'9';
}
bool is_hex_digit(char32_t code) {
  return is_ascii_digit(code) || (code >= U'a' && code <= U'f') || (code >= U'A' && code <= U'F');
}

/// What U+0080 … U+009F mean in files that were written on Windows.
constexpr char32_t kWindows1252[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

/// The character that a number stands for, or none for one that is no character.
std::u32string from_number(uint32_t number) {
  if (number == 0 || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) return U"\ufffd";
  if (number >= 0x80 && number <= 0x9f) return {kWindows1252[number - 0x80]};
  const bool control = number < 0x20 && number != '\t' && number != '\n' && number != '\f' &&
                       number != '\r' && number != 0;
  const bool no_character =
      number == 0x7f || (number >= 0xfdd0 && number <= 0xfdef) || (number & 0xfffe) == 0xfffe;
  if (control || no_character) return {};
  return {static_cast<char32_t>(number)};
}

struct Reference {
  size_t length;  // of the reference in the text, from its &
  std::u32string characters;
};

/// The numeric reference at the & that `text` begins with.
std::optional<Reference> numeric_reference(std::u32string_view text) {
  size_t at = 2;  // behind &#
  const bool hex = text.size() > at && (text[at] == U'x' || text[at] == U'X');
  at += hex;
  const size_t first = at;
  uint32_t number = 0;
  for (; at < text.size() && (hex ? is_hex_digit(text[at]) : is_ascii_digit(text[at])); ++at) {
    const uint32_t digit =
        is_ascii_digit(text[at]) ? text[at] - U'0' : (text[at] | 0x20) - U'a' + 10;
    constexpr uint32_t kBeyond = 0x110000;  // any number from here on means the same
    number = std::min(number * (hex ? 16 : 10) + digit, kBeyond);
  }
  if (at == first) return {};
  if (at < text.size() && text[at] == U';') ++at;
  return Reference{at, from_number(number)};
}

/// The reference at the & that `text` begins with, read as browsers do.
std::optional<Reference> reference(std::u32string_view text) {
  if (text.size() > 1 && text[1] == U'#') return numeric_reference(text);
  size_t end = 1;
  constexpr std::u32string_view kEnds = U"\t\n\f <&#;";
  while (end < text.size() && end <= kNameMax && kEnds.find(text[end]) == kEnds.npos) ++end;
  const std::string name = as_name(text.substr(1, end - 1));
  if (name.empty()) return {};
  const bool closed = end < text.size() && text[end] == U';';
  const Entity* entity = find_entity(name);
  if (entity != nullptr && (closed || entity->bare))
    return Reference{end + closed, entity->characters};
  const size_t beginning = bare_beginning(name);
  if (beginning == 0) return {};
  return Reference{1 + beginning, find_entity(name.substr(0, beginning))->characters};
}

/// The reference at the & that `text` begins with, if it is certainly meant as one.
std::optional<Reference> certain_reference(std::u32string_view text) {
  size_t end = 1;
  const bool numeric = text.size() > end && text[end] == U'#';
  end += numeric;
  const size_t first = end;
  const auto is_name = [](char32_t code) {
    const char32_t lower = code | 0x20;
    return is_ascii_digit(code) || (code < 0x80 && lower >= U'a' && lower <= U'z');
  };
  while (end < text.size() && end - first < kCertainNameMax && is_name(text[end])) ++end;
  if (end == first || end == text.size() || text[end] != U';') return {};
  if (numeric) {
    // Nothing of it may be left over, and a semicolon that it stands for looks like that.
    auto found = numeric_reference(text);
    if (!found || found->length != end + 1 || found->characters == U";") return {};
    return found;
  }
  const std::string name = as_name(text.substr(first, end - first));
  if (const Entity* entity = find_entity(name)) return Reference{end + 1, entity->characters};
  // A name in capitals, where these mean nothing themselves.
  std::string lower = name;
  for (char& c : lower) {
    if (c >= 'a' && c <= 'z') return {};
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  const Entity* entity = find_entity(lower);
  if (entity == nullptr || bare_beginning(name) > 0) return {};
  return Reference{end + 1, to_upper(entity->characters)};
}

template <class Find>
std::u32string replace_references(std::u32string_view text, const Find& find) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto found = text[0] == U'&' ? find(text) : std::nullopt;
    if (found)
      out += found->characters;
    else
      out += text[0];
    text.remove_prefix(found ? found->length : 1);
  }
  return out;
}

}  // namespace

char32_t windows_1252(char32_t code) {
  return code >= 0x80 && code <= 0x9f ? kWindows1252[code - 0x80] : code;
}

std::u32string unescape_html(std::u32string_view text) {
  return replace_references(text, reference);
}

std::u32string unescape_certain_html(std::u32string_view text) {
  return replace_references(text, certain_reference);
}

}  // namespace vernissage
