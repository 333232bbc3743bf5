#include "server/curation/hanging/wall.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "base/json.h"

namespace vernissage::curation {
namespace {

template <class T>
std::string shortest(T value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

std::string number_text(double value) {
  return shortest(value);
}
std::string number_text(float value) {
  return shortest(value);
}

std::vector<QueryPlace> query_places(const RoomsPlan& plan) {
  std::vector<QueryPlace> places;
  for (const RoomPlan& room : plan.rooms)
    for (const RoomQuery& query : room.queries) places.push_back({&room, &query});
  return places;
}

std::vector<gallery::Painting> hang_walls(const Selection& selection, const RoomsPlan& plan,
                                          uint64_t candidates, const gallery::GalleryKey& key) {
  struct Hung {
    size_t round;
    gallery::Painting painting;
  };
  const std::vector<QueryPlace> places = query_places(plan);
  std::map<const RoomPlan*, std::vector<Hung>> walls;
  std::vector<size_t> rounds(places.size());
  for (const Choice& choice : selection.chosen) {
    const auto& [room, query] = places[choice.query];
    gallery::Painting painting;
    painting.id = key.painting_id(choice.candidate);
    painting.room = room->slug;
    painting.title = query->title;
    painting.candidate = choice.candidate;
    painting.why =
        gallery::Why{query->text, choice.score, choice.rank, static_cast<int64_t>(candidates)};
    walls[room].push_back({rounds[choice.query]++, std::move(painting)});
  }
  std::vector<gallery::Painting> paintings;
  for (const RoomPlan& room : plan.rooms) {
    std::vector<Hung>& wall = walls[&room];
    std::sort(wall.begin(), wall.end(), [](const Hung& a, const Hung& b) {
      return std::tie(a.round, a.painting.id) < std::tie(b.round, b.painting.id);
    });
    for (size_t position = 0; position < wall.size(); ++position) {
      wall[position].painting.position = static_cast<int>(position);
      paintings.push_back(std::move(wall[position].painting));
    }
  }
  return paintings;
}

void describe_rooms(const RoomsPlan& plan, gallery::GalleryConfig& config) {
  config.languages = plan.languages;
  for (const RoomPlan& room : plan.rooms) {
    gallery::Room described{room.slug, room.title, room.titles, {}};
    for (const RoomQuery& query : room.queries)
      described.queries.push_back({query.text, query.title, query.titles});
    config.rooms.push_back(std::move(described));
  }
}

std::string manifest(const ManifestFacts& facts, const Selection& selection, const RoomsPlan& plan,
                     const std::vector<gallery::Painting>& paintings,
                     const gallery::GalleryKey& key) {
  const std::vector<QueryPlace> places = query_places(plan);
  std::string text = "{\n";
  const auto field = [&text](const char* name, const std::string& value) {
    text.append("  \"").append(name).append("\": ").append(value).append(",\n");
  };
  field("format", "\"vernissage manifest 1\"");
  field("key", json_quote(facts.key));
  field("generator", json_quote(facts.generator));
  field("curator", json_quote(facts.curator));
  field("truncation", number_text(facts.truncation));
  field("duplicate_cosine", number_text(facts.duplicate_cosine));
  field("candidates", std::to_string(facts.candidates));
  const auto list = [&text](const char* name, size_t count, const auto& line, bool last) {
    text.append("  \"").append(name).append("\": [\n");
    for (size_t i = 0; i < count; ++i)
      text.append("    {").append(line(i)).append(i + 1 < count ? "},\n" : "}\n");
    text.append(last ? "  ]\n" : "  ],\n");
  };
  list(
      "queries", places.size(),
      [&](size_t i) {
        return "\"room\": " + json_quote(places[i].room->slug) +
               ", \"text\": " + json_quote(places[i].query->text) +
               ", \"mean\": " + number_text(selection.scores[i].mean) +
               ", \"deviation\": " + number_text(selection.scores[i].deviation) +
               ", \"missing\": " + std::to_string(selection.missing[i]);
      },
      false);
  list(
      "paintings", paintings.size(),
      [&](size_t i) {
        const gallery::Painting& painting = paintings[i];
        return "\"id\": " + json_quote(painting.id) + ", \"room\": " + json_quote(painting.room) +
               ", \"position\": " + std::to_string(painting.position) +
               ", \"query\": " + json_quote(painting.why->query) +
               ", \"score\": " + number_text(painting.why->score) +
               ", \"rank\": " + std::to_string(painting.why->rank);
      },
      false);
  list(
      "refused", selection.refused.size(),
      [&](size_t i) {
        const Refused& refused = selection.refused[i];
        return "\"id\": " + json_quote(key.painting_id(refused.candidate)) +
               ", \"like\": " + json_quote(key.painting_id(refused.like)) +
               ", \"cosine\": " + number_text(refused.cosine);
      },
      true);
  return text + "}\n";
}

}  // namespace vernissage::curation
