#include "server/gallery/gallery.h"

#include <algorithm>

#include "engine/error.h"
#include "server/gallery/claims.h"

namespace vernissage::gallery {

std::vector<int> ladder_below(int resolution) {
  std::vector<int> widths;
  for (const int width : kLadder)
    if (width < resolution) widths.push_back(width);
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
  claims_ = std::make_unique<Claims>(*this);
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

const Painting* Gallery::neighbour(const Painting& painting, int step) const {
  const auto& works = wall(painting.room);
  const auto here = std::find(works.begin(), works.end(), &painting);
  VERNISSAGE_ASSERT(here != works.end());
  const auto index = (here - works.begin()) + step;
  return index < 0 || index >= std::ssize(works) ? nullptr : works[static_cast<size_t>(index)];
}

}  // namespace vernissage::gallery
