#include "server/curation/fill.h"

#include <algorithm>
#include <cmath>

#include "server/curation/selection.h"

namespace vernissage::curation {

RoomFill::RoomFill(const RoomsPlan& plan, std::vector<float> texts) : texts_(std::move(texts)) {
  for (const RoomPlan& room : plan.rooms) {
    room_of_.insert(room_of_.end(), room.queries.size(), names_.size());
    names_.push_back(room.slug);
    wanted_.push_back(room.paintings);
  }
  moments_.resize(room_of_.size());
  found_.resize(names_.size());
}

void RoomFill::add(std::span<const float> embeddings) {
  const size_t width = texts_.size() / moments_.size();
  for (; !embeddings.empty(); embeddings = embeddings.subspan(width)) {
    if (come_++ % kEvery != 0) continue;
    double best = -INFINITY;
    size_t best_query = 0;
    for (size_t query = 0; query < moments_.size(); ++query) {
      const double score =
          dot(embeddings.first(width), std::span(texts_).subspan(query * width, width));
      Moments& of = moments_[query];
      const double before = score - of.mean;
      of.mean += before / ++of.count;
      of.squares += before * (score - of.mean);
      const double z = of.squares > 0 ? (score - of.mean) / std::sqrt(of.squares / of.count) : 0;
      if (z > best) {
        best = z;
        best_query = query;
      }
    }
    found_[room_of_[best_query]] += kEvery;
  }
}

std::string RoomFill::text() const {
  std::string text;
  for (size_t room = 0; room < names_.size(); ++room) {
    const int64_t percent = std::min<int64_t>(100, found_[room] * 100 / wanted_[room]);
    text.append(room ? ", " : "")
        .append(names_[room])
        .append(" ")
        .append(std::to_string(percent))
        .append(" %");
  }
  return text;
}

}  // namespace vernissage::curation
