// Which key and which network are a gallery's own. Half of a restored backup would show other
// pictures under the same names, and nothing else would say so: therefore the store knows the other
// two files.
#pragma once

#include <filesystem>

#include "server/gallery/secret.h"
#include "server/gallery/store/store.h"

namespace vernissage::gallery {

/// Notes the fingerprint of `key` and the SHA-256 of the file `generator`. Throws Error.
void record_own_files(Store& store, const GalleryKey& key, const std::filesystem::path& generator);

/// Throws Error naming `key_file` where `key` is not the one that was noted. True: it is; false:
/// none was noted, as in galleries of older versions.
bool check_own_key(Store& store, const GalleryKey& key, const std::filesystem::path& key_file);
/// The same of the network.
bool check_own_generator(Store& store, const std::filesystem::path& generator);

}  // namespace vernissage::gallery
