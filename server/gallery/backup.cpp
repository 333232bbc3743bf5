#include "server/gallery/backup.h"

#include "base/error.h"
#include "base/new_directory.h"
#include "server/gallery/gallery_config.h"
#include "server/gallery/store/store.h"

namespace vernissage::gallery {

Audit backup_gallery(const std::filesystem::path& directory, const std::filesystem::path& out) {
  const GalleryConfig config = load_config(directory / "gallery.toml");
  NewDirectory made(out);
  const std::filesystem::path& copy = made.path();
  // The database before the pictures: each that it records is in its file already.
  backup_sqlite(directory / "gallery.db", copy / "gallery.db");
  sync_to_disk(copy / "gallery.db");
  copy_to_disk(directory / "gallery.key", copy / "gallery.key");
  // Without the visitors' keys nobody would be known again: every owner's cookie is signed by them.
  if (std::filesystem::exists(directory / "visitors.key"))
    copy_to_disk(directory / "visitors.key", copy / "visitors.key");
  copy_to_disk(directory / "gallery.toml", copy / "gallery.toml");
  for (const char* account : {"curation.json", "curation.html"})  // of a curated gallery
    if (std::filesystem::exists(directory / account))
      copy_to_disk(directory / account, copy / account);
  std::filesystem::create_directories((copy / config.generator).parent_path());
  copy_to_disk(directory / config.generator, copy / config.generator);
  std::filesystem::create_directory(copy / "previews");
  std::filesystem::create_directory(copy / "owned");
  const auto store = open_sqlite_reader(copy / "gallery.db");
  for (const OwnerPicture& picture : store->pictures()) {
    const std::filesystem::path name = std::filesystem::path("owned") / (picture.sha256 + ".png");
    // One that is missing is missing in the copy too; serving makes either whole again.
    if (std::filesystem::exists(directory / name)) copy_to_disk(directory / name, copy / name);
  }
  sync_to_disk(copy / "owned");
  Audit audit = audit_gallery(copy, std::nullopt);
  made.move_into_place();
  return audit;
}

}  // namespace vernissage::gallery
