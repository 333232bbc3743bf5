#include "server/gallery/gallery.h"

#include <algorithm>

#include "base/error.h"
#include "server/gallery/claims.h"
#include "server/gallery/own_files.h"

namespace vernissage::gallery {

std::vector<int> ladder_below(int resolution) {
  std::vector<int> widths;
  for (const int width : kLadder)
    if (width < resolution) widths.push_back(width);
  if (widths.empty() && resolution >= kResolutionMin) widths = {resolution / 2, resolution * 3 / 4};
  return widths;
}

Gallery::Gallery(const std::filesystem::path& directory, Access access)
    : directory_(directory),
      config_(load_config(directory / "gallery.toml")),
      key_(GalleryKey::load(directory / "gallery.key")),
      store_(access == Access::serve ? open_sqlite_store(directory / "gallery.db", /*create=*/false)
                                     : open_sqlite_reader(directory / "gallery.db")),
      ladder_(ladder_below(config_.resolution)),
      paintings_(store_->paintings()) {
  for (const Painting& painting : paintings_) {
    if (!room(painting.room))
      throw Error((directory / "gallery.db").string() + ": painting " + painting.id +
                  " hangs in room \"" + painting.room + "\", which gallery.toml does not have");
    by_id_.emplace(painting.id, &painting);
    walls_[painting.room].push_back(&painting);
  }
  for (const Room& each : config_.rooms)
    for (const Painting* painting : wall(each.slug)) catalogue_.push_back(painting);
  if (paintings_.empty())
    throw Error((directory / "gallery.db").string() + ": no painting hangs in it");
  check_own_files(access);
  claims_ = std::make_unique<Claims>(*this);
  set_points();
}

// Galleries of older versions learn what is their own when they are first served.
void Gallery::check_own_files(Access access) {
  const bool key_known = check_own_key(*store_, key_, directory_ / "gallery.key");
  // A network that is not there is missed by whoever paints.
  if (access != Access::serve || !std::filesystem::exists(generator_path())) return;
  const bool network_known = check_own_generator(*store_, generator_path());
  if (!key_known || !network_known) record_own_files(*store_, key_, generator_path());
}

// Where the curator saw what the paintings show, "similar" means that.
void Gallery::set_points() {
  const std::vector<Embedding> embeddings = store_->embeddings();
  if (embeddings.empty()) return;
  std::map<std::string_view, const Embedding*> by_painting;
  for (const Embedding& embedding : embeddings) by_painting.emplace(embedding.painting, &embedding);
  std::vector<float> points;
  for (const Painting* painting : catalogue_) {
    const auto found = by_painting.find(painting->id);
    if (found == by_painting.end() ||
        found->second->vector.size() != embeddings.front().vector.size())
      throw Error((directory_ / "gallery.db").string() + ": painting " + painting->id +
                  " has no embedding like the others");
    const std::vector<float>& vector = found->second->vector;
    points.insert(points.end(), vector.begin(), vector.end());
  }
  claims_->set_points(std::move(points));
}

Gallery::~Gallery() = default;

const Room* Gallery::room(std::string_view slug) const {
  const auto found = std::find_if(config_.rooms.begin(), config_.rooms.end(),
                                  [&](const Room& room) { return room.slug == slug; });
  return found == config_.rooms.end() ? nullptr : &*found;
}

const Painting* Gallery::painting(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

const std::vector<const Painting*>& Gallery::wall(std::string_view slug) const {
  static const std::vector<const Painting*> kEmpty;
  const auto found = walls_.find(slug);
  return found == walls_.end() ? kEmpty : found->second;
}

const std::string& Gallery::title(const Room& room, std::string_view language) const {
  return title_in(room.title, room.titles, language);
}

const std::string& Gallery::title(const Painting& painting, std::string_view language) const {
  const Room* where = room(painting.room);
  VERNISSAGE_ASSERT(where != nullptr);
  if (painting.why)
    for (const Query& query : where->queries)
      if (query.text == painting.why->query)
        return title_in(painting.title, query.titles, language);
  return painting.title;
}

const Painting* Gallery::neighbour(const Painting& painting, int step) const {
  const auto& works = wall(painting.room);
  const auto here = std::find(works.begin(), works.end(), &painting);
  VERNISSAGE_ASSERT(here != works.end());
  const auto index = (here - works.begin()) + step;
  return index < 0 || index >= std::ssize(works) ? nullptr : works[static_cast<size_t>(index)];
}

}  // namespace vernissage::gallery
