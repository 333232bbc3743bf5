#include "server/gallery/gallery_config.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/toml.h"
#include "server/images/images.h"

namespace vernissage::gallery {
namespace {

constexpr size_t kRoomsMax = 64;
constexpr size_t kTextBytesMax = 200;

bool is_slug(const std::string& text) {
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

template <class T>
T required(const toml::table& table, const std::string& key, const char* kind) {
  const auto value = table[key].value<T>();
  if (!value) throw Error(key + ": expected " + kind);
  return *value;
}

std::string required_text(const toml::table& table, const std::string& key) {
  return required<std::string>(table, key, "a text");
}

void check_text(const std::string& key, const std::string& text) {
  if (text.empty() || text.size() > kTextBytesMax)
    throw Error(key + ": expected 1 to " + std::to_string(kTextBytesMax) + " bytes, got " +
                std::to_string(text.size()));
}

// A key that nobody reads is most likely a misspelt one that somebody relies on.
void refuse_unknown(const toml::table& table, const std::set<std::string>& known) {
  for (const auto& [key, value] : table)
    if (!known.contains(std::string(key.str())))
      throw Error(std::string(key.str()) + ": no such key");
}

void check_titles(const std::string& key, const std::map<std::string, std::string>& titles,
                  const std::vector<std::string>& languages) {
  for (const auto& [language, title] : titles) {
    if (std::find(languages.begin(), languages.end(), language) == languages.end())
      throw Error(key + "." + language + ": not one of the gallery's languages");
    check_text(key + "." + language, title);
  }
}

void check(const GalleryConfig& config) {
  check_text("name", config.name);
  check_text("generator", config.generator);
  const std::filesystem::path generator(config.generator);
  if (generator.is_absolute() || std::any_of(generator.begin(), generator.end(),
                                             [](const auto& part) { return part == ".."; }))
    throw Error("generator: expected a path inside the gallery, got " + config.generator);
  if (!(config.truncation >= 0 && config.truncation <= 1))
    throw Error("truncation: expected 0 to 1, got " + std::to_string(config.truncation));
  if (config.resolution < 4 || config.resolution > 4096)
    throw Error("network.resolution: expected 4 to 4096, got " + std::to_string(config.resolution));
  if (config.rooms.empty() || config.rooms.size() > kRoomsMax)
    throw Error("room: expected 1 to " + std::to_string(kRoomsMax) + " rooms, got " +
                std::to_string(config.rooms.size()));
  if (config.languages.empty()) throw Error("languages: expected one or more");
  for (const std::string& language : config.languages)
    if (!is_language(language))
      throw Error("languages: expected names such as \"en\", got \"" + language + "\"");
  std::set<std::string> slugs;
  for (const Room& room : config.rooms) {
    check_text("room.title", room.title);
    check_titles("room.titles", room.titles, config.languages);
    std::set<std::string> texts;
    for (const Query& query : room.queries) {
      check_text("room.query.text", query.text);
      check_text("room.query.title", query.title);
      check_titles("room.query.titles", query.titles, config.languages);
      if (!texts.insert(query.text).second)
        throw Error("room.query.text: two of \"" + query.text + "\" in room " + room.slug);
    }
    if (!is_slug(room.slug))
      throw Error("room.slug: expected 1 to 32 of a-z, 0-9 and '-', got \"" + room.slug + "\"");
    if (!slugs.insert(room.slug).second) throw Error("room.slug: two rooms named " + room.slug);
  }
}

// A basic string of TOML 1.0: quotes, backslashes and control characters are escaped.
std::string quoted(const std::string& text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out.append(1, c);
    }
  }
  return out.append(1, '"');
}

// The shortest text that reads back as the same float, with the point that TOML asks of a float.
std::string decimal(float value) {
  char text[64];  // the smallest float has 45 places and a first digit
  char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
  std::string out(text, end);
  if (out.find('.') == std::string::npos) out.append(".0");
  return out;
}

std::map<std::string, std::string> read_titles(const toml::table& table) {
  std::map<std::string, std::string> titles;
  if (!table.contains("titles")) return titles;
  const toml::table* found = table["titles"].as_table();
  if (!found) throw Error("titles: expected a table");
  for (const auto& [language, title] : *found) {
    const auto text = title.value<std::string>();
    if (!text) throw Error("titles." + std::string(language.str()) + ": expected a text");
    titles.emplace(language.str(), *text);
  }
  return titles;
}

std::vector<Query> read_queries(const toml::table& room) {
  std::vector<Query> queries;
  if (!room.contains("query")) return queries;
  const toml::array* found = room["query"].as_array();
  if (!found) throw Error("room.query: expected an array of tables");
  for (const toml::node& node : *found) {
    const toml::table* query = node.as_table();
    if (!query) throw Error("room.query: expected an array of tables");
    refuse_unknown(*query, {"text", "title", "titles"});
    queries.push_back(
        {required_text(*query, "text"), required_text(*query, "title"), read_titles(*query)});
  }
  return queries;
}

std::vector<std::string> read_languages(const toml::table& table) {
  if (!table.contains("languages")) return {"en"};  // as before there were others
  const toml::array* found = table["languages"].as_array();
  if (!found) throw Error("languages: expected an array");
  std::vector<std::string> languages;
  for (const toml::node& node : *found) {
    const auto text = node.value<std::string>();
    if (!text) throw Error("languages: expected texts");
    languages.push_back(*text);
  }
  return languages;
}

std::string titles_text(const std::map<std::string, std::string>& titles) {
  std::string text;
  for (const auto& [language, title] : titles)
    text.append(text.empty() ? "{ " : ", ")
        .append(quoted(language))
        .append(" = ")
        .append(quoted(title));
  return text.append(" }");
}

GalleryConfig read(const toml::table& table) {
  refuse_unknown(table,
                 {"name", "generator", "truncation", "curated", "languages", "network", "room"});
  GalleryConfig config;
  config.name = required_text(table, "name");
  config.generator = required_text(table, "generator");
  config.truncation = static_cast<float>(required<double>(table, "truncation", "a number"));
  config.curated = required<bool>(table, "curated", "true or false");
  config.languages = read_languages(table);

  const toml::table* network = table["network"].as_table();
  if (!network) throw Error("network: expected a table");
  refuse_unknown(*network, {"resolution", "untrained"});
  config.resolution = static_cast<int>(
      std::clamp<int64_t>(required<int64_t>(*network, "resolution", "a number"), -1, 1 << 20));
  config.untrained = required<bool>(*network, "untrained", "true or false");

  const toml::array* rooms = table["room"].as_array();
  if (!rooms) throw Error("room: expected [[room]] tables");
  for (const toml::node& node : *rooms) {
    const toml::table* room = node.as_table();
    if (!room) throw Error("room: expected [[room]] tables");
    refuse_unknown(*room, {"slug", "title", "titles", "query"});
    config.rooms.push_back({required_text(*room, "slug"), required_text(*room, "title"),
                            read_titles(*room), read_queries(*room)});
  }
  check(config);
  return config;
}

}  // namespace

bool is_language(const std::string& text) {
  return text.size() >= 2 && text.size() <= 16 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
             std::string::npos;
}

const std::string& title_in(const std::string& title,
                            const std::map<std::string, std::string>& titles,
                            std::string_view language) {
  const auto found = titles.find(std::string(language));
  return found == titles.end() ? title : found->second;
}

std::vector<Room> default_rooms() {
  return {{"people", "People"}, {"nature", "Nature"}, {"city", "City"}, {"mood", "Mood"}};
}

GalleryConfig load_config(const std::filesystem::path& path) {
  try {
    return read(toml::parse_file(path.string()));
  } catch (const toml::parse_error& error) {
    throw Error(path.string() + ": line " + std::to_string(error.source().begin.line) + ": " +
                std::string(error.description()));
  } catch (const Error& error) {
    throw Error(path.string() + ": " + error.what());
  }
}

void save_config(const std::filesystem::path& path, const GalleryConfig& config) {
  check(config);
  // Written by hand: a person will read it, and comments are half of its use.
  std::ostringstream text;
  text << "# A gallery of Vernissage. Edit it while the server is down.\n"
       << "name = " << quoted(config.name) << "\n"
       << "generator = " << quoted(config.generator) << "  # the network, inside this directory\n"
       << "truncation = " << decimal(config.truncation)
       << "  # 0: always the average picture, 1: the whole variety\n"
       << "curated = " << (config.curated ? "true" : "false") << "\n"
       << "languages = [";
  for (const std::string& language : config.languages)
    text << (&language == &config.languages.front() ? "" : ", ") << quoted(language);
  text << "]  # of the titles\n\n"
       << "[network]  # what the generator is; the server checks it\n"
       << "resolution = " << config.resolution << "\n"
       << "untrained = " << (config.untrained ? "true" : "false") << "\n";
  for (const Room& room : config.rooms) {
    text << "\n[[room]]\nslug = " << quoted(room.slug) << "  # in addresses\n"
         << "title = " << quoted(room.title) << "\n";
    if (!room.titles.empty()) text << "titles = " << titles_text(room.titles) << "\n";
    if (room.queries.empty()) continue;
    text << "query = [  # what the paintings were chosen by\n";
    for (const Query& query : room.queries) {
      text << "  { text = " << quoted(query.text) << ", title = " << quoted(query.title);
      if (!query.titles.empty()) text << ", titles = " << titles_text(query.titles);
      text << " },\n";
    }
    text << "]\n";
  }
  const std::string bytes = text.str();
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace vernissage::gallery
