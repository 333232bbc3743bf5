#include "training/dataset/painter/painter.h"

#include <initializer_list>
#include <string>

#include "base/error.h"
#include "training/dataset/painter/media/medium.h"
#include "training/dataset/painter/subjects/studio.h"

namespace vernissage::training {
namespace {

Light any_of(Random& random, std::initializer_list<Light> lights) {
  return lights.begin()[random.below(static_cast<int>(lights.size()))];
}

Light any_light(Random& random) {
  return static_cast<Light>(random.below(kLights));
}

/// A light that suits the subject: nobody paints a moonlit lake at noon.
Light choose_light(Subject subject, Random& random) {
  switch (subject) {
    case Subject::stormy_sea:
      return any_of(random, {Light::storm, Light::storm, Light::grey, Light::night, Light::emerald,
                             Light::blue});
    case Subject::moonlit_lake:
    case Subject::starry_sky:
      return any_of(random,
                    {Light::night, Light::night, Light::blue, Light::violet, Light::emerald});
    case Subject::desert:
      return any_of(random, {Light::desert, Light::desert, Light::sunset, Light::earth, Light::gold,
                             Light::south});
    case Subject::sunflower:
      return any_of(random, {Light::gold, Light::noon, Light::autumn, Light::south, Light::wild,
                             Light::spring});
    case Subject::meadow:
    case Subject::garden:
      return any_of(random, {Light::spring, Light::spring, Light::noon, Light::south, Light::wild,
                             Light::dawn, Light::rose, Light::emerald});
    case Subject::rainy_street:
      return any_of(random, {Light::mist, Light::storm, Light::grey, Light::blue, Light::night,
                             Light::neon, Light::violet});
    case Subject::wheat:
      return any_of(random, {Light::gold, Light::gold, Light::autumn, Light::noon, Light::south,
                             Light::sunset, Light::storm});
    case Subject::factory:
    case Subject::station:
      return any_of(random, {Light::mist, Light::storm, Light::grey, Light::earth, Light::sunset,
                             Light::dawn});
    case Subject::grid:
      return any_of(random, {Light::primary, Light::primary, Light::primary, Light::grey,
                             Light::wild, Light::south});
    case Subject::turmoil:
      return any_of(random, {Light::storm, Light::wild, Light::neon, Light::sunset, Light::grey,
                             Light::primary, Light::earth});
    case Subject::glow:
      return any_of(random, {Light::mist, Light::dawn, Light::rose, Light::violet, Light::sunset,
                             Light::blue, Light::gold, Light::winter});
    case Subject::colour_field:
      return any_of(random, {Light::sunset, Light::rose, Light::blue, Light::violet, Light::gold,
                             Light::wild, Light::earth, Light::emerald, Light::night});
    case Subject::cafe:
    case Subject::skyline:
      return random.chance(0.45f)
                 ? any_of(random, {Light::night, Light::neon, Light::blue, Light::violet})
                 : any_light(random);
    case Subject::hills:
    case Subject::mountains:
    case Subject::forest:
    case Subject::lone_tree:
    case Subject::river:
      return any_of(random, {Light::dawn, Light::noon, Light::sunset, Light::night, Light::winter,
                             Light::autumn, Light::autumn, Light::spring, Light::storm,
                             Light::earth, Light::mist, Light::wild, Light::south, Light::violet,
                             Light::gold, Light::winter});
    default:
      return any_light(random);
  }
}

Medium choose_medium(Subject subject, Random& random) {
  if (subject == Subject::facets || subject == Subject::grid || subject == Subject::lines)
    return random.chance(0.6f) ? Medium::oil : static_cast<Medium>(random.below(kMedia));
  // Oil and its kin hang in most museums.
  constexpr Medium kUsual[] = {Medium::oil, Medium::oil, Medium::impression, Medium::fauve};
  return random.chance(0.38f) ? kUsual[random.below(4)] : static_cast<Medium>(random.below(kMedia));
}

}  // namespace

Facts facts_of(uint64_t seed) {
  Random random(mixed(seed));
  Facts facts;
  facts.seed = mixed(seed ^ 0xa7e11e5);
  // A room first, so that each has as many pictures as any other.
  constexpr int kFirst[] = {0, static_cast<int>(Subject::hills), static_cast<int>(Subject::skyline),
                            static_cast<int>(Subject::colour_field), kSubjects};
  const int room = random.below(4);
  facts.subject = static_cast<Subject>(random.between(kFirst[room], kFirst[room + 1] - 1));
  if (facts.subject <= Subject::child && random.chance(0.15f)) facts.subject = Subject::beauty;
  facts.light = choose_light(facts.subject, random);
  facts.medium = choose_medium(facts.subject, random);
  facts.count = static_cast<uint8_t>(random.between(1, 4));
  if (facts.subject == Subject::round_dance)
    facts.count = static_cast<uint8_t>(random.between(5, 7));
  if (facts.subject == Subject::bouquet || facts.subject == Subject::sunflower)
    facts.count = static_cast<uint8_t>(random.between(1, 8));
  if (facts.subject == Subject::bouquet && facts.count < 4) facts.count = 5;
  const bool dark = facts.light == Light::night || facts.light == Light::neon ||
                    facts.light == Light::blue || facts.light == Light::violet;
  const bool overcast = facts.light == Light::storm || facts.light == Light::mist ||
                        facts.light == Light::grey || facts.subject == Subject::stormy_sea ||
                        facts.subject == Subject::rainy_street;
  facts.moon = dark && (facts.subject == Subject::moonlit_lake || random.chance(0.65f));
  facts.sun =
      !dark && !overcast &&
      random.chance(facts.light == Light::sunset || facts.light == Light::dawn ? 0.8f : 0.35f);
  facts.flowers = random.chance(0.25f);
  facts.hat = random.chance(0.4f);
  facts.boat = random.chance(0.55f);
  facts.birds = random.chance(0.22f);
  facts.clouds = random.chance(0.6f);
  facts.profile = facts.subject <= Subject::old_age && random.chance(0.25f);
  facts.framed = facts.medium >= Medium::watercolour && facts.medium != Medium::cubist &&
                 facts.medium != Medium::mosaic && random.chance(0.22f);
  return facts;
}

void paint_facts(const Facts& facts, int size, std::span<uint8_t> rgb) {
  if (size < kPaintingSizeMin || size > kPaintingSizeMax)
    throw Error("painting: size " + std::to_string(size) + ", expected " +
                std::to_string(kPaintingSizeMin) + " to " + std::to_string(kPaintingSizeMax));
  const size_t bytes = static_cast<size_t>(size) * static_cast<size_t>(size) * 3;
  if (rgb.size() != bytes)
    throw Error("painting: a buffer of " + std::to_string(rgb.size()) + " bytes, expected " +
                std::to_string(bytes));

  Random random(facts.seed);
  const bool unnatural = facts.light == Light::wild || facts.light == Light::neon ||
                         (facts.medium == Medium::fauve && random.chance(0.5f));
  Random colours = random.fork();
  const Palette palette = make_palette(facts.light, unnatural, colours);
  Sheet sheet(size, mixed(facts.seed + 1));
  Studio studio{sheet, palette, facts, random};
  switch (room_of(facts.subject)) {
    case Room::people:
      compose_people(studio);
      break;
    case Room::nature:
      compose_nature(studio);
      break;
    case Room::city:
      compose_city(studio);
      break;
    case Room::mood:
      compose_mood(studio);
      break;
  }
  const Surface surface =
      carry_out(sheet, palette, facts, static_cast<uint32_t>(mixed(facts.seed + 2)));
  for (size_t i = 0; i < surface.colours.size(); ++i) {
    const Colour& c = surface.colours[i];
    rgb[3 * i] = static_cast<uint8_t>(c.r * 255 + 0.5f);
    rgb[3 * i + 1] = static_cast<uint8_t>(c.g * 255 + 0.5f);
    rgb[3 * i + 2] = static_cast<uint8_t>(c.b * 255 + 0.5f);
  }
}

Facts paint_into(uint64_t seed, int size, std::span<uint8_t> rgb) {
  const Facts facts = facts_of(seed);
  paint_facts(facts, size, rgb);
  return facts;
}

Painting paint(uint64_t seed, int size) {
  Painting painting;
  painting.size = size;
  if (size >= kPaintingSizeMin && size <= kPaintingSizeMax)
    painting.rgb.resize(static_cast<size_t>(size) * static_cast<size_t>(size) * 3);
  painting.facts = paint_into(seed, size, painting.rgb);
  return painting;
}

}  // namespace vernissage::training
