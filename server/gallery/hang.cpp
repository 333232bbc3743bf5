#include "server/gallery/hang.h"

#include <vector>

#include "base/error.h"
#include "base/new_directory.h"
#include "engine/engine.h"
#include "server/gallery/gallery.h"
#include "server/gallery/own_files.h"

namespace vernissage::gallery {
namespace {

constexpr int kPerRoomMax = 10000;

// Nobody has chosen these works and nobody has named them. Candidates hang in the key's shuffled
// order, so that neither a number in a title nor a place on a wall says which candidate it is.
std::vector<Painting> uncurated(const GalleryKey& key, const std::vector<Room>& rooms,
                                int per_room) {
  const std::vector<uint64_t> order =
      key.shuffled(static_cast<uint64_t>(rooms.size()) * static_cast<uint64_t>(per_room));
  std::vector<Painting> paintings;
  for (const Room& room : rooms)
    for (int position = 0; position < per_room; ++position) {
      const size_t number = paintings.size();
      paintings.push_back({random_id(), room.slug, position,
                           "Untitled No. " + std::to_string(number + 1), order[number]});
    }
  return paintings;
}

GalleryConfig checked_config(const HangOptions& options) {
  if (options.per_room < 1 || options.per_room > kPerRoomMax)
    throw Error("paintings per room: expected 1 to " + std::to_string(kPerRoomMax) + ", got " +
                std::to_string(options.per_room));
  const NetworkConfig network = load_network(options.model).config;
  if (ladder_below(network.resolution).empty())
    throw Error(options.model.string() + ": paints " + std::to_string(network.resolution) +
                " pixels; a gallery needs at least " + std::to_string(kResolutionMin));
  if (network.image_channels != 1 && network.image_channels != 3)
    throw Error(options.model.string() + ": paints " + std::to_string(network.image_channels) +
                " channels; a gallery shows 1 or 3");
  GalleryConfig config;
  config.name = options.name;
  config.generator = "generator.safetensors";
  config.truncation = options.truncation;
  config.resolution = network.resolution;
  config.untrained = network.untrained;
  config.rooms = default_rooms();
  return config;
}

}  // namespace

void hang_gallery(const HangOptions& options) {
  const GalleryConfig config = checked_config(options);
  NewDirectory made(options.out);
  const std::filesystem::path& directory = made.path();
  copy_to_disk(options.model, directory / config.generator);
  std::filesystem::create_directory(directory / "previews");
  const GalleryKey key = GalleryKey::create(directory / "gallery.key");
  // Closed at the end of the block: its log is then folded into the one file.
  {
    const auto store = open_sqlite_store(directory / "gallery.db", /*create=*/true);
    store->hang(uncurated(key, config.rooms, options.per_room));
    record_own_files(*store, key, directory / config.generator);
  }
  save_config(directory / "gallery.toml", config);
  made.move_into_place();
}

}  // namespace vernissage::gallery
