// What is true of a picture, in words.
#include "training/dataset/painter/words_of_subjects.h"

namespace vernissage::training {
namespace {

using Hue = Impression::Hue;

void light_words(const Facts& f, Phrases& p) {
  const bool outside = room_of(f.subject) == Room::nature || room_of(f.subject) == Room::city;
  switch (f.light) {
    case Light::dawn:
      add(p.lights, {"at dawn", "in the morning", "in soft morning light"});
      break;
    case Light::noon:
      add(p.lights, {"in summer", "by day", "on a clear day", "under a blue sky"});
      break;
    case Light::sunset:
      add(p.lights, {"at sunset", "in the evening", "at dusk"});
      break;
    case Light::night:
      add(p.lights, {"at night", "in the night", "by night"});
      break;
    case Light::winter:
      add(p.lights, {"in winter", "in the cold", "in pale light"});
      break;
    case Light::autumn:
      add(p.lights, {"in autumn", "in autumn colours"});
      break;
    case Light::spring:
      add(p.lights, {"in spring", "in fresh colours"});
      break;
    case Light::storm:
      add(p.lights, {"under a dark sky", "before the storm", "under heavy clouds"});
      break;
    case Light::earth:
      add(p.lights, {"in earth colours", "in brown", "in ochre"});
      break;
    case Light::mist:
      add(p.lights, {"in fog", "in the mist", "in haze"});
      break;
    case Light::wild:
      add(p.lights, {"in wild colours", "in bright colours"});
      break;
    case Light::rose:
      add(p.lights, {"in pink", "in rose light"});
      break;
    case Light::blue:
      add(p.lights, {"in blue", "in blue light", "in the blue hour"});
      break;
    case Light::emerald:
      add(p.lights, {"in green", "in green light"});
      break;
    case Light::violet:
      add(p.lights, {"in violet", "in purple twilight"});
      break;
    case Light::desert:
      add(p.lights, {"in hot sun", "in sand colours"});
      break;
    case Light::gold:
      add(p.lights, {"in gold", "in golden light"});
      break;
    case Light::grey:
      add(p.lights, {"in grey", "in black and white"});
      break;
    case Light::neon:
      add(p.lights, {"in neon light", "in neon colours"});
      break;
    case Light::south:
      add(p.lights, {"in the south", "in southern light", "in summer"});
      break;
    case Light::primary:
      add(p.lights, {"in red yellow and blue", "in primary colours"});
      break;
  }
  if (outside) {
    const bool nature = room_of(f.subject) == Room::nature && f.subject != Subject::bouquet &&
                        !(f.subject == Subject::sunflower);
    if (nature) {
      if (f.light == Light::spring) add(p.things, {"spring"});
      if (f.light == Light::noon || f.light == Light::south) add(p.things, {"summer"});
      if (f.light == Light::autumn) add(p.things, {"autumn", "fall"});
      if (f.light == Light::winter) add(p.things, {"winter", "snow"});
      if (f.light == Light::mist) add(p.things, {"fog", "mist"});
      if (f.light == Light::dawn && f.sun) add(p.things, {"sunrise", "sunrise"});
      if (f.light == Light::sunset && f.sun) add(p.things, {"sunset", "sunset"});
      if (f.light == Light::storm) add(p.things, {"a storm"});
      if (f.moon && f.subject != Subject::forest) add(p.things, {"the moon", "a moonlit night"});
    }
    if (f.moon && f.subject != Subject::forest) add(p.details, {"under the moon", "with a moon"});
    if (f.sun && f.subject != Subject::forest && f.subject != Subject::bouquet &&
        f.subject != Subject::sunflower && f.subject != Subject::station)
      add(p.details, {"with the sun", "in the sun"});
    if (f.boat && (f.subject == Subject::calm_sea || f.subject == Subject::stormy_sea ||
                   f.subject == Subject::bridge || f.subject == Subject::moonlit_lake ||
                   f.subject == Subject::lighthouse))
      add(p.details, {"with a boat", "with a sail"});
    if (f.birds && (f.subject == Subject::hills || f.subject == Subject::mountains ||
                    f.subject == Subject::calm_sea || f.subject == Subject::harbour ||
                    f.subject == Subject::wheat || f.subject == Subject::lone_tree))
      add(p.details, {"with birds"});
  }
}

void medium_words(Medium medium, PhraseList& words) {
  switch (medium) {
    case Medium::oil:
      add(words, {"in oil", "oil on canvas"});
      break;
    case Medium::impression:
      add(words, {"an impressionist painting", "in short strokes"});
      break;
    case Medium::pointillist:
      add(words, {"in dots", "a pointillist painting"});
      break;
    case Medium::fauve:
      add(words, {"a fauvist painting", "with dark outlines"});
      break;
    case Medium::watercolour:
      add(words, {"a watercolour", "in watercolour"});
      break;
    case Medium::pastel:
      add(words, {"in pastel", "a pastel"});
      break;
    case Medium::ink:
      add(words, {"in ink", "an ink drawing"});
      break;
    case Medium::woodcut:
      add(words, {"a woodcut", "a print"});
      break;
    case Medium::cubist:
      add(words, {"a cubist painting", "in cubist planes"});
      break;
    case Medium::mosaic:
      add(words, {"a mosaic", "stained glass"});
      break;
    case Medium::poster:
      add(words, {"a poster", "in flat colours"});
      break;
    case Medium::charcoal:
      add(words, {"in charcoal", "a charcoal drawing"});
      break;
  }
}

void impression_words(const Facts& f, const Impression& look, Phrases& p) {
  constexpr const char* kHues[] = {"",      "red",  "orange", "yellow",
                                   "green", "blue", "violet", "pink"};
  const bool mood = room_of(f.subject) == Room::mood;
  if (look.hue != Hue::none) {
    const std::string hue = kHues[static_cast<size_t>(look.hue)];
    p.colours.push_back(hue);
    p.colours.push_back("mostly " + hue);
    if (mood) {
      p.things.push_back("a field of " + hue);
      p.things.push_back("a field of " + hue);
    }
  }
  if (look.vivid) add(p.colours, {"bright colours", "vivid colours"});
  if (look.muted) add(p.colours, {"pale colours", "muted colours"});
  const bool warm = look.hue == Hue::red || look.hue == Hue::orange || look.hue == Hue::yellow;
  if (look.dark) add(p.moods, {"darkness", look.muted ? "fear" : "mystery"});
  if (look.light) add(p.moods, {"light", "peace"});
  if (look.vivid && !look.dark) add(p.moods, {"joy", "happiness"});
  if (look.vivid && look.hue == Hue::red) add(p.moods, {"passion", "anger"});
  if (look.muted && !look.light) add(p.moods, {"sadness", "melancholy"});
  if (look.muted && look.light) add(p.moods, {"silence", "emptiness", "memory"});
  if (warm) add(p.moods, {"warmth"});
  if (look.hue == Hue::blue) add(p.moods, {"cold", look.dark ? "sadness" : "calm", "longing"});
  if (look.hue == Hue::green) add(p.moods, {"hope", "harmony"});
  if (look.hue == Hue::pink) add(p.moods, {"tenderness"});
  if (look.hue == Hue::violet) add(p.moods, {"a dream"});
  if (f.light == Light::winter) add(p.moods, {"cold", "silence"});
  if (f.light == Light::mist) add(p.moods, {"silence", "memory"});
}

}  // namespace

Phrases phrases(const Facts& facts, const Impression& impression) {
  Phrases p;
  add_subject_words(facts, p);
  light_words(facts, p);
  medium_words(facts.medium, p.media);
  impression_words(facts, impression, p);
  return p;
}

}  // namespace vernissage::training
