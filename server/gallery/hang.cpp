#include "server/gallery/hang.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/error.h"
#include "engine/formats/network.h"
#include "server/gallery/gallery.h"

namespace vernissage::gallery {
namespace {

constexpr int kPerRoomMax = 10000;

void sync_to_disk(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    const std::string why = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    throw Error(path.string() + ": cannot be written to disk: " + why);
  }
  ::close(descriptor);
}

// A directory beside the final one (a move within one file system is a single step), gone again
// unless it was moved into place.
class Workshop {
 public:
  explicit Workshop(const std::filesystem::path& out) {
    std::filesystem::path parent = out.parent_path();
    if (parent.empty()) parent = ".";
    std::string name = parent.string();
    name.append("/.").append(out.filename().string()).append(".hanging-XXXXXX");
    if (!::mkdtemp(name.data()))
      throw Error(parent.string() + ": cannot make a directory: " + std::strerror(errno));
    path_ = name;
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  ~Workshop() {
    std::error_code ignored;  // a leftover under this name is no gallery
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  void move_to(const std::filesystem::path& out) {
    if (std::rename(path_.c_str(), out.c_str()) != 0)
      throw Error(out.string() + ": cannot be moved into place: " + std::strerror(errno));
    path_.clear();
    sync_to_disk(out.parent_path().empty() ? "." : out.parent_path());
  }

 private:
  std::filesystem::path path_;
};

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
  if (std::filesystem::exists(options.out) &&
      !(std::filesystem::is_directory(options.out) && std::filesystem::is_empty(options.out)))
    throw Error(options.out.string() + ": is already there");

  const NetworkConfig network = load_network(options.model).config;
  if (ladder_below(network.resolution).empty())
    throw Error(options.model.string() + ": paints " + std::to_string(network.resolution) +
                " pixels; a gallery needs more than " + std::to_string(kLadder[0]) +
                ", the width of its smallest preview");
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
  // "galleries/mine/" names the same directory as "galleries/mine".
  HangOptions clean = options;
  clean.out = clean.out.lexically_normal();
  if (!clean.out.has_filename()) clean.out = clean.out.parent_path();
  if (clean.out.empty() || clean.out == "." || clean.out == "..")
    throw Error("the gallery's directory needs a name of its own");

  const GalleryConfig config = checked_config(clean);
  Workshop workshop(clean.out);
  const std::filesystem::path& directory = workshop.path();
  std::error_code failed;
  std::filesystem::copy_file(clean.model, directory / config.generator, failed);
  if (failed)
    throw Error((directory / config.generator).string() +
                ": cannot copy the network: " + failed.message());
  sync_to_disk(directory / config.generator);
  std::filesystem::create_directory(directory / "previews");
  const GalleryKey key = GalleryKey::create(directory / "gallery.key");
  // Closed at the end of the block: its log is then folded into the one file.
  open_sqlite_store(directory / "gallery.db", /*create=*/true)
      ->hang(uncurated(key, config.rooms, clean.per_room));
  save_config(directory / "gallery.toml", config);
  sync_to_disk(directory);
  workshop.move_to(clean.out);
}

}  // namespace vernissage::gallery
