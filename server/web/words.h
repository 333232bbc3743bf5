// What the pages say, in one language: a catalogue is a file of "key = text" lines, one for each
// language, all with the same keys. Ours rather than gettext's: its language is the process's, not
// a request's, and a key that one language lacks must fail when the server starts.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vernissage::web {

/// The languages there are catalogues for; the first is for whoever asks for none of them.
struct Language {
  std::string_view code;  // "pt": for <html lang>, ?lang= and the cookie
  std::string_view name;  // in itself: "Português"
};
const std::vector<Language>& languages();

/// The language for a visitor, by the first of these that names one we have: `asked` (?lang=), the
/// cookie `lang` in `cookies` (a Cookie field), `accepted` (an Accept-Language field, RFC 9110,
/// 12.5.4). Any may be empty; what cannot be read is passed over.
std::string_view choose_language(std::string_view asked, std::string_view cookies,
                                 std::string_view accepted);

/// One catalogue. Lines that are empty or begin with '#' are passed over.
class Words {
 public:
  /// Throws Error naming `name`, and the line that is no "key = text" or says a key again.
  Words(const std::string& name, std::string_view code, std::string_view text);

  /// Throws Error for a key that is not there: a mistake in a page.
  const std::string& say(std::string_view key) const;
  /// With every {name} of `values` replaced.
  std::string say(
      std::string_view key,
      std::initializer_list<std::pair<std::string_view, std::string_view>> values) const;
  /// 12000 as "12,000", "12.000" or "12 000": grouped as the language groups.
  std::string number(int64_t n) const;
  /// The form for `n` things of a text "one|many" (Russian: "one|few|many"), with {n} replaced.
  std::string count(std::string_view key, int64_t n) const;

  const std::map<std::string, std::string, std::less<>>& all() const { return texts_; }

 private:
  std::string name_;
  std::string code_;
  std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace vernissage::web
