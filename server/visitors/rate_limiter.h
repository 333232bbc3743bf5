// Token buckets by address, in memory that never grows.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "server/visitors/address.h"

namespace vernissage::visitors {

/// A bucket holds `burst` tokens and gains `per_second` until it is full again.
struct Quota {
  double burst;       // ≥ 1
  double per_second;  // > 0
};

/// Buckets lie in a table of fixed size, found by a keyed hash, in sets of four. Where all
/// four are held by others, the fullest of them makes room: its owner loses the least by being
/// forgotten, and gains at most a full bucket. So whoever has very many addresses can make the
/// table forget, but then they had a bucket for each address anyway. Safe to call from several
/// threads.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  /// `buckets`: a power of two, ≥ 4; each takes 24 bytes.
  explicit RateLimiter(Quota quota, size_t buckets = 1 << 16);

  /// Takes a token; when there is none, says how long until there will be.
  std::optional<std::chrono::milliseconds> take(const Address& who, Clock::time_point now);
  /// Returns a token that was taken for nothing.
  void give_back(const Address& who, Clock::time_point now);

  size_t bytes() const { return buckets_.size() * sizeof(Bucket); }

 private:
  struct Bucket {
    uint64_t tag = 0;  // of its owner; 0: nobody
    double tokens = 0;
    Clock::time_point since;  // when `tokens` was right
  };

  uint64_t tag_of(const Address& who) const;
  double tokens_at(const Bucket& bucket, Clock::time_point now) const;
  Bucket& bucket_of(const Address& who, Clock::time_point now);

  Quota quota_;
  uint64_t key_[2];
  std::mutex mutex_;  // guards buckets_
  std::vector<Bucket> buckets_;
};

}  // namespace vernissage::visitors
