#include "server/curation/selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>
#include <string>
#include <unordered_set>

#include "base/error.h"

namespace vernissage::curation {
namespace {

struct Entry {
  float score;
  uint64_t candidate;
};

// The better first; a total order, so that ties are broken the same way everywhere.
bool is_better(const Entry& a, const Entry& b) {
  return a.score != b.score ? a.score > b.score : a.candidate < b.candidate;
}

// The best `bound` entries it was given. The worst of them is on top, to be the next to go.
class Heap {
 public:
  explicit Heap(size_t bound) : bound_(bound) {}

  void offer(const Entry& entry) {
    if (entries_.size() < bound_) {
      entries_.push_back(entry);
      std::push_heap(entries_.begin(), entries_.end(), is_better);
    } else if (is_better(entry, entries_.front())) {
      std::pop_heap(entries_.begin(), entries_.end(), is_better);
      entries_.back() = entry;
      std::push_heap(entries_.begin(), entries_.end(), is_better);
    }
  }
  std::vector<Entry> sorted() {
    std::sort_heap(entries_.begin(), entries_.end(), is_better);
    return std::move(entries_);
  }

 private:
  size_t bound_;
  std::vector<Entry> entries_;
};

// Mean and deviation, of differences to the first value so that little is lost in the squares.
class Moments {
 public:
  void add(double value) {
    if (count_++ == 0) first_ = value;
    sum_ += value - first_;
    squares_ += (value - first_) * (value - first_);
  }
  double mean() const { return first_ + sum_ / count_; }
  double deviation() const {
    return std::sqrt(std::max(0.0, squares_ / count_ - sum_ / count_ * (sum_ / count_)));
  }

 private:
  double count_ = 0, first_ = 0, sum_ = 0, squares_ = 0;
};

size_t bin_of(float score) {
  const double place = (static_cast<double>(score) + 1) / 2 * QueryScores::kBins;
  return static_cast<size_t>(std::clamp(place, 0.0, QueryScores::kBins - 1.0));
}

// One look at every candidate: the statistics and each query's best.
struct Ranking {
  std::vector<QueryScores> scores;
  std::vector<std::vector<Entry>> best;  // by query, the best first

  double z(size_t query, const Entry& entry) const {
    const QueryScores& of = scores[query];
    return of.deviation > 0 ? (static_cast<double>(entry.score) - of.mean) / of.deviation : 0;
  }
};

Ranking rank(const Pool& pool, std::span<const float> texts, size_t queries, size_t bound) {
  const auto width = static_cast<size_t>(pool.width);
  Ranking ranking;
  ranking.scores.resize(queries);
  for (QueryScores& scores : ranking.scores) scores.histogram.resize(QueryScores::kBins);
  std::vector<Moments> moments(queries);
  std::vector<Heap> heaps(queries, Heap(bound));
  for (uint64_t candidate = 0; candidate < pool.candidates; ++candidate) {
    const std::span<const float> embedding = pool.embedding(candidate);
    for (size_t query = 0; query < queries; ++query) {
      const float score = dot(embedding, texts.subspan(query * width, width));
      if (!std::isfinite(score))
        throw Error("a candidate's embedding holds a number that is not finite");
      moments[query].add(score);
      ++ranking.scores[query].histogram[bin_of(score)];
      heaps[query].offer({score, candidate});
    }
  }
  for (size_t query = 0; query < queries; ++query) {
    ranking.scores[query].mean = moments[query].mean();
    ranking.scores[query].deviation = moments[query].deviation();
    ranking.best.push_back(heaps[query].sorted());
  }
  return ranking;
}

// The next that a query would take.
struct Bid {
  double z;
  size_t query;
  size_t place;  // in its ranking
  uint64_t candidate;
};

struct IsWorse {
  bool operator()(const Bid& a, const Bid& b) const {
    if (a.z != b.z) return a.z < b.z;
    return a.query != b.query ? a.query > b.query : a.candidate > b.candidate;
  }
};

class Assignment {
 public:
  Assignment(const Pool& pool, const Ranking& ranking, std::span<const int> quotas,
             float duplicate_cosine)
      : pool_(pool), ranking_(ranking), duplicate_cosine_(duplicate_cosine) {
    selection_.missing.assign(quotas.begin(), quotas.end());
    for (size_t query = 0; query < quotas.size(); ++query) bid(query, 0);
    while (!bids_.empty()) {
      const Bid best = bids_.top();
      bids_.pop();
      consider(best);
      bid(best.query, best.place + 1);
    }
  }

  /// A query came to the end of its ranking with its quota open.
  bool ran_out() const { return ran_out_; }
  Selection result() && { return std::move(selection_); }

 private:
  void bid(size_t query, size_t place) {
    if (selection_.missing[query] == 0) return;
    const std::vector<Entry>& best = ranking_.best[query];
    if (place == best.size()) {
      ran_out_ = true;
      return;
    }
    bids_.push({ranking_.z(query, best[place]), query, place, best[place].candidate});
  }

  void consider(const Bid& bid) {
    if (!seen_.insert(bid.candidate).second) return;  // hangs, or is refused
    const std::span<const float> embedding = pool_.embedding(bid.candidate);
    // Of all that it resembles, the nearest is named; equals: the first that was hung.
    Refused nearest{bid.candidate, 0, bid.query, -2};
    for (const Choice& choice : selection_.chosen) {
      if (duplicate_cosine_ > 1) break;
      const float cosine = dot(embedding, pool_.embedding(choice.candidate));
      if (cosine <= nearest.cosine) continue;
      nearest.cosine = cosine;
      nearest.like = choice.candidate;
    }
    if (nearest.cosine >= duplicate_cosine_) {
      selection_.refused.push_back(nearest);
      return;
    }
    const Entry& entry = ranking_.best[bid.query][bid.place];
    selection_.chosen.push_back(
        {bid.candidate, bid.query, entry.score, bid.z, static_cast<int64_t>(bid.place) + 1});
    --selection_.missing[bid.query];
  }

  const Pool& pool_;
  const Ranking& ranking_;
  const float duplicate_cosine_;
  std::priority_queue<Bid, std::vector<Bid>, IsWorse> bids_;
  std::unordered_set<uint64_t> seen_;
  Selection selection_;
  bool ran_out_ = false;
};

}  // namespace

float dot(std::span<const float> a, std::span<const float> b) {
  VERNISSAGE_ASSERT_OP(a.size(), ==, b.size());
  std::array<float, 8> sums{};
  size_t i = 0;
  for (; i + 8 <= a.size(); i += 8)
    for (size_t lane = 0; lane < 8; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < a.size(); ++i) sums[i % 8] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

Selection select_bounded(const Pool& pool, std::span<const float> texts,
                         std::span<const int> quotas, float duplicate_cosine, size_t bound) {
  VERNISSAGE_ASSERT_OP(texts.size(), ==, quotas.size() * static_cast<size_t>(pool.width));
  VERNISSAGE_ASSERT_OP(bound, >=, 1u);
  while (true) {
    bound = std::min<size_t>(bound, pool.candidates);
    Ranking ranking = rank(pool, texts, quotas.size(), bound);
    Assignment assignment(pool, ranking, quotas, duplicate_cosine);
    if (assignment.ran_out() && bound < pool.candidates) {
      bound *= 2;
      continue;
    }
    Selection selection = std::move(assignment).result();
    selection.scores = std::move(ranking.scores);
    return selection;
  }
}

Selection select(const Pool& pool, std::span<const float> texts, std::span<const int> quotas,
                 float duplicate_cosine) {
  const auto paintings = static_cast<size_t>(std::accumulate(quotas.begin(), quotas.end(), 0));
  return select_bounded(pool, texts, quotas, duplicate_cosine, paintings + paintings / 4 + 64);
}

}  // namespace vernissage::curation
