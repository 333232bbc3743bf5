// JSON out: the little this server says in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vernissage::http {

/// `text` (UTF-8) as a JSON string with its quotes. "<" and ">" are escaped too, so that the result
/// is harmless wherever it is pasted.
std::string json_string(std::string_view text);

/// Builds one value from the outside in:
///   Json json;
///   json.begin('{').key("rooms").begin('[').value("city").end(']').end('}');
class Json {
 public:
  Json& begin(char bracket);  // '{' or '['
  Json& end(char bracket);    // '}' or ']'
  Json& key(std::string_view name);
  Json& value(std::string_view text);
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(int64_t number);
  Json& value(int number) { return value(static_cast<int64_t>(number)); }
  Json& value(bool truth);
  Json& number(double number);  // finite; the shortest text that reads back as the same
  Json& null();

  const std::string& text() const { return text_; }

 private:
  void separate();

  std::string text_;
};

}  // namespace vernissage::http
