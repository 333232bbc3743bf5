#include "training/dataset/painter/facts.h"

namespace vernissage::training {

Room room_of(Subject subject) {
  if (subject < Subject::hills) return Room::people;
  if (subject < Subject::skyline) return Room::nature;
  if (subject < Subject::colour_field) return Room::city;
  return Room::mood;
}

const char* name(Room room) {
  constexpr std::array kNames{"people", "nature", "city", "mood"};
  return kNames[static_cast<size_t>(room)];
}

const char* name(Subject subject) {
  constexpr std::array<const char*, kSubjects> kNames{
      "beauty",    "master",       "ruler",      "child",        "old age",      "lone figure",
      "dancer",    "date",         "embrace",    "round dance",  "crowd",        "mother and child",
      "sleeper",   "reader",       "musician",   "wedding",      "procession",   "friends",
      "family",    "hills",        "mountains",  "calm sea",     "stormy sea",   "forest",
      "lone tree", "meadow",       "bouquet",    "sunflower",    "moonlit lake", "desert",
      "river",     "island",       "birds",      "starry sky",   "garden",       "wheat",
      "skyline",   "street",       "window",     "bridge",       "harbour",      "rooftops",
      "cathedral", "rainy street", "cafe",       "factory",      "stairs",       "canal",
      "market",    "station",      "lighthouse", "colour field", "stripes",      "facets",
      "splits",    "lines",        "circles",    "marks",        "drips",        "grid",
      "waves",     "spiral",       "glow",       "turmoil",      "constellation"};
  return kNames[static_cast<size_t>(subject)];
}

const char* name(Medium medium) {
  constexpr std::array<const char*, kMedia> kNames{
      "oil", "impression", "pointillist", "fauve",  "watercolour", "pastel",
      "ink", "woodcut",    "cubist",      "mosaic", "poster",      "charcoal"};
  return kNames[static_cast<size_t>(medium)];
}

const char* name(Light light) {
  constexpr std::array<const char*, kLights> kNames{
      "dawn",   "noon",   "sunset", "night", "winter", "autumn", "spring",
      "storm",  "earth",  "mist",   "wild",  "rose",   "blue",   "emerald",
      "violet", "desert", "gold",   "grey",  "neon",   "south",  "primary"};
  return kNames[static_cast<size_t>(light)];
}

}  // namespace vernissage::training
