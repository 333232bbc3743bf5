// Which candidates hang, and under which query. One definition, free of files and networks:
//
//   score s(q, c)  cosine of query q and candidate c
//   z(q, c)        (s - mean of q) / deviation of q, over all candidates: a query that likes
//                  everything gains nothing by it
//   heap of q      the best `bound` candidates by (s descending, c ascending), which is their order
//                  by z too
//   assignment     the pair with the largest z of all that are left (then the smaller q, then the
//                  smaller c) is taken, unless q has its quota, c hangs already, or c is a
//                  near-duplicate: its cosine with a painting that hangs is `duplicate_cosine` or
//                  more. A near-duplicate hangs nowhere.
//
// The bound: of P paintings in all, at most P - 1 stand in a query's way, so P candidates always
// suffice it when nothing is refused; a quarter more is for what is. Should a heap run out all the
// same, all heaps are made anew twice as large: so the outcome is that of heaps without a bound,
// and a quota stays open only when no candidate is left.
//
// Everything is summed in the order of the candidates, whatever shards they were embedded in: the
// same candidates give the same bytes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace vernissage::curation {

/// All candidates' embeddings, by number: spans of `width` floats, of length 1.
struct Pool {
  uint64_t candidates = 0;
  int width = 0;
  std::function<std::span<const float>(uint64_t candidate)> embedding;
};

struct Choice {
  uint64_t candidate = 0;
  size_t query = 0;
  float score = 0;
  double z = 0;
  int64_t rank = 0;  // by score among all candidates, from 1

  bool operator==(const Choice&) const = default;
};

struct Refused {
  uint64_t candidate = 0;
  uint64_t like = 0;  // the painting that it resembles
  size_t query = 0;   // that wanted it
  float cosine = 0;

  bool operator==(const Refused&) const = default;
};

/// How one query scored all candidates.
struct QueryScores {
  static constexpr int kBins = 20000;  // of width 0.0001, over -1 … 1
  double mean = 0, deviation = 0;
  std::vector<uint32_t> histogram;  // kBins

  bool operator==(const QueryScores&) const = default;
};

struct Selection {
  std::vector<QueryScores> scores;  // by query
  std::vector<Choice> chosen;       // in the order of choosing: z descending
  std::vector<Refused> refused;     // likewise
  std::vector<int> missing;  // by query: what its quota lacks; zeros unless candidates ran out

  bool operator==(const Selection&) const = default;
};

/// texts (queries, width), of length 1; quotas: one a query. duplicate_cosine above 1: nothing is
/// refused. Throws Error for an embedding that is not finite.
Selection select(const Pool& pool, std::span<const float> texts, std::span<const int> quotas,
                 float duplicate_cosine);
/// The same with heaps that start at `bound` entries: for tests.
Selection select_bounded(const Pool& pool, std::span<const float> texts,
                         std::span<const int> quotas, float duplicate_cosine, size_t bound);

/// Inner product in one fixed order of summation: eight sums side by side, then their sum.
float dot(std::span<const float> a, std::span<const float> b);

}  // namespace vernissage::curation
