// A second gallery that is the first one at one moment.
#pragma once

#include <filesystem>

#include "server/gallery/audit.h"

namespace vernissage::gallery {

/// Copies a gallery beside its running server into the new directory `out`: the database at one
/// moment, the keys (mode 0600: keep the copy as secret as the original), the network and the
/// owners' pictures. Previews are made again when somebody looks. The copy is audited before it
/// gets its name. Throws Error; then there is no copy.
Audit backup_gallery(const std::filesystem::path& directory, const std::filesystem::path& out);

}  // namespace vernissage::gallery
