#include "server/curation/rooms.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/toml.h"
#include "server/gallery/gallery_config.h"

namespace vernissage::curation {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 20;
constexpr size_t kTextBytesMax = 200;
constexpr size_t kRoomsMax = 64;
constexpr size_t kQueriesMax = 1000;
constexpr size_t kTemplatesMax = 100;
constexpr int kPaintingsMax = 100000;

[[noreturn]] void fail(const toml::source_region& where, const std::string& what) {
  throw Error("line " + std::to_string(where.begin.line) + ": " + what);
}

// A key that nobody reads is most likely a misspelt one that somebody relies on.
void refuse_unknown(const toml::table& table, const std::set<std::string_view>& known) {
  for (const auto& [key, value] : table)
    if (!known.contains(key.str())) fail(key.source(), std::string(key.str()) + ": no such key");
}

const toml::node& required(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  if (!node) fail(table.source(), std::string(key) + ": is missing");
  return *node;
}

std::string text_of(const toml::node& node, std::string_view key) {
  const auto* text = node.as_string();
  if (!text) fail(node.source(), std::string(key) + ": expected a text");
  if (text->get().find_first_not_of(" \t\r\n") == std::string::npos)
    fail(node.source(), std::string(key) + ": is empty");
  if (text->get().size() > kTextBytesMax)
    fail(node.source(), std::string(key) + ": expected at most " + std::to_string(kTextBytesMax) +
                            " bytes, got " + std::to_string(text->get().size()));
  return text->get();
}

// An end token inside a sentence would cut its meaning off there.
std::string prompt_of(const toml::node& node, std::string_view key) {
  std::string text = text_of(node, key);
  for (const char* reserved : {"<|startoftext|>", "<|endoftext|>"})
    if (text.find(reserved) != std::string::npos)
      fail(node.source(), std::string(key) + ": " + reserved + " is reserved");
  return text;
}

const toml::array& array_of(const toml::node& node, std::string_view key, const char* of,
                            size_t count_max) {
  const toml::array* array = node.as_array();
  if (!array) fail(node.source(), std::string(key) + ": expected an array of " + of);
  if (array->empty() || array->size() > count_max)
    fail(node.source(), std::string(key) + ": expected 1 to " + std::to_string(count_max) + " " +
                            of + ", got " + std::to_string(array->size()));
  return *array;
}

const toml::table& table_of(const toml::node& node, std::string_view key) {
  const toml::table* table = node.as_table();
  if (!table) fail(node.source(), std::string(key) + ": expected a table");
  return *table;
}

std::vector<std::string> read_templates(const toml::node& node) {
  std::vector<std::string> templates;
  for (const toml::node& each : array_of(node, "templates", "texts", kTemplatesMax)) {
    templates.push_back(prompt_of(each, "templates"));
    const std::string& text = templates.back();
    const size_t place = text.find("{}");
    if (place == std::string::npos || text.find("{}", place + 2) != std::string::npos)
      fail(each.source(), "templates: expected one \"{}\" in \"" + text + "\"");
  }
  return templates;
}

std::vector<std::string> read_languages(const toml::node& node) {
  std::vector<std::string> languages;
  for (const toml::node& each : array_of(node, "languages", "texts", 32)) {
    const std::string language = text_of(each, "languages");
    if (!gallery::is_language(language))
      fail(each.source(), "languages: expected a name such as \"en\", got \"" + language + "\"");
    if (std::find(languages.begin(), languages.end(), language) != languages.end())
      fail(each.source(), "languages: " + language + " twice");
    languages.push_back(language);
  }
  return languages;
}

std::map<std::string, std::string> read_titles(const toml::table& table,
                                               const std::vector<std::string>& languages) {
  std::map<std::string, std::string> titles;
  const toml::node* found = table.get("titles");
  if (!found) return titles;
  for (const auto& [language, title] : table_of(*found, "titles")) {
    const std::string name(language.str());
    if (std::find(languages.begin() + 1, languages.end(), name) == languages.end())
      fail(title.source(), "titles: \"" + name + "\" is not one of the other languages");
    titles.emplace(name, text_of(title, "titles." + name));
  }
  return titles;
}

RoomQuery read_query(const toml::table& table, const std::vector<std::string>& languages) {
  refuse_unknown(table, {"text", "title", "titles", "weight"});
  RoomQuery query;
  query.text = prompt_of(required(table, "text"), "text");
  query.title = table.contains("title") ? text_of(*table.get("title"), "title") : query.text;
  query.titles = read_titles(table, languages);
  if (const toml::node* weight = table.get("weight")) {
    const auto number = weight->value<double>();
    if (!number || !(*number > 0 && *number <= 1000))
      fail(weight->source(), "weight: expected a number above 0, at most 1000");
    query.weight = *number;
  }
  return query;
}

RoomPlan read_room(const toml::table& table, const RoomsPlan& plan,
                   const std::vector<std::string>& templates) {
  refuse_unknown(table, {"slug", "title", "titles", "paintings", "templates", "query"});
  RoomPlan room;
  const toml::node& slug = required(table, "slug");
  room.slug = text_of(slug, "slug");
  if (room.slug.size() > 32 ||
      room.slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    fail(slug.source(), "slug: expected 1 to 32 of a-z, 0-9 and '-', got \"" + room.slug + "\"");
  for (const RoomPlan& other : plan.rooms)
    if (other.slug == room.slug) fail(slug.source(), "slug: two rooms named " + room.slug);
  room.title = text_of(required(table, "title"), "title");
  room.titles = read_titles(table, plan.languages);
  const toml::node& paintings = required(table, "paintings");
  const auto* count = paintings.as_integer();
  if (!count || count->get() < 1 || count->get() > kPaintingsMax)
    fail(paintings.source(),
         "paintings: expected a whole number from 1 to " + std::to_string(kPaintingsMax));
  room.paintings = static_cast<int>(count->get());
  room.templates =
      table.contains("templates") ? read_templates(*table.get("templates")) : templates;
  std::set<std::string> texts;
  const toml::node& queries = required(table, "query");
  for (const toml::node& each : array_of(queries, "query", "tables", kQueriesMax)) {
    room.queries.push_back(read_query(table_of(each, "query"), plan.languages));
    const std::string& text = room.queries.back().text;
    if (!texts.insert(text).second) fail(each.source(), "text: two queries \"" + text + "\"");
  }
  if (room.queries.size() > static_cast<size_t>(room.paintings))
    fail(paintings.source(), "paintings: " + std::to_string(room.paintings) + " for " +
                                 std::to_string(room.queries.size()) +
                                 " queries; each needs one at least");
  return room;
}

RoomsPlan read(const toml::table& table) {
  refuse_unknown(table, {"gallery", "templates", "room"});
  RoomsPlan plan;
  const toml::table& gallery = table_of(required(table, "gallery"), "gallery");
  refuse_unknown(gallery, {"name", "languages"});
  plan.name = text_of(required(gallery, "name"), "name");
  plan.languages = gallery.contains("languages") ? read_languages(*gallery.get("languages"))
                                                 : std::vector<std::string>{"en"};
  const std::vector<std::string> templates = table.contains("templates")
                                                 ? read_templates(*table.get("templates"))
                                                 : std::vector<std::string>{"{}"};
  for (const toml::node& each : array_of(required(table, "room"), "room", "tables", kRoomsMax))
    plan.rooms.push_back(read_room(table_of(each, "room"), plan, templates));
  return plan;
}

}  // namespace

int RoomsPlan::paintings() const {
  int sum = 0;
  for (const RoomPlan& room : rooms) sum += room.paintings;
  return sum;
}

size_t RoomsPlan::queries() const {
  size_t sum = 0;
  for (const RoomPlan& room : rooms) sum += room.queries.size();
  return sum;
}

RoomsPlan read_rooms(std::string_view text, const std::string& name) {
  try {
    if (text.size() > kFileBytesMax)
      throw Error("expected at most " + std::to_string(kFileBytesMax) + " bytes, got " +
                  std::to_string(text.size()));
    return read(toml::parse(text));
  } catch (const toml::parse_error& error) {
    throw Error(name + ": line " + std::to_string(error.source().begin.line) + ": " +
                std::string(error.description()));
  } catch (const Error& error) {
    throw Error(name + ": " + error.what());
  }
}

RoomsPlan load_rooms(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !file.eof()) throw Error(path.string() + ": cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  return read_rooms(text, path.string());
}

std::string filled(std::string_view sentence, std::string_view text) {
  const size_t place = sentence.find("{}");
  VERNISSAGE_ASSERT(place != std::string_view::npos);
  return std::string(sentence.substr(0, place)).append(text).append(sentence.substr(place + 2));
}

std::vector<int> quotas(const RoomPlan& room) {
  // One for each first, the rest by weight.
  const size_t count = room.queries.size();
  VERNISSAGE_ASSERT_OP(count, <=, static_cast<size_t>(room.paintings));
  const int rest = room.paintings - static_cast<int>(count);
  double sum = 0;
  for (const RoomQuery& query : room.queries) sum += query.weight;
  std::vector<int> result;
  std::vector<double> remainders;
  int given = 0;
  for (const RoomQuery& query : room.queries) {
    const double share = rest * query.weight / sum;
    result.push_back(1 + static_cast<int>(share));
    remainders.push_back(share - std::floor(share));
    given += static_cast<int>(share);
  }
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (size_t i = 0; given < rest; ++i, ++given) ++result[order[i % count]];
  return result;
}

}  // namespace vernissage::curation
