// A configuration as the strings of a safetensors file's __metadata__: numbers written so that they
// read back equal, fields read back by name.
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace vernissage {

using Metadata = std::map<std::string, std::string>;

/// The shortest text that reads back equal.
template <class Number>
std::string number_text(Number number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

/// Numbers with commas between.
template <class Numbers>
std::string list_text(const Numbers& numbers) {
  std::string text;
  for (const auto number : numbers)
    text.append(text.empty() ? "" : ",").append(number_text(number));
  return text;
}

/// Fields by name. Keys that nobody asks for are somebody's notes. Throws Error naming the field
/// that is missing or not what it must be.
class MetadataFields {
 public:
  explicit MetadataFields(const Metadata& metadata) : metadata_(metadata) {}

  const std::string& text(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) throw Error("metadata " + key + ": missing");
    return found->second;
  }
  int integer(const std::string& key) const {
    return number_from<int>(key, "an integer", text(key), text(key));
  }
  float number(const std::string& key) const {
    return number_from<float>(key, "a number", text(key), text(key));
  }
  bool boolean(const std::string& key) const {
    const std::string& value = text(key);
    if (value != "true" && value != "false") wrong(key, "true or false", value);
    return value == "true";
  }
  template <class Number>
  std::vector<Number> list(const std::string& key) const {
    std::vector<Number> numbers;
    std::string_view rest = text(key);
    for (bool more = true; more;) {
      if (numbers.size() == kListMax)
        wrong(key, kWhole<Number> ? "at most 64 integers" : "at most 64 numbers", text(key));
      const size_t comma = rest.find(',');
      const char* expected =
          kWhole<Number> ? "integers with commas between" : "numbers with commas between";
      numbers.push_back(number_from<Number>(key, expected, text(key), rest.substr(0, comma)));
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
    return numbers;
  }
  /// Throws Error unless the file is of this format and version.
  void expect_format(const std::string& format, const std::string& version) const {
    const auto found = metadata_.find("format");
    if (found == metadata_.end() || found->second != format)
      throw Error("metadata format: expected " + json_quote(format) + ", got " +
                  (found == metadata_.end() ? "none" : json_quote_short(found->second)));
    if (text("format_version") != version)
      wrong("format_version", json_quote(version).c_str(), text("format_version"));
  }

 private:
  template <class Number>
  static constexpr bool kWhole = std::is_integral_v<Number>;
  static constexpr size_t kListMax = 64;  // numbers in one field; no network has as many layers

  [[noreturn]] static void wrong(const std::string& key, const char* expected,
                                 const std::string& value) {
    throw Error("metadata " + key + ": expected " + expected + ", got " + json_quote_short(value));
  }
  template <class Number>
  static Number number_from(const std::string& key, const char* expected, const std::string& value,
                            std::string_view text) {
    Number number{};
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc() || end != text.data() + text.size()) wrong(key, expected, value);
    return number;
  }

  const Metadata& metadata_;
};

}  // namespace vernissage
