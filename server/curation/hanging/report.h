// The report: one HTML file to look at, without scripts and without anything from elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/curation/hanging/pictures.h"
#include "server/curation/rooms.h"
#include "server/curation/selection.h"

namespace vernissage::curation {

struct ReportFacts {
  std::string name;         // of the gallery
  std::string description;  // of the networks and what they ran on
  uint64_t candidates = 0;
  float duplicate_cosine = 0;
  std::vector<std::string> times;  // lines about speed; may be empty
};

/// Candidates whose pictures the report shows: the best and the last of each query, and some of the
/// near-duplicates with what they resemble.
std::vector<uint64_t> report_candidates(const Selection& selection, size_t queries);

/// Rooms, queries with their best and last paintings, scores and the histogram of all candidates,
/// and the near-duplicates. It shows previews; it says no candidate's number.
std::string report(const ReportFacts& facts, const Selection& selection, const RoomsPlan& plan,
                   const Thumbnails& thumbnails);

}  // namespace vernissage::curation
