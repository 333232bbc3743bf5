#include "server/web/words.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace vernissage::web {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// Takes the part of `text` before the next `mark` away from it.
std::string_view next_part(std::string_view* text, char mark) {
  const size_t end = std::min(text->find(mark), text->size());
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return part;
}

// "pt-BR" is Portuguese too; nothing for a language we lack.
std::string_view known(std::string_view tag) {
  std::string primary(tag.substr(0, tag.find('-')));
  for (char& c : primary)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const Language& language : languages())
    if (language.code == primary) return language.code;
  return {};
}

// The weight behind ";q=", 1 without one; 0 (not acceptable) where it cannot be read.
double weight_of(std::string_view parameters) {
  parameters = trimmed(parameters);
  if (parameters.empty()) return 1;
  if (!parameters.starts_with("q=") && !parameters.starts_with("Q=")) return 0;
  parameters.remove_prefix(2);
  double weight = 0;
  const auto [end, failed] =
      std::from_chars(parameters.data(), parameters.data() + parameters.size(), weight);
  return failed == std::errc() && weight >= 0 && weight <= 1 ? weight : 0;
}

void replace_all(std::string* text, const std::string& what, std::string_view with) {
  for (size_t at = text->find(what); at != std::string::npos;
       at = text->find(what, at + with.size()))
    text->replace(at, what.size(), with);
}

// Which of the forms of a catalogue's text counts `n`: CLDR's cardinal rules for whole numbers.
size_t plural_form(std::string_view code, int64_t n) {
  if (code != "ru") return n == 1 ? 0 : 1;
  const int64_t tens = n % 100 / 10, ones = n % 10;
  if (ones == 1 && tens != 1) return 0;
  return ones >= 2 && ones <= 4 && tens != 1 ? 1 : 2;
}

}  // namespace

const std::vector<Language>& languages() {
  static const std::vector<Language> all = {
      {"en", "English"}, {"pt", "Português"}, {"ru", "Русский"}};
  return all;
}

std::string_view choose_language(std::string_view asked, std::string_view cookies,
                                 std::string_view accepted) {
  if (const auto code = known(asked); !code.empty()) return code;
  while (!cookies.empty()) {
    const std::string_view cookie = trimmed(next_part(&cookies, ';'));
    if (!cookie.starts_with("lang=")) continue;
    if (const auto code = known(cookie.substr(5)); !code.empty()) return code;
  }
  std::string_view best;
  double best_weight = 0;
  while (!accepted.empty()) {
    std::string_view range = next_part(&accepted, ',');
    const std::string_view tag = trimmed(next_part(&range, ';'));
    const double weight = weight_of(range);
    if (const auto code = known(tag); !code.empty() && weight > best_weight) {
      best = code;
      best_weight = weight;
    }
  }
  return best.empty() ? languages().front().code : best;
}

Words::Words(const std::string& name, std::string_view code, std::string_view text)
    : name_(name), code_(code) {
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::string_view line = trimmed(next_part(&text, '\n'));
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    const std::string at = name + ": line " + std::to_string(line_number) + ": ";
    if (equals == std::string_view::npos) throw Error(at + "expected key = text");
    const std::string key(trimmed(line.substr(0, equals)));
    if (!texts_.emplace(key, trimmed(line.substr(equals + 1))).second)
      throw Error(at + key + " a second time");
  }
}

const std::string& Words::say(std::string_view key) const {
  const auto found = texts_.find(key);
  if (found == texts_.end()) throw Error(name_ + ": has no \"" + std::string(key) + "\"");
  return found->second;
}

std::string Words::say(
    std::string_view key,
    std::initializer_list<std::pair<std::string_view, std::string_view>> values) const {
  std::string text = say(key);
  for (const auto& [name, value] : values)
    replace_all(&text, std::string(1, '{').append(name).append("}"), value);
  return text;
}

std::string Words::number(int64_t n) const {
  const std::string_view group = code_ == "en" ? "," : code_ == "pt" ? "." : "\u00a0";
  std::string text = std::to_string(n);
  const size_t first = text.starts_with('-') ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, group);
  return text;
}

std::string Words::count(std::string_view key, int64_t n) const {
  std::string_view forms = say(key);
  std::string_view form = next_part(&forms, '|');
  for (size_t i = plural_form(code_, n); i > 0 && !forms.empty(); --i)
    form = next_part(&forms, '|');
  std::string text(form);
  replace_all(&text, "{n}", number(n));
  return text;
}

}  // namespace vernissage::web
