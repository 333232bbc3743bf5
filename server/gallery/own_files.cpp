#include "server/gallery/own_files.h"

#include "base/digest.h"
#include "base/error.h"

namespace vernissage::gallery {
namespace {

constexpr char kKey[] = "key";
constexpr char kGenerator[] = "generator";

bool check(Store& store, const char* name, const std::string& found,
           const std::filesystem::path& file) {
  const auto own = store.fact(name);
  if (own && *own != found)
    throw Error(file.string() + ": not this gallery's " + name + ": gallery.db was made with " +
                *own + ", this one is " + found + "; restore both from the same backup");
  return own.has_value();
}

std::string fingerprint(const GalleryKey& key) {
  return hex(key.derived("fingerprint"));
}

}  // namespace

void record_own_files(Store& store, const GalleryKey& key, const std::filesystem::path& generator) {
  store.record_fact(kKey, fingerprint(key));
  store.record_fact(kGenerator, hex(sha256_of_file(generator)));
}

bool check_own_key(Store& store, const GalleryKey& key, const std::filesystem::path& key_file) {
  return check(store, kKey, fingerprint(key), key_file);
}

bool check_own_generator(Store& store, const std::filesystem::path& generator) {
  return check(store, kGenerator, hex(sha256_of_file(generator)), generator);
}

}  // namespace vernissage::gallery
