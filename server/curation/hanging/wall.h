// From the choice to walls: names, places, titles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/curation/rooms.h"
#include "server/curation/selection.h"
#include "server/gallery/gallery_config.h"
#include "server/gallery/secret.h"
#include "server/gallery/store/store.h"

namespace vernissage::curation {

/// The query of each number that selection.h counts by, with its room.
struct QueryPlace {
  const RoomPlan* room;
  const RoomQuery* query;
};
std::vector<QueryPlace> query_places(const RoomsPlan& plan);

/// The paintings, room by room in the order of their places. A wall begins with the best of each
/// query, goes on with the second best of each, and so on; within such a round by id, which is as
/// good as chance. Ids are GalleryKey::painting_id(): the same choice under the same key gives the
/// same walls. Placeholders are empty.
std::vector<gallery::Painting> hang_walls(const Selection& selection, const RoomsPlan& plan,
                                          uint64_t candidates, const gallery::GalleryKey& key);

/// gallery.toml's rooms and languages; the rest of the configuration is the caller's.
void describe_rooms(const RoomsPlan& plan, gallery::GalleryConfig& config);

/// What was decided and on what grounds, as JSON in one canonical spelling: the same choice gives
/// the same bytes, however it was come by. Paintings and refused candidates go by their ids; no
/// candidate's number is in it.
struct ManifestFacts {
  std::string key, generator, curator;  // as PartialHeader has them
  float truncation = 0;
  float duplicate_cosine = 0;
  uint64_t candidates = 0;
};
std::string manifest(const ManifestFacts& facts, const Selection& selection, const RoomsPlan& plan,
                     const std::vector<gallery::Painting>& paintings,
                     const gallery::GalleryKey& key);

/// The shortest decimal that reads back as the same number: "0.25", "-1e-07".
std::string number_text(double value);
std::string number_text(float value);

}  // namespace vernissage::curation
