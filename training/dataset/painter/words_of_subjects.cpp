#include "training/dataset/painter/words_of_subjects.h"

namespace vernissage::training {
namespace {

bool is_dark(Light light) {
  return light == Light::night || light == Light::neon || light == Light::blue ||
         light == Light::violet;
}

void people_things(const Facts& f, Phrases& p) {
  switch (f.subject) {
    case Subject::beauty:
      add(p.things, {"beauty", "a beauty", "a beautiful woman", "a young woman", "a woman",
                     "a girl", "a portrait", "a portrait of a woman", "a face", "a lady"});
      if (f.flowers) add(p.details, {"with flowers in her hair", "with a wreath", "with flowers"});
      if (f.hat) add(p.things, {"a stranger", "a woman with a hat"});
      break;
    case Subject::master:
      add(p.things, {"the master", "a master", "a man with a beard", "a bearded man", "a man",
                     "a portrait of a man", "a self-portrait", "a portrait", "a painter",
                     "an artist", "a face"});
      if (f.hat)
        add(p.things, {"a fisherman", "a traveller", "a man with a hat"});
      else
        add(p.things, {"a thinker", "a philosopher", "a wise man"});
      break;
    case Subject::ruler:
      add(p.things, {"a queen", "a king", "a ruler", "a crowned head", "a portrait of a queen",
                     "a portrait", "a prince"});
      add(p.details, {"with a crown", "with a golden crown"});
      break;
    case Subject::child:
      add(p.things, {"a child", "a boy", "a girl", "a portrait of a child", "childhood",
                     "a young face", "a portrait"});
      break;
    case Subject::old_age:
      add(p.things, {"an old man", "old age", "an old woman", "an old face", "grandmother",
                     "grandfather", "a portrait", "white hair"});
      if (f.hat) add(p.things, {"a fisherman"});
      break;
    case Subject::lone_figure:
      add(p.things, {"a standing figure", "a lone figure", "a stranger", "a person alone",
                     "a figure", "someone standing", "a solitary person"});
      add(p.things, {f.hat ? "a traveller" : "a walker", f.hat ? "a wanderer" : "somebody"});
      add(p.moods, {"loneliness", "solitude", "longing"});
      break;
    case Subject::dancer:
      add(p.things, {"a dancer", "a dance", "dancing", "a figure with raised arms",
                     "a dancing figure", "a ballet"});
      add(p.moods, {"joy", "freedom", "music", "passion"});
      break;
    case Subject::date:
      add(p.things, {"a date", "a couple", "two people", "lovers", "a man and a woman",
                     "a conversation", "a meeting", "a man and a woman hand in hand"});
      if (f.light == Light::sunset || f.light == Light::autumn || f.light == Light::mist ||
          f.light == Light::grey)
        add(p.things, {"farewell", "a farewell"});
      add(p.moods, {"love", "tenderness"});
      break;
    case Subject::embrace:
      add(p.things, {"an embrace", "lovers", "a kiss", "a couple", "two people close together",
                     "a hug", "a reunion"});
      add(p.moods, {"love", "tenderness", "passion"});
      break;
    case Subject::round_dance:
      add(p.things, {"a round dance", "dancers in a ring", "dancers in a circle", "a dance",
                     "people dancing", "a ring of people hand in hand", "a festival", "the dance"});
      add(p.moods, {"joy", "harmony", "rhythm", "freedom"});
      break;
    case Subject::crowd:
      add(p.things, {"a crowd", "many people", "a festival", "people", "a multitude", "a gathering",
                     "a carnival"});
      break;
    case Subject::mother_and_child:
      add(p.things, {"mother and child", "a mother", "a mother with her baby", "a madonna",
                     "a baby", "a woman with a child", "motherhood"});
      add(p.moods, {"tenderness", "love", "warmth"});
      break;
    case Subject::sleeper:
      add(p.things, {"a sleeper", "a dreamer", "a sleeping woman", "sleep", "a reclining figure",
                     "someone asleep", "rest"});
      add(p.moods, {"a dream", "calm", "silence"});
      break;
    case Subject::reader:
      add(p.things, {"a reader", "a poet", "a thinker", "a person with a book", "a student",
                     "reading", "a book", "a scholar"});
      add(p.moods, {"silence", "calm", "memory"});
      break;
    case Subject::musician:
      add(p.things, {"a musician", "a guitar player", "a player", "a person with a guitar",
                     "a singer", "a guitar"});
      add(p.moods, {"music", "harmony", "longing"});
      break;
    case Subject::wedding:
      add(p.things, {"a wedding", "bride and groom", "a bride", "a married couple", "a couple",
                     "marriage", "newlyweds"});
      add(p.moods, {"love", "hope", "joy"});
      break;
    case Subject::procession:
      add(p.things, {"a procession", "people walking in a row", "a parade", "a march",
                     "people with banners", "pilgrims", "a festival"});
      break;
    case Subject::friends:
      add(p.things, {"two friends", "friends", "sisters", "two sisters", "two people", "friendship",
                     "a conversation", "twins"});
      add(p.moods, {"harmony", "warmth"});
      break;
    case Subject::family:
      add(p.things, {"a family", "parents with children", "a family portrait",
                     "father mother and children", "mother and father", "children"});
      add(p.moods, {"warmth", "love", "harmony"});
      break;
    default:
      break;
  }
  if (f.subject <= Subject::old_age) {
    if (f.profile) add(p.things, {"a face in profile", "a profile"});
    if (f.hat && f.subject != Subject::ruler) add(p.details, {"with a hat", "wearing a hat"});
    if (f.flowers && f.subject != Subject::beauty) add(p.details, {"with flowers"});
  }
}

void nature_things(const Facts& f, Phrases& p) {
  switch (f.subject) {
    case Subject::hills:
      add(p.things, {"hills", "a landscape", "rolling hills", "the country", "green hills", "land",
                     "countryside"});
      break;
    case Subject::mountains:
      add(p.things, {"a mountain", "mountains", "peaks", "the alps", "a mountain range",
                     "snow on the peaks"});
      add(p.moods, {"freedom"});
      break;
    case Subject::calm_sea:
      add(p.things, {"the sea", "a calm sea", "the horizon", "the ocean", "water and sky",
                     "a seascape", "the horizon at sea"});
      add(p.moods, {"calm", "silence", "freedom", "longing"});
      break;
    case Subject::stormy_sea:
      add(p.things, {"a storm", "a storm at sea", "waves", "a stormy sea", "the sea in a storm",
                     "high waves", "a tempest", "foam"});
      add(p.moods, {"chaos", "anger", "fear"});
      break;
    case Subject::forest:
      add(p.things, {"a forest", "trees", "a wood", "the woods", "tree trunks", "deep forest"});
      if (f.count >= 4)
        add(p.things, {"a birch grove", "birches", "white trunks", "a birch grove"});
      break;
    case Subject::lone_tree:
      add(p.things, {"a lonely tree", "a tree", "a single tree", "a lone tree", "a tree on a hill",
                     "one tree"});
      add(p.moods, {"loneliness", "silence"});
      break;
    case Subject::meadow:
      add(p.things, {"a meadow", "flowers", "a field of flowers", "wild flowers",
                     "a flowering meadow", "summer flowers", "grass and flowers"});
      add(p.moods, {"joy", "hope"});
      break;
    case Subject::bouquet:
      add(p.things, {"a bouquet in a vase", "flowers", "a bouquet", "flowers in a vase", "a vase",
                     "a still life", "cut flowers"});
      add(p.moods, {"tenderness"});
      break;
    case Subject::sunflower:
      if (f.count > 2)
        add(p.things, {"a bouquet in a vase", "sunflowers in a vase", "sunflowers", "flowers"});
      else
        add(p.things, {"a sunflower", "a big yellow flower", "a sunflower in summer", "flowers"});
      add(p.moods, {"joy", "warmth"});
      break;
    case Subject::moonlit_lake:
      add(p.things, {"a lake", "a moonlit lake", "the moon over a lake", "a moonlit night",
                     "a pond", "still water"});
      add(p.moods, {"calm", "silence", "a dream"});
      break;
    case Subject::desert:
      add(p.things, {"a desert", "sand", "dunes", "cacti", "a dry land", "the desert"});
      add(p.moods, {"emptiness", "warmth"});
      break;
    case Subject::river:
      add(p.things, {"a river", "a river in a valley", "a winding river", "a stream",
                     "a river between trees"});
      break;
    case Subject::island:
      add(p.things,
          {"an island", "a rock in the sea", "an island in the sea", "a lonely island", "an isle"});
      add(p.moods, {"loneliness"});
      break;
    case Subject::birds:
      add(p.things,
          {"birds", "a flock of birds", "seagulls", "birds in the sky", "flight", "a gull"});
      add(p.moods, {"freedom"});
      break;
    case Subject::starry_sky:
      add(p.things, {"a starry night", "stars", "the stars", "a starry sky", "the night sky",
                     "the milky way"});
      add(p.moods, {"a dream", "longing"});
      break;
    case Subject::garden:
      add(p.things, {"a garden", "a park", "flowers", "trees and flowers", "a garden in bloom",
                     "a garden path"});
      break;
    case Subject::wheat:
      add(p.things, {"a field of wheat", "a wheat field", "a golden field", "wheat", "the harvest",
                     "a field"});
      break;
    default:
      break;
  }
  if (f.clouds && f.subject != Subject::forest && f.subject != Subject::bouquet &&
      f.subject != Subject::sunflower && f.subject != Subject::starry_sky)
    add(p.things, {"clouds"});
}

void city_things(const Facts& f, Phrases& p) {
  switch (f.subject) {
    case Subject::skyline:
      add(p.things, {"a skyline", "skyscrapers", "the city", "towers", "a big city",
                     "high buildings", "the skyline"});
      if (is_dark(f.light))
        add(p.things, {"city lights", "the city at night", "lit windows", "city lights"});
      break;
    case Subject::street:
      add(p.things, {"a street", "houses along a street", "a road in the city",
                     "a street with houses", "an alley"});
      if (f.count >= 3) add(p.things, {"a boulevard", "people in the street"});
      if (f.light == Light::winter) add(p.things, {"a snowy street", "snow in the city"});
      break;
    case Subject::window:
      add(p.things,
          {"a window", "a view from a window", "an open window", "a room with a view", "curtains"});
      add(p.moods, {"longing", "hope"});
      break;
    case Subject::bridge:
      add(p.things, {"a bridge", "a stone bridge", "a bridge over the river", "arches over water",
                     "an old bridge"});
      break;
    case Subject::harbour:
      add(p.things, {"a harbour", "boats at the quay", "sailing boats", "ships in the port",
                     "a port", "boats in the harbour", "a marina"});
      break;
    case Subject::rooftops:
      add(p.things,
          {"rooftops", "roofs", "the old town", "red roofs", "roofs of the town", "chimneys"});
      break;
    case Subject::cathedral:
      add(p.things, {"a cathedral", "a church", "towers", "a square", "a church on the square",
                     "a temple", "the cathedral"});
      break;
    case Subject::rainy_street:
      add(p.things, {"a rainy street", "rain", "rain in the city", "umbrellas",
                     "people with umbrellas", "a street in the rain"});
      add(p.moods, {"sadness", "melancholy"});
      break;
    case Subject::cafe:
      add(p.things, {"a café", "a cafe", "a terrace", "people at tables", "a restaurant",
                     "a conversation in a cafe", "a café terrace"});
      break;
    case Subject::factory:
      add(p.things,
          {"a factory", "smoke", "chimneys", "industry", "smoking chimneys", "factory chimneys"});
      break;
    case Subject::stairs:
      add(p.things,
          {"a stairway", "stairs", "steps", "a courtyard", "stairs between houses", "a staircase"});
      break;
    case Subject::canal:
      add(p.things, {"a canal", "a gondola", "houses on the water", "a boat on a canal",
                     "the old town", "a city on the water"});
      break;
    case Subject::market:
      add(p.things, {"a market", "market stalls", "a square", "a market on the square", "traders",
                     "market day"});
      break;
    case Subject::station:
      add(p.things,
          {"a railway station", "a train", "a station", "a locomotive", "steam", "departure"});
      break;
    case Subject::lighthouse:
      add(p.things, {"a lighthouse", "a lighthouse by the sea", "a beacon", "a tower by the sea",
                     "a striped tower"});
      break;
    default:
      break;
  }
  if (is_dark(f.light) && f.subject != Subject::window)
    add(p.things, {"the city at night", "evening in the city"});
  if (is_dark(f.light) &&
      (f.subject == Subject::street || f.subject == Subject::rooftops ||
       f.subject == Subject::canal || f.subject == Subject::market || f.subject == Subject::cafe))
    add(p.things, {"lit windows", "city lights"});
  if (f.light == Light::sunset) add(p.things, {"evening in the city"});
  if (f.light == Light::dawn || f.light == Light::spring) add(p.things, {"morning in the city"});
  if (f.subject == Subject::street || f.subject == Subject::rainy_street ||
      f.subject == Subject::cafe || f.subject == Subject::stairs)
    add(p.things, {"street lamps"});
  if ((f.light == Light::primary || f.light == Light::wild) &&
      (f.subject == Subject::canal || f.subject == Subject::stairs ||
       f.subject == Subject::rooftops))
    add(p.things, {"a red house", "red houses"});
}

void mood_things(const Facts& f, Phrases& p) {
  switch (f.subject) {
    case Subject::colour_field:
      add(p.things,
          {"fields of colour", "colour fields", "rectangles of colour", "an abstract painting"});
      add(p.moods, {"silence", "calm", "emptiness"});
      break;
    case Subject::stripes:
      add(p.things, {"stripes", "bands of colour", "parallel stripes"});
      add(p.moods, {"rhythm", "harmony"});
      break;
    case Subject::facets:
      add(p.things,
          {"cubist planes", "a cubist composition", "triangles", "splinters", "broken planes"});
      add(p.moods, {"memory", "chaos"});
      break;
    case Subject::splits:
      add(p.things, {"bright colours", "patches of colour", "swirls of colour", "fauvist colours",
                     "wild colours"});
      add(p.moods, {"passion", "freedom", "joy"});
      break;
    case Subject::lines:
      add(p.things,
          {"a few lines", "lines", "a line drawing", "a single line", "a minimal drawing"});
      add(p.moods, {"silence", "emptiness", "calm"});
      break;
    case Subject::circles:
      add(p.things, {"circles", "rings", "concentric circles", "discs"});
      add(p.moods, {"harmony", "music", "rhythm"});
      break;
    case Subject::marks:
      add(p.things,
          {"graffiti on a wall", "graffiti", "street art", "spray paint", "signs on a wall"});
      add(p.moods, {"freedom", "anger"});
      break;
    case Subject::drips:
      add(p.things, {"drips of paint", "tangled threads", "splashes", "a web of paint"});
      add(p.moods, {"chaos", "freedom"});
      break;
    case Subject::grid:
      add(p.things, {"a grid", "squares", "black bars and squares", "a geometric composition",
                     "rectangles and lines"});
      add(p.moods, {"harmony", "balance", "order"});
      break;
    case Subject::waves:
      add(p.things, {"wavy lines", "wavy bands", "a pattern of waves", "ripples"});
      add(p.moods, {"rhythm", "music", "calm"});
      break;
    case Subject::spiral:
      add(p.things, {"a spiral", "a whirl", "a vortex", "a snail of dots"});
      add(p.moods, {"a dream", "memory", "eternity", "time"});
      break;
    case Subject::glow:
      add(p.things, {"light", "a glow", "a soft light", "a shining light", "haze"});
      add(p.moods, {"silence", "calm", "hope", "emptiness", "peace"});
      break;
    case Subject::turmoil:
      add(p.things, {"slashes of paint", "an explosion", "violent strokes", "turmoil"});
      add(p.moods, {"anger", "chaos", "fear", "passion"});
      break;
    case Subject::constellation:
      add(p.things, {"a constellation", "points and threads", "stars and lines", "floating dots"});
      add(p.moods, {"a dream", "music", "longing", "hope"});
      break;
    default:
      break;
  }
  add(p.details, {"abstract", "an abstract picture"});
}

}  // namespace

void add_subject_words(const Facts& facts, Phrases& phrases) {
  switch (room_of(facts.subject)) {
    case Room::people:
      return people_things(facts, phrases);
    case Room::nature:
      return nature_things(facts, phrases);
    case Room::city:
      return city_things(facts, phrases);
    case Room::mood:
      return mood_things(facts, phrases);
  }
}

}  // namespace vernissage::training
