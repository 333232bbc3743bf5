// One gallery: its directory opened and its rules, without HTTP and without pictures.
//
//   gallery.toml            name, rooms, which network
//   gallery.db              the paintings (Store)
//   gallery.key             the secret behind every latent, mode 0600
//   generator.safetensors   the network
//   previews/               reductions, made at first request, kept
//   owned/                  the owners' pictures, each named by the SHA-256 of its bytes
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/gallery/gallery_config.h"
#include "server/gallery/secret.h"
#include "server/gallery/store/store.h"

namespace vernissage::gallery {

/// The widths previews come in, in pixels.
inline constexpr int kLadder[] = {192, 256, 384, 512};
/// The smallest pictures that a gallery hangs.
inline constexpr int kResolutionMin = 32;
/// Those smaller than the picture, since the full size is never a preview; a half and three
/// quarters of a picture that is smaller than them all. Empty below kResolutionMin.
std::vector<int> ladder_below(int resolution);

class Claims;

/// The catalogue is read once, at opening; const members may be called from several threads.
class Gallery {
 public:
  enum class Access {
    serve,  // the one process that writes
    read,   // beside it: claims() and store() throw Error instead of writing
  };
  /// Throws Error naming the file that is missing or wrong.
  explicit Gallery(const std::filesystem::path& directory, Access access = Access::serve);
  ~Gallery();

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path generator_path() const { return directory_ / config_.generator; }
  std::filesystem::path previews_path() const { return directory_ / "previews"; }
  std::filesystem::path owned_path() const { return directory_ / "owned"; }
  const GalleryConfig& config() const { return config_; }
  const GalleryKey& key() const { return key_; }
  const std::vector<int>& ladder() const { return ladder_; }
  const Store& store() const { return *store_; }
  Store& store() { return *store_; }
  const Claims& claims() const { return *claims_; }
  Claims& claims() { return *claims_; }

  /// Null for a room or painting that is not there.
  const Room* room(std::string_view slug) const;
  const Painting* painting(std::string_view id) const;
  /// In the order of their places; empty for an unknown room.
  const std::vector<const Painting*>& wall(std::string_view slug) const;
  /// The painting `step` places further along the same wall; null beyond its ends.
  const Painting* neighbour(const Painting& painting, int step) const;
  /// Titles in `language`, or in the gallery's first one where there is none.
  const std::string& title(const Room& room, std::string_view language) const;
  const std::string& title(const Painting& painting, std::string_view language) const;
  /// Every painting: the rooms in the order of gallery.toml, each wall in the order of its places.
  const std::vector<const Painting*>& catalogue() const { return catalogue_; }

 private:
  void check_own_files(Access access);
  void set_points();

  std::filesystem::path directory_;
  GalleryConfig config_;
  GalleryKey key_;
  std::unique_ptr<Store> store_;
  std::vector<int> ladder_;
  std::vector<Painting> paintings_;
  std::map<std::string, const Painting*, std::less<>> by_id_;
  std::map<std::string, std::vector<const Painting*>, std::less<>> walls_;
  std::vector<const Painting*> catalogue_;
  std::unique_ptr<Claims> claims_;  // last: reads all of the above
};

}  // namespace vernissage::gallery
