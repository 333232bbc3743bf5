// JSON as a tree, for the golden data only: our own files, so errors are plain and speed does not
// matter.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vernissage::testing {

struct Json {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Json> items;                            // of an array
  std::vector<std::pair<std::string, Json>> members;  // of an object, in file order

  bool is_null() const { return kind == Kind::null; }
  /// Null when there is no such member.
  const Json* find(std::string_view key) const;
  /// Throws Error naming the key.
  const Json& at(std::string_view key) const;
  int integer() const { return static_cast<int>(number); }
};

/// Throws ParseError.
Json parse_json(std::string_view text);
/// Throws Error naming the file.
Json read_json(const std::filesystem::path& path);

}  // namespace vernissage::testing
