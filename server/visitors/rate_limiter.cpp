#include "server/visitors/rate_limiter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "base/error.h"

namespace vernissage::visitors {
namespace {

constexpr size_t kSetSize = 4;  // buckets in which an address may lie

// The finisher of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves every other.
uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

RateLimiter::RateLimiter(Quota quota, size_t buckets) : quota_(quota), buckets_(buckets) {
  VERNISSAGE_ASSERT(buckets >= kSetSize && std::has_single_bit(buckets));
  VERNISSAGE_ASSERT(quota.burst >= 1 && quota.per_second > 0);
  // Unknown outside, so that nobody can choose addresses that meet in one bucket.
  std::random_device device;
  for (uint64_t& half : key_) half = (static_cast<uint64_t>(device()) << 32) | device();
}

uint64_t RateLimiter::tag_of(const Address& who) const {
  uint64_t halves[2];
  std::memcpy(halves, who.bytes.data(), sizeof halves);
  return std::max<uint64_t>(mixed(mixed(halves[0] ^ key_[0]) ^ halves[1] ^ key_[1]), 1);
}

double RateLimiter::tokens_at(const Bucket& bucket, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - bucket.since).count();
  return std::min(quota_.burst, bucket.tokens + std::max(seconds, 0.0) * quota_.per_second);
}

RateLimiter::Bucket& RateLimiter::bucket_of(const Address& who, Clock::time_point now) {
  const uint64_t tag = tag_of(who);
  // The set from the high bits; the tag's low bits tell its members apart.
  const size_t set = (tag >> 32) & (buckets_.size() / kSetSize - 1);
  Bucket* const first = &buckets_[set * kSetSize];
  Bucket* fullest = first;
  for (Bucket* bucket = first; bucket != first + kSetSize; ++bucket) {
    if (bucket->tag == tag) return *bucket;
    if (fullest->tag == 0) continue;
    if (bucket->tag == 0 || tokens_at(*bucket, now) > tokens_at(*fullest, now)) fullest = bucket;
  }
  *fullest = {tag, quota_.burst, now};
  return *fullest;
}

std::optional<std::chrono::milliseconds> RateLimiter::take(const Address& who,
                                                           Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = bucket_of(who, now);
  bucket.tokens = tokens_at(bucket, now);
  bucket.since = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const double seconds = (1 - bucket.tokens) / quota_.per_second;
  return std::chrono::milliseconds(static_cast<int64_t>(std::ceil(seconds * 1000)));
}

void RateLimiter::give_back(const Address& who, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = bucket_of(who, now);
  bucket.tokens = std::min(quota_.burst, tokens_at(bucket, now) + 1);
  bucket.since = now;
}

}  // namespace vernissage::visitors
