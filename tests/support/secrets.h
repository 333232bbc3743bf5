// What a gallery must never say, in the spellings in which it might, and the search for it.
#pragma once

#include <map>
#include <string>

#include "server/gallery/gallery.h"

namespace vernissage::testing {

/// Secret → what it is: the gallery's key and those drawn from it, and of every painting its
/// candidate, its noise seed and its latent; as bytes, in hexadecimal, in base64 at each of its
/// three alignments, and numbers in decimal. Candidates count only where they are too large to
/// stand anywhere by chance (above 2^48).
std::map<std::string, std::string> secrets_of(const gallery::Gallery& gallery);

/// "WHERE holds WHAT", a line for each secret in each text of `seen` (where → text); "" for none.
std::string secrets_in(const std::map<std::string, std::string>& seen,
                       const std::map<std::string, std::string>& secrets);

}  // namespace vernissage::testing
