// The pictures of a curated gallery before anybody asks for them: previews, placeholders, the
// report's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "server/curation/candidates/curation_networks.h"
#include "server/gallery/store/store.h"

namespace vernissage::curation {

/// Small WebP pictures by candidate, for the report.
using Thumbnails = std::map<uint64_t, std::vector<uint8_t>>;

/// Paints the paintings in batches and, while the next batch is painted, reduces and encodes the
/// last one on one thread a picture: every preview of `ladder` as the server's cache of `previews`
/// names and makes it, and each painting's placeholder. Returns thumbnails of the candidates in
/// `wanted`, of which those that do not hang are painted too. `done` hears of every painting.
/// Throws Error.
Thumbnails make_pictures(const CurationNetworks& networks,
                         std::vector<gallery::Painting>& paintings,
                         const std::vector<uint64_t>& wanted, const std::vector<int>& ladder,
                         const std::filesystem::path& previews,
                         const std::function<void(int)>& done);

}  // namespace vernissage::curation
