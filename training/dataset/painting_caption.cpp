#include "training/dataset/painting_caption.h"

#include <array>
#include <utility>
#include <vector>

#include "training/dataset/painter/sheet/random.h"

namespace vernissage::training {
namespace {

// True of every painting of the genre, as far as a catalogue is to be trusted.
const std::vector<std::pair<std::string_view, std::vector<std::string>>> kGenres = {
    {"landscape", {"a landscape", "nature", "a view of the country"}},
    {"portrait", {"a portrait", "a face", "a person"}},
    {"genre painting", {"a genre painting", "people", "a scene of daily life"}},
    {"religious painting", {"a religious painting", "a holy scene", "saints"}},
    {"cityscape", {"a cityscape", "a city", "a town", "houses"}},
    {"still life", {"a still life", "things on a table"}},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSpellings = {{
    {"harbor", "harbour"},
    {"color", "colour"},
    {"gray", "grey"},
    {"harbors", "harbours"},
    {"colors", "colours"},
    {"selfportrait", "self-portrait"},
}};

std::string pick(const std::vector<std::string>& of, Random& random) {
  return of[static_cast<size_t>(random.below(static_cast<int>(of.size())))];
}

std::string with_article(const std::string& words) {
  const bool vowel = std::string_view("aeiou").find(words.front()) != std::string_view::npos;
  return (vowel ? "an " : "a ") + words;
}

std::string genre_words(const std::string& genre, Random& random) {
  for (const auto& [name, phrases] : kGenres)
    if (name == genre) return pick(phrases, random);
  return with_article(genre);
}

std::string colour_words(const Impression& look, Random& random) {
  static constexpr const char* kHues[] = {"",      "red",  "orange", "yellow",
                                          "green", "blue", "violet", "pink"};
  std::vector<std::string> words;
  if (look.hue != Impression::Hue::none) words.emplace_back(kHues[static_cast<int>(look.hue)]);
  if (look.dark) words.insert(words.end(), {"dark", "darkness"});
  if (look.light) words.insert(words.end(), {"light", "bright light"});
  if (look.vivid) words.insert(words.end(), {"bright colours", "vivid colours"});
  if (look.muted) words.insert(words.end(), {"muted colours", "grey"});
  return words.empty() ? std::string() : pick(words, random);
}

}  // namespace

std::string plain_title(std::string_view title) {
  std::vector<std::string> words(1);
  for (char c : title) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c == '-' && !words.back().empty()) || (c & 0x80) != 0)
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  std::string text;
  for (std::string& word : words) {
    while (word.ends_with('-')) word.pop_back();
    for (const auto& [other, ours] : kSpellings)
      if (word == other) word = ours;
    if (!word.empty()) text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

std::string painting_caption(const CatalogueEntry& entry, const Impression& look, uint64_t chance) {
  Random random(mixed(chance));
  const std::string title = plain_title(entry.title), colours = colour_words(look, random);
  const float kind = random.uniform();
  std::string text;
  if (!title.empty() && kind < 0.6f)
    text = title;
  else if (!title.empty() && !entry.genre.empty() && kind < 0.7f)
    text = genre_words(entry.genre, random) + " " + title;
  else if (!colours.empty() && kind > 0.9f)
    text = colours;
  else if (!entry.genre.empty())
    text = genre_words(entry.genre, random);
  else if (!title.empty())
    text = title;
  else if (!colours.empty())
    text = colours;
  if (text.empty() || (!entry.style.empty() && random.chance(0.06f)))
    text = entry.style.empty() ? "a painting" : with_article(entry.style + " painting");
  else if (random.chance(0.15f))
    text = (random.chance(0.5f) ? "a painting of " : "a picture of ") + text;
  return text;
}

}  // namespace vernissage::training
