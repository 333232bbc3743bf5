// rooms.toml: which rooms a gallery has, and what is looked for in each. rooms.toml beside this
// file is the default and says what each key means.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vernissage::curation {

struct RoomQuery {
  std::string text;                           // what the network is asked
  std::string title;                          // what hangs beside the painting
  std::map<std::string, std::string> titles;  // in the other languages
  double weight = 1;                          // share of the room's paintings; > 0
};

struct RoomPlan {
  std::string slug, title;
  std::map<std::string, std::string> titles;
  int paintings = 0;                   // 1 … 100,000
  std::vector<std::string> templates;  // each with one "{}"
  std::vector<RoomQuery> queries;      // 1 … 1000, no more than paintings
};

struct RoomsPlan {
  std::string name;
  std::vector<std::string> languages;  // the first is that of the titles
  std::vector<RoomPlan> rooms;         // 1 … 64

  int paintings() const;  // of all rooms
  size_t queries() const;
};

/// `name` stands for the file in messages. Throws Error "name: line: key: what is wrong" for
/// anything that is not exactly as rooms.toml says: a key that is unknown, missing or of another
/// type, a slug or a text used twice in its place, an empty text, a template without "{}", a text
/// with one of the tokenizer's reserved literals.
RoomsPlan read_rooms(std::string_view text, const std::string& name);
/// The same from a file of at most 1 MiB.
RoomsPlan load_rooms(const std::filesystem::path& path);

/// The text of the default rooms.toml.
std::string_view default_rooms_text();

/// `text` put into `sentence` at "{}".
std::string filled(std::string_view sentence, std::string_view text);

/// How many of `paintings` each query gets: in proportion to the weights, by largest remainder
/// (Hamilton), the earlier query first where remainders are equal; every query at least one where
/// there are enough.
std::vector<int> quotas(const RoomPlan& room);

}  // namespace vernissage::curation
