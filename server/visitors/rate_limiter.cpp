#include "server/visitors/rate_limiter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "base/error.h"

namespace vernissage::visitors {
namespace {

constexpr size_t kPlaces = 4;  // in which a bucket may lie

// The finisher of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves every other.
uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

RateLimiter::RateLimiter(Quota quota, size_t buckets) : quota_(quota), places_(buckets) {
  VERNISSAGE_ASSERT(buckets >= kPlaces && std::has_single_bit(buckets));
  VERNISSAGE_ASSERT(quota.burst >= 1 && quota.per_second > 0);
  // Unknown outside, so that nobody can choose addresses that meet in one place.
  std::random_device device;
  for (uint64_t& half : key_) half = (static_cast<uint64_t>(device()) << 32) | device();
}

uint64_t RateLimiter::tag_of(const Address& who) const {
  uint64_t halves[2];
  std::memcpy(halves, who.bytes.data(), sizeof halves);
  return std::max<uint64_t>(mixed(mixed(halves[0] ^ key_[0]) ^ halves[1] ^ key_[1]), 1);
}

double RateLimiter::tokens_at(const Place& place, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - place.since).count();
  return std::min(quota_.burst, place.tokens + std::max(seconds, 0.0) * quota_.per_second);
}

RateLimiter::Place& RateLimiter::place_of(const Address& who, Clock::time_point now) {
  const uint64_t tag = tag_of(who);
  // The set from the high bits; the tag's low bits tell its members apart.
  const size_t set = (tag >> 32) & (places_.size() / kPlaces - 1);
  Place* const first = &places_[set * kPlaces];
  Place* fullest = first;
  for (Place* place = first; place != first + kPlaces; ++place) {
    if (place->tag == tag) return *place;
    if (fullest->tag == 0) continue;
    if (place->tag == 0 || tokens_at(*place, now) > tokens_at(*fullest, now)) fullest = place;
  }
  *fullest = {tag, quota_.burst, now};
  return *fullest;
}

std::optional<std::chrono::milliseconds> RateLimiter::take(const Address& who,
                                                           Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Place& place = place_of(who, now);
  place.tokens = tokens_at(place, now);
  place.since = now;
  if (place.tokens >= 1) {
    place.tokens -= 1;
    return std::nullopt;
  }
  const double seconds = (1 - place.tokens) / quota_.per_second;
  return std::chrono::milliseconds(static_cast<int64_t>(std::ceil(seconds * 1000)));
}

void RateLimiter::give_back(const Address& who, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Place& place = place_of(who, now);
  place.tokens = std::min(quota_.burst, tokens_at(place, now) + 1);
  place.since = now;
}

}  // namespace vernissage::visitors
