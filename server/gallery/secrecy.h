// A gallery's directory is for its owner alone: in it lie the key, the store and the owners'
// pictures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vernissage::gallery {

/// Takes all permissions of group and others from the directory (0700) and from the store's files
/// in it (0600). Returns a line for each that was open. Throws Error naming the one that is open
/// and cannot be closed: it belongs to somebody else, or the file system keeps no permissions.
std::vector<std::string> close_to_others(const std::filesystem::path& directory);

}  // namespace vernissage::gallery
