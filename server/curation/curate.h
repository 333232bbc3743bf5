// Curating from beginning to end: candidates are embedded, the best of each query chosen, a gallery
// made of them.
//
//   embed_shard()   paints and embeds one shard's candidates into a partial result; goes on where
//                   it was interrupted
//   hang_curated()  joins all shards' partial results, chooses, and makes the gallery's directory
//
// A run on one machine is the one after the other with the only shard there is. Many machines share
// the key, run embed_shard() each, and one of them hangs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "server/curation/candidates/curation_networks.h"
#include "server/curation/rooms.h"

namespace vernissage::curation {

struct CurateOptions {
  CurationNetworkOptions networks;
  std::filesystem::path key;
  RoomsPlan rooms;
  uint64_t candidates = 0;  // M ≥ 1
  float duplicate_cosine = 0.98f;
  bool allow_fewer = false;  // hang what there is when a room cannot be filled
  /// load_curation_networks(); tests put others in its place.
  std::function<std::unique_ptr<CurationNetworks>(const CurationNetworkOptions&,
                                                  const gallery::GalleryKey&)>
      open = load_curation_networks;
  ProgressOutput progress = standard_error_progress();
};

/// What a run did, and how long it took.
struct CurateSummary {
  uint64_t embedded = 0;                           // candidates, in this run
  StageTimes times;                                // of embedding them
  double choosing = 0, pictures = 0, writing = 0;  // seconds
  int paintings = 0;
  size_t refused = 0;
  std::vector<std::string> missing;  // "people: 12 of 1000", of the rooms that could not be filled

  /// For people: "81 candidates/s: painting 62 %, …".
  std::vector<std::string> lines() const;
  std::string json() const;
};

/// Embeds what `partial` lacks of its shard. Throws Error; what was made is kept.
void embed_shard(const CurateOptions& options, Shard shard, const std::filesystem::path& partial,
                 CurateSummary& summary);

/// Makes the gallery `out`, which must not exist, from the partial results of all shards of one
/// whole. Throws Error naming what differs between two of them, a shard that is missing, incomplete
/// or given twice, and the rooms that cannot be filled; then nothing is made.
void hang_curated(const CurateOptions& options, const std::vector<std::filesystem::path>& partials,
                  const std::filesystem::path& out, CurateSummary& summary);

/// Both. Until the gallery is there, the work lies beside it in OUT.curating: an interrupted run is
/// continued by the same call. Without a key in `options` one is made there.
void curate(CurateOptions options, const std::filesystem::path& out, CurateSummary& summary);

}  // namespace vernissage::curation
