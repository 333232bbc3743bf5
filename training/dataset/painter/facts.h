// What a picture shows and how: decided before it is painted, told by its caption afterwards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vernissage::training {

enum class Room : uint8_t { people, nature, city, mood };

// Grouped by room; room_of() relies on the order.
enum class Subject : uint8_t {
  // people
  beauty,
  master,
  ruler,
  child,
  old_age,
  lone_figure,
  dancer,
  date,
  embrace,
  round_dance,
  crowd,
  mother_and_child,
  sleeper,
  reader,
  musician,
  wedding,
  procession,
  friends,
  family,
  // nature
  hills,
  mountains,
  calm_sea,
  stormy_sea,
  forest,
  lone_tree,
  meadow,
  bouquet,
  sunflower,
  moonlit_lake,
  desert,
  river,
  island,
  birds,
  starry_sky,
  garden,
  wheat,
  // city
  skyline,
  street,
  window,
  bridge,
  harbour,
  rooftops,
  cathedral,
  rainy_street,
  cafe,
  factory,
  stairs,
  canal,
  market,
  station,
  lighthouse,
  // mood
  colour_field,
  stripes,
  facets,
  splits,
  lines,
  circles,
  marks,
  drips,
  grid,
  waves,
  spiral,
  glow,
  turmoil,
  constellation
};
inline constexpr int kSubjects = static_cast<int>(Subject::constellation) + 1;

enum class Medium : uint8_t {
  oil,
  impression,
  pointillist,
  fauve,
  watercolour,
  pastel,
  ink,
  woodcut,
  cubist,
  mosaic,
  poster,
  charcoal
};
inline constexpr int kMedia = static_cast<int>(Medium::charcoal) + 1;

// One palette each; named for the light or the weather or the feeling that they paint.
enum class Light : uint8_t {
  dawn,
  noon,
  sunset,
  night,
  winter,
  autumn,
  spring,
  storm,
  earth,
  mist,
  wild,
  rose,
  blue,
  emerald,
  violet,
  desert,
  gold,
  grey,
  neon,
  south,
  primary
};
inline constexpr int kLights = static_cast<int>(Light::primary) + 1;

struct Facts {
  uint64_t seed = 0;  // of everything that has no name here
  Subject subject = Subject::beauty;
  Medium medium = Medium::oil;
  Light light = Light::noon;
  uint8_t count = 1;  // figures, boats, trees, marks: the subject's own number
  bool moon = false;
  bool sun = false;
  bool flowers = false;
  bool hat = false;
  bool boat = false;
  bool birds = false;
  bool clouds = false;
  bool profile = false;  // a portrait's sitter looks to the side
  bool framed = false;   // an unpainted margin of paper

  bool operator==(const Facts&) const = default;
};

Room room_of(Subject subject);
const char* name(Room room);        // "people"
const char* name(Subject subject);  // "round dance"
const char* name(Medium medium);
const char* name(Light light);

}  // namespace vernissage::training
