// Candidates in, embeddings out: painting and looking, side by side. On a CUDA device one call does
// both and the pixels stay there; elsewhere two threads pass batches through a short queue, so that
// neither network waits for the other longer than a batch takes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "server/curation/candidates/partial.h"

namespace vernissage::curation {

/// The two networks. `paint` and `embed` run on a thread each; neither is called from two at once.
struct Stages {
  /// RGB8 pictures of candidates first … first + n - 1: (n, R, R, 3).
  std::function<std::vector<uint8_t>(uint64_t first, int n)> paint;
  /// Their embeddings: (n, E).
  std::function<std::vector<float>(int n, std::span<const uint8_t> rgb)> embed;
  /// Both in one: used instead of the two when it is there.
  std::function<std::vector<float>(uint64_t first, int n)> paint_and_embed;
  int batch = 1;  // ≥ 1
};

/// How long each stage was at work, in seconds. The first two run at the same time.
struct StageTimes {
  double paint = 0, embed = 0;  // with paint_and_embed all is `paint`
  double keep = 0;              // writing, checkpoints included
  double checkpoints = 0;       // of that, waiting for the disk
  double total = 0;             // as a clock on the wall has it
};

/// How often what was made is forced to the disk. (A kill loses nothing that was appended; this is
/// for power cuts.)
inline constexpr double kCheckpointSeconds = 5;

/// Embeds what `partial` lacks of its range. `seen` is called with the embeddings of each batch
/// once they are kept. Throws what a stage or the disk throws; what was kept until then stays.
/// `stop`, asked between batches: true ends the run early.
StageTimes embed_candidates(
    const Stages& stages, PartialWriter& partial, const PartialHeader& header,
    const std::function<void(std::span<const float>)>& seen,
    const std::function<bool()>& stop = [] { return false; });

}  // namespace vernissage::curation
