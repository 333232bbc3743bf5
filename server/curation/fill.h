// How the rooms fill while candidates are still coming: for people who watch. What hangs in the end
// is decided by selection.h, when all are there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/curation/rooms.h"

namespace vernissage::curation {

/// Counts every kEvery-th candidate (as so many: watching must cost nothing) for the room of the
/// query that it answers best by z, with mean and deviation of what has come so far.
class RoomFill {
 public:
  /// texts (queries, E), as embed_queries() gives them.
  RoomFill(const RoomsPlan& plan, std::vector<float> texts);

  static constexpr uint64_t kEvery = 8;

  /// (n, E)
  void add(std::span<const float> embeddings);
  /// "people 31 %, nature 100 %": of what each room takes.
  std::string text() const;

 private:
  struct Moments {
    double count = 0, mean = 0, squares = 0;  // Welford's
  };

  std::vector<float> texts_;
  std::vector<Moments> moments_;
  std::vector<size_t> room_of_;  // by query
  std::vector<std::string> names_;
  std::vector<int> wanted_;
  std::vector<int64_t> found_;
  uint64_t come_ = 0;
};

}  // namespace vernissage::curation
