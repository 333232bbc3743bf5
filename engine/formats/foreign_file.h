// What a file is that somebody took for weights: downloads that went wrong and archives that were
// not unpacked are told apart from broken files.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace vernissage {

/// "a Git LFS pointer, ...", "compressed with xz: unpack it first": what the bytes are and what to
/// do about it, in one line, where they are nothing that any reader of weights reads. Nothing for
/// bytes of no such kind; they need not be weights. A zip archive is none of these: torch writes
/// zip archives.
std::optional<std::string> foreign_file(std::span<const std::byte> bytes);

}  // namespace vernissage
